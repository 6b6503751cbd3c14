package fuzz;

import static fuzz.Draft.map;

import fuzz.Shape.Kind;
import fuzz.Shape.Type;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.apache.kafka.streams.kstream.Windowed;
import org.apache.kafka.streams.kstream.internals.SessionWindow;
import org.apache.kafka.streams.kstream.internals.TimeWindow;

/** A random topology with its inputs, all of it decided by the seed and the areas. */
final class Generator {
  static final List<String> AREAS = List.of("stateless", "aggregations", "windows", "tables", "joins", "suppress", "errors");

  final Draft draft;
  /** What is written to each topic. */
  private final Map<String, List<Shape>> outputs = new LinkedHashMap<>();
  final List<Map<String, Object>> steps = new ArrayList<>();
  private final Random random;
  /** A sink writes to topics whose names it computes: one, as their serdes are found by what is left. */
  private boolean computed;
  final boolean headers;
  boolean manual;
  /** Internal topics are compared too. */
  final boolean internals;

  Generator(long seed, List<String> allowed) {
    random = new Random(seed * 0x9E3779B97F4A7C15L + 12345);
    draft = new Draft(random, chosen(allowed));
    headers = random.nextInt(4) == 0;
    boolean wanted = random.nextInt(4) == 0;
    draft.file.put("kstreamd", 1L);
    draft.file.put("name", "fuzz-" + seed);
    topology();
    if (!draft.stores.isEmpty()) draft.file.put("stores", draft.stores);
    draft.file.put("nodes", draft.nodes);
    internals = wanted && !draft.perCommit;
    inputs();
  }

  /** One or two of the areas per topology, or all: a small topology finds an error that a large one hides. */
  private Set<String> chosen(List<String> allowed) {
    Set<String> areas = new HashSet<>();
    areas.add(allowed.get(random.nextInt(allowed.size())));
    if (random.nextInt(2) == 0 || areas.contains("errors")) areas.add(allowed.get(random.nextInt(allowed.size())));
    if (random.nextInt(8) == 0) {
      areas.addAll(allowed);
      if (random.nextInt(3) > 0) areas.remove("errors");
    }
    if (areas.contains("suppress") && allowed.contains("windows")) areas.add("windows");
    return areas;
  }

  private boolean has(String area) {
    return draft.areas.contains(area);
  }

  private void topology() {
    StreamDraft streams = new StreamDraft(draft);
    AggregationDraft aggregations = new AggregationDraft(draft);
    TableDraft tables = new TableDraft(draft);
    draft.source();
    if (has("joins") || random.nextInt(3) == 0) draft.source();
    if (has("tables") || has("joins")) draft.table();
    if (has("tables") && random.nextInt(2) == 0 || has("joins")) draft.table();
    int wanted = 2 + random.nextInt(random.nextInt(8) == 0 ? 14 : 5);
    for (int made = 0, tries = 0; made < wanted && tries < 60; tries++) {
      boolean done = switch (random.nextInt(9)) {
        case 0, 1 -> streams.any();
        case 2 -> !has("windows") && (has("stateless") || has("aggregations")) && aggregations.ofStream(false);
        case 3 -> has("windows") && aggregations.ofStream(random.nextInt(6) > 0);
        case 4 -> has("tables") && aggregations.ofTable();
        case 5 -> has("tables") && tables.any() || (has("windows") || has("suppress")) && random.nextInt(2) == 0
            && tables.any();
        case 6, 7 -> has("joins") && tables.join();
        default -> has("suppress") && tables.suppress();
      };
      if (done) made++;
      if (random.nextInt(8) == 0) sink(draft.any(shape -> shape.kind != Kind.GLOBAL));
    }
    sinks();
  }

  private void sinks() {
    List<Shape> all = new ArrayList<>(draft.shapes);
    if (random.nextBoolean()) Collections.shuffle(all, random);
    for (Shape shape : all) {
      if (shape.kind != Kind.GLOBAL && (!shape.used || random.nextInt(4) == 0)) sink(shape);
    }
  }

  /** Often to a topic that others write too: there the order of the nodes' outputs shows. */
  private void sink(Shape shape) {
    String topic = null;
    for (var output : outputs.entrySet()) {
      if (output.getValue().stream().allMatch(shape::sharesSinkWith) && random.nextInt(2) == 0) topic = output.getKey();
    }
    if (topic == null && !computed && random.nextInt(25) == 0) {
      computed = true;
      draft.sink(shape, map("expr", draft.pick("key and 'x-some' or 'x-none'", "'x-' .. timestamp % 2", "headers.h and 'x-h' or 'x-none'")));
      return;
    }
    if (topic == null) topic = "out" + (outputs.size() + 1);
    outputs.computeIfAbsent(topic, name -> new ArrayList<>()).add(shape);
    draft.sink(shape, topic);
  }

  private void inputs() {
    int count = 12 + random.nextInt(random.nextInt(10) == 0 ? 150 : 35);
    int disorder = random.nextInt(4);
    manual = draft.perCommit && random.nextInt(4) == 0;
    long now = random.nextInt(3) == 0 ? 0 : random.nextInt((int) (20 * draft.grain));
    if (random.nextInt(10) == 0) now += 1_700_000_000_000L;
    List<Map<String, Object>> batch = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      now += random.nextInt((int) (2 * draft.grain));
      if (random.nextInt(25) == 0) now += random.nextInt((int) (40 * draft.grain));
      long timestamp = now;
      if (disorder > 0 && random.nextInt(6) < disorder)
        timestamp -= random.nextInt((int) (draft.grain * (random.nextInt(5) == 0 ? 30 : 6)));
      if (random.nextInt(8) == 0) timestamp -= timestamp % draft.grain;
      batch.add(record(Math.max(internals ? 1 : 0, timestamp)));
      boolean more = random.nextInt(draft.perCommit ? 2 : 5) == 0;
      if (more && batch.size() < 5 && i + 1 < count) continue;
      steps.add(map("send", batch));
      batch = new ArrayList<>();
      if (manual && (random.nextInt(3) == 0 || i + 1 == count)) steps.add(map("commit", map()));
      if (random.nextInt(20) == 0) steps.add(map("advance", draft.duration(random.nextInt(20))));
    }
  }

  private Map<String, Object> record(long timestamp) {
    Draft.Topic topic = draft.topics.get(random.nextInt(draft.topics.size()));
    Map<String, Object> record = new LinkedHashMap<>();
    record.put("topic", topic.name());
    boolean noKey = topic.nullKeys() && random.nextInt(12) == 0;
    record.put("key", noKey ? null : key(topic, timestamp));
    boolean bad = topic.badValues() && topic.value() != Type.STRING && random.nextInt(8) == 0;
    record.put("value", random.nextInt(10) == 0 ? null : bad ? map("base64", "eyJh") : value(topic.value()));
    record.put("timestamp", timestamp);
    if (headers && random.nextInt(2) == 0) {
      List<Object> list = new ArrayList<>();
      list.add(map("key", "h", "value", "" + random.nextInt(3)));
      if (random.nextInt(3) == 0)
        list.add(map("key", draft.pick("h", "i"), "value", random.nextInt(4) == 0 ? null : "more"));
      record.put("headers", list);
    }
    return record;
  }

  private Object key(Draft.Topic topic, long timestamp) {
    Object key = switch (topic.key()) {
      case "int32", "int64" -> draft.pick(1L, 1L, 2L, 3L, -7L);
      case "bool" -> random.nextBoolean();
      case "float64" -> draft.pick(0.5, 0.5, 1.0, -2.25);
      case "uuid" -> "00000000-0000-4000-8000-00000000000" + random.nextInt(3);
      case "json" -> map("g", draft.pick("x", "y"), "n", (long) random.nextInt(2));
      default -> random.nextInt(12) == 0 ? draft.pick("", "\u00e9") : draft.pick("a", "a", "b", "b", "c", "d", "ab", "k1");
    };
    if (topic.window() == null) return key;
    long start = timestamp - timestamp % topic.size();
    return new Windowed<>(key, topic.window().equals("session")
        ? new SessionWindow(start, start + random.nextInt(3) * draft.grain) : new TimeWindow(start, start + topic.size()));
  }

  private Object value(Type type) {
    switch (type) {
      case STRING: return draft.pick("a1", "b1", "b2 c", "a b", "c", "", "d-4", "aa", "Z");
      case INT: return (long) random.nextInt(12) - 2;
      case FLOAT: return random.nextInt(17) * 0.25;
      case BOOL: return random.nextBoolean();
      default: {
        Map<String, Object> object = map();
        if (random.nextInt(5) > 0) object.put("g", draft.pick("x", "y", "z"));
        else if (random.nextInt(3) == 0) object.put("g", null);
        if (random.nextInt(4) > 0) object.put("n", (long) random.nextInt(9));
        if (random.nextInt(4) > 0) object.put("u", draft.pick("a", "b", "c", "e"));
        if (random.nextInt(3) == 0) object.put("t", draft.pick("t1", "", "long text"));
        return object;
      }
    }
  }
}
