package fuzz;

import java.nio.file.Path;

/** See tests/fuzz/README.md. */
public final class Main {
  private Main() {}

  public static void main(String[] arguments) throws Exception {
    if (arguments.length == 2 && arguments[0].equals("--check-golden")) System.exit(GoldenCheck.run(Path.of(arguments[1])) == 0 ? 0 : 1);
  }
}
