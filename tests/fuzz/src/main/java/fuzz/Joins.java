package fuzz;

import fuzz.Nodes.Node;
import java.time.Duration;
import java.util.Map;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.kstream.JoinWindows;
import org.apache.kafka.streams.kstream.Joined;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.KTable;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.StreamJoined;
import org.apache.kafka.streams.kstream.TableJoined;
import org.apache.kafka.streams.kstream.ValueJoiner;
import org.apache.kafka.streams.kstream.ValueJoinerWithKey;
import org.apache.kafka.streams.state.KeyValueStore;

/** Joins of every pair of kinds. */
final class Joins {
  private final Nodes nodes;

  Joins(Nodes nodes) {
    this.nodes = nodes;
  }

  Node build(String name, Node left, Map<String, Object> node) {
    Map<String, Object> arguments = Nodes.map(node.get("join"));
    Node right = nodes.get(arguments.get("with"));
    String type = (String) arguments.getOrDefault("type", "inner");
    Expr value = new Expr(arguments.get("value"));
    Codec key = Nodes.kept(node, "key", left.key);
    Codec result = nodes.made(node, "value");
    if (right.global != null) return global(left, right, type, arguments, value, result);
    if (left.stream != null && right.stream != null) return streams(name, left, right, type, arguments, value, result);
    if (left.stream != null) return streamTable(name, left, right, type, arguments, value, result);
    if (arguments.containsKey("foreign_key")) return foreign(name, left, right, type, arguments, value, key, result);
    return tables(left, right, type, arguments, value, key, result);
  }

  private static Node global(
      Node left, Node right, String type, Map<String, Object> arguments, Expr value, Codec result) {
    Expr lookup = new Expr(arguments.get("key"));
    ValueJoinerWithKey<Object, Object, Object, Object> joiner = (key, l, r) -> value.eval(Expr.sides(key, l, r));
    KStream<Object, Object> joined = switch (type) {
      case "inner" -> left.stream.join(right.global, (k, v) -> lookup(lookup, k, v), joiner);
      case "left" -> left.stream.leftJoin(right.global, (k, v) -> lookup(lookup, k, v), joiner);
      default -> throw new IllegalArgumentException("a global table is joined inner or left");
    };
    return Node.of(joined, left.key, result);
  }

  /** `key` of a global join and `foreign_key` see the left record, as `value` and as `left`. */
  private static Object lookup(Expr expression, Object key, Object value) {
    Lua.Scope scope = Expr.scope(key, value);
    scope.declare("left", value);
    return expression.eval(scope);
  }

  private static JoinWindows windows(Map<String, Object> arguments, boolean swapped) {
    Object within = arguments.get("within");
    Duration before = Nodes.duration(within instanceof Map<?, ?> sides ? sides.get("before") : within);
    Duration after = Nodes.duration(within instanceof Map<?, ?> sides ? sides.get("after") : within);
    Duration grace = arguments.containsKey("grace") ? Nodes.duration(arguments.get("grace")) : Duration.ZERO;
    JoinWindows windows = JoinWindows.ofTimeDifferenceAndGrace(before.compareTo(after) > 0 ? before : after, grace);
    return swapped ? windows.before(after).after(before) : windows.before(before).after(after);
  }

  private Node streams(
      String name, Node left, Node right, String type, Map<String, Object> arguments, Expr value, Codec result) {
    boolean swapped = type.equals("right");
    JoinWindows windows = windows(arguments, swapped);
    KStream<Object, Object> l = left.stream;
    KStream<Object, Object> r = right.stream;
    if (!type.equals("inner")) {
      OuterJoinWatch watch = new OuterJoinWatch(name, windows);
      nodes.outerJoins.add(watch);
      l = watch.watched(l);
      r = l == r || left.stream == right.stream ? l : watch.watched(r);
    }
    ValueJoinerWithKey<Object, Object, Object, Object> joiner = (key, a, b) -> value.eval(Expr.sides(key, a, b));
    StreamJoined<Object, Object, Object> stores =
        StreamJoined.with(left.key, left.value, right.value).withName(name).withStoreName(name);
    KStream<Object, Object> joined = switch (type) {
      case "inner" -> l.join(r, joiner, windows, stores);
      case "left" -> l.leftJoin(r, joiner, windows, stores);
      case "outer" -> l.outerJoin(r, joiner, windows, stores);
      case "right" -> {
        ValueJoinerWithKey<Object, Object, Object, Object> back = (key, a, b) -> value.eval(Expr.sides(key, b, a));
        yield r.leftJoin(l, back, windows, StreamJoined.with(left.key, right.value,
            left.value).withName(name).withStoreName(name));
      }
      default -> throw new IllegalArgumentException("no such join: " + type);
    };
    return Node.of(joined, left.key, result);
  }

  private static Node streamTable(String name, Node left, Node right, String type, Map<String, Object> arguments, Expr value,
      Codec result) {
    ValueJoinerWithKey<Object, Object, Object, Object> joiner = (key, a, b) -> value.eval(Expr.sides(key, a, b));
    Joined<Object, Object, Object> how = Joined.with(left.key, left.value, right.value).withName(name);
    if (arguments.containsKey("grace")) how = how.withGracePeriod(Nodes.duration(arguments.get("grace")));
    KStream<Object, Object> joined = switch (type) {
      case "inner" -> left.stream.join(right.table, joiner, how);
      case "left" -> left.stream.leftJoin(right.table, joiner, how);
      default -> throw new IllegalArgumentException("a table is joined to a stream inner or left");
    };
    return Node.of(joined, left.key, result);
  }

  /** Any Materialized would give the result a store, which shows where another table looks into it. */
  private Node tables(Node left, Node right, String type, Map<String, Object> arguments, Expr value, Codec key,
      Codec result) {
    ValueJoiner<Object, Object, Object> joiner = (a, b) -> value.eval(Expr.sides(null, a, b));
    ValueJoiner<Object, Object, Object> swapped = (b, a) -> value.eval(Expr.sides(null, a, b));
    Object store = arguments.get("store");
    KTable<Object, Object> l = left.table;
    KTable<Object, Object> r = right.table;
    KTable<Object, Object> joined = switch (type) {
      case "inner" -> store == null ? l.join(r, joiner) : l.join(r, joiner, nodes.rows(store, key, result));
      case "left" -> store == null ? l.leftJoin(r, joiner) : l.leftJoin(r, joiner, nodes.rows(store, key, result));
      case "outer" -> store == null ? l.outerJoin(r, joiner) : l.outerJoin(r, joiner, nodes.rows(store, key, result));
      case "right" -> store == null ? r.leftJoin(l, swapped) : r.leftJoin(l, swapped, nodes.rows(store, key, result));
      default -> throw new IllegalArgumentException("no such join: " + type);
    };
    return Node.of(joined, key, result);
  }

  private Node foreign(String name, Node left, Node right, String type, Map<String, Object> arguments, Expr value, Codec key,
      Codec result) {
    Expr foreignKey = new Expr(arguments.get("foreign_key"));
    ValueJoiner<Object, Object, Object> joiner = (a, b) -> value.eval(Expr.sides(null, a, b));
    Materialized<Object, Object, KeyValueStore<Bytes, byte[]>> rows = nodes.rows(arguments.get("store"), key, result);
    TableJoined<Object, Object> how = TableJoined.as(name);
    KTable<Object, Object> joined = switch (type) {
      case "inner" -> left.table.join(right.table, (k, v) -> lookup(foreignKey, k, v), joiner, how, rows);
      case "left" -> left.table.leftJoin(right.table, (k, v) -> lookup(foreignKey, k, v), joiner, how, rows);
      default -> throw new IllegalArgumentException("a foreign key joins inner or left");
    };
    return Node.of(joined, key, result);
  }
}
