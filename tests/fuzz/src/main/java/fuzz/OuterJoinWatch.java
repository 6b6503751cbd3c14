package fuzz;

import java.util.function.Supplier;
import org.apache.kafka.streams.TopologyTestDriver;
import org.apache.kafka.streams.kstream.JoinWindows;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.processor.StateStore;
import org.apache.kafka.streams.processor.api.ContextualFixedKeyProcessor;
import org.apache.kafka.streams.processor.api.FixedKeyRecord;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.internals.TimestampedKeyAndJoinSide;

/**
 * Tells when a left or outer join of two streams has left a record waiting whose time is over: that is Kafka Streams'
 * scan rule (golden/quirks/scan_rule*), which kstreamd does not copy. One for each such join of a topology.
 */
final class OuterJoinWatch {
  private final String join;
  private final JoinWindows windows;
  private final Supplier<TopologyTestDriver> driver;
  private long streamTime = Long.MIN_VALUE;
  private boolean leftSomethingWaiting;

  OuterJoinWatch(String join, JoinWindows windows, Supplier<TopologyTestDriver> driver) {
    this.join = join;
    this.windows = windows;
    this.driver = driver;
  }

  /** The stream, every record of which the watch sees on its way into the join. */
  KStream<Object, Object> watched(KStream<Object, Object> stream) {
    return stream.processValues(() -> new ContextualFixedKeyProcessor<Object, Object, Object>() {
      @Override
      public void process(FixedKeyRecord<Object, Object> record) {
        streamTime = Math.max(streamTime, record.timestamp());
        boolean makesOthersComeOut =
            record.key() != null && record.value() != null && record.timestamp() == streamTime;
        context().forward(record);
        leftSomethingWaiting |= makesOthersComeOut && overdue();
      }
    });
  }

  boolean leftSomethingWaiting() {
    return leftSomethingWaiting;
  }

  private boolean overdue() {
    for (var store : driver.get().getAllStateStores().entrySet()) {
      if (store.getKey().startsWith(join + "-") && store.getKey().contains("shared")) return overdue(store.getValue());
    }
    throw new IllegalStateException("no store in which " + join + " keeps what waits");
  }

  @SuppressWarnings("unchecked")
  private boolean overdue(StateStore store) {
    try (KeyValueIterator<TimestampedKeyAndJoinSide<Object>, Object> waiting =
        ((KeyValueStore<TimestampedKeyAndJoinSide<Object>, Object>) store).all()) {
      while (waiting.hasNext()) {
        TimestampedKeyAndJoinSide<Object> entry = waiting.next().key;
        long wait = entry.isLeftSide() ? windows.afterMs : windows.beforeMs;
        if (entry.timestamp() + wait + windows.gracePeriodMs() < streamTime) return true;
      }
    }
    return false;
  }
}
