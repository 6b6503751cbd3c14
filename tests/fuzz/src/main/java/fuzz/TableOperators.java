package fuzz;

import fuzz.Nodes.Node;
import java.util.Map;
import org.apache.kafka.streams.kstream.KTable;
import org.apache.kafka.streams.kstream.Named;
import org.apache.kafka.streams.kstream.Suppressed;
import org.apache.kafka.streams.kstream.Suppressed.BufferConfig;

/** Operators whose input is a table, and to_table. */
final class TableOperators {
  private final Nodes nodes;

  TableOperators(Nodes nodes) {
    this.nodes = nodes;
  }

  /**
   * `store` stands beside the operator. Without one nothing may be said of serdes either: Kafka Streams takes any
   * Materialized for the end of a versioned table.
   */
  private static Object store(Map<String, Object> node) {
    return node.get("store");
  }

  Node filter(Node from, Map<String, Object> node, boolean wanted) {
    Expr expression = new Expr(node.get(wanted ? "filter" : "filter_not"));
    Codec key = Nodes.kept(node, "key", from.key);
    Codec value = Nodes.kept(node, "value", from.value);
    KTable<Object, Object> table;
    if (store(node) == null) {
      table = wanted ? from.table.filter(expression::test) : from.table.filterNot(expression::test);
    } else {
      var rows = nodes.rows(store(node), key, value);
      table = wanted ? from.table.filter(expression::test, rows) : from.table.filterNot(expression::test, rows);
    }
    return Node.of(table, key, value);
  }

  Node mapValues(Node from, Map<String, Object> node) {
    Expr expression = new Expr(node.get("map_values"));
    Codec key = Nodes.kept(node, "key", from.key);
    Codec value = nodes.made(node, "value");
    KTable<Object, Object> table = store(node) == null
        ? from.table.mapValues((k, v) -> expression.eval(k, v))
        : from.table.mapValues((k, v) -> expression.eval(k, v), nodes.rows(store(node), key, value));
    return Node.of(table, key, value);
  }

  Node toTable(Node from, Map<String, Object> node, String name) {
    Object store = Nodes.map(node.get("to_table")).get("store");
    Codec key = Nodes.kept(node, "key", from.key);
    Codec value = Nodes.kept(node, "value", from.value);
    return Node.of(from.stream.toTable(Named.as(name), nodes.rows(store, key, value)), key, value);
  }

  @SuppressWarnings({"unchecked", "rawtypes"})
  Node suppress(Node from, Map<String, Object> node, String name) {
    Map<String, Object> arguments = Nodes.map(node.get("suppress"));
    Suppressed how;
    if ("window_closes".equals(arguments.get("until"))) {
      how = Suppressed.untilWindowCloses(BufferConfig.unbounded());
    } else {
      BufferConfig buffer = BufferConfig.unbounded();
      if (arguments.size() > 1) {
        var bounded = BufferConfig.maxRecords(((Number) arguments.getOrDefault("max_records", Long.MAX_VALUE)).longValue());
        if (arguments.containsKey("max_bytes"))
          bounded = bounded.withMaxBytes(((Number) arguments.get("max_bytes")).longValue());
        buffer = "stop".equals(arguments.get("full")) ? bounded.shutDownWhenFull() : bounded.emitEarlyWhenFull();
      }
      how = Suppressed.untilTimeLimit(Nodes.duration(arguments.get("until")), buffer);
    }
    return Node.of((KTable<Object, Object>) from.table.suppress(how.withName(name)), from.key, from.value);
  }
}
