package fuzz;

import static fuzz.Draft.map;

import fuzz.Shape.Kind;
import fuzz.Shape.Type;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Puts count, reduce, aggregate and cogroup below random nodes of a draft. */
final class AggregationDraft {
  private final Draft draft;

  AggregationDraft(Draft draft) {
    this.draft = draft;
  }

  boolean ofStream(boolean windows) {
    Shape from = draft.any(shape -> shape.kind == Kind.STREAM);
    if (from == null) return false;
    String operator =
        draft.areas.contains("aggregations") ? draft.pick("count", "count", "reduce", "aggregate", "cogroup") : "count";
    boolean grouped = draft.chance(25);
    List<Shape> all = new ArrayList<>(List.of(from));
    if (operator.equals("cogroup")) {
      while (all.size() < 3 && (all.size() == 1 || draft.chance(30)) && cogrouped(all, grouped)) {}
      if (all.size() == 1) operator = "aggregate";
    }
    if (windows && from.windowed() && !grouped) return false;
    Shape made = from.below(draft.name(operator));
    made.kind = Kind.TABLE;
    made.serdeLost = false;
    made.versioned = false;
    Map<String, Object> node =
        map("from", all.size() == 1 ? from.name : all.stream().map(shape -> shape.name).toList());
    Map<String, Object> arguments = map();
    if (grouped) {
      made.key = draft.madeKeySerde();
      String key = draft.expressions.key(from, made.key);
      if (all.size() > 1) {
        made.key = "string";
        key = draft.pick("return key ~= nil and 'k' .. tostring(key) or nil", "'all'", "'t' .. timestamp // " + 3 * draft.grain);
      }
      if (made.key.equals("string") && all.size() == 1 && draft.chance(10))
        key = draft.pick("headers.h or 'none'", "'t' .. timestamp // " + 4 * draft.grain,
            from.origins ? draft.pick("topic", "'o' .. offset % 3") : "'one'");
      node.put("group_by", key);
      made.withoutWindow();
      draft.serdes(node, made.key, null);
    }
    all.subList(1, all.size()).forEach(made::meet);
    made.canSuppress = false;
    if (grouped || all.stream().anyMatch(shape -> shape.keyChanged)) made.passes(draft.nextRepartition());
    String window = windows ? window(made, arguments) : null;
    fold(operator, all, made, arguments, "session".equals(window));
    emit(operator, made, arguments, window);
    if (draft.chance(80)) {
      arguments.put("store", made.name + "-store");
      if (window == null && !made.windowed() && !arguments.containsKey("emit") && draft.chance(15)) {
        made.versioned = true;
        draft.versioned(made.name + "-store");
      }
      draft.settings(made.name + "-store");
    }
    node.put(operator, arguments);
    draft.add(made, node, all.toArray(new Shape[0]));
    return true;
  }

  /** Adds a stream that may be grouped with the others; false if there is none. */
  private boolean cogrouped(List<Shape> all, boolean grouped) {
    Shape from = all.get(0);
    Shape found = draft.any(shape
        -> shape.kind == Kind.STREAM && !shape.windowed() && !from.windowed() && shape.key.equals(from.key)
            && all.stream().allMatch(other -> shape != other && shape.canMeet(other)
                && (!grouped && !shape.keyChanged && !other.keyChanged || shape.disjoint(other))));
    return found != null && all.add(found);
  }

  private String retention() {
    return draft.duration(30 + draft.random.nextInt(3) * 50);
  }

  private String window(Shape made, Map<String, Object> arguments) {
    String kind = draft.pick("tumbling", "tumbling", "hopping", "sliding", "session");
    int size = 2 + draft.random.nextInt(8);
    Map<String, Object> window = map(kind, kind.equals("sliding") && draft.chance(10) ? "1ms" : draft.duration(size));
    if (kind.equals("hopping")) window.put("advance", draft.duration(1 + draft.random.nextInt(size - 1)));
    if (draft.chance(50)) window.put("grace", draft.duration(draft.random.nextInt(8)));
    if (!kind.equals("session") && draft.chance(15))
      window.put("retention", retention());
    arguments.put("window", window);
    made.window = kind;
    made.windowYaml = window;
    made.canSuppress = true;
    return kind;
  }

  private void fold(
      String operator, List<Shape> all, Shape made, Map<String, Object> arguments, boolean session) {
    Shape from = all.get(0);
    made.notInitial = null;
    switch (operator) {
      case "count":
        made.value = Type.INT;
        made.notInitial = "value ~= 0";
        break;
      case "reduce":
        arguments.put("add", draft.expressions.reduce(from.value).get(0));
        break;
      default: {
        made.value = draft.type();
        Expressions.Fold fold = draft.expressions.fold(from.value, made.value);
        arguments.put("init", fold.init());
        Map<String, Object> add = map(from.name, fold.add());
        for (Shape other : all.subList(1, all.size()))
          add.put(other.name, draft.expressions.fold(other.value, made.value).add());
        arguments.put("add", all.size() == 1 ? fold.add() : add);
        if (session) arguments.put("merge", fold.merge());
        arguments.put("value", Draft.serde(made.value));
        made.notInitial = fold.notInitial();
      }
    }
  }

  private void emit(String operator, Shape made, Map<String, Object> arguments, String window) {
    if (window != null && !operator.equals("cogroup") && draft.chance(25)) {
      arguments.put("emit", "on_window_close");
      made.onClose = true;
      made.oddOldValues = true;
      made.single = false;
      made.canSuppress = false;
      draft.onClose = true;
      draft.sessionOrSlidingOnClose |= window.equals("session") || window.equals("sliding");
      draft.unlistedStores.add(made.name + "-store");
    } else if ((made.commits.isEmpty() || draft.chance(50)) && draft.areas.contains("aggregations")
        && !("session".equals(window) && draft.grain > 10_000) && draft.chance(15)) {
      // A cached session store fails in Kafka Streams where a gap reaches from near time 0 over a border of segments.
      arguments.put("emit", "per_commit");
      made.commits.add(draft.nextRepartition());
      made.passes(draft.nextRepartition());
      if (window != null) {
        draft.perCommitWindows = true;
        draft.unlistedStores.add(made.name + "-store");
      }
      made.notInitial = null;
      made.single = false;
      draft.perCommit = true;
    } else if ("session".equals(window)) {
      made.notInitial = null;
    }
    if ("session".equals(window) && !made.onClose && draft.chance(15)) made.windowYaml.put("retention", retention());
    if ("sliding".equals(window)) made.oddOldValues = true;
    if (window != null && !window.equals("tumbling")) made.single = false;
  }

  /** Regroups a table. */
  boolean ofTable() {
    Shape from = draft.any(shape -> shape.kind == Kind.TABLE && !shape.oddOldValues);
    if (from == null) return false;
    String operator = draft.pick("count", "reduce", "aggregate");
    Shape made = from.below(draft.name(operator));
    made.versioned = false;
    made.withoutWindow();
    made.single = false;
    made.serdeLost = false;
    made.passes(draft.nextRepartition());
    made.key = from.windowed() || from.notInitial != null ? "string" : draft.madeKeySerde();
    String key = from.windowed() && draft.chance(40) ? "'w' .. window.start" : draft.expressions.key(from, made.key);
    if (from.notInitial != null)
      key = "if not (" + from.notInitial + ") then return nil end "
          + (key.contains("return ") ? key : "return " + key);
    Type value = draft.type();
    Map<String, Object> node = map("from", from.name);
    node.put("group_by",
        map("key", key, "value", operator.equals("count") ? "1" : draft.expressions.value(from.value, value)));
    if (operator.equals("count")) value = Type.INT;
    node.put("serde", map("key", made.key, "value", Draft.serde(value)));
    Map<String, Object> arguments = map();
    made.value = value;
    if (operator.equals("count")) made.value = Type.INT;
    if (operator.equals("reduce")) {
      List<String> reduce = draft.expressions.reduce(value);
      arguments.put("add", reduce.get(0));
      arguments.put("subtract", reduce.get(1));
    }
    made.notInitial = null;
    if (operator.equals("aggregate")) {
      made.value = draft.type();
      Expressions.Fold fold = draft.expressions.fold(value, made.value);
      arguments.put("init", fold.init());
      arguments.put("add", fold.add());
      arguments.put("subtract", fold.subtract());
      arguments.put("value", Draft.serde(made.value));
    }
    if ((made.commits.isEmpty() || draft.chance(50)) && draft.chance(10)) {
      arguments.put("emit", "per_commit");
      made.commits.add(draft.nextRepartition());
      draft.perCommit = true;
    }
    if (draft.chance(80)) {
      arguments.put("store", made.name + "-store");
      draft.settings(made.name + "-store");
    }
    node.put(operator, arguments);
    draft.add(made, node, from);
    return true;
  }
}
