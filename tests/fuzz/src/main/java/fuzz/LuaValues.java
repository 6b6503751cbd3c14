package fuzz;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What Lua's operators do with values, and the functions of its library and of kstreamd that the tests use. */
final class LuaValues {
  private LuaValues() {}

  static Object binary(String operator, Object a, Object b) {
    switch (operator) {
      case "==": return equal(a, b);
      case "~=": return !equal(a, b);
      case "<": return compare(a, b) < 0;
      case "<=": return compare(a, b) <= 0;
      case ">": return compare(a, b) > 0;
      case ">=": return compare(a, b) >= 0;
      case "..": return text(a) + text(b);
      default: return arithmetic(operator, a, b);
    }
  }

  private static Object arithmetic(String operator, Object a, Object b) {
    if (!(a instanceof Number x) || !(b instanceof Number y)) throw new Lua.Failure("arithmetic on " + a + " and " + b);
    if (operator.equals("/")) return x.doubleValue() / y.doubleValue();
    if (a instanceof Long i && b instanceof Long j) {
      if (j == 0 && (operator.equals("//") || operator.equals("%"))) throw new Lua.Failure("division by zero");
      return switch (operator) {
        case "+" -> i + j;
        case "-" -> i - j;
        case "*" -> i * j;
        case "//" -> Math.floorDiv(i, j);
        default -> Math.floorMod(i, j);
      };
    }
    double i = x.doubleValue();
    double j = y.doubleValue();
    return switch (operator) {
      case "+" -> i + j;
      case "-" -> i - j;
      case "*" -> i * j;
      case "//" -> Math.floor(i / j);
      default -> i - Math.floor(i / j) * j;
    };
  }

  private static boolean equal(Object a, Object b) {
    if (a == Lua.NULL) a = null;
    if (b == Lua.NULL) b = null;
    if (a instanceof Number x && b instanceof Number y) return compare(x, y) == 0;
    return a == null ? b == null : a.equals(b);
  }

  private static int compare(Object a, Object b) {
    if (a instanceof Long i && b instanceof Long j) return Long.compare(i, j);
    if (a instanceof Number i && b instanceof Number j) return Double.compare(i.doubleValue(), j.doubleValue());
    if (a instanceof String i && b instanceof String j) return i.compareTo(j);
    throw new Lua.Failure("comparison of " + a + " with " + b);
  }

  static String text(Object value) {
    if (value instanceof String || value instanceof Long) return value.toString();
    if (value instanceof Double number) return floatText(number);
    throw new Lua.Failure("no text: " + value);
  }

  /** As Lua's tostring writes a float: 14 digits, and a point in a whole one. */
  private static String floatText(double number) {
    if (number == Math.rint(number) && Math.abs(number) < 1e14) return String.format(Locale.ROOT, "%.1f", number);
    String text = String.format(Locale.ROOT, "%.13f", number);
    return text.replaceAll("0+$", "");
  }

  static long length(Object value) {
    if (value instanceof String text) return text.getBytes(StandardCharsets.UTF_8).length;
    if (value instanceof Table table) return table.items.size();
    throw new Lua.Failure("length of " + value);
  }

  static Object index(Object of, Object key) {
    if (of == null || of == Lua.NULL) return null;
    if (of instanceof Map<?, ?> functions) return functions.get(key);
    if (!(of instanceof Table table)) throw new Lua.Failure("index of " + of);
    Object value = table.raw(key);
    return value == Lua.NULL ? null : value;
  }

  private static Object floor(Object number) {
    if (number instanceof Double x) return (long) Math.floor(x);
    if (number instanceof Long) return number;
    throw new Lua.Failure("no number: " + number);
  }

  private static final Map<String, Object> STRING = Map.of(
      "sub", (Lua.Function) a -> sub((String) a.get(0), (Long) a.get(1), a.size() > 2 ? (Long) a.get(2) : -1L),
      "len", (Lua.Function) a -> length(a.get(0)),
      "rep", (Lua.Function) a -> ((String) a.get(0)).repeat((int) Math.max(0, (Long) a.get(1))),
      "upper", (Lua.Function) a -> ((String) a.get(0)).toUpperCase(Locale.ROOT),
      "lower", (Lua.Function) a -> ((String) a.get(0)).toLowerCase(Locale.ROOT));
  private static final Map<String, Object> MATH = Map.of(
      "floor", (Lua.Function) a -> floor(a.get(0)),
      "min", (Lua.Function) a -> compare(a.get(0), a.get(1)) <= 0 ? a.get(0) : a.get(1),
      "max", (Lua.Function) a -> compare(a.get(0), a.get(1)) >= 0 ? a.get(0) : a.get(1));
  private static final Map<String, Object> JSON = Map.of(
      "encode", (Lua.Function) a -> Json.write(Table.toJava(a.get(0))),
      "decode", (Lua.Function) a -> Table.fromJava(Json.read((String) a.get(0))));

  /** A function or a library of functions, or null. */
  static Object library(String name) {
    return switch (name) {
      case "string" -> STRING;
      case "math" -> MATH;
      case "json" -> JSON;
      case "upper" -> STRING.get("upper");
      case "lower" -> STRING.get("lower");
      case "trim" -> (Lua.Function) a -> ((String) a.get(0)).strip();
      case "split" -> (Lua.Function) a -> split((String) a.get(0), (String) a.get(1));
      case "tostring" -> (Lua.Function) a -> a.get(0) == null
          ? "nil" : a.get(0) instanceof Boolean ? a.get(0).toString() : text(a.get(0));
      case "tonumber" -> (Lua.Function) a -> number(a.get(0));
      case "type" -> (Lua.Function) a -> type(a.get(0));
      case "coalesce" -> (Lua.Function) a -> a.stream().filter(v -> v != null
          && v != Lua.NULL).findFirst().orElse(null);
      case "list" -> (Lua.Function) a -> list(a);
      case "pairs" -> (Lua.Function) a -> pairs((Table) a.get(0), true);
      case "ipairs" -> (Lua.Function) a -> pairs((Table) a.get(0), false);
      default -> null;
    };
  }

  private static String sub(String text, long from, long to) {
    long start = from < 0 ? Math.max(text.length() + from + 1, 1) : Math.max(from, 1);
    long end = to < 0 ? text.length() + to + 1 : Math.min(to, text.length());
    return start > end ? "" : text.substring((int) start - 1, (int) end);
  }

  private static Object number(Object value) {
    if (value instanceof Number) return value;
    if (!(value instanceof String text) || !text.strip().matches("-?\\d+(\\.\\d+)?")) return null;
    return text.contains(".") ? (Object) Double.valueOf(text.strip()) : (Object) Long.valueOf(text.strip());
  }

  private static String type(Object value) {
    if (value == null || value == Lua.NULL) return "nil";
    if (value instanceof Boolean) return "boolean";
    if (value instanceof Number) return "number";
    return value instanceof Table ? "table" : "string";
  }

  private static Table list(List<Object> values) {
    Table table = new Table();
    table.list = true;
    table.items.addAll(values);
    return table;
  }

  /** The empty parts are kept. */
  private static Table split(String text, String luaPattern) {
    Table parts = new Table();
    parts.list = true;
    Matcher matcher = Pattern.compile(luaPattern.replace("%w", "A-Za-z0-9").replace("%s", "\\s")).matcher(text);
    int from = 0;
    while (matcher.find()) {
      parts.items.add(text.substring(from, matcher.start()));
      from = matcher.end();
    }
    parts.items.add(text.substring(from));
    return parts;
  }

  private static List<Object> pairs(Table table, boolean all) {
    List<Object> pairs = new ArrayList<>();
    for (int i = 0; i < table.items.size(); i++) {
      boolean absent = table.items.get(i) == Lua.NULL;
      if (absent && !all) break;
      if (!absent) pairs.add(new Object[] {(long) i + 1, table.items.get(i)});
    }
    if (all) {
      table.fields.forEach((name, value) -> {
        if (value != Lua.NULL) pairs.add(new Object[] {name, value});
      });
    }
    return pairs;
  }
}
