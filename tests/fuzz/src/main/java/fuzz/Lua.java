package fuzz;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The part of Lua 5.4 that topologies of the tests use, with kstreamd's additions, compiled to closures. It is there so
 * that one text drives both sides; it shares nothing with kstreamd's own Lua.
 *
 * <p>Values: null (nil), Boolean, Long, Double, String, byte[], Table, Function, and NULL, JSON's null, which reads as
 * nil. One thread.
 */
final class Lua {
  static final Object NULL = new Object();

  interface Function {
    Object call(List<Object> arguments);
  }

  /** What an expression sees: its names' values. */
  static final class Scope {
    private final Map<String, Object> values = new HashMap<>();
    private final Scope outer;

    Scope(Scope outer) {
      this.outer = outer;
    }

    void declare(String name, Object value) {
      values.put(name, value);
    }

    Object get(String name) {
      for (Scope scope = this; scope != null; scope = scope.outer) {
        if (scope.values.containsKey(name)) return scope.values.get(name);
      }
      return null;
    }

    void set(String name, Object value) {
      for (Scope scope = this; scope != null; scope = scope.outer) {
        if (scope.values.containsKey(name)) {
          scope.values.put(name, value);
          return;
        }
      }
      throw new Failure("assignment to the global '" + name + "'");
    }
  }

  static final class Failure extends RuntimeException {
    Failure(String what) {
      super(what);
    }
  }

  interface Node {
    Object eval(Scope scope);
  }

  /** Runs in a block; a result other than GO_ON ends the blocks around it. */
  interface Statement {
    Object run(Scope scope);
  }

  static final Object GO_ON = new Object();
  static final Object BREAK = new Object();

  /** A compiled expression of a topology; `names` are the identifiers in it. */
  record Expression(Node body, Set<String> names) {
    Object eval(Scope scope) {
      return Table.toJava(body.eval(scope));
    }
  }

  private final List<String> tokens = new ArrayList<>();
  private final Set<String> names = new HashSet<>();
  private int at;

  private Lua(String text) {
    tokenize(text);
  }

  static Expression compile(String text) {
    Lua lua = new Lua(text);
    Node body;
    if (lua.tokens.contains("return")) {
      Statement block = lua.block();
      body = scope -> {
        Object result = block.run(new Scope(scope));
        return result == GO_ON ? null : result;
      };
    } else {
      body = lua.expression(0);
    }
    if (lua.at != lua.tokens.size()) throw new Failure("unexpected " + lua.peek() + " in: " + text);
    return new Expression(body, lua.names);
  }

  private void tokenize(String text) {
    int i = 0;
    while (i < text.length()) {
      char c = text.charAt(i);
      int start = i;
      if (Character.isWhitespace(c)) {
        i++;
        continue;
      } else if (Character.isLetter(c) || c == '_') {
        while (i < text.length() && (Character.isLetterOrDigit(text.charAt(i)) || text.charAt(i) == '_')) i++;
      } else if (Character.isDigit(c)) {
        while (i < text.length() && (Character.isDigit(text.charAt(i)) || text.charAt(i) == '.')) i++;
      } else if (c == '\'' || c == '"') {
        i = text.indexOf(c, i + 1) + 1;
        if (i == 0) throw new Failure("unfinished string in: " + text);
      } else {
        i += text.startsWith("...", i) ? 3 : List.of("..", "==", "~=", "<=", ">=", "//").contains(
            text.substring(i, Math.min(i + 2, text.length()))) ? 2 : 1;
      }
      tokens.add(text.substring(start, i));
    }
  }

  private String peek() {
    return at < tokens.size() ? tokens.get(at) : "";
  }

  private boolean take(String token) {
    if (!peek().equals(token)) return false;
    at++;
    return true;
  }

  private void expect(String token) {
    if (!take(token)) throw new Failure("expected " + token + ", found " + peek() + " in: " + String.join(" ", tokens));
  }

  private String name() {
    String token = tokens.get(at++);
    if (!Character.isLetter(token.charAt(0)) && token.charAt(0) != '_') throw new Failure("not a name: " + token);
    return token;
  }

  private Statement block() {
    List<Statement> statements = new ArrayList<>();
    while (!Set.of("", "end", "else", "elseif").contains(peek())) {
      if (take(";")) continue;
      statements.add(statement());
    }
    return scope -> {
      for (Statement statement : statements) {
        Object result = statement.run(scope);
        if (result != GO_ON) return result;
      }
      return GO_ON;
    };
  }

  private Statement statement() {
    if (take("return")) {
      Node value = Set.of("", "end", "else", "elseif").contains(peek()) ? scope -> null : expression(0);
      return value::eval;
    }
    if (take("break")) return scope -> BREAK;
    if (take("local")) {
      String name = name();
      Node value = take("=") ? expression(0) : scope -> null;
      return scope -> {
        scope.declare(name, value.eval(scope));
        return GO_ON;
      };
    }
    if (take("if")) return conditional();
    if (take("for")) return loop();
    Node target = suffixed();
    if (take("=")) {
      if (!(target instanceof Assignable assignable)) throw new Failure("cannot assign");
      Node value = expression(0);
      return scope -> {
        assignable.assign(scope, value.eval(scope));
        return GO_ON;
      };
    }
    return scope -> {
      target.eval(scope);
      return GO_ON;
    };
  }

  private Statement conditional() {
    Node condition = expression(0);
    expect("then");
    Statement then = block();
    Statement otherwise;
    if (take("elseif")) {
      otherwise = conditional();
    } else {
      otherwise = take("else") ? block() : scope -> GO_ON;
      expect("end");
    }
    return scope -> (truth(condition.eval(scope)) ? then : otherwise).run(new Scope(scope));
  }

  private Statement loop() {
    String first = name();
    String second = take(",") ? name() : null;
    if (second == null && take("=")) {
      Node from = expression(0);
      expect(",");
      Node to = expression(0);
      expect("do");
      Statement body = block();
      expect("end");
      return scope -> {
        long last = (Long) to.eval(scope);
        for (long i = (Long) from.eval(scope); i <= last; i++) {
          Scope inner = new Scope(scope);
          inner.declare(first, i);
          Object result = body.run(inner);
          if (result == BREAK) break;
          if (result != GO_ON) return result;
        }
        return GO_ON;
      };
    }
    expect("in");
    Node pairs = expression(0);
    expect("do");
    Statement body = block();
    expect("end");
    return scope -> {
      for (Object pair : (List<?>) pairs.eval(scope)) { // what pairs and ipairs give here
        Scope inner = new Scope(scope);
        inner.declare(first, ((Object[]) pair)[0]);
        if (second != null) inner.declare(second, ((Object[]) pair)[1]);
        Object result = body.run(inner);
        if (result == BREAK) break;
        if (result != GO_ON) return result;
      }
      return GO_ON;
    };
  }

  private static final List<Set<String>> LEVELS = List.of(Set.of("or"), Set.of("and"),
      Set.of("<", ">", "<=", ">=", "~=", "=="), Set.of(".."), Set.of("+", "-"), Set.of("*", "/", "//", "%"));

  private Node expression(int level) {
    if (level == LEVELS.size()) return unary();
    Node left = expression(level + 1);
    while (LEVELS.get(level).contains(peek())) {
      String operator = tokens.get(at++);
      Node a = left;
      Node b = expression(operator.equals("..") ? level : level + 1);
      left = switch (operator) {
        case "or" -> scope -> {
          Object value = a.eval(scope);
          return truth(value) ? value : b.eval(scope);
        };
        case "and" -> scope -> {
          Object value = a.eval(scope);
          return truth(value) ? b.eval(scope) : value;
        };
        default -> scope -> LuaValues.binary(operator, a.eval(scope), b.eval(scope));
      };
    }
    return left;
  }

  private Node unary() {
    if (take("not")) {
      Node value = unary();
      return scope -> !truth(value.eval(scope));
    }
    if (take("-")) {
      Node value = unary();
      return scope -> LuaValues.binary("-", 0L, value.eval(scope));
    }
    if (take("#")) {
      Node value = unary();
      return scope -> LuaValues.length(value.eval(scope));
    }
    return suffixed();
  }

  private interface Assignable extends Node {
    void assign(Scope scope, Object value);
  }

  private Node suffixed() {
    Node node = primary();
    while (true) {
      if (take(".")) {
        String field = name();
        node = index(node, scope -> field);
      } else if (take("[")) {
        Node key = expression(0);
        expect("]");
        node = index(node, key);
      } else if (take("(")) {
        node = call(node);
      } else {
        return node;
      }
    }
  }

  private static Node index(Node of, Node key) {
    return new Assignable() {
      @Override
      public Object eval(Scope scope) {
        return LuaValues.index(of.eval(scope), key.eval(scope));
      }

      @Override
      public void assign(Scope scope, Object value) {
        ((Table) of.eval(scope)).put(key.eval(scope), value);
      }
    };
  }

  private Node call(Node function) {
    List<Node> arguments = new ArrayList<>();
    if (!take(")")) {
      do arguments.add(expression(0));
      while (take(","));
      expect(")");
    }
    return scope -> {
      List<Object> values = new ArrayList<>();
      for (Node argument : arguments) values.add(argument.eval(scope));
      if (!(function.eval(scope) instanceof Function called)) throw new Failure("not a function");
      return called.call(values);
    };
  }

  private Node primary() {
    String token = peek();
    at++;
    if (token.isEmpty()) throw new Failure("unexpected end in: " + String.join(" ", tokens));
    char c = token.charAt(0);
    if (c == '\'' || c == '"') {
      String text = token.substring(1, token.length() - 1);
      if (text.contains("\\")) throw new Failure("no escapes in strings: " + token);
      return scope -> text;
    }
    if (Character.isDigit(c)) {
      Object number = token.contains(".") ? (Object) Double.valueOf(token) : (Object) Long.valueOf(token);
      return scope -> number;
    }
    if (token.equals("(")) {
      Node inner = expression(0);
      expect(")");
      return inner;
    }
    if (token.equals("{")) return table();
    if (token.equals("nil")) return scope -> null;
    if (token.equals("null")) return scope -> NULL;
    if (token.equals("true")) return scope -> true;
    if (token.equals("false")) return scope -> false;
    if (!Character.isLetter(c) && c != '_')
      throw new Failure("unexpected " + token + " in: " + String.join(" ", tokens));
    names.add(token);
    Object library = LuaValues.library(token);
    return new Assignable() {
      @Override
      public Object eval(Scope scope) {
        Object value = scope.get(token);
        return value == null ? library : value == NULL ? null : Table.fromJava(value);
      }

      @Override
      public void assign(Scope scope, Object value) {
        scope.set(token, value);
      }
    };
  }

  private Node table() {
    record Field(Node key, Node value) {}
    List<Field> fields = new ArrayList<>();
    while (!take("}")) {
      if (take("[")) {
        Node key = expression(0);
        expect("]");
        expect("=");
        fields.add(new Field(key, expression(0)));
      } else if (at + 1 < tokens.size() && tokens.get(at + 1).equals("=")) {
        String name = name();
        expect("=");
        fields.add(new Field(scope -> name, expression(0)));
      } else {
        fields.add(new Field(null, expression(0)));
      }
      if (!take(",")) take(";");
    }
    return scope -> {
      Table table = new Table();
      long next = 1;
      for (Field field : fields) {
        Object value = field.value.eval(scope);
        table.put(field.key == null ? next++ : field.key.eval(scope), value);
      }
      return table;
    };
  }

  static boolean truth(Object value) {
    return value != null && value != NULL && !Boolean.FALSE.equals(value);
  }
}
