package fuzz;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.streams.kstream.Windowed;
import org.yaml.snakeyaml.Yaml;

/**
 * Runs the golden cases of a folder through the same builder and driver that the fuzzer uses, and compares with their
 * expectations. They came out of Kafka Streams by another generator: this is the test of the fuzzer's Java side.
 */
final class GoldenCheck {
  private static final Codec[] RAW = {new Codec("bytes"), new Codec("bytes")};
  private int tests;
  private int failed;

  private GoldenCheck() {}

  /** The number of failures. */
  static int run(Path root) throws IOException {
    GoldenCheck check = new GoldenCheck();
    try (Stream<Path> paths = Files.walk(root)) {
      for (Path path : paths.filter(p -> p.toString().endsWith(".test.yaml")).sorted().toList()) {
        check.file(path);
      }
    }
    System.out.println(check.tests + " tests, " + check.failed + " failed");
    return check.failed;
  }

  private void file(Path path) throws IOException {
    Map<String, Object> file = new Yaml().load(Files.readString(path));
    for (Object entry : Nodes.list(file.get("tests"))) {
      Map<String, Object> test = Nodes.map(entry);
      tests++;
      String name = path.getParent().getFileName() + "/" + path.getFileName() + ": " + test.get("name");
      String problem;
      try {
        Map<String, Object> topology =
            new Yaml().load(Files.readString(path.resolveSibling((String) file.get("topology"))));
        boolean leap = path.getFileName().toString().startsWith("close_leap");
        problem = test(topology, file, test, leap);
      } catch (RuntimeException e) {
        problem = e.toString() + (e.getCause() == null ? "" : ", cause " + e.getCause());
      }
      if (problem == null) continue;
      failed++;
      System.out.println(name + ": " + problem);
    }
  }

  private static String test(Map<String, Object> topology, Map<String, Object> file, Map<String, Object> test,
      boolean longRetention) throws IOException {
    long start = ((Number) file.getOrDefault("start", 0)).longValue();
    try (Runner runner = new Runner(topology, new Nodes.Variant(longRetention, false, true), "manual".equals(file.get("commits")), start)) {
      Map<String, List<Runner.Output>> pending = new HashMap<>();
      for (Object entry : Nodes.list(test.get("steps"))) {
        Map.Entry<String, Object> step = Nodes.map(entry).entrySet().iterator().next();
        String problem = step(runner, pending, step.getKey(), step.getValue());
        if (problem != null) return problem;
      }
      return null;
    }
  }

  private static String step(Runner runner, Map<String, List<Runner.Output>> pending, String kind, Object argument) {
    switch (kind) {
      case "send": {
        List<Map<String, Object>> records = new ArrayList<>();
        for (Object record : Nodes.list(argument)) records.add(Nodes.map(record));
        runner.send(records);
        break;
      }
      case "advance": runner.driver.advance(Nodes.duration(argument)); break;
      case "commit": runner.driver.commit(); break;
      case "expect_nothing": break;
      case "expect": return expect(runner, pending, argument);
      case "expect_store": return expectStore(runner, Nodes.map(argument));
      default: return "no such step here: " + kind;
    }
    runner.take().forEach((topic, records) -> pending.computeIfAbsent(topic, t -> new ArrayList<>()).addAll(records));
    runner.internals().forEach((topic, records) -> pending.put(topic, changes(topic, records)));
    if (!kind.equals("expect_nothing")) return null;
    pending.keySet().removeIf(runner::internal);
    if (!pending.isEmpty()) return "expected nothing, but " + pending;
    return null;
  }

  /** Of a changelog, the last value of each key counts. */
  private static List<Runner.Output> changes(String topic, List<ProducerRecord<byte[], byte[]>> records) {
    Map<Object, Runner.Output> last = new LinkedHashMap<>();
    boolean changelog = topic.endsWith("-changelog");
    for (var record : records) {
      last.put(changelog ? YamlText.bytes(record.key()) : last.size(), Runner.output(topic, record, RAW));
    }
    return new ArrayList<>(last.values());
  }

  private static String expect(Runner runner, Map<String, List<Runner.Output>> pending, Object argument) {
    Map<String, List<Map<String, Object>>> expected = new HashMap<>();
    for (Object record : Nodes.list(argument instanceof Map<?, ?> all ? all.get("records") : argument)) {
      expected.computeIfAbsent((String) Nodes.map(record).get("topic"), t -> new ArrayList<>()).add(Nodes.map(record));
    }
    for (var topic : expected.entrySet()) {
      List<Runner.Output> actual = pending.getOrDefault(topic.getKey(), List.of());
      pending.remove(topic.getKey());
      boolean same = actual.size() == topic.getValue().size();
      if (argument instanceof Map<?, ?>) {
        for (var wanted : topic.getValue()) same = same && actual.stream().anyMatch(record -> same(wanted, record));
      } else {
        for (int i = 0; same && i < actual.size(); i++) same = same(topic.getValue().get(i), actual.get(i));
      }
      if (!same) return topic.getKey() + ": expected\n  " + topic.getValue() + "\nbut\n  " + actual;
    }
    return null;
  }

  private static boolean same(Map<String, Object> expected, Runner.Output actual) {
    if (expected.containsKey("key") && !sameData(expected.get("key"), actual.key(), actual.keyBytes())) return false;
    if (expected.containsKey("value") && !sameData(expected.get("value"), actual.value(), actual.valueBytes()))
      return false;
    if (expected.containsKey("timestamp") && !Json.normal(expected.get("timestamp")).equals(actual.timestamp()))
      return false;
    if (!expected.containsKey("headers")) return true;
    List<Object> headers = Nodes.list(expected.get("headers"));
    if (headers.size() != actual.headers().size()) return false;
    for (int i = 0; i < headers.size(); i++) {
      Map<String, Object> one = Nodes.map(headers.get(i));
      if (Runner.base64(one.get("value")) != null) continue;
      if (!String.valueOf(one).equals(String.valueOf(actual.headers().get(i)))) return false;
    }
    return true;
  }

  private static boolean sameData(Object expected, Object actual, byte[] bytes) {
    byte[] raw = Runner.base64(expected);
    if (raw != null) return Arrays.equals(raw, bytes);
    return plain(Json.normal(expected)).equals(plain(actual));
  }

  /** A text that equal values have in common. */
  private static String plain(Object value) {
    if (value instanceof Windowed<?> key) {
      return Json.write(
          new java.util.TreeMap<>(Map.of("key", key.key(), "start", key.window().start(), "end", key.window().end())));
    }
    if (value instanceof Double number && number == Math.rint(number)) return Json.write(number.longValue());
    return Json.write(value).replaceAll("\\.0+(?=[,}\\]])", "");
  }

  private static String expectStore(Runner runner, Map<String, Object> expected) {
    String name = (String) expected.get("store");
    Object key = Json.normal(expected.get("key"));
    boolean windowed = key instanceof Map<?, ?> map && map.containsKey("start");
    Object inner = windowed ? ((Map<?, ?>) key).get("key") : key;
    var store = runner.driver.getAllStateStores().get(name);
    if (store == null) return "no store " + name + " among " + runner.driver.getAllStateStores().keySet();
    for (StoreRows.Row row : StoreRows.all(store, List.of(inner))) {
      if (!plain(row.key()).equals(plain(key))) continue;
      boolean same = plain(row.value()).equals(plain(Json.normal(expected.get("value"))))
          && (row.timestamp() == null || !expected.containsKey("timestamp")
              || row.timestamp().equals(Json.normal(expected.get("timestamp"))));
      return same ? null : "store " + name + ": expected " + expected + ", but " + row;
    }
    return expected.get("value") == null ? null : "store " + name + ": no row for " + expected;
  }
}
