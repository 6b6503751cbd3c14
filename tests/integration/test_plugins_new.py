#!/usr/bin/env python3
"""`kstreamd plugins new` in each language, with the installed package and outside the tree: the project is made, built and tried by
exactly the commands of its README, and its plugin runs in a daemon. KSTREAMD_TEST_PREFIX is an installed kstreamd that was moved
since, so that nothing may know where it was."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import lab

PREFIX = Path(os.environ.get("KSTREAMD_TEST_PREFIX", "/nowhere"))
lab.KSTREAMD = str(PREFIX / "bin/kstreamd")
sys.path.insert(0, str(lab.ROOT / "tests" / "checks"))
import docs  # noqa: E402

# The templates' folder of each language, a name that is used for much in the generated code, and what the README needs.
LANGUAGES = {
    "c++": ("cpp", "context", {"cmake": "cmake", "c++": "g++"}),
    "c": ("c", "process", {"make": "make", "pkg-config": "pkg-config", "cc": "gcc"}),
    "rust": ("rust", "record", {"cargo": "cargo", "rustc": "rustc"}),
}
ENVIRONMENT = dict(lab.ENVIRONMENT, PATH=f"{PREFIX / 'bin'}:{os.environ['PATH']}", KSTREAMD_LISTEN="127.0.0.1:0")
BUILD_S = 600


def camel_case(name):
    return "".join(word.capitalize() for word in name.split("_"))


class NewPlugin(lab.LabTest):
    """One language; ctest calls each of the classes below."""

    log_type = lab.EmbeddedLog
    language = None

    def setUp(self):
        if self.language is None:
            self.skipTest("a base class")
        super().setUp()
        self.templates, self.name, tools = LANGUAGES[self.language]
        for tool, package in {**tools, "nm": "binutils"}.items():
            if not shutil.which(tool):
                self.fail(f"{tool} is missing: install the package {package} (deploy/packages/install build test)")
        self.project = self.folder / "my plugins" / self.name
        done = lab.kstreamd("plugins", "new", self.name, "--lang", self.language, "--dir", self.project.parent)
        self.assertIn(str(self.project), done.stdout)
        self.said = done.stdout

    def sh(self, script):
        """Runs a script as a reader would, in the project; gives what it printed."""
        done = subprocess.run(["bash", "-c", "set -euo pipefail\n" + script], cwd=self.project, env=ENVIRONMENT, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=BUILD_S)
        self.assertEqual(done.returncode, 0, f"{script}\n--- it said\n{done.stdout}")
        return done.stdout

    def check_files(self):
        """What was written are the templates, under the name asked for."""
        expected = {}
        for folder in ("common", self.templates):
            root = lab.ROOT / "daemon/templates" / folder
            expected.update({str(path.relative_to(root)): path for path in root.rglob("*") if path.is_file()})
        for written in (path for path in self.project.rglob("*") if path.is_file()):
            path = str(written.relative_to(self.project))
            if path.startswith("vendor/"):
                self.assertEqual(written.read_bytes(), (lab.ROOT / "plugins/sdk/rust" / path.removeprefix("vendor/")).read_bytes(), path)
                continue
            template = expected.pop(path.replace(self.name, "example_name").replace(".gitignore", "gitignore"))
            text = template.read_text().replace("example_name", self.name).replace("ExampleName", camel_case(self.name))
            self.assertEqual(written.read_text(), text, path)
        self.assertEqual(list(expected), [], "not written")

    def check_plugin(self):
        plugin = self.project / f"build/plugins/{self.name}.so"
        shown = subprocess.run(["nm", "-D", "--defined-only", "--format=posix", str(plugin)], stdout=subprocess.PIPE, text=True, check=True)
        self.assertEqual([line.split()[0] for line in shown.stdout.splitlines()], ["kst_plugin_entry"])
        validated = lab.kstreamd("validate", self.project / "topology.yaml", "--plugins", plugin.parent)
        self.assertIn("valid, 3 nodes", validated.stdout)
        # The schema is checked, with the place.
        wrong = self.topology((self.project / "topology.yaml").read_text().replace("every: 2", "every: none"))
        refused = lab.kstreamd("validate", wrong, "--plugins", plugin.parent, check=False)
        self.assertNotEqual(refused.returncode, 0, refused.stdout)
        self.assertRegex(refused.stdout + refused.stderr, r"topology\.yaml:\d+:\d+.*\n?.*every")

    def check_daemon(self):
        """The plugin in a daemon that stays, fed over HTTP; the counts go on where a restart left them."""
        plugins = ("--plugins", self.project / "build/plugins")
        for round in (1, 2):
            daemon = self.daemon(self.project / "topology.yaml", *plugins).wait_ready()
            there = ("--daemon", f"127.0.0.1:{daemon.port}")
            lab.kstreamd("produce", f"{self.name}-in", "--key-separator", ":", *there, stdin="k:one\nk:two\nk:three\n")

            def counted():
                done = lab.kstreamd("consume", f"{self.name}-out", "--drain", *there, check=False)
                return done.stdout.splitlines()

            expected = ["two #2", "one #4", "three #6"][: 1 if round == 1 else 3]
            lab.until(lambda: counted() == expected, lambda: f"{expected}; there is {counted()}; it logged\n{daemon.output()}")
            self.assertEqual(daemon.stop(), 0, daemon.output())

    def test_builds_and_runs_as_its_readme_says(self):
        self.check_files()
        printed = ""
        for _, language, _, body in docs.blocks((self.project / "README.md").read_text()):
            self.assertEqual(language, "sh")
            printed += self.sh(body)
        self.assertIn(f"{self.name}  passes every so many records of a key", printed)  # kstreamd plugins
        self.assertRegex(printed, r"2 passed, 0 failed|100% tests passed")  # kstreamd test, or ctest, which keeps it to itself
        self.assertRegex(printed, r"(?m)^a\s+two #2$")  # kstreamd consume
        self.sh(re.search(r"Build and test it:\n\n(.*?)\n\n", self.said, re.S).group(1))  # what the command itself told to do
        self.check_plugin()
        self.check_daemon()


class Cpp(NewPlugin):
    language = "c++"


class C(NewPlugin):
    language = "c"


class Rust(NewPlugin):
    language = "rust"


class Refusals(unittest.TestCase):
    """What the command does not do, and what the package must not know."""

    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="kstreamd-test-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def refused(self, *words):
        done = lab.kstreamd("plugins", "new", *words, "--dir", self.folder, check=False)
        self.assertEqual(done.returncode, 2, done.stdout)
        self.assertEqual(done.stdout, "")
        return done.stderr

    def test_names_that_are_none(self):
        for name in ("Bad", "1st", "a-b", "a.b", "_a", "a/b", "..", "", "ä", "x" * 65):
            self.assertIn("cannot be the name of a plugin", self.refused(name, "--lang", "c"), name)
        for name in ("class", "fn", "all", "kstreamd", "test"):
            self.assertIn(f"say more of what it does: my_{name}", self.refused(name, "--lang", "rust"))
        self.assertIn("--lang", self.refused("fine", "--lang", "zig"))
        self.assertIn("--lang", self.refused("fine"))
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_a_folder_that_is_there(self):
        (self.folder / "mine").mkdir()
        self.assertIn("is there already", self.refused("mine", "--lang", "c"))
        self.assertEqual(list((self.folder / "mine").iterdir()), [])
        (self.folder / "file").write_text("precious")
        self.refused("file", "--lang", "c")
        self.assertEqual((self.folder / "file").read_text(), "precious")

    def test_the_package_knows_no_place(self):
        places = [str(lab.ROOT), os.environ.get("KSTREAMD_TEST_BUILD", "/nowhere"), str(PREFIX), "installing"]
        for path in [p for folder in ("lib", "share", "include") for p in (PREFIX / folder).rglob("*") if p.is_file()]:
            found = [place for place in places if place in path.read_text(errors="replace")]
            self.assertEqual(found, [], path)
        self.assertEqual([p.name for p in PREFIX.rglob("*.a")], [])
        wanted = ["include/kstreamd/abi/plugin.h", "include/kstreamd/sdk/plugin.h", "lib/cmake/kstreamd/kstreamdConfigVersion.cmake",
                  "lib/cmake/kstreamd/plugin.map", "lib/pkgconfig/kstreamd.pc", "share/kstreamd/rust/kstreamd/Cargo.toml",
                  "share/doc/kstreamd/docs/plugins.md"]
        self.assertEqual([path for path in wanted if not (PREFIX / path).exists()], [])

    def test_pkg_config_says_where_things_are(self):
        env = dict(os.environ, PKG_CONFIG_PATH=str(PREFIX / "lib/pkgconfig"))
        ask = lambda *words: subprocess.run(["pkg-config", *words, "kstreamd"], env=env, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
        self.assertTrue((Path(ask("--variable=includedir")) / "kstreamd/abi/plugin.h").exists())
        self.assertTrue(Path(ask("--variable=pluginmap")).exists())
        self.assertEqual(Path(ask("--variable=plugindir")).resolve(), PREFIX / "lib/kstreamd/plugins")
        self.assertRegex(ask("--variable=abiversion"), r"^1\.\d+$")


if __name__ == "__main__":
    lab.main()
