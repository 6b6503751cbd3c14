package fuzz;

import static fuzz.Draft.map;

import fuzz.Shape.Kind;
import fuzz.Shape.Type;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Puts stateless operators below random streams of a draft. Each method is false when nothing fits. */
final class StreamDraft {
  private final Draft draft;

  StreamDraft(Draft draft) {
    this.draft = draft;
  }

  private Shape stream() {
    return draft.any(shape -> shape.kind == Kind.STREAM);
  }

  boolean any() {
    return switch (draft.random.nextInt(12)) {
      case 0, 1 -> filter();
      case 2, 3 -> mapValues();
      case 4 -> map_();
      case 5 -> flatMap();
      case 6 -> flatMapValues();
      case 7 -> selectKey();
      case 8 -> branch();
      case 9, 10 -> merge();
      default -> switch (draft.random.nextInt(4)) {
        case 0 -> peek();
        case 1, 2 -> repartition();
        default -> through();
      };
    };
  }

  /** A topic of the topology's own, which one node writes and another reads. */
  private boolean through() {
    Shape from = draft.any(shape -> !shape.windowed() && shape.kind != Kind.GLOBAL);
    if (from == null) return false;
    String topic = draft.name("mid");
    draft.sink(from, topic);
    Shape made = from.below(draft.name("source"));
    made.passes(draft.nextRepartition());
    made.toStream();
    Map<String, Object> source = map("topic", topic, "key", made.key, "value", Draft.serde(made.value));
    if (draft.chance(30)) {
      made.kind = Kind.TABLE;
      if (draft.chance(60)) source.put("store", made.name + "-store");
    }
    draft.add(made, map(made.kind == Kind.TABLE ? "table" : "source", source));
    return true;
  }

  private boolean filter() {
    Shape from = stream();
    if (from == null) return false;
    String operator = draft.pick("filter", "filter", "filter_not");
    Shape made = from.below(draft.name(operator));
    String condition = draft.expressions.condition(from.value);
    if (draft.chance(8))
      condition = draft.pick("headers.h ~= '1'", from.origins ? "offset % 3 ~= 1" : "true", "timestamp % 2 == 0");
    if (from.windowed() && draft.chance(30)) condition = "window.start % 2 == 0 or value ~= nil";
    draft.add(made, map("from", from.name, operator, condition), from);
    return true;
  }

  private boolean mapValues() {
    Shape from = stream();
    if (from == null) return false;
    Shape made = from.below(draft.name("map_values"));
    made.value = draft.skipsErrors ? from.value : draft.type();
    String value = draft.expressions.value(from.value, made.value);
    if (made.value == Type.OBJECT && from.origins && draft.chance(30))
      value = "{ t = topic, n = offset, u = headers.h, g = timestamp .. '' }";
    if (draft.skipsErrors && draft.chance(50)) value = draft.expressions.failing(from.value);
    Map<String, Object> node = map("from", from.name, "map_values", value);
    draft.serdes(node, null, made.value);
    draft.add(made, node, from);
    return true;
  }

  private boolean map_() {
    Shape from = stream();
    if (from == null) return false;
    Shape made = from.below(draft.name("map"));
    Map<String, Object> arguments = map();
    boolean newKey = from.windowed() || draft.chance(70);
    if (newKey) {
      made.key = draft.madeKeySerde();
      arguments.put("key", draft.expressions.key(from, made.key));
      made.withoutWindow();
      made.keyChanged = true;
    }
    boolean newValue = !newKey || draft.chance(60);
    if (newValue) {
      made.value = draft.type();
      arguments.put("value", draft.expressions.value(from.value, made.value));
    }
    if (draft.chance(12))
      arguments.put("timestamp", draft.pick("timestamp + " + draft.grain, "timestamp // 2", "timestamp"));
    if (draft.chance(12))
      arguments.put("headers",
          draft.pick("list()", "{ { key = 'm', value = 'new' } }",
              "{ { key = 'h', value = '1' }, { key = 'h', value = " + (from.origins ? "topic" : "'t'") + " } }"));
    Map<String, Object> node = map("from", from.name, "map", arguments);
    draft.serdes(node, newKey ? made.key : null, newValue ? made.value : null);
    draft.add(made, node, from);
    return true;
  }

  private boolean flatMap() {
    Shape from = stream();
    if (from == null) return false;
    Shape made = from.below(draft.name("flat_map"));
    made.key = "string";
    made.withoutWindow();
    made.keyChanged = true;
    made.single = false;
    made.value = draft.type();
    Map<String, Object> node =
        map("from", from.name, "flat_map", draft.expressions.listOfPairs(from.value, made.value));
    draft.serdes(node, "string", made.value);
    draft.add(made, node, from);
    return true;
  }

  private boolean flatMapValues() {
    Shape from = stream();
    if (from == null) return false;
    Shape made = from.below(draft.name("flat_map_values"));
    made.single = false;
    made.value = draft.type();
    Map<String, Object> node =
        map("from", from.name, "flat_map_values", draft.expressions.listOfValues(from.value, made.value));
    draft.serdes(node, null, made.value);
    draft.add(made, node, from);
    return true;
  }

  private boolean selectKey() {
    Shape from = stream();
    if (from == null) return false;
    Shape made = from.below(draft.name("select_key"));
    made.key = draft.madeKeySerde();
    made.withoutWindow();
    made.keyChanged = true;
    Map<String, Object> node = map("from", from.name, "select_key", draft.expressions.key(from, made.key));
    draft.serdes(node, made.key, null);
    draft.add(made, node, from);
    return true;
  }

  private boolean branch() {
    Shape from = stream();
    if (from == null) return false;
    String name = draft.name("branch");
    Map<String, Object> branches = map();
    int count = 1 + draft.random.nextInt(3);
    for (int i = 0; i < count; i++) {
      branches.put("b" + i, draft.expressions.condition(from.value));
      draft.shapes.add(from.below(name + ".b" + i));
    }
    if (draft.chance(50)) {
      branches.put("rest", "default");
      draft.shapes.add(from.below(name + ".rest"));
    }
    draft.nodes.put(name, map("from", from.name, "branch", branches));
    from.used = true;
    return true;
  }

  private boolean merge() {
    Shape first = stream();
    if (first == null) return false;
    Shape second = other(first, first);
    if (second == null) return false;
    Shape third = draft.chance(30) ? other(first, second) : null;
    if (third != null && !third.canMeet(second)) third = null;
    Shape made = first.below(draft.name("merge"));
    made.meet(second);
    made.single = false;
    made.keyChanged |= second.keyChanged;
    List<String> names = new ArrayList<>(List.of(first.name, second.name));
    if (third != null) {
      made.meet(third);
      made.keyChanged |= third.keyChanged;
      names.add(third.name);
      third.used = true;
    }
    draft.add(made, map("from", names, "merge", map()), first, second);
    return true;
  }

  /** What may be merged with `first`, but for `second`. */
  private Shape other(Shape first, Shape second) {
    return draft.any(shape
        -> shape.kind == Kind.STREAM && shape.sameWindows(first) && shape != first && shape != second
            && shape.value == first.value && shape.key.equals(first.key) && shape.canMeet(first));
  }

  private boolean repartition() {
    Shape from = stream();
    if (from == null) return false;
    Shape made = from.below(draft.name("repartition"));
    made.passes(draft.nextRepartition());
    Map<String, Object> node =
        map("from", from.name, "repartition", draft.chance(50) ? map("partitions", 1) : map());
    if (!from.windowed()) node.put("serde", map("key", made.key, "value", Draft.serde(made.value)));
    draft.add(made, node, from);
    return true;
  }

  private boolean peek() {
    Shape from = stream();
    if (from == null) return false;
    Shape made = from.below(draft.name("peek"));
    draft.add(made, map("from", from.name, "peek", map("log", "key")), from);
    return true;
  }
}
