package fuzz;

import fuzz.Nodes.Node;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.kstream.Aggregator;
import org.apache.kafka.streams.kstream.CogroupedKStream;
import org.apache.kafka.streams.kstream.EmitStrategy;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Initializer;
import org.apache.kafka.streams.kstream.KGroupedStream;
import org.apache.kafka.streams.kstream.KGroupedTable;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.KTable;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Merger;
import org.apache.kafka.streams.kstream.Reducer;
import org.apache.kafka.streams.kstream.SessionWindowedKStream;
import org.apache.kafka.streams.kstream.SessionWindows;
import org.apache.kafka.streams.kstream.SlidingWindows;
import org.apache.kafka.streams.kstream.TimeWindowedKStream;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.SessionStore;
import org.apache.kafka.streams.state.WindowStore;

/** count, reduce, aggregate and cogroup, of streams and of tables, with and without windows. */
final class Aggregations {
  private static final Duration DAY = Duration.ofDays(1);
  private final Nodes nodes;

  Aggregations(Nodes nodes) {
    this.nodes = nodes;
  }

  /** What a node asks for; `operator` is one of the four. */
  private static final class Plan {
    String name;
    String operator;
    Map<String, Object> arguments;
    Map<String, Object> window;
    Codec key;
    Codec value;
    boolean onClose;
    boolean perCommit;
    Initializer<Object> init;
    Aggregator<Object, Object, Object> add;
    Aggregator<Object, Object, Object> subtract;
    Reducer<Object> reduce;
    Reducer<Object> reduceSubtract;
    Merger<Object, Object> merge;
  }

  Node build(String name, String operator, List<Node> from, Map<String, Object> node) {
    Plan plan = new Plan();
    plan.name = name;
    plan.operator = operator;
    plan.arguments = Nodes.map(node.get(operator));
    plan.window = Nodes.map(plan.arguments.get("window"));
    plan.onClose = "on_window_close".equals(plan.arguments.get("emit"));
    plan.perCommit = "per_commit".equals(plan.arguments.get("emit"));
    nodes.cached |= plan.perCommit && nodes.variant.cached();
    Object groupBy = node.containsKey("group_by") ? node.get("group_by") : null;
    plan.key = groupBy == null ? Nodes.kept(node, "key", from.get(0).key) : nodes.made(node, "key");
    boolean table = from.get(0).table != null;
    Codec input = table ? nodes.made(node, "value") : from.get(0).value;
    plan.value = switch (operator) {
      case "count" -> new Codec("int64");
      case "reduce" -> input;
      default -> plan.arguments.containsKey("value") ? Codec.parse(plan.arguments.get("value"), null) : Codec.JSON;
    };
    if (!operator.equals("count")) expressions(plan);
    if (operator.equals("cogroup")) return cogroup(plan, from, Nodes.list(node.get("from")), groupBy);
    return table ? ofTable(plan, from.get(0), Nodes.map(groupBy), input)
                 : ofStream(plan, grouped(from.get(0), groupBy, plan.key, name));
  }

  private static void expressions(Plan plan) {
    Map<String, Object> arguments = plan.arguments;
    if (!plan.operator.equals("cogroup")) {
      Expr add = new Expr(arguments.get("add"));
      plan.add = (key, value, aggregate) -> add.eval(Expr.aggregation(key, value, aggregate));
      plan.reduce = (aggregate, value) -> add.eval(Expr.aggregation(null, value, aggregate));
    }
    if (arguments.containsKey("subtract")) {
      Expr subtract = new Expr(arguments.get("subtract"));
      plan.subtract = (key, value, aggregate) -> subtract.eval(Expr.aggregation(key, value, aggregate));
      plan.reduceSubtract = (aggregate, value) -> subtract.eval(Expr.aggregation(null, value, aggregate));
    }
    if (arguments.containsKey("init")) {
      Expr init = new Expr(arguments.get("init"));
      plan.init = () -> init.eval(Expr.scope(null, null));
    }
    if (arguments.containsKey("merge")) {
      Expr merge = new Expr(arguments.get("merge"));
      plan.merge = (key, left, right) -> merge.eval(Expr.sides(key, left, right));
    }
  }

  private static KGroupedStream<Object, Object> grouped(Node from, Object groupBy, Codec key, String name) {
    KStream<Object, Object> stream =
        groupBy == null ? from.stream : StreamOperators.selectKey(from.stream, new Expr(groupBy));
    return stream.groupByKey(Grouped.with(key, from.value).withName(name));
  }

  private <S extends org.apache.kafka.streams.processor.StateStore> Materialized<Object, Object, S> store(
      Plan plan, Codec.Window kind, long size) {
    Object name = plan.arguments.get("store");
    Materialized<Object, Object, S> store = name == null ? Materialized.with(plan.key, plan.value)
                                                         : versioned((String) name);
    if (store == null) store = Materialized.as((String) name);
    if (name != null) nodes.stores.put((String) name, new Codec[] {
        kind == Codec.Window.NONE ? plan.key : plan.key.windowed(kind, size), plan.value});
    store = Nodes.withSettings(store, nodes.settings(name)).withKeySerde(plan.key).withValueSerde(plan.value);
    store = plan.perCommit && nodes.variant.cached() ? store.withCachingEnabled() : store.withCachingDisabled();
    boolean day = plan.onClose && nodes.variant.longOnClose() || plan.perCommit && nodes.variant.longPerCommit();
    if (day && kind != Codec.Window.NONE) return store.withRetention(DAY);
    return plan.window.containsKey("retention") ? store.withRetention(Nodes.duration(plan.window.get("retention")))
                                                : store;
  }

  /** Null if the file says nothing of the kind. */
  @SuppressWarnings("unchecked")
  private <S extends org.apache.kafka.streams.processor.StateStore> Materialized<Object, Object, S> versioned(
      String store) {
    var supplier = nodes.versioned(store);
    return supplier == null ? null : (Materialized<Object, Object, S>) (Materialized<Object, Object, ?>) Materialized
        .<Object, Object>as(supplier);
  }

  private Node ofTable(Plan plan, Node from, Map<String, Object> groupBy, Codec input) {
    Expr key = new Expr(groupBy.getOrDefault("key", "key"));
    Expr value = new Expr(groupBy.getOrDefault("value", "value"));
    KGroupedTable<Object, Object> grouped =
        from.table.groupBy((k, v) -> KeyValue.pair(key.eval(k, v), value.eval(k, v)), Grouped.with(plan.key, input).withName(plan.name));
    Materialized<Object, Object, KeyValueStore<Bytes, byte[]>> rows = store(plan, Codec.Window.NONE, 0);
    KTable<Object, Object> table = switch (plan.operator) {
      case "count" -> cast(grouped.count(rows(rows)));
      case "reduce" -> grouped.reduce(plan.reduce, plan.reduceSubtract, rows);
      default -> grouped.aggregate(plan.init, plan.add, plan.subtract, rows);
    };
    return Node.of(table, plan.key, plan.value);
  }

  private Node ofStream(Plan plan, KGroupedStream<Object, Object> grouped) {
    if (plan.window.containsKey("session")) return session(plan, grouped.windowedBy(sessions(plan.window)));
    if (plan.window.containsKey("sliding")) return windowed(plan, grouped.windowedBy(sliding(plan.window)));
    if (!plan.window.isEmpty()) return windowed(plan, grouped.windowedBy(fixed(plan.window)));
    Materialized<Object, Object, KeyValueStore<Bytes, byte[]>> rows = store(plan, Codec.Window.NONE, 0);
    KTable<Object, Object> table = switch (plan.operator) {
      case "count" -> cast(grouped.count(rows(rows)));
      case "reduce" -> grouped.reduce(plan.reduce, rows);
      default -> grouped.aggregate(plan.init, plan.add, rows);
    };
    return Node.of(table, plan.key, plan.value);
  }

  private Node windowed(Plan plan, TimeWindowedKStream<Object, Object> windows) {
    long size = size(plan.window);
    if (plan.onClose) windows = windows.emitStrategy(EmitStrategy.onWindowClose());
    Materialized<Object, Object, WindowStore<Bytes, byte[]>> rows = store(plan, Codec.Window.TIME, size);
    Object table = switch (plan.operator) {
      case "count" -> windows.count(rows(rows));
      case "reduce" -> windows.reduce(plan.reduce, rows);
      default -> windows.aggregate(plan.init, plan.add, rows);
    };
    return Node.of(cast(table), plan.key.windowed(Codec.Window.TIME, size), plan.value);
  }

  private Node session(Plan plan, SessionWindowedKStream<Object, Object> windows) {
    if (plan.onClose) windows = windows.emitStrategy(EmitStrategy.onWindowClose());
    Materialized<Object, Object, SessionStore<Bytes, byte[]>> rows = store(plan, Codec.Window.SESSION, 0);
    Object table = switch (plan.operator) {
      case "count" -> windows.count(rows(rows));
      case "reduce" -> windows.reduce(plan.reduce, rows);
      default -> windows.aggregate(plan.init, plan.add, plan.merge, rows);
    };
    return Node.of(cast(table), plan.key.windowed(Codec.Window.SESSION, 0), plan.value);
  }

  private Node cogroup(Plan plan, List<Node> from, List<Object> names, Object groupBy) {
    CogroupedKStream<Object, Object> all = null;
    Map<String, Object> add = Nodes.map(plan.arguments.get("add"));
    for (int i = 0; i < from.size(); i++) {
      Expr expression = new Expr(add.get(names.get(i)));
      Aggregator<Object, Object, Object> one = (key, value, aggregate) -> expression.eval(Expr.aggregation(key, value,
          aggregate));
      KGroupedStream<Object, Object> grouped = grouped(from.get(i), groupBy,
          groupBy == null ? from.get(i).key : plan.key, plan.name + "-" + ((String) names.get(i)).replace('.', '-'));
      all = all == null ? grouped.cogroup(one) : all.cogroup(grouped, one);
    }
    if (plan.window.containsKey("session")) {
      Materialized<Object, Object, SessionStore<Bytes, byte[]>> rows = store(plan, Codec.Window.SESSION, 0);
      return Node.of(cast(all.windowedBy(sessions(plan.window)).aggregate(plan.init, plan.merge, rows)),
          plan.key.windowed(Codec.Window.SESSION, 0), plan.value);
    }
    if (!plan.window.isEmpty()) {
      long size = size(plan.window);
      Materialized<Object, Object, WindowStore<Bytes, byte[]>> rows = store(plan, Codec.Window.TIME, size);
      var windows = plan.window.containsKey("sliding") ? all.windowedBy(sliding(plan.window))
                                                       : all.windowedBy(fixed(plan.window));
      return Node.of(cast(windows.aggregate(plan.init, rows)), plan.key.windowed(Codec.Window.TIME, size), plan.value);
    }
    Materialized<Object, Object, KeyValueStore<Bytes, byte[]>> rows = store(plan, Codec.Window.NONE, 0);
    return Node.of(all.aggregate(plan.init, rows), plan.key, plan.value);
  }

  private static Duration grace(Map<String, Object> window) {
    return window.containsKey("grace") ? Nodes.duration(window.get("grace")) : Duration.ZERO;
  }

  private static SessionWindows sessions(Map<String, Object> window) {
    return SessionWindows.ofInactivityGapAndGrace(Nodes.duration(window.get("session")), grace(window));
  }

  private static SlidingWindows sliding(Map<String, Object> window) {
    return SlidingWindows.ofTimeDifferenceAndGrace(Nodes.duration(window.get("sliding")), grace(window));
  }

  private static TimeWindows fixed(Map<String, Object> window) {
    Object size = window.containsKey("tumbling") ? window.get("tumbling") : window.get("hopping");
    TimeWindows windows = TimeWindows.ofSizeAndGrace(Nodes.duration(size), grace(window));
    return window.containsKey("advance") ? windows.advanceBy(Nodes.duration(window.get("advance"))) : windows;
  }

  private static long size(Map<String, Object> window) {
    for (String kind : List.of("tumbling", "hopping", "sliding")) {
      if (window.containsKey(kind)) return Nodes.duration(window.get(kind)).toMillis();
    }
    throw new IllegalArgumentException("no such window: " + window);
  }

  /** Counts are Longs, which are Objects, but Java's generics do not know it; nor that a Windowed key is one. */
  @SuppressWarnings("unchecked")
  private static KTable<Object, Object> cast(Object table) {
    return (KTable<Object, Object>) table;
  }

  @SuppressWarnings("unchecked")
  private static <S extends org.apache.kafka.streams.processor.StateStore> Materialized<Object, Long, S> rows(
      Materialized<Object, Object, S> rows) {
    return (Materialized<Object, Long, S>) (Materialized<Object, ?, S>) rows;
  }
}
