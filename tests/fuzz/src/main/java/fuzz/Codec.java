package fuzz;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.UUID;
import org.apache.kafka.common.errors.SerializationException;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serializer;
import org.apache.kafka.streams.kstream.Windowed;
import org.apache.kafka.streams.kstream.internals.SessionWindow;
import org.apache.kafka.streams.kstream.internals.TimeWindow;

/**
 * A serde of TOPOLOGY.md for the values of `Lua`; `window` says how a windowed key is written, NONE that it is none.
 */
public class Codec implements Serde<Object> {
  enum Window { NONE, TIME, SESSION }

  static final Codec JSON = new Codec("json");

  final String name;
  final Window window;
  final long size;

  /** For Kafka Streams' setting of a default. */
  public Codec() {
    this("json");
  }

  Codec(String name) {
    this(name, Window.NONE, 0);
  }

  private Codec(String name, Window window, long size) {
    this.name = name;
    this.window = window;
    this.size = size;
  }

  /** The same serde for keys in windows of `size` ms, which no bytes tell. */
  Codec windowed(Window kind, long windowSize) {
    return new Codec(name, kind, windowSize);
  }

  Codec inner() {
    return new Codec(name);
  }

  /** `string`, or `{time_windowed: string}`, whose size is that of `above`. */
  static Codec parse(Object yaml, Codec above) {
    if (!(yaml instanceof Map<?, ?> map)) return new Codec((String) yaml);
    if (map.containsKey("session_windowed")) return new Codec((String) map.get("session_windowed"), Window.SESSION, 0);
    if (!map.containsKey("time_windowed")) throw new IllegalArgumentException("no such serde here: " + yaml);
    return new Codec((String) map.get("time_windowed"), Window.TIME,
        map.containsKey("size") ? Nodes.duration(map.get("size")).toMillis() : above == null ? 0 : above.size);
  }

  boolean same(Codec other) {
    return name.equals(other.name) && window == other.window && size == other.size;
  }

  /** Whether it can write the key, or the key in a window. */
  boolean fits(Object key) {
    return switch (name) {
      case "string" -> key instanceof String;
      case "uuid" -> key instanceof String text && text.length() == 36;
      case "bool" -> key instanceof Boolean;
      case "int32", "int64" -> key instanceof Long;
      case "float64" -> key instanceof Double;
      default -> key instanceof Map<?, ?>;
    };
  }

  byte[] write(Object value) {
    if (value == null) return null;
    if (window == Window.NONE) return writeInner(value);
    Windowed<?> key = (Windowed<?>) value;
    byte[] inner = writeInner(key.key());
    ByteBuffer bytes = ByteBuffer.allocate(inner.length + (window == Window.TIME ? 8 : 16)).put(inner);
    if (window == Window.SESSION) bytes.putLong(key.window().end());
    return bytes.putLong(key.window().start()).array();
  }

  Object read(byte[] bytes) {
    if (bytes == null) return null;
    if (window == Window.NONE) return readInner(bytes);
    int tail = window == Window.TIME ? 8 : 16;
    byte[] inner = new byte[bytes.length - tail];
    ByteBuffer buffer = ByteBuffer.wrap(bytes).get(inner);
    Object key = readInner(inner);
    long first = buffer.getLong();
    return window == Window.TIME
        ? new Windowed<>(key, new TimeWindow(first, size > 0 ? first + size : Long.MAX_VALUE))
        : new Windowed<>(key, new SessionWindow(buffer.getLong(), first));
  }

  private byte[] writeInner(Object value) {
    try {
      return switch (name) {
        case "string" -> ((String) value).getBytes(StandardCharsets.UTF_8);
        case "uuid" -> ((String) value).getBytes(StandardCharsets.UTF_8);
        case "bytes" -> value instanceof String text ? text.getBytes(StandardCharsets.UTF_8) : (byte[]) value;
        case "bool" -> new byte[] {(byte) ((Boolean) value ? 1 : 0)};
        case "int16" -> ByteBuffer.allocate(2).putShort(((Long) value).shortValue()).array();
        case "int32" -> ByteBuffer.allocate(4).putInt(((Long) value).intValue()).array();
        case "int64" -> ByteBuffer.allocate(8).putLong((Long) value).array();
        case "float32" -> ByteBuffer.allocate(4).putFloat(((Number) value).floatValue()).array();
        case "float64" -> ByteBuffer.allocate(8).putDouble(((Number) value).doubleValue()).array();
        case "json" -> Json.write(value).getBytes(StandardCharsets.UTF_8);
        default -> throw new IllegalArgumentException("no such serde here: " + name);
      };
    } catch (ClassCastException e) {
      throw new SerializationException("not a " + name + ": " + value);
    }
  }

  private Object readInner(byte[] bytes) {
    ByteBuffer buffer = ByteBuffer.wrap(bytes);
    int expected = switch (name) {
      case "bool" -> 1;
      case "int16" -> 2;
      case "int32", "float32" -> 4;
      case "int64", "float64" -> 8;
      case "uuid" -> 36;
      default -> bytes.length;
    };
    if (bytes.length != expected) throw new SerializationException("not a " + name);
    return switch (name) {
      case "string" -> new String(bytes, StandardCharsets.UTF_8);
      case "uuid" -> UUID.fromString(new String(bytes, StandardCharsets.UTF_8)).toString();
      case "bytes" -> bytes;
      case "bool" -> bytes[0] != 0;
      case "int16" -> (long) buffer.getShort();
      case "int32" -> (long) buffer.getInt();
      case "int64" -> buffer.getLong();
      case "float32" -> (double) buffer.getFloat();
      case "float64" -> buffer.getDouble();
      case "json" -> Json.read(new String(bytes, StandardCharsets.UTF_8));
      default -> throw new IllegalArgumentException("no such serde here: " + name);
    };
  }

  @Override
  public Serializer<Object> serializer() {
    return (topic, value) -> write(value);
  }

  @Override
  public Deserializer<Object> deserializer() {
    return (topic, bytes) -> read(bytes);
  }
}
