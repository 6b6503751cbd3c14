package fuzz;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.streams.kstream.Windowed;
import org.apache.kafka.streams.processor.StateStore;
import org.apache.kafka.streams.state.VersionedKeyValueStore;
import org.yaml.snakeyaml.Yaml;

/**
 * One seed: what the generator made, run through Kafka Streams and written down as a topology file and a test file.
 * Inputs at which Kafka Streams does what kstreamd is meant not to do (docs/kafka-streams.md, "Differences") are left
 * out.
 */
final class Case {
  /**
   * What came of the steps: the outputs after each, and the stores' rows at the end; `odd` is the first step to leave
   * out, or -1.
   */
  private record Run(List<List<String>> outputs, List<Internals> internals, List<String> rows, int odd) {}

  /**
   * What one step sent to internal topics: to repartition topics in order, to changelogs the last value of each key.
   */
  private record Internals(List<String> ordered, List<String> unordered) {}

  private final Generator generator;
  private final String topology;

  private Case(Generator generator) {
    this.generator = generator;
    topology = YamlText.topology(generator.draft.file);
  }

  static void write(long seed, List<String> areas, Path folder) throws IOException {
    Case one = new Case(new Generator(seed, areas));
    Files.writeString(folder.resolve("seed-" + seed + ".yaml"), one.topology);
    List<Map<String, Object>> steps = new ArrayList<>(one.generator.steps);
    Run run = one.run(steps);
    while (run.odd >= 0) {
      steps.remove(run.odd);
      run = one.run(steps);
    }
    Files.writeString(folder.resolve("seed-" + seed + ".test.yaml"), one.test(seed, steps, run));
  }

  private Run run(List<Map<String, Object>> steps) throws IOException {
    boolean onClose = generator.draft.onClose;
    Run run = run(steps, new Nodes.Variant(onClose, false, true));
    if (run.odd >= 0) return run;
    int odd = -1;
    // Where Kafka Streams loses a window, or lets a closed session grow again, retention makes a difference.
    if (generator.draft.sessionOrSlidingOnClose) odd = difference(run, run(steps, new Nodes.Variant(false, false, true)));
    if (odd < 0 && generator.draft.perCommitWindows) {
      // Where a cache has what the store has lost, retention makes one to the store with or without that cache.
      odd = difference(run, run(steps, new Nodes.Variant(onClose, true, true)));
      if (odd < 0)
        odd = difference(run(steps, new Nodes.Variant(onClose, false, false)),
            run(steps, new Nodes.Variant(onClose, true, false)));
    }
    return odd < 0 ? run : new Run(run.outputs, run.internals, run.rows, lastSend(steps, odd));
  }

  /** The first step with another result, or -1. A run that met something odd has no more results. */
  private static int difference(Run run, Run other) {
    for (int i = 0; i < Math.min(run.outputs.size(), other.outputs.size()); i++) {
      if (!run.outputs.get(i).equals(other.outputs.get(i)) || !run.internals.get(i).equals(other.internals.get(i)))
        return i;
    }
    return -1;
  }

  /** A commit or an advance is not to blame. */
  private static int lastSend(List<Map<String, Object>> steps, int from) {
    int at = from;
    while (!steps.get(at).containsKey("send")) at--;
    return at;
  }

  @SuppressWarnings("unchecked")
  private Run run(List<Map<String, Object>> steps, Nodes.Variant variant) throws IOException {
    Map<String, Object> file = new Yaml().load(topology);
    List<List<String>> outputs = new ArrayList<>();
    List<Internals> internals = new ArrayList<>();
    Set<Object> keys = new LinkedHashSet<>();
    try (Runner runner = new Runner(file, variant, generator.manual, 0)) {
      for (int i = 0; i < steps.size(); i++) {
        Map<String, Object> step = steps.get(i);
        if (step.containsKey("send")) {
          List<Map<String, Object>> records = (List<Map<String, Object>>) step.get("send");
          records.forEach(record -> keys.add(inner(record.get("key"))));
          if (!runner.send(records)) return new Run(outputs, internals, List.of(), i);
        } else if (step.containsKey("advance")) {
          runner.driver.advance(Nodes.duration(step.get("advance")));
          if (!generator.manual) runner.driver.commit();
        } else {
          runner.driver.commit();
        }
        List<String> lines = new ArrayList<>();
        runner.take().values().forEach(records -> records.forEach(record -> {
          lines.add(YamlText.output(record, generator.headers));
          keys.add(inner(record.key()));
        }));
        outputs.add(lines);
        internals.add(internals(runner, generator.draft.unlistedTopics));
      }
      return new Run(outputs, internals, rows(runner, keys), -1);
    }
  }

  private static Object inner(Object key) {
    return Json.normal(key instanceof Windowed<?> windowed ? windowed.key() : key);
  }

  private static Internals internals(Runner runner, List<String> unlisted) {
    Internals internals = new Internals(new ArrayList<>(), new ArrayList<>());
    runner.internals().forEach((topic, records) -> {
      if (unlisted.stream().anyMatch(part -> topic.contains("-" + part + "-"))) return;
      if (!topic.endsWith("-changelog")) {
        for (var record : records) internals.ordered.add(YamlText.internal(topic, record));
        return;
      }
      boolean versions = runner.versioned(topic);
      Map<String, String> last = new LinkedHashMap<>();
      for (var record : records)
        last.put(versions ? "" + last.size() : YamlText.bytes(record.key()), YamlText.internal(topic, record));
      internals.unordered.addAll(last.values());
    });
    return internals;
  }

  private List<String> rows(Runner runner, Set<Object> keys) {
    List<String> rows = new ArrayList<>();
    runner.nodes.stores.forEach((name, codecs) -> {
      StateStore store = runner.driver.getAllStateStores().get(name);
      if (store == null || generator.draft.unlistedStores.contains(name)) return;
      List<Object> fitting = new ArrayList<>();
      for (Object key : keys) {
        if (codecs[0].fits(key)) fitting.add(key);
      }
      Set<Object> found = new LinkedHashSet<>();
      for (StoreRows.Row row : StoreRows.all(store, fitting)) {
        found.add(row.key());
        rows.add("{ store: " + name + ", key: " + YamlText.data(row.key()) + ", value: " + YamlText.data(row.value())
            + (row.timestamp() == null ? "" : ", timestamp: " + row.timestamp()) + " }");
      }
      if (codecs[0].window != Codec.Window.NONE || store instanceof VersionedKeyValueStore<?, ?>) return;
      for (Object key : fitting) {
        if (!found.contains(key)) rows.add("{ store: " + name + ", key: " + YamlText.data(key) + ", value: null }");
      }
    });
    return rows;
  }

  @SuppressWarnings("unchecked")
  private String test(long seed, List<Map<String, Object>> steps, Run run) {
    StringBuilder out = new StringBuilder("topology: seed-" + seed + ".yaml\n");
    if (generator.manual) out.append("commits: manual\n");
    out.append("tests:\n  - name: \"seed ").append(seed).append("\"\n    steps:\n");
    for (int i = 0; i < steps.size(); i++) {
      Map<String, Object> step = steps.get(i);
      if (step.containsKey("send")) {
        out.append("      - send:\n");
        for (Map<String, Object> record : (List<Map<String, Object>>) step.get("send")) {
          out.append("          - ").append(YamlText.input(record)).append('\n');
        }
      } else if (step.containsKey("advance")) {
        out.append("      - advance: ").append(step.get("advance")).append('\n');
      } else {
        out.append("      - commit: {}\n");
      }
      if (run.outputs.get(i).isEmpty()) out.append("      - expect_nothing: {}\n");
      List<String> lines = new ArrayList<>(run.outputs.get(i));
      if (generator.internals) lines.addAll(run.internals.get(i).ordered);
      if (!lines.isEmpty()) out.append("      - expect:\n");
      for (String line : lines) out.append("          - ").append(line).append('\n');
      if (!generator.internals || run.internals.get(i).unordered.isEmpty()) continue;
      out.append("      - expect:\n          unordered: true\n          records:\n");
      for (String line : run.internals.get(i).unordered) out.append("            - ").append(line).append('\n');
    }
    for (String row : run.rows) out.append("      - expect_store: ").append(row).append('\n');
    return out.append("      - expect_nothing: {}\n").toString();
  }
}
