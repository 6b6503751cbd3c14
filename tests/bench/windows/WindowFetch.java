import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.time.Instant;
import java.util.Properties;
import java.util.Random;

import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.TopologyTestDriver;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Windowed;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.Stores;
import org.apache.kafka.streams.state.WindowStore;
import org.apache.kafka.streams.state.WindowStoreIterator;

// What a fetch from Kafka Streams' window store costs, with the rows of the benchmark in tests/unit/state/segments_test.cpp.
public final class WindowFetch {
  private static final long RETENTION = 20 * 60_000L;
  private static final int KEYS = 20_000;
  private static final int ROWS = 9;
  private static final long FIRST = RETENTION * 5 / 4;
  private static final long LAST = FIRST + (ROWS - 1) * (RETENTION / ROWS);

  private final Random random = new Random(1);
  private WindowStore<String, String> store;

  private interface Asked {
    WindowStoreIterator<String> of(String key);
  }

  private static final class Ignore implements Processor<byte[], byte[], Void, Void> {
    @Override
    public void process(Record<byte[], byte[]> record) { }
  }

  // Of this thread, so that other work on the machine counts for little.
  private static long cpuTime() {
    return ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
  }

  private void measure(String what, int most, Asked asked) {
    final int fetches = 20_000;
    long best = Long.MAX_VALUE;
    long rows = 0;
    for (int round = 0; round < 3; ++round) {  // the first ones warm the JVM up
      rows = 0;
      final long begin = cpuTime();
      for (int i = 0; i < fetches; ++i) {
        try (WindowStoreIterator<String> found = asked.of("key number " + random.nextInt(KEYS))) {
          for (int n = 0; n < most && found.hasNext(); ++n, ++rows) found.next();
        }
      }
      best = Math.min(best, cpuTime() - begin);
    }
    System.out.printf("%-28s %7d ns a fetch, %.1f rows%n", what, best / fetches, (double) rows / fetches);
  }

  private void run() {
    final StreamsBuilder builder = new StreamsBuilder();
    builder.addStateStore(Stores.windowStoreBuilder(
        Stores.persistentWindowStore("counts", Duration.ofMillis(RETENTION), Duration.ofMinutes(1), false), Serdes.String(), Serdes.String())
        .withCachingDisabled().withLoggingDisabled());
    builder.stream("in", Consumed.with(Serdes.ByteArray(), Serdes.ByteArray())).process(Ignore::new, "counts");
    final Properties properties = new Properties();
    properties.put("application.id", "window-fetch");
    properties.put("bootstrap.servers", "nowhere:1");
    properties.put("state.dir", System.getProperty("java.io.tmpdir") + "/window-fetch-" + ProcessHandle.current().pid());
    try (TopologyTestDriver driver = new TopologyTestDriver(builder.build(), properties)) {
      store = driver.getWindowStore("counts");
      for (int row = 0; row < ROWS; ++row) {
        for (int key = 0; key < KEYS; ++key) store.put("key number " + key, "a value of some bytes", FIRST + row * (RETENTION / ROWS));
        store.flush();
      }
      final Instant last = Instant.ofEpochMilli(LAST);
      final long half = RETENTION / 2;
      final Instant one = Instant.ofEpochMilli(LAST - LAST % half);
      final Instant two = one.minusMillis(half);
      final Instant three = last.minusMillis(RETENTION - 1);
      measure("one segment", 100, key -> store.fetch(key, one, last));
      measure("two segments", 100, key -> store.fetch(key, two, last));
      measure("three segments", 100, key -> store.fetch(key, three, last));
      measure("three segments, reverse", 100, key -> store.backwardFetch(key, three, last));
      measure("three segments, newest only", 1, key -> store.backwardFetch(key, three, last));
      for (final boolean reverse : new boolean[] {false, true}) {
        long best = Long.MAX_VALUE;
        long rows = 0;
        for (int round = 0; round < 3; ++round) {
          rows = 0;
          final long begin = cpuTime();
          try (KeyValueIterator<Windowed<String>, String> all = reverse ? store.backwardFetchAll(three, last) : store.fetchAll(three, last)) {
            for (; all.hasNext(); ++rows) {
              final KeyValue<Windowed<String>, String> row = all.next();
              if (row.value == null) throw new IllegalStateException();
            }
          }
          best = Math.min(best, cpuTime() - begin);
        }
        System.out.printf("%-28s %7d ns a row of %d%n", reverse ? "all, reverse" : "all", best / rows, rows);
      }
    }
  }

  public static void main(String[] args) {
    new WindowFetch().run();
  }
}
