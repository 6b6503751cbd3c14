package takeover;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.GroupIdNotFoundException;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.EmitStrategy;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.KGroupedStream;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.SessionWindows;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.kstream.WindowedSerdes;
import org.apache.kafka.streams.processor.StateStore;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.SessionStore;
import org.apache.kafka.streams.state.WindowStore;

/** Counts words exactly once, of all time, by windows or by sessions; see README.md. */
public final class Counter {
  private static final Duration SIZE = Duration.ofSeconds(5), GAP = Duration.ofSeconds(3), GRACE = Duration.ofSeconds(2), RETENTION = Duration.ofHours(1);

  private static Topology topology(String form, String in, String out) {
    Serde<String> string = Serdes.String();
    StreamsBuilder builder = new StreamsBuilder();
    KStream<String, String> words = builder.stream(in, Consumed.with(string, string));
    KGroupedStream<String, String> byKey = words.groupByKey(Grouped.with(string, string));
    switch (form) {
      case "by_key" -> count(byKey, out);
      case "group_by" -> count(words.groupBy((key, value) -> value, Grouped.with("counts", string, string)), out);
      case "windows" -> countWindows(byKey, EmitStrategy.onWindowUpdate(), out);
      case "closed_windows" -> countWindows(byKey, EmitStrategy.onWindowClose(), out);
      case "sessions" -> countSessions(byKey, EmitStrategy.onWindowUpdate(), out);
      case "closed_sessions" -> countSessions(byKey, EmitStrategy.onWindowClose(), out);
      default -> throw new IllegalArgumentException(form);
    }
    return builder.build();
  }

  private static <S extends StateStore> Materialized<String, Long, S> counts() {
    return Materialized.<String, Long, S>as("counts").withKeySerde(Serdes.String()).withValueSerde(Serdes.Long());
  }

  private static void count(KGroupedStream<String, String> grouped, String out) {
    grouped.count(Counter.<KeyValueStore<Bytes, byte[]>>counts()).toStream().to(out, Produced.with(Serdes.String(), Serdes.Long()));
  }

  private static void countWindows(KGroupedStream<String, String> grouped, EmitStrategy emit, String out) {
    grouped.windowedBy(TimeWindows.ofSizeAndGrace(SIZE, GRACE))
        .emitStrategy(emit)
        .count(Counter.<WindowStore<Bytes, byte[]>>counts().withRetention(RETENTION))
        .toStream()
        .to(out, Produced.with(WindowedSerdes.timeWindowedSerdeFrom(String.class, SIZE.toMillis()), Serdes.Long()));
  }

  private static void countSessions(KGroupedStream<String, String> grouped, EmitStrategy emit, String out) {
    grouped.windowedBy(SessionWindows.ofInactivityGapAndGrace(GAP, GRACE))
        .emitStrategy(emit)
        .count(Counter.<SessionStore<Bytes, byte[]>>counts().withRetention(RETENTION))
        .toStream()
        .to(out, Produced.with(WindowedSerdes.sessionWindowedSerdeFrom(String.class), Serdes.Long()));
  }

  private static Admin admin(String bootstrap) {
    return Admin.create(Map.<String, Object>of(AdminClientConfig.BOOTSTRAP_SERVERS_CONFIG, bootstrap));
  }

  /** A group with members of another kind refuses Kafka Streams, which then gives up. */
  private static void awaitEmptyGroup(String group, String bootstrap) throws InterruptedException, ExecutionException {
    try (Admin admin = admin(bootstrap)) {
      while (!admin.describeConsumerGroups(List.of(group)).describedGroups().get(group).get().members().isEmpty()) Thread.sleep(100);
    } catch (ExecutionException e) {
      if (!(e.getCause() instanceof GroupIdNotFoundException)) throw e;
    }
  }

  private static void run(String form, String app, String in, String out, String state, String bootstrap) throws InterruptedException, ExecutionException {
    awaitEmptyGroup(app, bootstrap);
    Properties config = new Properties();
    config.put(StreamsConfig.APPLICATION_ID_CONFIG, app);
    config.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, bootstrap);
    config.put(StreamsConfig.STATE_DIR_CONFIG, state);
    config.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
    config.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, "100");
    config.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, "0"); // each update, so that the output shows any that was lost or doubled
    config.put(StreamsConfig.InternalConfig.EMIT_INTERVAL_MS_KSTREAMS_WINDOWED_AGGREGATION, 0L); // at each record, for the same reason
    config.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
    config.put(ConsumerConfig.SESSION_TIMEOUT_MS_CONFIG, "6000"); // a stopped one belongs to the group for that long
    KafkaStreams streams = new KafkaStreams(topology(form, in, out), config);
    CountDownLatch failed = new CountDownLatch(1);
    streams.setUncaughtExceptionHandler(error -> {
      error.printStackTrace();
      failed.countDown();
      return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
    });
    Runtime.getRuntime().addShutdownHook(new Thread(() -> streams.close(Duration.ofSeconds(30))));
    streams.start();
    failed.await();
    System.exit(1);
  }

  /** A line for each partition: topic, partition, offset, metadata. */
  private static void offsets(String group, String bootstrap) throws InterruptedException, ExecutionException {
    try (Admin admin = admin(bootstrap)) {
      for (Map.Entry<TopicPartition, OffsetAndMetadata> entry : admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get().entrySet())
        System.out.println(entry.getKey().topic() + " " + entry.getKey().partition() + " " + entry.getValue().offset() + " " + entry.getValue().metadata());
    }
  }

  private static void grow(String topic, int partitions, String bootstrap) throws InterruptedException, ExecutionException {
    try (Admin admin = admin(bootstrap)) {
      admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(partitions))).all().get();
    }
  }

  private static void delete(String topic, String bootstrap) throws InterruptedException, ExecutionException {
    try (Admin admin = admin(bootstrap)) {
      admin.deleteTopics(List.of(topic)).all().get();
      while (admin.listTopics().names().get().contains(topic)) Thread.sleep(100);
    }
  }

  public static void main(String[] args) throws InterruptedException, ExecutionException {
    if (args.length == 7 && args[0].equals("run")) run(args[1], args[2], args[3], args[4], args[5], args[6]);
    else if (args.length == 3 && args[0].equals("offsets")) offsets(args[1], args[2]);
    else if (args.length == 4 && args[0].equals("grow")) grow(args[1], Integer.parseInt(args[2]), args[3]);
    else if (args.length == 3 && args[0].equals("delete")) delete(args[1], args[2]);
    else throw new IllegalArgumentException("run FORM APP IN OUT STATE_DIR BOOTSTRAP | offsets APP BOOTSTRAP | grow TOPIC PARTITIONS BOOTSTRAP | delete TOPIC BOOTSTRAP");
  }
}
