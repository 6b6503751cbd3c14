#!/usr/bin/env python3
"""The commands as people and scripts use them, on the embedded log."""

import json
import re
import subprocess
from pathlib import Path

import lab

WORD_COUNT = lab.ROOT / "config/topologies/word-count.yaml"
VALIDATION = lab.ROOT / "tests/validation"
MISTAKES = VALIDATION / "ten_mistakes.yaml"
COMMANDS = ["run", "validate", "graph", "plugins", "produce", "consume", "status"]


class CommandLine(lab.LabTest):
    log_type = lab.EmbeddedLog

    def test_every_command_has_help_with_an_example(self):
        for command in COMMANDS:
            done = lab.kstreamd(command, "--help")
            self.assertIn(f"kstreamd {command}", done.stdout)

    def test_wrong_usage_exits_2_and_says_why_on_standard_error(self):
        for words in (["no-such-command"], ["run", "--no-such-option"], ["validate"], ["validate", "/nowhere.yaml"]):
            done = lab.kstreamd(*words, check=False)
            self.assertEqual(done.returncode, 2, f"{words}: {done.stderr}")
            self.assertTrue(done.stderr.strip(), words)

    def test_an_unknown_command_is_named(self):
        self.assertIn("unknown command 'validat'\n  hint: did you mean 'validate'?", lab.kstreamd("validat", check=False).stderr)
        self.assertIn("hint: the commands are run, validate, ", lab.kstreamd("xyzzy", "--help", check=False).stderr)

    def test_a_number_that_does_not_fit_is_named_with_what_does(self):
        done = lab.kstreamd("run", WORD_COUNT, "--embedded", "--workers", "0", check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("--workers: Value 0 not in range 1 to 1000000", done.stderr)

    def test_the_shipped_topologies_are_valid(self):
        for path in sorted((lab.ROOT / "config/topologies").glob("*.yaml")):
            if not path.name.endswith(".test.yaml"):
                lab.kstreamd("validate", path)

    def test_ten_mistakes_are_ten_errors_in_one_run(self):
        done = lab.kstreamd("validate", MISTAKES, "--plugins", "/usr/lib/kstreamd/plugins", check=False)
        self.assertEqual(done.returncode, 2)
        said = done.stdout + done.stderr
        self.assertEqual(len(re.findall(r"ten_mistakes\.yaml:\d+:\d+: error: ", said)), 10, said)
        for line in MISTAKES.with_suffix(".expected").read_text().splitlines():
            self.assertIn(line.strip(), said)

    def test_files_with_mistakes_give_exactly_the_expected_diagnostics(self):
        for path in sorted(VALIDATION.glob("*.yaml")):
            done = lab.kstreamd("validate", path, "--plugins", "/usr/lib/kstreamd/plugins", check=False)
            self.assertEqual(done.returncode, 2, path.name)
            said = done.stderr.replace(str(path), path.name)
            said = re.sub(r"(?m)^\d+ errors.*\n", "", said)
            self.assertEqual(said, path.with_suffix(".expected").read_text())

    def test_validate_needs_no_kafka(self):
        lab.kstreamd("validate", WORD_COUNT, timeout=10)

    def test_graph_shows_sub_topologies_internal_topics_and_stores_in_every_format(self):
        text = lab.kstreamd("graph", WORD_COUNT).stdout
        for word in ("text-lines", "word-counts", "-repartition", "word-count-counts-changelog", "counts"):
            self.assertIn(word, text)
        self.assertRegex(lab.kstreamd("graph", WORD_COUNT, "--format", "mermaid").stdout, r"(?m)^(flowchart|graph) ")
        self.assertIn("digraph", lab.kstreamd("graph", WORD_COUNT, "--format", "dot").stdout)
        json.loads(lab.kstreamd("graph", WORD_COUNT, "--format", "json").stdout)

    def test_what_is_produced_is_consumed(self):
        topic = f"{self.tag}-t"
        self.log.produce(topic, ["a:1", "b:2", "a:3"], "--key-separator", ":", "--value", "int64", "--header", "h=x")
        records = self.log.consume(topic, "--key", "string", "--value", "int64")
        self.assertEqual({(r["key"], r["value"]) for r in records}, {("a", 1), ("b", 2), ("a", 3)})
        self.assertEqual([r["value"] for r in records if r["key"] == "a"], [1, 3])
        for record in records:
            self.assertEqual(record["topic"], topic)
            self.assertEqual(record["headers"], [{"key": "h", "value": "x"}])
            self.assertEqual(set(record), {"topic", "partition", "offset", "timestamp", "key", "value", "headers"})

    def test_consume_from_a_place_and_up_to_a_number(self):
        topic = f"{self.tag}-t"
        self.log.produce(topic, [f"k:{i}" for i in range(10)], "--key-separator", ":", "--partition", "2")
        self.assertEqual([r["value"] for r in self.log.consume(topic, "--partition", "2", "--from", "4", "--max", "3")], ["4", "5", "6"])

    def test_consume_stops_when_nothing_comes(self):
        topic = f"{self.tag}-t"
        self.log.produce(topic, ["x"])
        done = lab.kstreamd("consume", topic, "--timeout", "1s", *self.log.options, timeout=20)
        self.assertIn("x", done.stdout)

    def test_consume_makes_no_log_that_is_not_there(self):
        folder = self.folder / "mistyped"
        done = lab.kstreamd("consume", "t", f"--embedded={folder}", "--drain", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"there is no log in '{folder}'", done.stderr)
        self.assertFalse(folder.exists())

    def test_consume_says_what_it_waits_for(self):
        topic = f"{self.tag}-t"
        self.log.produce(topic, ["x"])
        waiting = subprocess.Popen([lab.KSTREAMD, "consume", topic, "--max", "2", *self.log.options], text=True, stderr=subprocess.PIPE,
                                   stdout=subprocess.PIPE)
        try:
            self.assertIn(f"waiting for more records of topic '{topic}'", waiting.stderr.readline())
        finally:
            waiting.kill()
            waiting.communicate()

    def test_a_value_that_is_no_number_is_refused_with_its_line(self):
        done = lab.kstreamd("produce", f"{self.tag}-t", "--value", "int64", *self.log.options, stdin="1\nabc\n", check=False)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("abc", done.stderr)

    def test_drain_counts_and_exits(self):
        topology, source, sink, _ = self.word_count()
        self.log.produce(source, ["Hello hello", "world"])
        self.drain(topology)
        last = {r["key"]: r["value"] for r in self.log.consume(sink, "--key", "string", "--value", "int64")}
        self.assertEqual(last, {"hello": 2, "world": 1})
        self.log.produce(source, ["hello"])
        self.drain(topology)
        last = {r["key"]: r["value"] for r in self.log.consume(sink, "--key", "string", "--value", "int64")}
        self.assertEqual(last, {"hello": 3, "world": 1})

    def test_a_daemon_file(self):
        topology, source, _, _ = self.word_count()
        port = lab.free_port()
        path = self.folder / "kstreamd.yaml"
        path.write_text(f"kstreamd: 1\ntopologies: {topology}\nstate_dir: {self.folder}/state\nlisten: 127.0.0.1:{port}\n"
                        "log: { level: info, format: json }\n")
        daemon = self.daemon([], "--config", path)  # its --listen beats the file's
        daemon.wait_ready()
        self.assertEqual(daemon.stop(), 0)
        lines = [line for line in daemon.output().splitlines() if line.strip()]
        self.assertTrue(lines)
        for line in lines:
            json.loads(line)


class Observation(lab.LabTest):
    """What a running daemon shows."""

    log_type = lab.EmbeddedLog

    def running(self):
        topology, source, sink, app = self.word_count()
        self.log.produce(source, ["Hello hello", "world"])
        daemon = self.daemon(topology).wait_ready()
        lab.until(lambda: daemon.metric("kstreamd_records_produced_total", node="out") >= 3, lambda: daemon.get("/metrics")[1])
        return daemon, source, sink, app

    def test_metrics_are_those_of_the_catalogue(self):
        documented = {}
        for line in (lab.ROOT / "docs/metrics.md").read_text().splitlines():
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            if len(cells) == 5 and cells[0].startswith("`kstreamd_"):
                documented[cells[0].strip("`")] = (cells[1], {label for label in cells[3].split(", ") if label})
        self.assertGreater(len(documented), 15)

        daemon, *_ = self.running()
        text = daemon.get("/metrics")[1]
        types = dict(re.findall(r"(?m)^# TYPE (\S+) (\S+)$", text))
        shown = {}
        for name, series in daemon.metrics().items():
            base = re.sub(r"_(bucket|sum|count)$", "", name)
            base = base if base in types and types[base] == "histogram" else name
            shown.setdefault(base, set()).update(*(set(labels) - {"le"} for labels, _ in series))
        for name, labels in sorted(shown.items()):
            self.assertIn(name, documented, "a metric that docs/metrics.md does not list")
            kind, allowed = documented[name]
            self.assertEqual(types.get(name), kind, name)
            self.assertLessEqual(labels, allowed, name)
        # These come only with what they count.
        rare = {name for name in documented if re.search(r"dropped|dead_letter|plugin_errors|plugin_calls|aborted|recreations|rebuilds|restarts|restore|cleanups", name)}
        self.assertEqual(set(documented) - rare - set(shown), set(), "documented and not shown by a running word count")
        self.assertEqual(daemon.metric("kstreamd_records_consumed_total", node="lines"), 2)
        self.assertEqual(daemon.stop(), 0)

    def test_http(self):
        daemon, _, _, app = self.running()
        self.assertEqual(daemon.get("/healthz")[0], 200)
        self.assertEqual(daemon.get("/readyz")[0], 200)
        self.assertIn(app, daemon.get("/api/v1/topologies")[1])
        self.assertTrue(daemon.json("/api/v1/tasks"))
        self.assertEqual(daemon.get("/api/v1/plugins")[0], 200)
        status, body = daemon.get("/api/v1/no-such-thing")
        self.assertEqual(status, 404)
        error = json.loads(body)["error"]
        self.assertTrue(error["message"])
        self.assertEqual(daemon.stop(), 0)

    def test_status(self):
        daemon, _, _, app = self.running()
        address = ["--daemon", f"127.0.0.1:{daemon.port}"]
        text = lab.kstreamd("status", *address).stdout
        self.assertIn(app, text)
        self.assertIn("running", text)
        json.loads(lab.kstreamd("status", *address, "--output", "json").stdout)
        self.assertEqual(daemon.stop(), 0)
        done = lab.kstreamd("status", *address, check=False)
        self.assertEqual(done.returncode, 3)
        self.assertIn(str(daemon.port), done.stderr)

    def test_produce_and_consume_through_the_daemon(self):
        daemon, source, sink, _ = self.running()
        address = ["--daemon", f"127.0.0.1:{daemon.port}"]
        lab.kstreamd("produce", source, *address, stdin="brave new world\n")

        def counted():
            done = lab.kstreamd("consume", sink, *address, "--drain", "--output", "json", "--key", "string", "--value", "int64")
            last = {r["key"]: r["value"] for r in map(json.loads, done.stdout.splitlines())}
            return last == {"hello": 2, "world": 2, "brave": 1, "new": 1}

        lab.until(counted, "the new words are counted")
        self.assertEqual(daemon.stop(), 0)


class Plugins(lab.LabTest):
    """The example plugins, from a folder."""

    log_type = lab.EmbeddedLog

    def setUp(self):
        super().setUp()
        self.files = sorted(Path(lab.PLUGINS).rglob("*.so"))
        self.assertTrue(self.files, f"no plugins in {lab.PLUGINS}")
        (self.folder / "plugins").mkdir()
        for path in self.files:
            (self.folder / "plugins" / path.name).symlink_to(path)

    def test_they_are_listed_and_a_bad_file_is_shown_as_bad(self):
        (self.folder / "plugins" / "broken.so").write_text("this is no shared object")
        done = lab.kstreamd("plugins", self.folder / "plugins", check=False)
        self.assertEqual(done.returncode, 1, done.stdout)
        for path in self.files:
            self.assertIn(path.name, done.stdout)
        self.assertIn("broken.so", done.stdout)

    def test_a_topology_with_a_plugin_runs(self):
        topology = self.topology("""
kstreamd: 1
name: TAG-dedup
stores:
  seen: { key: bytes, value: int64 }
nodes:
  in:
    source: { topic: TAG-in, key: string, value: string }
  fresh:
    from: in
    process: dedup
    config: { within: 1h }
    stores: [seen]
  out:
    from: fresh
    sink: { topic: TAG-out, key: string, value: string }
""")
        self.log.produce(f"{self.tag}-in", ["a|x", "a|x", "a|y", "a|x"], "--key-separator", "|")
        self.drain(topology, "--plugins", self.folder / "plugins")
        records = self.log.consume(f"{self.tag}-out", "--key", "string", "--value", "string")
        self.assertEqual([r["value"] for r in records], ["x", "y"])

    def test_a_missing_plugin_is_named(self):
        topology = self.topology("kstreamd: 1\nname: TAG-x\nnodes:\n  in:\n    source: { topic: a, key: string, value: string }\n"
                                 "  p:\n    from: in\n    process: no_such_type\n")
        done = lab.kstreamd("validate", topology, "--plugins", self.folder / "plugins", check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("no_such_type", done.stdout + done.stderr)


if __name__ == "__main__":
    lab.main()
