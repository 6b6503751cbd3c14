package fuzz;

import fuzz.Shape.Type;
import java.util.List;
import java.util.Random;

/** Lua texts for the generator. All take any value of their type, null too; some give nil. */
final class Expressions {
  private final Random random;
  private final boolean careless;

  /** Those that are careless fail on some values. */
  Expressions(Random random, boolean careless) {
    this.random = random;
    this.careless = careless;
  }

  private String pick(String... texts) {
    return texts[random.nextInt(texts.length)];
  }

  String condition(Type type) {
    int n = random.nextInt(8);
    if (careless && random.nextInt(5) == 0) return number(type, "value") + " % 3 ~= " + n % 3;
    String general = random.nextInt(6) == 0 ? pick("value ~= nil", "key ~= 'a'", "key == nil or key ~= 'b'",
        "true") : null;
    if (general != null) return general;
    return switch (type) {
      case STRING -> pick("value ~= nil and #value > 1", "value ~= 'b1'", "value and string.sub(value, 1, 1) ~= 'a'",
          "value and value >= 'b'", "(value or 'z') < 'c'", "value == nil or #value % 2 == 0");
      case INT -> pick("value and value > " + n, "(value or 0) % 2 == 0", "value and value < " + n, "value ~= " + n,
          "(value or 9) >= " + n,
          "value and value * 2 ~= 8");
      case FLOAT -> pick("value and value > " + n + ".5", "(value or 0.25) * 2 >= 3", "value ~= 1.5",
          "value and math.floor(value) % 2 == 0", "value ~= 2");
      case OBJECT -> pick("value and value.g == 'x'", "value and (value.n or 0) > " + n, "value and value.u ~= 'a'",
          "value and value.t ~= nil",
          "(value and value.n or 0) % 2 == 0", "value and value.g");
      case BOOL -> pick("value", "not value", "value ~= false", "value == false");
    };
  }

  /** Text for a value of this type that is put into others. */
  private String text(Type type, String of) {
    if (careless && random.nextInt(6) == 0) {
      return switch (type) {
        case OBJECT -> "(" + of + ".t .. '')";
        case BOOL -> "((" + of + " and 'T') .. '')";
        default -> "(" + of + " .. '')";
      };
    }
    return switch (type) {
      case STRING -> "(" + of + " or '-')";
      case INT -> "(" + of + " or 0)";
      case FLOAT -> "(" + of + " or 0.5)";
      case OBJECT -> "(" + of + ".t or " + of + ".g or '-')";
      case BOOL -> "(" + of + " and 'T' or 'F')";
    };
  }

  private String number(Type type, String of) {
    if (careless && random.nextInt(6) == 0) {
      return switch (type) {
        case STRING -> "#" + of;
        case INT -> "(" + of + " + 0)";
        case FLOAT -> "math.floor(" + of + ")";
        case OBJECT -> "(" + of + ".n + 0)";
        case BOOL -> "(" + of + " and 1 or nil + 0)";
      };
    }
    return switch (type) {
      case STRING -> "#(" + of + " or '')";
      case INT -> "(" + of + " or 0)";
      case FLOAT -> "math.floor(" + of + " or 0)";
      case OBJECT -> "(" + of + ".n or 0)";
      case BOOL -> "(" + of + " and 1 or 0)";
    };
  }

  private String group(Type type, String of) {
    return switch (type) {
      case STRING -> "string.sub(" + of + " or 'x', 1, 1)";
      case INT -> "'g' .. (" + of + " or 0) % 3";
      case FLOAT -> "'g' .. math.floor(" + of + " or 0) % 3";
      case OBJECT -> of + ".g";
      case BOOL -> "(" + of + " and 'yes' or 'no')";
    };
  }

  /** A value of type `to` made of one of type `from`. */
  String value(Type from, Type to) {
    String made = switch (to) {
      case STRING -> pick(text(from, "value") + " .. 'x'", "string.sub('m' .. " + text(from, "value") + ", 1, 6)",
          "upper('' .. " + text(from, "value") + ")",
          "'<' .. " + text(from, "value") + " .. '>'", "string.sub(" + text(from, "value") + " .. '', -3)");
      case INT -> pick(number(from, "value") + " + 1", number(from, "value") + " * 2", "-" + number(from, "value"),
          number(from, "value") + " // 2",
          number(from, "value") + " % 5");
      case FLOAT -> from == Type.FLOAT ? pick("(value or 0) / 2", "(value or 1) * 2", "(value or 0) + 0.25")
          : pick(number(from, "value") + " / 2", number(from, "value") + " * 0.25", number(from, "value") + " + 0.5");
      case BOOL -> pick("(" + number(from, "value") + " > 2)", "(" + number(from, "value") + " % 2 == 0)",
          "(" + text(from, "value") + " ~= 'b1')");
      case OBJECT -> pick("{ g = " + group(from, "value") + ", n = " + number(from,
          "value") + ", u = " + letter() + ", t = 't' .. " + text(from, "value") + " }",
          "{ g = " + group(from, "value") + ", n = " + number(from, "value") + " + 1 }", "{ n = " + number(from,
              "value") + ", t = " + letter() + " }");
    };
    if (from == to && from == Type.OBJECT && random.nextInt(3) == 0) made = "value";
    return switch (random.nextInt(6)) {
      case 0, 1 -> made.equals("value") ? made
          : from == Type.BOOL       ? "return value ~= nil and (" + made + ") or nil"
                                    : "value and (" + made + ")";
      case 2 -> "return value ~= nil and " + nonZero(from) + " and " + made + " or nil";
      case 3 -> "if value == nil then return nil end local made = " + made + " return made";
      default -> made;
    };
  }

  private String nonZero(Type type) {
    return switch (type) {
      case STRING -> "value ~= 'a1'";
      case INT -> "value ~= 4";
      case FLOAT -> "value ~= 2.5";
      case OBJECT -> "value.g ~= 'z'";
      case BOOL -> "value ~= true";
    };
  }

  String letter() {
    return "'" + (char) ('a' + random.nextInt(4)) + "'";
  }

  /** The key as a text, where it is none; `none` where there is no key. */
  private static String keyText(String serde) {
    return switch (serde) {
      case "bool" -> "tostring(key)";
      case "json" -> "(key and json.encode(key) or 'none')";
      default -> "(key or 'none')";
    };
  }

  /** A new key of this serde, perhaps nil. */
  String key(Shape from, String serde) {
    Type type = from.value;
    String present = type == Type.OBJECT ? "value.n" : "value";
    return switch (serde) {
      case "string" -> from.windowed() && random.nextInt(3) > 0 ? keyOfWindow(from.key) : stringKey(type, from.key);
      case "bool" -> present + " ~= nil and " + number(type, "value") + " > 2";
      case "float64" -> "return " + present + " ~= nil and " + number(type, "value") + " * 0.5 or nil";
      case "json" -> pick("return " + present + " ~= nil and { n = " + number(type, "value") + " % 3, g = 'x' } or nil",
          "{ g = " + group(type, "value") + ", n = " + keyText(from.key) + " }");
      default -> intKey(type);
    };
  }

  private String stringKey(Type type, String keySerde) {
    return switch (random.nextInt(6)) {
      case 0 -> "return key ~= nil and 'k' .. " + keyText(keySerde) + " or nil";
      case 1 -> letter();
      default -> switch (type) {
        case STRING -> pick("value and string.sub(value, 1, 1)", "value ~= '' and value or nil",
            "string.sub(value or 'd', -1)");
        case INT -> pick("value and 'k' .. value % 3", "value and value > 2 and 'high' or 'low'",
            "'a' .. (value or 1) % 2");
        case FLOAT -> pick("value and 'k' .. math.floor(value) % 3", "value and value > 2.25 and 'high' or 'low'",
            "'v' .. (value or 0.5)");
        case OBJECT -> pick("value.g", "value.u", "value and (value.g or value.u)", "value and (value.u or 'none')");
        case BOOL -> pick("value and 'yes' or 'no'", "return value ~= nil and (value and 'a' or 'b') or nil");
      };
    };
  }

  private String intKey(Type type) {
    return switch (type) {
      case STRING -> "value and #value";
      case INT -> pick("value and value % 4", "value");
      case FLOAT -> "value and math.floor(value * 2)";
      case OBJECT -> "value.n";
      case BOOL -> "value and 1 or 2";
    };
  }

  /** Which windowed keys give: of key and window. */
  private String keyOfWindow(String keySerde) {
    String text = keyText(keySerde);
    if (keySerde.equals("string") && random.nextInt(4) == 0) return "key";
    return pick("'w' .. window.start // 1000", text + " .. '@' .. window.start", text + " .. '-' .. window['end']");
  }

  String listOfValues(Type from, Type to) {
    if (from == Type.STRING && to == Type.STRING
        && random.nextBoolean()) return "value == nil and {} or split(value, ' ')";
    String one = switch (to) {
      case STRING -> text(from, "value") + " .. ''";
      case INT -> number(from, "value");
      case FLOAT -> number(from, "value") + " * 0.5";
      case OBJECT -> "{ n = " + number(from, "value") + ", g = 'x' }";
      case BOOL -> "(" + number(from, "value") + " > 1)";
    };
    String other = switch (to) {
      case STRING -> "'y'";
      case INT -> number(from, "value") + " + 10";
      case FLOAT -> "4.0";
      case BOOL -> "true";
      case OBJECT -> "{ n = 1, u = " + letter() + " }";
    };
    return pick("value == nil and {} or { " + one + ", " + other + " }", "list(" + one + ")",
        "{ " + other + ", " + one + ", " + other + " }",
        "local out = {} if value then out[1] = " + one + " end return out");
  }

  String listOfPairs(Type from, Type to) {
    String one = switch (to) {
      case STRING -> text(from, "value") + " .. 'p'";
      case INT -> number(from, "value");
      case FLOAT -> number(from, "value") + " / 4";
      case BOOL -> number(from, "value") + " % 3 == 0";
      case OBJECT -> "{ n = " + number(from, "value") + ", g = " + group(from, "value") + " }";
    };
    return pick("{ { key = " + letter() + ", value = " + one + " } }",
        "value == nil and {} or { { key = " + group(from,
            "value") + " or 'none', value = " + one + " }, { key = " + letter() + ", value = " + one + " } }",
        "local out = {} for i = 1, 2 do out[i] = { key = 'f' .. i, value = " + one + " } end return out");
  }

  /** The parts of an aggregation. */
  record Fold(String init, String add, String subtract, String merge, String notInitial) {}

  /** Folds values of type `from` into one of type `to`. */
  Fold fold(Type from, Type to) {
    boolean mayDelete = random.nextInt(5) == 0;
    String number = number(from, "value");
    String text = text(from, "value");
    switch (to) {
      case STRING: {
        String add = "string.sub(aggregate .. '+' .. " + text + ", -30)";
        if (mayDelete) add = "return " + number + " % 5 ~= 3 and " + add + " or nil";
        return new Fold("''", add, "string.sub(aggregate .. '-' .. " + text + ", -30)",
            "string.sub(left .. '|' .. right, -30)", "value ~= ''");
      }
      case INT: {
        String add = "aggregate + " + number;
        if (mayDelete) add = "return " + number + " % 5 ~= 3 and " + add + " or nil";
        return new Fold("0", add, "aggregate - " + number, "left + right", "value ~= 0");
      }
      case FLOAT:
        return new Fold("0.0", "aggregate + " + number + " * 0.5", "aggregate - " + number + " * 0.5", "left + right",
            "value ~= 0");
      case BOOL:
        return new Fold("false", "aggregate or " + number + " > 3", "aggregate and " + number + " > 3",
            "left or right", "value ~= false");
      default: {
        String add = "{ n = aggregate.n + 1, t = string.sub(aggregate.t .. " + text + ", -20), g = " + group(from,
            "value") + " }";
        return new Fold("{ n = 0, t = '' }", add,
            "{ n = aggregate.n - 1, t = string.sub(aggregate.t .. '-' .. " + text + ", -20), g = aggregate.g }",
            "{ n = left.n + right.n, t = string.sub(left.t .. '|' .. right.t, -20), g = right.g }",
                "value and value.n ~= 0");
      }
    }
  }

  /** `add` and `subtract` of a reduce; the one need not undo the other. */
  List<String> reduce(Type type) {
    return switch (type) {
      case STRING -> List.of("string.sub((aggregate or '') .. '+' .. (value or '-'), -30)",
          "string.sub((aggregate or '') .. '-' .. (value or '-'), -30)");
      case INT -> random.nextBoolean() ? List.of("(aggregate or 0) + (value or 1)", "(aggregate or 0) - (value or 1)")
          : List.of("(value or 0) > (aggregate or 0) and value or aggregate", "aggregate");
      case FLOAT -> List.of("(aggregate or 0) + (value or 0.5)", "(aggregate or 0) - (value or 0.5)");
      case BOOL -> List.of("(aggregate or false) ~= (value or false)", "(aggregate or false) == (value or false)");
      case OBJECT -> List.of("{ n = (aggregate.n or 0) + (value.n or 1), g = value.g, u = aggregate.u }",
          "{ n = (aggregate.n or 0) - (value.n or 1), g = aggregate.g }");
    };
  }

  /** What a join makes of its sides. */
  String joined(Type left, Type right, Type to) {
    return switch (to) {
      case STRING -> "string.sub(" + text(left, "left") + " .. '+' .. " + text(right, "right") + ", 1, 24)";
      case INT -> number(left, "left") + pick(" + ", " - ", " * 3 + ") + number(right, "right");
      case FLOAT -> number(left, "left") + " + " + number(right, "right") + " / 2";
      case BOOL -> number(left, "left") + pick(" > ", " == ") + number(right, "right");
      case OBJECT -> "{ n = " + number(left, "left") + ", t = '' .. " + text(right, "right") + ", g = " + group(left,
          "left") + ", u = " + group(right, "right") + " }";
    };
  }

  /** A key of the right table's serde, of a value that is there. */
  String foreignKey(Type type, String serde) {
    if (serde.equals("bool")) return number(type, "value") + " > 2";
    if (serde.equals("float64")) return number(type, "value") + " * 0.25";
    if (serde.equals("json")) return "{ g = " + group(type, "value") + ", n = 1 }";
    if (!serde.equals("string")) return pick(number(type, "value"), number(type, "value") + " % 3");
    return switch (type) {
      case STRING -> pick("string.sub(value, 1, 1)", "value ~= 'b1' and string.sub(value, 1, 1) or nil");
      case INT -> pick("value > 4 and 'a' or 'b'", "value ~= 3 and 'k' .. value % 2 or nil");
      case FLOAT -> "value > 2 and 'a' or value > 1 and 'b' or nil";
      case OBJECT -> pick("value.u", "value.g", "value.u or 'a'");
      case BOOL -> pick("value and 'a' or 'b'", "value and 'a' or nil");
    };
  }

  /** The lookup key of a join with a global table, of the whole record. */
  String lookup(Shape from, String serde) {
    if (from.key.equals(serde) && random.nextInt(3) == 0) return "key";
    if (!serde.equals("string")) return "value ~= nil and (" + foreignKey(from.value, serde) + ") or nil";
    return switch (from.value) {
      case STRING -> "value and string.sub(value, 1, 1)";
      case INT, FLOAT -> "value and value > 3 and 'a' or 'b'";
      case OBJECT -> "value.u";
      case BOOL -> "value and 'a' or 'b'";
    };
  }

  /** Fails on some values of the type. */
  String failing(Type from) {
    return switch (from) {
      case STRING -> "return value .. 'x'";
      case INT, FLOAT -> "return value + 1";
      case OBJECT -> "{ n = value.n + 1 }";
      case BOOL -> "return value or nil + 1 > 0";
    };
  }
}
