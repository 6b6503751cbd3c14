package fuzz;

import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.streams.kstream.Windowed;

/** YAML as the golden files have it: each node a block, what is in it in braces. */
final class YamlText {
  private YamlText() {}

  static String topology(Map<String, Object> file) {
    StringBuilder out = new StringBuilder();
    file.forEach((name, value) -> {
      if (name.equals("nodes")) return;
      if (!name.equals("stores")) {
        out.append(name).append(": ").append(argument(value)).append('\n');
        return;
      }
      out.append("stores:\n");
      Nodes.map(value).forEach(
          (store, settings) -> out.append("  ").append(store).append(": ").append(argument(settings)).append('\n'));
    });
    out.append("nodes:\n");
    Nodes.map(file.get("nodes")).forEach((name, node) -> {
      out.append("  ").append(name).append(":\n");
      Nodes.map(node).forEach(
          (key, value) -> out.append("    ").append(key).append(": ").append(argument(value)).append('\n'));
    });
    return out.toString();
  }

  /** Plain where a word needs no quotes. */
  private static String argument(Object value) {
    if (value instanceof Map<?, ?> map) {
      if (map.isEmpty()) return "{}";
      return map.entrySet()
          .stream()
          .map(e -> e.getKey() + ": " + argument(e.getValue()))
          .collect(Collectors.joining(", ", "{ ", " }"));
    }
    if (value instanceof List<?> list)
      return list.stream().map(YamlText::argument).collect(Collectors.joining(", ", "[", "]"));
    if (value instanceof String text && text.matches("[a-z][A-Za-z0-9_.-]*|[0-9]+(ms|s|m|h)")
        && !List.of("true", "false", "null", "key").contains(text)) {
      return text;
    }
    return data(value);
  }

  /** A key or value of a record. */
  static String data(Object value) {
    if (value instanceof Windowed<?> key) {
      return "{ key: " + data(key.key()) + ", start: " + key.window().start() + ", end: " + key.window().end() + " }";
    }
    if (value instanceof byte[] raw) return bytes(raw);
    if (value instanceof Map<?, ?> map) {
      if (map.isEmpty()) return "{}";
      return map.entrySet()
          .stream()
          .map(e -> e.getKey() + ": " + data(e.getValue()))
          .collect(Collectors.joining(", ", "{ ", " }"));
    }
    if (value instanceof List<?> list)
      return list.stream().map(YamlText::data).collect(Collectors.joining(", ", "[", "]"));
    return value instanceof String ? Json.write(value) : String.valueOf(value);
  }

  static String input(Map<String, Object> record) {
    StringBuilder out = new StringBuilder("{ topic: " + record.get("topic") + ", key: " + data(record.get("key"))
        + ", value: " + data(record.get("value")) + ", timestamp: " + record.get("timestamp"));
    if (record.containsKey("headers")) out.append(", headers: ").append(data(record.get("headers")));
    return out.append(" }").toString();
  }

  static String bytes(byte[] bytes) {
    return bytes == null ? "null" : "{ base64: \"" + Base64.getEncoder().encodeToString(bytes) + "\" }";
  }

  /** A record of an internal topic. The timestamp is left out where Kafka Streams sets none. */
  static String internal(String topic, ProducerRecord<byte[], byte[]> record) {
    StringBuilder out = new StringBuilder("{ topic: " + topic + ", key: " + bytes(record.key())
        + ", value: " + bytes(record.value()));
    if (record.timestamp() != null) out.append(", timestamp: ").append(record.timestamp());
    if (record.headers().lastHeader("v") == null && topic.endsWith("-changelog")) return out.append(" }").toString();
    out.append(", headers: [");
    String separator = "";
    for (Header header : record.headers()) {
      out.append(separator).append("{ key: ").append(data(header.key())).append(", value: ").append(bytes(header.value())).append(" }");
      separator = ", ";
    }
    return out.append("] }").toString();
  }

  /** Dead letters have headers that tell of Java. */
  private static boolean ofAnError(Map<String, Object> header) {
    return String.valueOf(header.get("key")).startsWith("__streams.errors.");
  }

  static String output(Runner.Output record, boolean headers) {
    boolean dead = record.headers().stream().anyMatch(YamlText::ofAnError);
    StringBuilder out = new StringBuilder("{ topic: " + record.topic());
    // Kafka Streams has forgotten both once something was sent on behalf of the record that fails.
    if (!dead || record.key() != null || record.value() != null)
      out.append(", key: ").append(data(record.key())).append(", value: ").append(data(record.value()));
    out.append(", timestamp: ").append(record.timestamp());
    if (headers && !dead) out.append(", headers: ").append(data(record.headers()));
    return out.append(" }").toString();
  }
}
