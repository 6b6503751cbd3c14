package fuzz;

import static fuzz.Draft.map;

import fuzz.Shape.Kind;
import fuzz.Shape.Type;
import java.util.Map;

/** Puts operators on tables, and joins of all kinds, below random nodes of a draft. */
final class TableDraft {
  private final Draft draft;

  TableDraft(Draft draft) {
    this.draft = draft;
  }

  boolean any() {
    return switch (draft.random.nextInt(7)) {
      case 0, 1 -> filter();
      case 2, 3 -> mapValues();
      case 4 -> toTable();
      default -> toStream();
    };
  }

  private Shape table(boolean oldValues) {
    return draft.any(shape -> shape.kind == Kind.TABLE && !(oldValues && shape.oddOldValues));
  }

  /** Names a store now and then. */
  private boolean store(Map<String, Object> arguments, Shape made, String name, int percent) {
    if (!draft.chance(percent)) return false;
    arguments.put("store", name);
    made.serdeLost = false;
    made.versioned = !made.windowed() && draft.chance(15);
    if (made.versioned) draft.versioned(name);
    draft.settings(name);
    return true;
  }

  private boolean filter() {
    Shape from = table(true);
    if (from == null) return false;
    String operator = draft.pick("filter", "filter", "filter_not");
    Shape made = from.below(draft.name(operator));
    String condition = draft.expressions.condition(from.value);
    if (from.windowed() && draft.chance(20)) condition = "window.start % 2 == 0";
    if (from.notInitial != null) {
      condition = operator.equals("filter") ? "(" + from.notInitial + ") and (" + condition + ")" :
        "not (" + from.notInitial + ") or (" + condition + ")";
    }
    made.notInitial = null;
    Map<String, Object> node = map("from", from.name, operator, condition);
    store(node, made, made.name + "-store", 30);
    draft.add(made, node, from);
    return true;
  }

  private boolean mapValues() {
    Shape from = table(false);
    if (from == null) return false;
    Shape made = from.below(draft.name("map_values"));
    made.value = draft.type();
    Map<String, Object> node = map("from", from.name, "map_values", draft.expressions.value(from.value, made.value));
    draft.serdes(node, null, made.value);
    boolean store = store(node, made, made.name + "-store", 30);
    made.serdeLost = !store;
    made.oddOldValues = !store && (from.oddOldValues || from.notInitial != null);
    made.notInitial = null;
    draft.add(made, node, from);
    return true;
  }

  private boolean toTable() {
    Shape from = draft.any(shape -> shape.kind == Kind.STREAM);
    if (from == null) return false;
    Shape made = from.below(draft.name("to_table"));
    made.kind = Kind.TABLE;
    made.oddOldValues = false;
    made.notInitial = null;
    made.versioned = false;
    made.canSuppress = false;
    if (from.keyChanged) made.passes(draft.nextRepartition());
    Map<String, Object> arguments = map();
    made.serdeLost = false;
    store(arguments, made, made.name + "-store", 70);
    Map<String, Object> node = map("from", from.name, "to_table", arguments);
    draft.add(made, node, from);
    return true;
  }

  private boolean toStream() {
    Shape from = table(false);
    if (from == null) return false;
    Shape made = from.below(draft.name("to_stream"));
    made.toStream();
    draft.add(made, map("from", from.name, "to_stream", map()), from);
    return true;
  }

  boolean suppress() {
    Shape from = draft.any(shape -> shape.kind == Kind.TABLE && !shape.versioned && !shape.onClose);
    if (from == null) return false;
    Shape made = from.below(draft.name("suppress"));
    made.single = false;
    Map<String, Object> arguments;
    if (from.canSuppress && draft.chance(70)) {
      arguments = map("until", "window_closes");
    } else {
      arguments = map("until", draft.duration(draft.random.nextInt(10)));
      if (draft.chance(40)) arguments.put("max_records", 1 + draft.random.nextInt(4));
      if (draft.chance(20) && !from.serdeLost && from.notInitial == null) arguments.put("max_bytes", 60 + draft.random.nextInt(400));
      if (arguments.size() > 1) arguments.put("full", "emit");
    }
    made.canSuppress = false;
    if (!from.origins || from.serdeLost || from.oddOldValues || from.notInitial != null) draft.unlistedTopics.add(made.name);
    made.oddOldValues |= from.notInitial != null;
    made.notInitial = null;
    draft.add(made, map("from", from.name, "suppress", arguments), from);
    return true;
  }

  boolean join() {
    return switch (draft.random.nextInt(10)) {
      case 0, 1, 2 -> streams();
      case 3, 4 -> streamTable();
      case 5, 6 -> tables();
      case 7, 8 -> foreign();
      default -> global();
    };
  }

  private Shape plain(Kind kind, Shape with) {
    return draft.any(shape -> shape.kind == kind && (kind == Kind.STREAM || !shape.windowed() || !shape.onClose)
        && (with == null || shape.key.equals(with.key) && shape.sameWindows(with) && shape.canMeet(with)));
  }

  private Shape joined(Shape left, Shape right, Map<String, Object> arguments, Map<String, Object> node) {
    Shape made = left.below(draft.name("join"));
    made.meet(right);
    made.value = draft.type();
    made.oddOldValues = left.oddOldValues || right.oddOldValues || left.notInitial != null || right.notInitial != null;
    made.notInitial = null;
    made.canSuppress = false;
    made.versioned = false;
    node.put("from", left.name);
    arguments.put("value", draft.expressions.joined(left.value, right.value, made.value));
    node.put("join", arguments);
    draft.serdes(node, null, made.value);
    return made;
  }

  private boolean streams() {
    Shape left = plain(Kind.STREAM, null);
    Shape right = left == null ? null : plain(Kind.STREAM, left);
    if (right == null || left == right && left.keyChanged) return false;
    if ((left.keyChanged || right.keyChanged) && !left.disjoint(right)) return false;
    Map<String, Object> arguments = map("with", right.name, "type", draft.pick("inner", "left", "outer", "right"));
    if (draft.chance(60)) {
      arguments.put("within", draft.duration(draft.random.nextInt(8)));
    } else {
      arguments.put("within",
          map("before", draft.duration(draft.random.nextInt(6)), "after", draft.duration(draft.random.nextInt(6))));
    }
    if (draft.chance(50)) arguments.put("grace", draft.duration(draft.random.nextInt(6)));
    Map<String, Object> node = map();
    Shape made = joined(left, right, arguments, node);
    if (arguments.get("type").equals("right")) draft.unlistedTopics.add(made.name);
    made.single = false;
    made.oddOldValues = false;
    if (left.keyChanged || right.keyChanged) made.passes(draft.nextRepartition());
    draft.add(made, node, left, right);
    return true;
  }

  private boolean streamTable() {
    Shape left = plain(Kind.STREAM, null);
    Shape right = left == null ? null : plain(Kind.TABLE, left);
    if (right == null || left.keyChanged && !left.disjoint(right)) return false;
    String type = draft.pick("inner", "left");
    if (right.versioned && !draft.skipsErrors && draft.nodes.get(right.name).toString().contains("store=") && draft.chance(60)) {
      if (type.equals("left")) { // a null key there crashes Kafka Streams
        Shape filtered = left.below(draft.name("filter"));
        draft.add(filtered, map("from", left.name, "filter", "key ~= nil"), left);
        left = filtered;
      }
      return streamTable(
          left, right, map("with", right.name, "type", type, "grace", draft.duration(1 + draft.random.nextInt(8))));
    }
    return streamTable(left, right, map("with", right.name, "type", type));
  }

  private boolean streamTable(Shape left, Shape right, Map<String, Object> arguments) {
    Map<String, Object> node = map();
    Shape made = joined(left, right, arguments, node);
    made.oddOldValues = false;
    made.single &= !arguments.containsKey("grace");
    if (!left.origins) draft.unlistedTopics.add(made.name);
    if (left.keyChanged) made.passes(draft.nextRepartition());
    draft.add(made, node, left, right);
    return true;
  }

  private boolean tables() {
    Shape left = plain(Kind.TABLE, null);
    Shape right = left == null ? null : plain(Kind.TABLE, left);
    if (right == null || left == right && draft.chance(70)) return false;
    Map<String, Object> arguments = map("with", right.name, "type", draft.pick("inner", "left", "outer", "right"));
    Map<String, Object> node = map();
    Shape made = joined(left, right, arguments, node);
    made.serdeLost = !store(arguments, made, made.name + "-store", 35);
    draft.add(made, node, left, right);
    return true;
  }

  private boolean foreign() {
    Shape left = draft.any(shape
        -> shape.kind == Kind.TABLE && !shape.onClose && shape.single && !shape.oddOldValues
            && shape.notInitial == null);
    Shape right = left == null ? null
                               : draft.any(shape
                                   -> shape.kind == Kind.TABLE && !shape.windowed() && !shape.key.equals("uuid")
                                       && (shape.disjoint(left) || shape == left && draft.chance(50)));
    if (right == null) return false;
    Map<String, Object> arguments = map("with", right.name, "type", draft.pick("inner", "left"), "foreign_key",
        draft.expressions.foreignKey(left.value, right.key));
    Map<String, Object> node = map();
    Shape made = joined(left, right, arguments, node);
    store(arguments, made, made.name + "-store", 35);
    if (left.serdeLost || right.serdeLost) draft.unlistedTopics.add(made.name);
    made.single = false;
    made.passes(draft.nextRepartition());
    draft.add(made, node, left, right);
    return true;
  }

  private boolean global() {
    Shape left = plain(Kind.STREAM, null);
    if (left == null) return false;
    Shape right = draft.any(shape -> shape.kind == Kind.GLOBAL);
    if (right == null || draft.chance(20)) right = draft.globalTable();
    Map<String, Object> arguments = map("with", right.name, "type", draft.pick("inner", "left"), "key",
        draft.expressions.lookup(left, right.key));
    Map<String, Object> node = map();
    Shape made = joined(left, right, arguments, node);
    draft.add(made, node, left, right);
    return true;
  }
}
