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
    };
  }

  /** Text for a value of this type that is put into others. */
  private String text(Type type, String of) {
    if (careless && random.nextInt(6) == 0) return type == Type.OBJECT ? "(" + of + ".t .. '')" : "(" + of + " .. '')";
    return switch (type) {
      case STRING -> "(" + of + " or '-')";
      case INT -> "(" + of + " or 0)";
      case FLOAT -> "(" + of + " or 0.5)";
      case OBJECT -> "(" + of + ".t or " + of + ".g or '-')";
    };
  }

  private String number(Type type, String of) {
    if (careless && random.nextInt(6) == 0) {
      return switch (type) {
        case STRING -> "#" + of;
        case INT -> "(" + of + " + 0)";
        case FLOAT -> "math.floor(" + of + ")";
        case OBJECT -> "(" + of + ".n + 0)";
      };
    }
    return switch (type) {
      case STRING -> "#(" + of + " or '')";
      case INT -> "(" + of + " or 0)";
      case FLOAT -> "math.floor(" + of + " or 0)";
      case OBJECT -> "(" + of + ".n or 0)";
    };
  }

  private String group(Type type, String of) {
    return switch (type) {
      case STRING -> "string.sub(" + of + " or 'x', 1, 1)";
      case INT -> "'g' .. (" + of + " or 0) % 3";
      case FLOAT -> "'g' .. math.floor(" + of + " or 0) % 3";
      case OBJECT -> of + ".g";
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
      case OBJECT -> pick("{ g = " + group(from, "value") + ", n = " + number(from,
          "value") + ", u = " + letter() + ", t = 't' .. " + text(from, "value") + " }",
          "{ g = " + group(from, "value") + ", n = " + number(from, "value") + " + 1 }", "{ n = " + number(from,
              "value") + ", t = " + letter() + " }");
    };
    if (from == to && from == Type.OBJECT && random.nextInt(3) == 0) made = "value";
    return switch (random.nextInt(6)) {
      case 0, 1 -> made.equals("value") ? made : "value and (" + made + ")";
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
    };
  }

  String letter() {
    return "'" + (char) ('a' + random.nextInt(4)) + "'";
  }

  /** A new key, a string, perhaps nil. */
  String key(Type type) {
    return switch (random.nextInt(6)) {
      case 0 -> "key and 'k' .. key";
      case 1 -> letter();
      default -> switch (type) {
        case STRING -> pick("value and string.sub(value, 1, 1)", "value ~= '' and value or nil",
            "string.sub(value or 'd', -1)");
        case INT -> pick("value and 'k' .. value % 3", "value and value > 2 and 'high' or 'low'",
            "'a' .. (value or 1) % 2");
        case FLOAT -> pick("value and 'k' .. math.floor(value) % 3", "value and value > 2.25 and 'high' or 'low'",
            "'v' .. (value or 0.5)");
        case OBJECT -> pick("value.g", "value.u", "value and (value.g or value.u)", "value and (value.u or 'none')");
      };
    };
  }

  String intKey(Type type) {
    return switch (type) {
      case STRING -> "value and #value";
      case INT -> pick("value and value % 4", "value");
      case FLOAT -> "value and math.floor(value * 2)";
      case OBJECT -> "value.n";
    };
  }

  /** Which windowed keys give: of key and window. */
  String keyOfWindow() {
    return pick("key", "'w' .. window.start // 1000", "key and key .. '@' .. window.start",
        "(key or '') .. '-' .. window['end']");
  }

  String listOfValues(Type from, Type to) {
    if (from == Type.STRING && to == Type.STRING
        && random.nextBoolean()) return "value == nil and {} or split(value, ' ')";
    String one = switch (to) {
      case STRING -> text(from, "value") + " .. ''";
      case INT -> number(from, "value");
      case FLOAT -> number(from, "value") + " * 0.5";
      case OBJECT -> "{ n = " + number(from, "value") + ", g = 'x' }";
    };
    String other = switch (to) {
      case STRING -> "'y'";
      case INT -> number(from, "value") + " + 10";
      case FLOAT -> "4.0";
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
      case OBJECT -> "{ n = " + number(left, "left") + ", t = '' .. " + text(right, "right") + ", g = " + group(left,
          "left") + ", u = " + group(right, "right") + " }";
    };
  }

  String foreignKey(Type type) {
    return switch (type) {
      case STRING -> pick("string.sub(value, 1, 1)", "value ~= 'b1' and string.sub(value, 1, 1) or nil");
      case INT -> pick("value > 4 and 'a' or 'b'", "value ~= 3 and 'k' .. value % 2 or nil");
      case FLOAT -> "value > 2 and 'a' or value > 1 and 'b' or nil";
      case OBJECT -> pick("value.u", "value.g", "value.u or 'a'");
    };
  }

  /** The lookup key of a join with a global table, of the whole record. */
  String lookup(Type type) {
    return random.nextInt(3) == 0 ? "key" : switch (type) {
      case STRING -> "value and string.sub(value, 1, 1)";
      case INT, FLOAT -> "value and value > 3 and 'a' or 'b'";
      case OBJECT -> "value.u";
    };
  }

  /** Fails on some values of the type. */
  String failing(Type from) {
    return switch (from) {
      case STRING -> "return value .. 'x'";
      case INT, FLOAT -> "return value + 1";
      case OBJECT -> "{ n = value.n + 1 }";
    };
  }
}
