package fuzz;

import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/** What the generator knows of a node that it has made: enough to put only what makes sense below it. */
final class Shape implements Cloneable {
  enum Kind { STREAM, TABLE, GLOBAL }

  /**
   * Values are strings, integers, floats (halves and quarters: exact), booleans or objects with the fields g (a group),
   * u (a key), t (a text) and n (an integer), each perhaps absent.
   */
  enum Type { STRING, INT, FLOAT, BOOL, OBJECT }

  String name;
  Kind kind;
  /** Its serde: string, uuid, int32, int64, float64, bool or json (an object). */
  String key;
  Type value;
  /** Null or `tumbling`, `hopping`, `sliding`, `session`. */
  String window;
  /** The node's window as written: what two windowed tables must have in common to be joined. */
  Map<String, Object> windowYaml;
  boolean keyChanged;
  boolean versioned;
  /** Kafka Streams gives old values here that kstreamd need not give: nothing may ask for them. */
  boolean oddOldValues;
  /**
   * Below an aggregate: what tells a value from the initial one, for Kafka Streams takes that for the first old value.
   */
  String notInitial;
  /** At most one update of it per input record. */
  boolean single = true;
  /** Sends what it has when windows close. */
  boolean onClose;
  boolean canSuppress;
  /** Kafka Streams does not know the serde of the values of a table that map_values made without a store. */
  boolean serdeLost;
  /** Topics and offsets mean in TopologyTestDriver what they mean elsewhere. */
  boolean origins = true;
  boolean used;
  /**
   * From which source topics records come, and through which repartition topic or cache last (0: none). Two nodes may
   * meet if what they have in common came the same way: else the order is nobody's promise.
   */
  Map<String, Integer> ways = new HashMap<>();
  Set<Integer> commits = new HashSet<>();

  boolean windowed() {
    return window != null;
  }

  /** What made a table of it counts no more. */
  void toStream() {
    kind = Kind.STREAM;
    oddOldValues = false;
    notInitial = null;
    versioned = false;
    serdeLost = false;
    onClose = false;
    canSuppress = false;
  }

  /** The key has no window any more. */
  void withoutWindow() {
    window = null;
    windowYaml = null;
    canSuppress = false;
  }

  boolean sameWindows(Shape other) {
    return Objects.equals(windowYaml, other.windowYaml);
  }

  boolean sharesSinkWith(Shape other) {
    return value == other.value && key.equals(other.key) && sameWindows(other) && canMeet(other);
  }

  boolean canMeet(Shape other) {
    for (var way : ways.entrySet()) {
      Integer theirs = other.ways.get(way.getKey());
      if (theirs != null && !theirs.equals(way.getValue())) return false;
    }
    Set<Integer> all = new HashSet<>(commits);
    all.addAll(other.commits);
    return all.size() <= 1;
  }

  boolean disjoint(Shape other) {
    return ways.keySet().stream().noneMatch(other.ways::containsKey) && commits.isEmpty() && other.commits.isEmpty();
  }

  /** A node below this one, so far the same. */
  Shape below(String newName) {
    try {
      Shape shape = (Shape) clone();
      shape.name = newName;
      shape.used = false;
      shape.ways = new HashMap<>(ways);
      shape.commits = new HashSet<>(commits);
      return shape;
    } catch (CloneNotSupportedException e) {
      throw new IllegalStateException(e);
    }
  }

  void meet(Shape other) {
    ways.putAll(other.ways);
    commits.addAll(other.commits);
    origins &= other.origins;
    single &= other.single && !sharesSource(other);
  }

  private boolean sharesSource(Shape other) {
    return ways.keySet().stream().anyMatch(other.ways::containsKey);
  }

  void passes(int repartition) {
    ways.replaceAll((topic, way) -> repartition);
    keyChanged = false;
    origins = true;
  }
}
