package fuzz;

import fuzz.Shape.Kind;
import fuzz.Shape.Type;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.function.Predicate;

/** A random topology in the making: the file's nodes so far, and what is known of them. */
final class Draft {
  /** A topic that the inputs go to. */
  record Topic(String name, String key, Type value, boolean nullKeys, boolean badValues, String window, long size) {}

  final Random random;
  final Set<String> areas;
  final Expressions expressions;
  final Map<String, Object> file = new LinkedHashMap<>();
  final Map<String, Object> nodes = new LinkedHashMap<>();
  final Map<String, Object> stores = new LinkedHashMap<>();
  final List<Shape> shapes = new ArrayList<>();
  final List<Topic> topics = new ArrayList<>();
  /** Stores in which Kafka Streams shows expired rows: by Nodes.Variant, or because they are in a cache. */
  final List<String> unlistedStores = new ArrayList<>();
  /** Parts of the names of internal topics in which Kafka Streams writes what kstreamd need not write. */
  final List<String> unlistedTopics = new ArrayList<>();
  /** Records that fail are skipped: some inputs and expressions are such that they do. */
  final boolean skipsErrors;
  boolean onClose;
  boolean sessionOrSlidingOnClose;
  boolean perCommit;
  boolean perCommitWindows;
  /** The grain of time, in ms: windows are some of these wide, records about one apart. */
  final long grain;
  private int counter;
  private int repartitions;

  Draft(Random random, Set<String> areas) {
    this.random = random;
    this.areas = areas;
    skipsErrors = areas.contains("errors");
    expressions = new Expressions(random, skipsErrors);
    if (skipsErrors) {
      String how = chance(40) ? "dead_letter" : "skip";
      file.put("on_error", map("deserialization", how, "processing", how));
      if (how.equals("dead_letter")) file.put("dead_letter_topic", "dead-letters");
    }
    if (chance(12)) file.put("default_serde", map("key", "string"));
    grain = List.of(1000L, 1000L, 1000L, 500L, 60L, 20000L, 600000L).get(random.nextInt(7));
  }

  boolean chance(int percent) {
    return random.nextInt(100) < percent;
  }

  @SafeVarargs
  final <T> T pick(T... values) {
    return values[random.nextInt(values.length)];
  }

  Type type() {
    return chance(8) ? Type.BOOL
                     : pick(Type.STRING, Type.STRING, Type.INT, Type.INT, Type.FLOAT, Type.OBJECT, Type.OBJECT);
  }

  static String serde(Type type) {
    return switch (type) {
      case STRING -> "string";
      case INT -> "int64";
      case FLOAT -> "float64";
      case BOOL -> "bool";
      case OBJECT -> "json";
    };
  }

  String name(String operator) {
    return operator + ++counter;
  }

  int nextRepartition() {
    return ++repartitions;
  }

  static Map<String, Object> map(Object... pairs) {
    Map<String, Object> map = new LinkedHashMap<>();
    for (int i = 0; i < pairs.length; i += 2) map.put((String) pairs[i], pairs[i + 1]);
    return map;
  }

  /** Any of the nodes that fit; those that nothing reads yet are more likely. */
  Shape any(Predicate<Shape> fits) {
    List<Shape> found = new ArrayList<>();
    for (Shape shape : shapes) {
      if (!fits.test(shape)) continue;
      found.add(shape);
      if (!shape.used) {
        found.add(shape);
        found.add(shape);
      }
    }
    return found.isEmpty() ? null : found.get(random.nextInt(found.size()));
  }

  void add(Shape shape, Map<String, Object> node, Shape... from) {
    nodes.put(shape.name, node);
    shapes.add(shape);
    for (Shape above : from) above.used = true;
  }

  /** A duration of `times` grains, with some odd milliseconds now and then. */
  String duration(int times) {
    long ms = grain * times + (chance(15) ? random.nextInt(7) - 3 : 0);
    ms = Math.max(ms, 0);
    return ms % 1000 == 0 ? ms / 1000 + "s" : ms + "ms";
  }

  private Topic topic(String kind, String key, Type value, boolean nullKeys, String window, long size) {
    Topic topic = new Topic(name(kind), key, value, nullKeys, skipsErrors, window, size);
    topics.add(topic);
    return topic;
  }

  private String keySerde() {
    return chance(75) ? "string" : pick("int64", "int64", "int32", "uuid", "bool", "float64", "json");
  }

  /** Of a key that an expression makes. */
  String madeKeySerde() {
    return chance(80) ? "string" : pick("int64", "int64", "bool", "float64", "json");
  }

  /** Of what comes from outside; expressions see no difference. */
  private String narrow(Type type) {
    if (chance(75)) return serde(type);
    return switch (type) {
      case INT -> pick("int32", "int16");
      case FLOAT -> "float32";
      default -> serde(type);
    };
  }

  private void timestamps(Map<String, Object> arguments) {
    if (!chance(8)) return;
    arguments.put("timestamp",
        pick("timestamp + " + grain, "timestamp - " + 2 * grain, "timestamp - " + 15 * grain,
            "key ~= 'b' and timestamp or nil", "value ~= nil and timestamp or timestamp + 7", "timestamp // 2"));
  }

  Shape source() {
    Shape shape = new Shape();
    shape.kind = Kind.STREAM;
    shape.value = type();
    shape.key = keySerde();
    long size = windowed(shape);
    Topic topic = topic("in", shape.key, shape.value, !shape.windowed() && chance(40), shape.window, size);
    shape.name = name("source");
    shape.ways.put(topic.name(), 0);
    Map<String, Object> source = map("topic", topic.name());
    if (chance(10)) {
      Topic second = topic("in", shape.key, shape.value, false, shape.window, size);
      shape.ways.put(second.name(), 0);
      shape.origins = chance(50);
      source = shape.origins ? map("topics", List.of(topic.name(), second.name()))
                          : map("pattern", "(" + topic.name() + "|" + second.name() + ")");
    }
    source.put("key", keySerde(shape, size));
    source.put("value", narrow(shape.value));
    timestamps(source);
    add(shape, map("source", source));
    if (chance(5)) add(shape.below(name("source")), map("source", source));
    return shape;
  }

  /** Gives a source's keys windows now and then. The size of the windows, or 0. */
  private long windowed(Shape shape) {
    if (!areas.contains("windows") || !chance(8)) return 0;
    shape.window = pick("tumbling", "session");
    shape.windowYaml = map("source", counter);
    return grain * (1 + random.nextInt(5));
  }

  private static Object keySerde(Shape shape, long size) {
    if (!shape.windowed()) return shape.key;
    return shape.window.equals("session") ? map("session_windowed", shape.key)
                                          : map("time_windowed", shape.key, "size", size + "ms");
  }

  Shape table() {
    Shape shape = new Shape();
    shape.kind = Kind.TABLE;
    shape.value = type();
    shape.key = keySerde();
    long size = windowed(shape);
    Topic topic = topic("tab", shape.key, shape.value, !shape.windowed() && chance(15), shape.window, size);
    shape.name = name("table");
    shape.ways.put(topic.name(), 0);
    Map<String, Object> table =
        map("topic", topic.name(), "key", keySerde(shape, size), "value", narrow(shape.value));
    if (chance(70)) {
      table.put("store", shape.name + "-store");
      if (!shape.windowed() && chance(25)) {
        shape.versioned = true;
        versioned(shape.name + "-store");
      }
      settings(shape.name + "-store");
    }
    timestamps(table);
    add(shape, map("table", table));
    return shape;
  }

  void versioned(String store) {
    stores.put(store, map("type", "versioned", "retention", duration(pick(10, 20, 60))));
  }

  /** Says something of a store that an operator names, now and then. */
  void settings(String store) {
    Map<String, Object> settings = stores.containsKey(store) ? Nodes.map(stores.get(store)) : map();
    if (settings.isEmpty() && chance(12)) settings.put("backend", "memory");
    if (chance(6)) settings.put("changelog", false);
    if (!settings.isEmpty()) stores.put(store, settings);
  }

  Shape globalTable() {
    Shape shape = new Shape();
    shape.kind = Kind.GLOBAL;
    shape.value = type();
    shape.key = chance(80) ? "string" : pick("int64", "json");
    Topic topic = topic("glob", shape.key, shape.value, chance(15), null, 0);
    shape.name = name("global");
    Map<String, Object> table = map("topic", topic.name(), "key", topic.key(), "value", narrow(shape.value));
    if (chance(60)) {
      table.put("store", shape.name + "-store");
      if (chance(12)) stores.put(shape.name + "-store", map("backend", "memory"));
    }
    add(shape, map("global_table", table));
    return shape;
  }

  /** Says the serdes of what a node makes, as a rule; where it does not, they are JSON. */
  void serdes(Map<String, Object> node, String key, Type value) {
    Map<String, Object> serde = map();
    boolean left = file.containsKey("default_serde") && "string".equals(key) && chance(60);
    if (key != null && !left) serde.put("key", key);
    if (value != null && chance(80)) serde.put("value", serde(value));
    if (!serde.isEmpty()) node.put("serde", serde);
  }

  void sink(Shape from, Object topic) {
    Object key = from.key;
    if (from.windowed()) key = map(from.window.equals("session") ? "session_windowed" : "time_windowed", key);
    Map<String, Object> sink = map("topic", topic, "key", key, "value", serde(from.value));
    nodes.put(name("out"), map("from", from.name, "sink", sink));
    from.used = true;
  }
}
