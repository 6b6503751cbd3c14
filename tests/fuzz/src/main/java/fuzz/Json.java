package fuzz;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * JSON as kstreamd writes it: fields by name, no spaces, whole floats with a point. Maps are TreeMaps, integers Longs.
 */
final class Json {
  private static final ObjectMapper MAPPER = new ObjectMapper().enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

  private Json() {}

  static Object read(String text) {
    try {
      return normal(MAPPER.readValue(text, Object.class));
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException("not JSON: " + text, e);
    }
  }

  /** What a YAML or JSON reader gave, in the types that the rest of the program uses. */
  static Object normal(Object value) {
    if (value instanceof Integer number) return (long) number;
    if (value instanceof Map<?, ?> map) {
      Map<String, Object> result = new TreeMap<>();
      map.forEach((name, field) -> result.put(String.valueOf(name), normal(field)));
      return result;
    }
    if (value instanceof List<?> items) {
      List<Object> result = new ArrayList<>();
      for (Object item : items) result.add(normal(item));
      return result;
    }
    return value;
  }

  static String write(Object value) {
    StringBuilder out = new StringBuilder();
    write(value, out);
    return out.toString();
  }

  private static void write(Object value, StringBuilder out) {
    if (value instanceof Map<?, ?> map) {
      out.append('{');
      String separator = "";
      for (Map.Entry<?, ?> field : map.entrySet()) {
        out.append(separator);
        separator = ",";
        write(field.getKey(), out);
        out.append(':');
        write(field.getValue(), out);
      }
      out.append('}');
    } else if (value instanceof List<?> items) {
      out.append('[');
      String separator = "";
      for (Object item : items) {
        out.append(separator);
        separator = ",";
        write(item, out);
      }
      out.append(']');
    } else if (value instanceof String text) {
      quote(text, out);
    } else {
      out.append(value);
    }
  }

  private static void quote(String text, StringBuilder out) {
    out.append('"');
    for (char c : text.toCharArray()) {
      if (c == '"' || c == '\\') out.append('\\').append(c);
      else if (c < ' ') out.append(String.format("\\u%04x", (int) c));
      else out.append(c);
    }
    out.append('"');
  }
}
