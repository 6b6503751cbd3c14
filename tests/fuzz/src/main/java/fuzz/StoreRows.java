package fuzz;

import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.kstream.Windowed;
import org.apache.kafka.streams.processor.StateStore;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.SessionStore;
import org.apache.kafka.streams.state.ReadOnlyKeyValueStore;
import org.apache.kafka.streams.state.ReadOnlyWindowStore;
import org.apache.kafka.streams.state.ValueAndTimestamp;
import org.apache.kafka.streams.state.ValueTimestampHeaders;
import org.apache.kafka.streams.state.VersionedKeyValueStore;
import org.apache.kafka.streams.state.VersionedRecord;

/** The visible rows of a store of Kafka Streams. */
final class StoreRows {
  /** Without a timestamp: null. */
  record Row(Object key, Object value, Long timestamp) {}

  private StoreRows() {}

  private static Row row(Object key, Object value) {
    if (value instanceof ValueTimestampHeaders<?> full) return new Row(key, full.value(), full.timestamp());
    if (value instanceof ValueAndTimestamp<?> pair) return new Row(key, pair.value(), pair.timestamp());
    return new Row(key, value, null);
  }

  @SuppressWarnings("unchecked")
  static List<Row> all(StateStore store, List<Object> sessionKeys) {
    List<Row> rows = new ArrayList<>();
    if (store instanceof VersionedKeyValueStore<?, ?> versioned) {
      for (Object key : sessionKeys) {
        VersionedRecord<Object> latest = ((VersionedKeyValueStore<Object, Object>) versioned).get(key);
        if (latest != null) rows.add(new Row(key, latest.value(), latest.timestamp()));
      }
    } else if (store instanceof SessionStore<?, ?> sessions) {
      for (Object key : sessionKeys) {
        try (KeyValueIterator<Windowed<Object>, Object> all = ((SessionStore<Object, Object>) sessions).fetch(key)) {
          while (all.hasNext()) {
            KeyValue<Windowed<Object>, Object> entry = all.next();
            rows.add(row(entry.key, entry.value));
          }
        }
      }
    } else if (store instanceof ReadOnlyWindowStore<?, ?> windows) {
      try (KeyValueIterator<Windowed<Object>, Object> all = ((ReadOnlyWindowStore<Object, Object>) windows).all()) {
        while (all.hasNext()) {
          KeyValue<Windowed<Object>, Object> entry = all.next();
          rows.add(row(entry.key, entry.value));
        }
      }
    } else if (store instanceof ReadOnlyKeyValueStore<?, ?> table) {
      try (KeyValueIterator<Object, Object> all = ((ReadOnlyKeyValueStore<Object, Object>) table).all()) {
        while (all.hasNext()) {
          KeyValue<Object, Object> entry = all.next();
          rows.add(row(entry.key, entry.value));
        }
      }
    }
    return rows;
  }
}
