package fuzz;

import java.util.Map;
import java.util.Set;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.streams.kstream.Windowed;
import org.apache.kafka.streams.processor.api.RecordMetadata;

/** An expression of a topology with the names that it may use. */
final class Expr {
  private static final Set<String> OF_THE_RECORD = Set.of("timestamp", "headers", "topic", "partition", "offset");
  private final Lua.Expression code;

  Expr(Object text) {
    code = Lua.compile(String.valueOf(text));
  }

  /** Whether key and value do not suffice. */
  boolean needsRecord() {
    return code.names().stream().anyMatch(OF_THE_RECORD::contains);
  }

  Object eval(Lua.Scope scope) {
    return code.eval(scope);
  }

  Object eval(Object key, Object value) {
    return code.eval(scope(key, value));
  }

  boolean test(Object key, Object value) {
    return Lua.truth(eval(key, value));
  }

  static Lua.Scope scope(Object key, Object value) {
    Lua.Scope scope = new Lua.Scope(null);
    if (key instanceof Windowed<?> windowed) {
      scope.declare("key", windowed.key());
      scope.declare("window", Map.of("start", windowed.window().start(), "end", windowed.window().end()));
    } else {
      scope.declare("key", key);
    }
    scope.declare("value", value);
    return scope;
  }

  static Lua.Scope scope(Object key, Object value, long timestamp, Headers headers, RecordMetadata from) {
    Lua.Scope scope = scope(key, value);
    scope.declare("timestamp", timestamp);
    Map<String, Object> texts = new java.util.TreeMap<>();
    for (Header header : headers) {
      texts.put(header.key(),
          header.value() == null ? null : new String(header.value(), java.nio.charset.StandardCharsets.UTF_8));
    }
    scope.declare("headers", texts);
    if (from != null) {
      scope.declare("topic", from.topic());
      scope.declare("partition", (long) from.partition());
      scope.declare("offset", from.offset());
    }
    return scope;
  }

  static Lua.Scope aggregation(Object key, Object value, Object aggregate) {
    Lua.Scope scope = scope(key, value);
    scope.declare("aggregate", aggregate);
    return scope;
  }

  static Lua.Scope sides(Object key, Object left, Object right) {
    Lua.Scope scope = scope(key, null);
    scope.declare("left", left);
    scope.declare("right", right);
    return scope;
  }
}
