package fuzz;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The command line; see tests/fuzz/README.md. */
public final class Main {
  private static final String USAGE =
      "usage: fuzz.Main --seeds FROM..TO --out FOLDER [--areas A,B]\n       fuzz.Main --check-golden FOLDER";

  private Main() {}

  public static void main(String[] arguments) throws Exception {
    Map<String, String> options = new HashMap<>();
    if (arguments.length % 2 != 0) usage();
    for (int i = 0; i < arguments.length; i += 2) options.put(arguments[i], arguments[i + 1]);
    if (options.containsKey("--check-golden")) {
      System.exit(GoldenCheck.run(Path.of(options.get("--check-golden"))) == 0 ? 0 : 1);
    }
    String seeds = options.get("--seeds");
    if (seeds == null || !seeds.matches("\\d+\\.\\.\\d+") || !options.containsKey("--out")) usage();
    List<String> areas =
        options.containsKey("--areas") ? Arrays.asList(options.get("--areas").split(",")) : Generator.AREAS;
    if (!Generator.AREAS.containsAll(areas)) {
      System.err.println("the areas are " + String.join(",", Generator.AREAS));
      System.exit(2);
    }
    String[] range = seeds.split("\\.\\.");
    System.exit(
        write(Long.parseLong(range[0]), Long.parseLong(range[1]), areas, Path.of(options.get("--out"))) ? 0 : 1);
  }

  private static boolean write(long from, long to, List<String> areas, Path folder) throws IOException {
    Files.createDirectories(folder);
    boolean good = true;
    for (long seed = from; seed <= to; seed++) {
      try {
        Case.write(seed, areas, folder);
      } catch (RuntimeException e) {
        good = false;
        Throwable cause = e;
        while (cause.getCause() != null) cause = cause.getCause();
        System.err.println(
            "seed " + seed + ": Kafka Streams did not take what the generator made: " + e.getMessage() + ": " + cause);
      }
    }
    return good;
  }

  private static void usage() {
    System.err.println(USAGE);
    System.exit(2);
  }
}
