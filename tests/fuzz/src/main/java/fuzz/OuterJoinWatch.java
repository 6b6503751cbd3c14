package fuzz;

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
  private StateStore waiting;
  private long streamTime = Long.MIN_VALUE;
  private boolean leftSomethingWaiting;

  OuterJoinWatch(String join, JoinWindows windows) {
    this.join = join;
    this.windows = windows;
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

  /** Finds the store of what waits. Only before the first record: the driver forgets the record at hand over it. */
  void find(TopologyTestDriver driver) {
    for (var store : driver.getAllStateStores().entrySet()) {
      if (store.getKey().startsWith(join + "-") && store.getKey().contains("shared")) waiting = store.getValue();
    }
    if (waiting == null) throw new IllegalStateException("no store in which " + join + " keeps what waits");
  }

  boolean leftSomethingWaiting() {
    return leftSomethingWaiting;
  }

  @SuppressWarnings("unchecked")
  private boolean overdue() {
    try (KeyValueIterator<TimestampedKeyAndJoinSide<Object>, Object> entries =
        ((KeyValueStore<TimestampedKeyAndJoinSide<Object>, Object>) waiting).all()) {
      while (entries.hasNext()) {
        TimestampedKeyAndJoinSide<Object> entry = entries.next().key;
        long wait = entry.isLeftSide() ? windows.afterMs : windows.beforeMs;
        if (entry.timestamp() + wait + windows.gracePeriodMs() < streamTime) return true;
      }
    }
    return false;
  }
}
