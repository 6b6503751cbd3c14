package takeover;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AdminClientConfig;
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
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.KGroupedStream;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.state.KeyValueStore;

/** Counts words exactly once, each update put out; see README.md. */
public final class Counter {
  private static Topology topology(String form, String in, String out) {
    Serde<String> string = Serdes.String();
    StreamsBuilder builder = new StreamsBuilder();
    KStream<String, String> words = builder.stream(in, Consumed.with(string, string));
    KGroupedStream<String, String> grouped = switch (form) {
      case "by_key" -> words.groupByKey(Grouped.with(string, string));
      case "group_by" -> words.groupBy((key, value) -> value, Grouped.with("counts", string, string));
      default -> throw new IllegalArgumentException(form);
    };
    grouped.count(Materialized.<String, Long, KeyValueStore<Bytes, byte[]>>as("counts").withKeySerde(string).withValueSerde(Serdes.Long()))
        .toStream()
        .to(out, Produced.with(string, Serdes.Long()));
    return builder.build();
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

  public static void main(String[] args) throws InterruptedException, ExecutionException {
    if (args.length == 7 && args[0].equals("run")) run(args[1], args[2], args[3], args[4], args[5], args[6]);
    else if (args.length == 3 && args[0].equals("offsets")) offsets(args[1], args[2]);
    else throw new IllegalArgumentException("run FORM APP IN OUT STATE_DIR BOOTSTRAP | offsets APP BOOTSTRAP");
  }
}
