package fuzz;

import fuzz.Nodes.Node;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.Repartitioned;
import org.apache.kafka.streams.processor.api.ContextualFixedKeyProcessor;
import org.apache.kafka.streams.processor.api.ContextualProcessor;
import org.apache.kafka.streams.processor.api.FixedKeyRecord;
import org.apache.kafka.streams.processor.api.Record;

/**
 * Operators on streams. They are Kafka Streams' own where key and value are all that an expression sees, else
 * processors, for the DSL shows no more.
 */
final class StreamOperators {
  private final Nodes nodes;

  StreamOperators(Nodes nodes) {
    this.nodes = nodes;
  }

  /** The records whose expression gives what `test` wants. */
  private static KStream<Object, Object> filter(KStream<Object, Object> stream, Expr expression, boolean wanted) {
    if (!expression.needsRecord()) return stream.filter((key, value) -> expression.test(key, value) == wanted);
    return stream.processValues(() -> new ContextualFixedKeyProcessor<Object, Object, Object>() {
      @Override
      public void process(FixedKeyRecord<Object, Object> record) {
        if (Lua.truth(expression.eval(scope(record, context().recordMetadata().orElse(null)))) == wanted)
          context().forward(record);
      }
    });
  }

  private static Lua.Scope scope(
      FixedKeyRecord<Object, Object> record, org.apache.kafka.streams.processor.api.RecordMetadata from) {
    return Expr.scope(record.key(), record.value(), record.timestamp(), record.headers(), from);
  }

  static KStream<Object, Object> mapValues(KStream<Object, Object> stream, Expr value) {
    if (!value.needsRecord()) return stream.mapValues((key, old) -> value.eval(key, old));
    return stream.processValues(() -> new ContextualFixedKeyProcessor<Object, Object, Object>() {
      @Override
      public void process(FixedKeyRecord<Object, Object> record) {
        context().forward(record.withValue(value.eval(scope(record, context().recordMetadata().orElse(null)))));
      }
    });
  }

  static KStream<Object, Object> selectKey(KStream<Object, Object> stream, Expr key) {
    if (!key.needsRecord()) return stream.selectKey(key::eval);
    return rekeyed(stream, (scope, record, forward) -> forward.accept(record.withKey(key.eval(scope))));
  }

  private interface Step {
    void process(Lua.Scope scope, Record<Object, Object> record, Consumer<Record<Object, Object>> forward);
  }

  private static KStream<Object, Object> rekeyed(KStream<Object, Object> stream, Step step) {
    return stream.process(() -> new ContextualProcessor<Object, Object, Object, Object>() {
      @Override
      public void process(Record<Object, Object> record) {
        step.process(Expr.scope(record.key(), record.value(), record.timestamp(), record.headers(),
            context().recordMetadata().orElse(null)), record, context()::forward);
      }
    });
  }

  Node filter(Node from, Map<String, Object> node, boolean wanted) {
    Object text = node.get(wanted ? "filter" : "filter_not");
    return Node.of(filter(from.stream, new Expr(text), wanted), from.key, from.value);
  }

  Node mapValues(Node from, Map<String, Object> node) {
    return Node.of(mapValues(from.stream, new Expr(node.get("map_values"))), from.key, nodes.made(node, "value"));
  }

  Node selectKey(Node from, Map<String, Object> node) {
    return Node.of(selectKey(from.stream, new Expr(node.get("select_key"))), nodes.made(node, "key"), from.value);
  }

  Node map(Node from, Map<String, Object> node) {
    Map<String, Object> arguments = Nodes.map(node.get("map"));
    Expr key = arguments.containsKey("key") ? new Expr(arguments.get("key")) : null;
    Expr value = arguments.containsKey("value") ? new Expr(arguments.get("value")) : null;
    Expr timestamp = arguments.containsKey("timestamp") ? new Expr(arguments.get("timestamp")) : null;
    Expr headers = arguments.containsKey("headers") ? new Expr(arguments.get("headers")) : null;
    Codec keyCodec = key == null ? Nodes.kept(node, "key", from.key) : nodes.made(node, "key");
    Codec valueCodec = value == null ? Nodes.kept(node, "value", from.value) : nodes.made(node, "value");
    KStream<Object, Object> mapped;
    boolean plain = timestamp == null && headers == null && (key == null || !key.needsRecord())
        && (value == null || !value.needsRecord());
    if (plain && key != null) {
      mapped = from.stream.map((k, v) -> KeyValue.pair(key.eval(k, v), value == null ? v : value.eval(k, v)));
    } else if (key == null) {
      mapped = from.stream.processValues(() -> new ContextualFixedKeyProcessor<Object, Object, Object>() {
        @Override
        public void process(FixedKeyRecord<Object, Object> record) {
          Lua.Scope scope = scope(record, context().recordMetadata().orElse(null));
          FixedKeyRecord<Object, Object> result = value == null ? record : record.withValue(value.eval(scope));
          if (timestamp != null) result = result.withTimestamp((Long) timestamp.eval(scope));
          if (headers != null) result = result.withHeaders(headers(headers.eval(scope)));
          context().forward(result);
        }
      });
    } else {
      mapped = rekeyed(from.stream, (scope, record, forward) -> {
        Record<Object, Object> result = record.withKey(key.eval(scope));
        if (value != null) result = result.withValue(value.eval(scope));
        if (timestamp != null) result = result.withTimestamp((Long) timestamp.eval(scope));
        if (headers != null) result = result.withHeaders(headers(headers.eval(scope)));
        forward.accept(result);
      });
    }
    return Node.of(mapped, keyCodec, valueCodec);
  }

  private static Headers headers(Object list) {
    Headers headers = new RecordHeaders();
    for (Object item : list == null || list instanceof Map<?, ?> ? List.of() : (List<?>) list) {
      Object value = ((Map<?, ?>) item).get("value");
      headers.add((String) ((Map<?, ?>) item).get("key"),
          value == null ? null : ((String) value).getBytes(java.nio.charset.StandardCharsets.UTF_8));
    }
    return headers;
  }

  /** `{}` is an empty list too. */
  private static List<?> items(Object value) {
    if (value instanceof Map<?, ?> map && map.isEmpty()) return List.of();
    return (List<?>) value;
  }

  Node flatMap(Node from, Map<String, Object> node) {
    Expr expression = new Expr(node.get("flat_map"));
    KStream<Object, Object> mapped = from.stream.flatMap((key, value) -> {
      List<KeyValue<Object, Object>> pairs = new ArrayList<>();
      for (Object item : items(expression.eval(key, value))) {
        pairs.add(KeyValue.pair(((Map<?, ?>) item).get("key"), ((Map<?, ?>) item).get("value")));
      }
      return pairs;
    });
    return Node.of(mapped, nodes.made(node, "key"), nodes.made(node, "value"));
  }

  Node flatMapValues(Node from, Map<String, Object> node) {
    Expr expression = new Expr(node.get("flat_map_values"));
    KStream<Object, Object> mapped =
        from.stream.flatMapValues((key, value) -> new ArrayList<Object>(items(expression.eval(key, value))));
    return Node.of(mapped, from.key, nodes.made(node, "value"));
  }

  void branch(Node from, Map<String, Object> node, String name) {
    Map<String, Expr> conditions = new java.util.LinkedHashMap<>();
    String rest = null;
    for (Map.Entry<String, Object> branch : Nodes.map(node.get("branch")).entrySet()) {
      if ("default".equals(branch.getValue())) rest = branch.getKey();
      else conditions.put(branch.getKey(), new Expr(branch.getValue()));
    }
    if (conditions.values().stream().anyMatch(Expr::needsRecord))
      throw new IllegalArgumentException("branch by key and value only");
    var split = from.stream.split(org.apache.kafka.streams.kstream.Named.as(name + "."));
    for (Map.Entry<String, Expr> branch : conditions.entrySet()) {
      split = split.branch((key, value)
                               -> branch.getValue().test(key, value),
          org.apache.kafka.streams.kstream.Branched.as(branch.getKey()));
    }
    Map<String, KStream<Object, Object>> streams = rest == null
        ? split.noDefaultBranch()
        : split.defaultBranch(org.apache.kafka.streams.kstream.Branched.as(rest));
    streams.forEach((branch, stream) -> nodes.byName.put(branch, Node.of(stream, from.key, from.value)));
  }

  Node merge(List<Node> from, Map<String, Object> node) {
    Node merged = from.get(0);
    for (Node other : from.subList(1, from.size())) {
      merged = Node.of(merged.stream.merge(other.stream), merged.key.same(other.key) ? merged.key : nodes.made(node, "key"),
          merged.value.same(other.value) ? merged.value : nodes.made(node, "value"));
    }
    return merged;
  }

  Node repartition(Node from, Map<String, Object> node, String name) {
    Codec key = Nodes.kept(node, "key", from.key);
    Codec value = Nodes.kept(node, "value", from.value);
    Object partitions = Nodes.map(node.get("repartition")).get("partitions");
    Repartitioned<Object, Object> how = Repartitioned.with(key, value).withName(name);
    if (partitions != null) how = how.withNumberOfPartitions(((Number) partitions).intValue());
    return Node.of(from.stream.repartition(how), key, value);
  }
}
