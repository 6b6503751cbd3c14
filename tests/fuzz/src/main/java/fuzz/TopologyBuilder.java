package fuzz;

import fuzz.Nodes.Node;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.processor.TimestampExtractor;

/** Makes a topology of Kafka Streams out of a topology file (../shared/TOPOLOGY.md) that has been read from YAML. */
final class TopologyBuilder {
  private static final Set<String> NO_OPERATORS =
      Set.of("from", "serde", "group_by", "store", "on_error", "config", "stores");
  private final Nodes nodes;
  private final StreamOperators streams;
  private final TableOperators tables;
  private final Aggregations aggregations;
  private final Joins joins;

  private TopologyBuilder(Nodes nodes) {
    this.nodes = nodes;
    streams = new StreamOperators(nodes);
    tables = new TableOperators(nodes);
    aggregations = new Aggregations(nodes);
    joins = new Joins(nodes);
  }

  static Nodes build(Map<String, Object> file, Nodes.Variant variant) {
    Nodes nodes = new Nodes(file, variant);
    TopologyBuilder builder = new TopologyBuilder(nodes);
    Nodes.map(file.get("nodes")).forEach((name, node) -> builder.add(name, Nodes.map(node)));
    return nodes;
  }

  private void add(String name, Map<String, Object> node) {
    String operator = node.keySet().stream().filter(key -> !NO_OPERATORS.contains(key)).findFirst().orElseThrow();
    List<Node> from = new ArrayList<>();
    if (node.containsKey("from")) Nodes.list(node.get("from")).forEach(above -> from.add(nodes.get(above)));
    Node first = from.isEmpty() ? null : from.get(0);
    if (operator.equals("branch")) {
      streams.branch(first, node, name);
      return;
    }
    Node made = switch (operator) {
      case "source" -> source(Nodes.map(node.get("source")));
      case "table" -> table(Nodes.map(node.get("table")), false);
      case "global_table" -> table(Nodes.map(node.get("global_table")), true);
      case "sink" -> sink(first, Nodes.map(node.get("sink")));
      case "filter", "filter_not" -> first.table == null ? streams.filter(first, node, operator.equals("filter"))
          : tables.filter(first, node, operator.equals("filter"));
      case "map_values" -> first.table == null ? streams.mapValues(first, node) : tables.mapValues(first, node);
      case "map" -> streams.map(first, node);
      case "flat_map" -> streams.flatMap(first, node);
      case "flat_map_values" -> streams.flatMapValues(first, node);
      case "select_key" -> streams.selectKey(first, node);
      case "merge" -> streams.merge(from, node);
      case "repartition" -> streams.repartition(first, node, name);
      case "peek" -> Node.of(first.stream.peek((key, value) -> {}), first.key, first.value);
      case "to_table" -> tables.toTable(first, node, name);
      case "to_stream" -> Node.of(first.table.toStream(), first.key, first.value);
      case "suppress" -> tables.suppress(first, node, name);
      case "count", "reduce", "aggregate", "cogroup" -> aggregations.build(name, operator, from, node);
      case "join" -> joins.build(name, first, node);
      default -> throw new IllegalArgumentException("no such operator here: " + operator);
    };
    if (made != null) nodes.byName.put(name, made);
  }

  private static Consumed<Object, Object> consumed(Map<String, Object> arguments, Codec key, Codec value) {
    Consumed<Object, Object> consumed = Consumed.with(key, value);
    if (!arguments.containsKey("timestamp")) return consumed;
    Expr timestamp = new Expr(arguments.get("timestamp"));
    TimestampExtractor extractor = (record, before) -> {
      Object result = timestamp.eval(Expr.scope(record.key(), record.value(), record.timestamp(), record.headers(),
          null));
      return result == null ? -1 :
        (Long) result;
    };
    return consumed.withTimestampExtractor(extractor);
  }

  private Node source(Map<String, Object> arguments) {
    Codec key = Codec.parse(arguments.getOrDefault("key", "bytes"), null);
    Codec value = Codec.parse(arguments.getOrDefault("value", "bytes"), null);
    Consumed<Object, Object> consumed = consumed(arguments, key, value);
    KStream<Object, Object> stream;
    if (arguments.containsKey("pattern")) {
      String pattern = (String) arguments.get("pattern");
      nodes.sources.put(pattern, new Codec[] {key, value});
      stream = nodes.builder.stream(Pattern.compile(pattern), consumed);
    } else {
      List<String> topics = new ArrayList<>();
      for (Object topic :
          Nodes.list(arguments.containsKey("topics") ? arguments.get("topics") : arguments.get("topic"))) {
        topics.add((String) topic);
        nodes.sources.put((String) topic, new Codec[] {key, value});
      }
      stream = nodes.builder.stream(topics, consumed);
    }
    return Node.of(stream, key, value);
  }

  private Node table(Map<String, Object> arguments, boolean global) {
    Object store = arguments.get("store");
    Codec key = Codec.parse(arguments.getOrDefault("key", "bytes"), null);
    Codec value = Codec.parse(arguments.getOrDefault("value", "bytes"), null);
    String topic = (String) arguments.get("topic");
    nodes.sources.put(topic, new Codec[] {key, value});
    Consumed<Object, Object> consumed = consumed(arguments, key, value);
    if (!global) return Node.of(nodes.builder.table(topic, consumed, nodes.rows(store, key, value)), key, value);
    Node node = new Node();
    node.global = store == null ? nodes.builder.globalTable(topic, consumed)
                                : nodes.builder.globalTable(topic, consumed, nodes.rows(store, key, value));
    node.key = key;
    node.value = value;
    return node;
  }

  private Node sink(Node from, Map<String, Object> arguments) {
    Codec key = arguments.containsKey("key") ? Codec.parse(arguments.get("key"), from.key) : from.key;
    Codec value = arguments.containsKey("value") ? Codec.parse(arguments.get("value"), null) : from.value;
    KStream<Object, Object> stream = from.table == null ? from.stream : from.table.toStream();
    if (arguments.containsKey("timestamp") || arguments.containsKey("headers")) {
      throw new IllegalArgumentException("a sink's timestamp and headers have no namesake");
    }
    Produced<Object, Object> produced = Produced.with(key, value);
    if (arguments.get("topic") instanceof Map<?, ?> computed) {
      Expr topic = new Expr(computed.get("expr"));
      nodes.anySink = new Codec[] {key, value};
      stream.to((k, v, context)
                    -> (String) topic.eval(Expr.scope(k, v, context.timestamp(),
                        context.headers() == null ? new RecordHeaders() : context.headers(), null)),
          produced);
    } else {
      nodes.sinks.put((String) arguments.get("topic"), new Codec[] {key, value});
      stream.to((String) arguments.get("topic"), produced);
    }
    return null;
  }
}
