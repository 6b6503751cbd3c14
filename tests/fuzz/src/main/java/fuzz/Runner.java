package fuzz;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.stream.Stream;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.streams.FuzzDriver;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.LogAndContinueExceptionHandler;
import org.apache.kafka.streams.errors.LogAndContinueProcessingExceptionHandler;

/**
 * One run of a topology in Kafka Streams, from an empty state: the steps of one test. Its state is a folder of its own,
 * which close removes.
 */
final class Runner implements AutoCloseable {
  /** A record that came out, as it is compared: `topic`, `key`, `value`, `timestamp`, `headers`, and the bytes. */
  record Output(String topic, Object key, Object value, Long timestamp, List<Map<String, Object>> headers,
      byte[] keyBytes, byte[] valueBytes) {}

  final Nodes nodes;
  final FuzzDriver driver;
  private final Path folder;
  private final boolean manual;
  /** What went to internal topics that have a name in the topology file, up to the last `take`. */
  private Map<String, List<ProducerRecord<byte[], byte[]>>> internals = Map.of();

  Runner(Map<String, Object> topologyFile, Nodes.Variant variant, boolean manualCommits, long start)
      throws IOException {
    manual = manualCommits;
    nodes = TopologyBuilder.build(topologyFile, variant);
    Path memory = Path.of("/dev/shm");
    folder = Files.isWritable(memory) ? Files.createTempDirectory(memory, "kstreamd-fuzz")
                                      : Files.createTempDirectory("kstreamd-fuzz");
    Topology topology = nodes.builder.build();
    driver = new FuzzDriver(topology, config(topologyFile), start);
    nodes.outerJoins.forEach(watch -> watch.find(driver));
  }

  private Properties config(Map<String, Object> file) {
    Properties config = new Properties();
    config.put(StreamsConfig.APPLICATION_ID_CONFIG, file.get("name"));
    config.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, "none:1");
    config.put(StreamsConfig.STATE_DIR_CONFIG, folder.toString());
    config.put(StreamsConfig.DEFAULT_KEY_SERDE_CLASS_CONFIG, Codec.class);
    config.put(StreamsConfig.DEFAULT_VALUE_SERDE_CLASS_CONFIG, Codec.class);
    config.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, nodes.cached ? 100L << 20 : 0L);
    Map<String, Object> onError = Nodes.map(file.get("on_error"));
    Object deadLetters = file.get("dead_letter_topic");
    if (deadLetters != null) {
      config.put(StreamsConfig.ERRORS_DEAD_LETTER_QUEUE_TOPIC_NAME_CONFIG, deadLetters);
      nodes.sinks.put((String) deadLetters, new Codec[] {new Codec("bytes"), new Codec("bytes")});
    }
    if (onError.containsKey("deserialization")) {
      config.put(StreamsConfig.DESERIALIZATION_EXCEPTION_HANDLER_CLASS_CONFIG, LogAndContinueExceptionHandler.class);
    }
    if (onError.containsKey("processing")) {
      config.put(
          StreamsConfig.PROCESSING_EXCEPTION_HANDLER_CLASS_CONFIG, LogAndContinueProcessingExceptionHandler.class);
    }
    return config;
  }

  /** Sends the records, then commits. False when a quirk was met that kstreamd does not copy. */
  boolean send(List<Map<String, Object>> records) {
    boolean plain = true;
    for (Map<String, Object> record : records) {
      String topic = (String) record.get("topic");
      Codec[] codecs = sourceCodecs(topic);
      RecordHeaders headers = new RecordHeaders();
      for (Object header : Nodes.list(record.getOrDefault("headers", List.of()))) {
        Map<String, Object> pair = Nodes.map(header);
        headers.add((String) pair.get("key"),
            pair.get("value") == null ? null : new Codec("string").write(text(pair.get("value"))));
      }
      driver.send(topic, bytes(record.get("key"), codecs[0]), bytes(record.get("value"), codecs[1]),
          ((Number) record.getOrDefault("timestamp", 0L)).longValue(), headers);
      for (OuterJoinWatch watch : nodes.outerJoins) plain &= !watch.leftSomethingWaiting();
    }
    if (!manual) driver.commit();
    return plain;
  }

  private static Object text(Object headerValue) {
    return headerValue instanceof Map<?, ?> raw
        ? new String(Base64.getDecoder().decode((String) raw.get("base64")), StandardCharsets.ISO_8859_1)
        : String.valueOf(headerValue);
  }

  private Codec[] sourceCodecs(String topic) {
    if (nodes.sources.containsKey(topic)) return nodes.sources.get(topic);
    for (var source : nodes.sources.entrySet()) {
      if (topic.matches(source.getKey())) return source.getValue();
    }
    throw new IllegalArgumentException("no source reads " + topic);
  }

  static byte[] base64(Object yaml) {
    if (!(yaml instanceof Map<?, ?> map) || map.size() != 1 || !(map.get("base64") instanceof String text)) return null;
    return Base64.getDecoder().decode(text);
  }

  private static byte[] bytes(Object yaml, Codec codec) {
    byte[] raw = base64(yaml);
    return raw != null ? raw : codec.write(Json.normal(yaml));
  }

  boolean internal(String topic) {
    return topic.startsWith(nodes.file.get("name") + "-")
        && (topic.endsWith("-changelog") || topic.endsWith("-repartition") || topic.endsWith("-topic"));
  }

  /** What came out since the last call, by topic, without the internal topics; in the order of the topics' names. */
  Map<String, List<Output>> take() {
    Map<String, List<Output>> outputs = new java.util.TreeMap<>();
    internals = new java.util.TreeMap<>();
    driver.take().forEach((topic, records) -> {
      if (internal(topic)) {
        if (!topic.matches(".*(KSTREAM-|KTABLE-|COGROUPKSTREAM-|-STATE-STORE-).*")) internals.put(topic, records);
        return;
      }
      Codec[] codecs = nodes.sinks.getOrDefault(topic, nodes.anySink);
      outputs.put(topic, records.stream().map(record -> output(topic, record, codecs)).toList());
    });
    return outputs;
  }

  /** Whether a changelog is that of a versioned store: there every record counts. */
  boolean versioned(String changelog) {
    String name = nodes.file.get("name") + "-";
    String store = changelog.substring(name.length(), changelog.length() - "-changelog".length());
    return driver.getAllStateStores().get(store) instanceof org.apache.kafka.streams.state.VersionedKeyValueStore<?, ?>;
  }

  /** What `take` left aside: repartition topics, and changelogs of the stores that the topology file names. */
  Map<String, List<ProducerRecord<byte[], byte[]>>> internals() {
    return internals;
  }

  static Output output(String topic, ProducerRecord<byte[], byte[]> record, Codec[] codecs) {
    List<Map<String, Object>> headers = new ArrayList<>();
    for (Header header : record.headers()) {
      Map<String, Object> pair = new LinkedHashMap<>();
      pair.put("key", header.key());
      pair.put("value", header.value() == null ? null : new String(header.value(), StandardCharsets.UTF_8));
      headers.add(pair);
    }
    return new Output(topic, codecs[0].read(record.key()), codecs[1].read(record.value()), record.timestamp(), headers,
        record.key(), record.value());
  }

  @Override
  public void close() {
    driver.close();
    try (Stream<Path> paths = Files.walk(folder)) {
      for (Path path : paths.sorted(Comparator.reverseOrder()).toList()) Files.deleteIfExists(path);
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }
}
