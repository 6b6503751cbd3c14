package fuzz;

import java.time.Duration;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.GlobalKTable;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.KTable;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.processor.StateStore;
import org.apache.kafka.streams.state.BuiltInDslStoreSuppliers;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;
import org.apache.kafka.streams.state.VersionedBytesStoreSupplier;

/**
 * What a topology file has become so far: the nodes by name with their serdes, the stores, the waiting rooms of joins.
 */
final class Nodes {
  /** One of `stream`, `table` and `global` is set. */
  static final class Node {
    KStream<Object, Object> stream;
    KTable<Object, Object> table;
    GlobalKTable<Object, Object> global;
    Codec key;
    Codec value;

    static Node of(KStream<Object, Object> stream, Codec key, Codec value) {
      Node node = new Node();
      node.stream = stream;
      node.key = key;
      node.value = value;
      return node;
    }

    static Node of(KTable<Object, Object> table, Codec key, Codec value) {
      Node node = new Node();
      node.table = table;
      node.key = key;
      node.value = value;
      return node;
    }
  }

  final StreamsBuilder builder = new StreamsBuilder();
  final Map<String, Object> file;
  final Variant variant;
  final Map<String, Node> byName = new LinkedHashMap<>();
  /** What a topic of a sink is written with. */
  final Map<String, Codec[]> sinks = new HashMap<>();
  final Map<String, Codec[]> sources = new HashMap<>();
  /** The sink topics whose names are computed: used for topics that no other sink names. */
  Codec[] anySink;
  final Map<String, Codec[]> stores = new LinkedHashMap<>();
  final List<OuterJoinWatch> outerJoins = new java.util.ArrayList<>();
  boolean cached;

  /**
   * How stores are kept. Windows that are sent as they close (deviation 1 of TOPOLOGY.md), and those that are sent at
   * commits, may be kept for a day; the latter with or without a cache.
   */
  record Variant(boolean longOnClose, boolean longPerCommit, boolean cached) {}

  Nodes(Map<String, Object> file, Variant variant) {
    this.file = file;
    this.variant = variant;
  }

  Node get(Object name) {
    Node node = byName.get((String) name);
    if (node == null) throw new IllegalArgumentException("unknown node " + name);
    return node;
  }

  @SuppressWarnings("unchecked")
  static Map<String, Object> map(Object yaml) {
    return yaml == null ? Map.of() : (Map<String, Object>) yaml;
  }

  @SuppressWarnings("unchecked")
  static List<Object> list(Object yaml) {
    return yaml instanceof List<?> ? (List<Object>) yaml : List.of(yaml);
  }

  static Duration duration(Object yaml) {
    String text = String.valueOf(yaml);
    if (text.endsWith("ms")) return Duration.ofMillis(Long.parseLong(text.substring(0, text.length() - 2)));
    long number = Long.parseLong(text.substring(0, text.length() - 1));
    return switch (text.charAt(text.length() - 1)) {
      case 's' -> Duration.ofSeconds(number);
      case 'm' -> Duration.ofMinutes(number);
      case 'h' -> Duration.ofHours(number);
      case 'd' -> Duration.ofDays(number);
      default -> throw new IllegalArgumentException("no duration: " + text);
    };
  }

  /** The serde that an expression's result has: the node's, the topology's default, or JSON. */
  Codec made(Map<String, Object> node, String part) {
    Object named = map(node.get("serde")).get(part);
    if (named == null) named = map(file.get("default_serde")).get(part);
    return named == null ? Codec.JSON : Codec.parse(named, null);
  }

  /** The serde that a node gives what no expression changed. */
  static Codec kept(Map<String, Object> node, String part, Codec before) {
    Object named = map(node.get("serde")).get(part);
    return named == null ? before : Codec.parse(named, before).windowed(before.window, before.size);
  }

  /** What the file says of a store; nothing of one without a name. */
  Map<String, Object> settings(Object store) {
    return store == null ? Map.of() : map(map(file.get("stores")).get((String) store));
  }

  /** Where the rows are, and whether a changelog has them too. */
  static <K, V, S extends StateStore> Materialized<K, V, S> withSettings(Materialized<K, V, S> store, Map<String, Object> settings) {
    if ("memory".equals(settings.get("backend"))) store = store.withStoreType(BuiltInDslStoreSuppliers.IN_MEMORY);
    return Boolean.FALSE.equals(settings.get("changelog")) ? store.withLoggingDisabled() : store;
  }

  /** Null where the file does not say that the store is one. */
  VersionedBytesStoreSupplier versioned(String store) {
    Map<String, Object> settings = settings(store);
    if (!"versioned".equals(settings.get("type"))) return null;
    return Stores.persistentVersionedKeyValueStore(store, duration(settings.get("retention")));
  }

  /** A store for a table's rows, with the name that the arguments give, or none. */
  Materialized<Object, Object, KeyValueStore<Bytes, byte[]>> rows(Object store, Codec key, Codec value) {
    if (store == null)
      return Materialized.<Object, Object, KeyValueStore<Bytes, byte[]>>with(key, value).withCachingDisabled();
    stores.put((String) store, new Codec[] {key, value});
    VersionedBytesStoreSupplier versioned = versioned((String) store);
    Materialized<Object, Object, KeyValueStore<Bytes, byte[]>> materialized =
        versioned == null ? Materialized.as((String) store) : Materialized.as(versioned);
    return withSettings(materialized, settings(store)).withKeySerde(key).withValueSerde(value).withCachingDisabled();
  }
}
