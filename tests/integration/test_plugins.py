#!/usr/bin/env python3
"""What becomes of a daemon whose plugins are broken (tests/bad_plugins), and of one whose plugins are replaced."""

import os
import re
import shutil
import signal
from pathlib import Path

import lab

BAD = Path(os.environ.get("KSTREAMD_TEST_BAD_PLUGINS", lab.ROOT / "build/release/bad_plugins"))
PROCESS = """
kstreamd: 1
name: TAG-NAME
SETTINGS
nodes:
  in:
    source: { topic: TAG-NAME-in, key: string, value: string }
  work:
    from: in
    process: NAME
    serde: { key: string, value: string }
  out:
    from: work
    sink: { topic: TAG-NAME-out, key: string, value: string }
"""
COPY = """
kstreamd: 1
name: TAG-copy
nodes:
  in:
    source: { topic: TAG-copy-in, key: string, value: string }
  out:
    from: in
    sink: { topic: TAG-copy-out, key: string, value: string }
"""
DAEMON = """
kstreamd: 1
plugins: PLUGINS
plugin_limits: { crashes: 3, call_time: 1s }
stop_timeout: 2s
"""


def headers_of(record):
    return {header["key"]: header["value"] for header in record["headers"]}


class PluginTest(lab.LabTest):
    """A test with a folder of plugins, a daemon file that names it, and topologies of one partition."""

    log_type = lab.EmbeddedLog

    def setUp(self):
        super().setUp()
        self.assertTrue(BAD.is_dir(), f"there is no {BAD}: build the target bad_plugins, or set KSTREAMD_TEST_BAD_PLUGINS")
        self.plugins = self.folder / "plugins"
        self.plugins.mkdir(mode=0o755)
        self.config = self.folder / "kstreamd.yaml"
        self.config.write_text(DAEMON.replace("PLUGINS", str(self.plugins)))

    def install(self, plugin, name=None, more=b""):
        """Puts a plugin into the folder as an operator does: beside it, and moved over what is there."""
        beside = self.folder / "beside"
        beside.write_bytes((BAD / f"{plugin}.so").read_bytes() + more)
        beside.chmod(0o755)
        beside.rename(self.plugins / f"{name or Path(plugin).name}.so")

    def process(self, name, settings=""):
        """A topology with a processor of this plugin; its topics are TAG-NAME-in, -out and -dead."""
        for topic in ("in", "out", "dead"):
            self.log.create(f"{self.tag}-{name}-{topic}", 1)
        return self.topology(PROCESS.replace("SETTINGS", settings).replace("NAME", name), name)

    def copy(self):
        for topic in ("in", "out"):
            self.log.create(f"{self.tag}-copy-{topic}", 1)
        return self.topology(COPY, "copy")

    def start(self, topologies, *options):
        one_each = ["--partitions", 1] if self.log_type is lab.EmbeddedLog else []
        return self.daemon(topologies, "--config", self.config, *one_each, *options)

    def send(self, name, *values, options=()):
        self.log.produce(f"{self.tag}-{name}-in", [f"k|{value}" for value in values], "--key-separator", "|", *options)

    def values(self, name, topic="out"):
        return [record["value"] for record in self.dead(name, topic)]

    def dead(self, name, topic="dead"):
        return self.log.consume(f"{self.tag}-{name}-{topic}", "--key", "string", "--value", "string")

    def until_values(self, name, expected):
        lab.until(lambda: self.values(name) == expected, lambda: f"{expected}; it is {self.values(name)}")

    def states(self, daemon):
        answer = daemon.json("/api/v1/topologies")
        return {t["name"].removeprefix(f"{self.tag}-"): t for t in answer["topologies"]} if answer else {}

    def until_failed(self, daemon, *names):
        """The errors of topologies, by name, once all of them have failed."""
        def failed():
            states = self.states(daemon)
            return states if all(name in states and states[name]["state"] == "failed" for name in names) else None

        states = lab.until(failed, lambda: f"{names} failed: {self.states(daemon)}\n{daemon.output()}")
        return {name: states[name]["error"] for name in names}

    def crashes_until_the_end(self, topologies, number, most=6):
        """Drains again and again; how often the process died by the signal before it came to the end, and the last daemon."""
        for crashes in range(most + 1):
            daemon = self.start(topologies, "--drain")
            code = daemon.wait_exit()
            if code != -number:
                self.assertEqual(code, 0, daemon.output())
                return crashes, daemon
            self.assertRegex(daemon.output(), rf"(?m)^kstreamd: the plugin's processor .* with signal {int(number)} \(")
        self.fail(f"still crashing after {most} times:\n{daemon.output()}")


class CrashesBase:
    """One record of many on which a plugin crashes; another topology in the same process."""

    def test_the_record_goes_to_the_dead_letter_topic_and_the_rest_goes_on(self):
        self.install("crashes")
        topologies = [self.process("crashes", "dead_letter_topic: TAG-crashes-dead"), self.copy()]
        values = [f"v{i}" for i in range(100)]
        self.send("crashes", *values[:40])
        self.send("crashes", "crash", options=["--header", "color=red"])
        self.send("crashes", *values[40:])
        self.send("copy", *values)
        crashes, daemon = self.crashes_until_the_end(topologies, signal.SIGSEGV)
        # Once in a batch, unless it came alone, and three times by itself.
        self.assertIn(crashes, (3, 4))
        self.assertEqual(self.values("crashes"), values)
        self.assertEqual(self.values("copy"), values)
        message = "the process crashed while this record was in processor 'crashes', as often as is allowed: it is not processed again"
        source = f"{self.tag}-crashes-in"
        self.assertIn(f"record {source}-0@40: {message}", daemon.output())
        dead = self.dead("crashes")
        self.assertEqual([(record["key"], record["value"]) for record in dead], [("k", "crash")])
        self.assertEqual(headers_of(dead[0]), {
            "color": "red", "__streams.errors.topic": source, "__streams.errors.partition": "0", "__streams.errors.offset": "40",
            "__streams.errors.exception": "ProcessCrashed", "__streams.errors.message": message, "__streams.errors.stacktrace": "work"})
        said = (self.folder / "daemon.log").read_text()
        self.assertIn(f"kstreamd: the plugin's processor 'crashes' (bad 1.0.0) crashed in process with signal 11 (SIGSEGV): topology "
                      f"'{self.tag}-crashes', task in-0, node 'work', record {source}-0@40\n", said)
        # The next run has nothing to remember it for.
        self.send("crashes", "after")
        self.assertEqual(self.crashes_until_the_end(topologies, signal.SIGSEGV)[0], 0)
        self.assertEqual(self.values("crashes"), values + ["after"])
        self.assertEqual(len(self.dead("crashes")), 1)


class CrashesOnEmbedded(CrashesBase, PluginTest):
    pass


class CrashesOnKafka(CrashesBase, PluginTest):
    log_type = lab.KafkaLog


class Crashes(PluginTest):
    def test_without_a_dead_letter_topic_the_topology_stops_and_the_others_run(self):
        self.install("crashes")
        topologies = [self.process("crashes"), self.copy()]
        self.send("crashes", "crash", "after")
        for _ in range(5):
            daemon = self.start(topologies)
            if not self.died(daemon):
                break
        error = self.until_failed(daemon, "crashes")["crashes"]
        self.assertIn(f"record {self.tag}-crashes-in-0@0: the process crashed while this record was in processor 'crashes', as often as is "
                      "allowed: it is not processed again (set dead_letter_topic, so that such records go there and the rest goes on; "
                      "mend the plugin)", error)
        self.send("copy", "still here")
        self.until_values("copy", ["still here"])
        self.assertEqual(self.values("crashes"), [])
        self.assertEqual(daemon.stop(), 0)

    def died(self, daemon, number=signal.SIGSEGV):
        """Whether the daemon died by the signal, or has a topology that failed."""
        lab.until(lambda: not daemon.alive() or any(t["state"] == "failed" for t in self.states(daemon).values()),
                  lambda: f"dead or failed; it logged\n{daemon.output()}")
        if daemon.alive():
            return False
        self.assertEqual(daemon.wait_exit(), -number, daemon.output())
        return True

    def test_another_content_of_the_plugin_is_tried_anew(self):
        self.install("crashes")
        topology = self.process("crashes", "dead_letter_topic: TAG-crashes-dead")
        self.send("crashes", "crash")
        for _ in range(2):
            daemon = self.start(topology, "--drain")
            self.assertEqual(daemon.wait_exit(), -signal.SIGSEGV, daemon.output())
        self.install("crashes", more=b"another content")
        self.assertEqual(self.crashes_until_the_end(topology, signal.SIGSEGV)[0], 3)
        self.assertEqual(self.values("crashes", "dead"), ["crash"])

    def test_a_processor_that_crashes_in_init_is_not_started_any_more(self):
        self.install("crashes_in_init")
        topologies = [self.process("crashes_in_init"), self.copy()]
        self.send("copy", "one")
        for _ in range(3):
            daemon = self.start(topologies)
            self.assertTrue(self.died(daemon, signal.SIGABRT), daemon.output())
            self.assertIn("kstreamd: the plugin's processor 'crashes_in_init' (bad 1.0.0) crashed in init with signal 6 (SIGABRT): topology "
                          f"'{self.tag}-crashes_in_init', task in-0, node 'work'\n", daemon.output())
        daemon = self.start(topologies)
        file = daemon.state / ".crashes"
        message = ("processor 'crashes_in_init' of node 'work' crashed kstreamd 3 times outside of any record, and is not started again "
                   f"(replace its plugin, or remove {file} to try it again)")
        self.assertIn(message, self.until_failed(daemon, "crashes_in_init")["crashes_in_init"])
        self.send("copy", "two")
        self.until_values("copy", ["one", "two"])
        self.assertEqual(daemon.get("/healthz")[0], 200)
        self.assertEqual(daemon.stop(), 0)
        file.unlink()
        self.assertTrue(self.died(self.start(topologies), signal.SIGABRT))


class SerdeCrashes(PluginTest):
    """One record of many on which the serde of a plugin crashes: in a source, a sink, a store."""

    def start_copy(self, *replacements):
        topology = self.copy()
        text = topology.read_text().replace("name: TAG-copy".replace("TAG", self.tag), f"name: {self.tag}-copy\ndead_letter_topic: {self.tag}-copy-dead")
        for old, new in replacements:
            self.assertIn(old, text)
            text = text.replace(old, new)
        topology.write_text(text)
        self.log.create(f"{self.tag}-copy-dead", 1)
        return topology

    def check(self, topology, node, reason, message, crashes, key="k"):
        """`crashes` of the process, then one dead letter, and nothing else is lost."""
        values = [f"v{i}" for i in range(20)]
        lines = [f"{key or value}|{value}" for value in values[:8] + ["crash"] + values[8:]]
        self.log.produce(f"{self.tag}-copy-in", lines, "--key-separator", "|")
        for _ in range(crashes):
            daemon = self.start(topology, "--drain")
            self.assertEqual(daemon.wait_exit(), -signal.SIGSEGV, daemon.output())
        self.assertRegex(daemon.output(), r"(?m)^kstreamd: the plugin's serde 'crashes_(reading|writing)' crashed with signal 11 \(SIGSEGV\): "
                         f"topology '{self.tag}-copy', node '{node}', record {self.tag}-copy-in-0@8$")
        daemon = self.start(topology).wait_ready()
        lab.until(lambda: daemon.metric("kstreamd_dead_letter_records_total", topology=f"{self.tag}-copy", task="in-0", node=node) == 1,
                  lambda: f"one dead letter; it logged\n{daemon.output()}")
        self.assertEqual(daemon.metric("kstreamd_records_dropped_total", topology=f"{self.tag}-copy", task="in-0", node=node, reason=reason), 1)
        self.assertEqual(daemon.stop(), 0)
        daemon = self.start(topology, "--drain")
        self.assertEqual(daemon.wait_exit(), 0, daemon.output())
        dead = self.dead("copy")
        self.assertEqual([(record["key"], record["value"]) for record in dead], [(key or "crash", "crash")])
        headers = headers_of(dead[0])
        self.assertEqual(headers["__streams.errors.exception"], "ProcessCrashed")
        self.assertEqual(headers["__streams.errors.offset"], "8")
        self.assertEqual(headers["__streams.errors.stacktrace"], node)
        self.assertEqual(headers["__streams.errors.message"],
                         f"the process crashed while this record was {message}, as often as is allowed: it is not processed again")
        return values

    def test_in_a_source(self):
        self.install("crashing_serdes")
        topology = self.start_copy(("TAG-copy-in, key: string, value: string".replace("TAG", self.tag),
                                    f"{self.tag}-copy-in, key: string, value: crashes_reading"))
        values = self.check(topology, "in", "deserialization", "read by its serdes (string, crashes_reading)", 3)
        self.assertEqual(self.values("copy"), values)

    def test_in_a_sink(self):
        self.install("crashing_serdes")
        topology = self.start_copy(("TAG-copy-out, key: string, value: string".replace("TAG", self.tag),
                                    f"{self.tag}-copy-out, key: string, value: crashes_writing"))
        values = self.check(topology, "out", "production", "written by its serdes (string, crashes_writing)", 3)
        self.assertEqual(self.values("copy"), values)

    def test_in_a_store_and_another_content_is_tried_anew(self):
        self.install("crashing_serdes")
        count = "  seen:\n    from: in\n    count: { store: counts }\n  out:\n    from: seen\n"
        topology = self.start_copy(("  out:\n    from: in\n", count), ("nodes:", "stores:\n  counts: { key: crashes_writing, value: int64 }\nnodes:"),
                                   ("-out, key: string, value: string", "-out, key: crashes_writing, value: int64"))
        # Once among others, and three times by itself.
        values = self.check(topology, "seen", "processing", "in processor 'kstreamd.count'", 4, key=None)
        counts = self.log.consume(f"{self.tag}-copy-out", "--key", "string", "--value", "int64")
        self.assertEqual({record["key"]: record["value"] for record in counts}, {value: 1 for value in values})

        self.install("crashing_serdes", more=b"another content")
        self.log.produce(f"{self.tag}-copy-in", ["crash|again"], "--key-separator", "|")
        daemon = self.start(topology, "--drain")
        self.assertEqual(daemon.wait_exit(), -signal.SIGSEGV, daemon.output())


class AtWork(PluginTest):
    """Plugins that fail without a crash."""

    def test_each_stops_its_topology_with_its_message_and_no_other(self):
        names = ["unknown_child", "completes_twice", "misbehaves", "never_completes", "throws"]
        for name in names:
            self.install(name)
        topologies = [self.process(name) for name in names] + [self.copy()]
        for name in names:
            self.send(name, "bad")
        daemon = self.start(topologies)
        errors = self.until_failed(daemon, *names)
        for name, message in {
            "unknown_child": "there is no output or child 'nowhere', only the output (0) and the child 'out' (1) (see the documentation of "
                             "processor 'unknown_child')",
            "completes_twice": "processor 'completes_twice': it completed a held record twice (a processor completes each record that it "
                               "holds once)",
            "misbehaves": "the plugin's processor 'misbehaves' threw a C++ exception across the plugin ABI in process: this is a bug of the "
                          "plugin (see the documentation of processor 'misbehaves')",
            "never_completes": "record SOURCE-0@0: it was held for 300 ms and never completed (to go on without such records, set on_error: "
                               "{ processing: skip } or dead_letter)",
            "throws": "record SOURCE-0@0: value is bad (to go on without such records, set on_error: { processing: skip } or dead_letter)",
        }.items():
            self.assertEqual(errors[name], f"topology '{self.tag}-{name}', task in-0, node 'work': " +
                             message.replace("SOURCE", f"{self.tag}-{name}-in"))
            self.assertEqual(self.values(name), [])
        self.send("copy", "still here")
        self.until_values("copy", ["still here"])
        self.assertEqual(self.states(daemon)["copy"]["state"], "running")
        self.assertEqual(daemon.get("/healthz")[0], 200)
        self.assertEqual(daemon.stop(), 0)

    def test_a_record_that_is_never_completed_goes_to_the_dead_letter_topic_when_on_error_says_so(self):
        self.install("never_completes")
        topology = self.process("never_completes", "on_error: { processing: dead_letter }\ndead_letter_topic: TAG-never_completes-dead")
        self.send("never_completes", "a", "b", "c")
        self.assertEqual(self.start(topology, "--drain").wait_exit(), 0)
        dead = self.dead("never_completes")
        self.assertEqual([record["value"] for record in dead], ["a", "b", "c"])
        for record in dead:
            self.assertEqual(headers_of(record)["__streams.errors.message"], "it was held for 300 ms and never completed")
            self.assertEqual(headers_of(record)["__streams.errors.exception"], "ProcessingError")
        self.assertEqual(self.values("never_completes"), [])

    def test_a_plugin_that_forwards_where_it_may_not_is_named_in_the_log(self):
        self.install("forwards_late")
        topology = self.process("forwards_late")
        topology.write_text(topology.read_text().replace("process: forwards_late", "process: forwards_late\n    config: { from: close }"))
        self.send("forwards_late", "a", "b")
        daemon = self.start(topology, "--drain")
        self.assertEqual(daemon.wait_exit(), 0, daemon.output())
        self.assertIn("the plugin's processor 'forwards_late' called forward during close, where it may not be called: this is a bug of the "
                      "plugin", daemon.output())
        self.assertEqual(self.values("forwards_late"), ["a", "b"])

    def test_a_serde_that_breaks_the_rules_fails_its_records(self):
        self.install("bad_serdes")
        topology = self.topology(COPY.replace("name: TAG-copy", "name: TAG-copy\non_error: { deserialization: dead_letter }\n"
                                              "dead_letter_topic: TAG-copy-dead").replace("value: string }", "value: dangling }", 1), "copy")
        for topic in ("in", "out", "dead"):
            self.log.create(f"{self.tag}-copy-{topic}", 1)
        self.send("copy", "a")
        daemon = self.start(topology, "--drain")
        self.assertEqual(daemon.wait_exit(), 0, daemon.output())
        self.assertEqual([headers_of(record)["__streams.errors.message"] for record in self.dead("copy")],
                         ["the value cannot be read as dangling: serde 'dangling' gave string of 5 bytes at NULL"])

    def test_metrics_of_a_plugin(self):
        self.install("measures")
        daemon = self.start(self.process("measures")).wait_ready()
        self.send("measures", "a", "b")
        labels = {"topology": f"{self.tag}-measures", "task": "in-0", "node": "work"}
        lab.until(lambda: daemon.metric("kstreamd_plugin_records_seen_total", **labels) == 2, lambda: daemon.get("/metrics")[1])
        self.assertIn("# HELP kstreamd_plugin_records_seen_total Records that it saw.\n", daemon.get("/metrics")[1])
        self.assertEqual(daemon.stop(), 0)

    def test_leaks_are_found_by_the_tests_of_a_topology(self):
        self.install("leaks")
        self.process("leaks")
        tests = self.folder / "leaks.test.yaml"
        topic = f"{self.tag}-leaks"
        tests.write_text(f"topology: leaks.yaml\ntests:\n  - name: passes\n    steps:\n      - send: {{ topic: {topic}-in, value: a }}\n"
                         f"      - send: {{ topic: {topic}-in, value: b }}\n"
                         f"      - expect: [ {{ topic: {topic}-out, value: a }}, {{ topic: {topic}-out, value: b }} ]\n")
        command = ["test", tests, "--plugins", self.plugins]
        self.assertIn("1 passed, 0 failed", lab.kstreamd(*command).stdout)
        done = lab.kstreamd(*command, "--leaks", check=False)
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn(f"FAILED {tests}: passes\n  {tests}:3:5: memory was left behind\n"
                      "  processor 'leaks' of node 'work' did not give back 2016 bytes between create and close\n", done.stdout)
        self.assertIn("0 passed, 1 failed", done.stdout)


class Blocks(PluginTest):
    def test_a_call_that_does_not_return_is_said_and_the_others_go_on(self):
        self.install("blocks")
        daemon = self.start([self.process("blocks"), self.copy()]).wait_ready()
        first, second = self.folder / "first", self.folder / "second"
        call = "process of the plugin's processor 'blocks' (bad 1.0.0)"
        labels = {"topology": f"{self.tag}-blocks", "task": "in-0", "node": "work"}
        self.send("blocks", first)
        daemon.wait_log(re.escape(f"{call} has not returned for ") + r"\d+ s topology=TAG-blocks task=in-0 node=work "
                        .replace("TAG", self.tag) + f'.*record={self.tag}-blocks-in-0@0')
        self.assertEqual(daemon.metric("kstreamd_plugin_calls_blocked", **labels), 1)
        self.send("copy", "meanwhile")
        self.until_values("copy", ["meanwhile"])
        self.assertEqual(self.values("blocks"), [])
        self.assertEqual(daemon.get("/healthz")[0], 200)
        first.touch()
        daemon.wait_log(re.escape(f"{call} has returned, after about"))
        self.until_values("blocks", [str(first)])
        lab.until(lambda: daemon.metric("kstreamd_plugin_calls_blocked", **labels) == 0, "the gauge went down")

        self.send("blocks", second)
        lab.until(lambda: daemon.metric("kstreamd_plugin_calls_blocked", **labels) == 1, "blocked again")
        self.assertEqual(daemon.stop(20), 1, daemon.output())
        self.assertRegex(daemon.output(), "not everything stopped in time; what was not committed will be done again seconds=2")
        second.touch()
        daemon = self.start([self.folder / "blocks.yaml", self.folder / "copy.yaml"], "--drain")
        self.assertEqual(daemon.wait_exit(), 0, daemon.output())
        self.assertEqual(self.values("blocks"), [str(first), str(second)])
        self.assertEqual(self.values("copy"), ["meanwhile"])

    def test_a_topology_that_does_not_stop_for_a_reload_restarts_once_it_has(self):
        self.install("blocks")
        topology = self.process("blocks")
        daemon = self.start([topology, self.copy()]).wait_ready()
        first, second = self.folder / "first", self.folder / "second"
        second.touch()
        self.send("blocks", first, second)
        daemon.wait_log("has not returned for ")
        kept = topology.read_text()
        topology.write_text(kept.replace("nodes:", "commit_interval: 50ms\nnodes:"))
        daemon.process.send_signal(signal.SIGHUP)
        daemon.wait_log(f"a topology does not stop in time; once it has, what the files say takes its place topology={self.tag}-blocks seconds=2")
        self.assertEqual({name: state["state"] for name, state in self.states(daemon).items()}, {"blocks": "stopping", "copy": "running"})
        # What the files say last counts.
        topology.write_text(kept)
        daemon.process.send_signal(signal.SIGHUP)
        daemon.wait_log(f"topology is still stopping: restarting it topology={self.tag}-blocks")
        lab.until(lambda: daemon.output().count("a topology does not stop in time") == 2, daemon.output)
        first.touch()
        daemon.wait_log(f"topology has stopped: restarting it topology={self.tag}-blocks")
        daemon.wait_ready()
        self.until_values("blocks", [str(first), str(second)])
        self.send("blocks", second)
        self.until_values("blocks", [str(first), str(second), str(second)])
        self.assertEqual(self.states(daemon)["blocks"]["state"], "running")
        self.assertEqual(daemon.stop(), 0)


class Replaced(PluginTest):
    def hang_up(self, daemon, message):
        before = daemon.output().count(message)
        daemon.process.send_signal(signal.SIGHUP)
        lab.until(lambda: daemon.output().count(message) > before, lambda: f"{message}; it logged\n{daemon.output()}")

    def test_a_new_version_takes_over_without_a_restart_of_the_others(self):
        self.install("v1/versioned")
        self.install("measures")
        daemon = self.start([self.process("versioned"), self.process("measures"), self.copy()]).wait_ready()
        self.send("versioned", "a")
        self.until_values("versioned", ["a1"])

        self.install("v2/versioned")
        self.hang_up(daemon, "topologies reloaded")
        daemon.wait_ready()
        path = self.plugins / "versioned.so"
        self.assertRegex(daemon.output(), re.escape(f"plugin changed path={path} name=versioned version=2.0.0"))
        self.assertRegex(daemon.output(), f"a plugin of the topology changed: restarting it topology={self.tag}-versioned")
        self.assertNotRegex(daemon.output(), f"restarting it topology={self.tag}-(measures|copy)")
        self.send("versioned", "b")
        self.until_values("versioned", ["a1", "b2"])

        # One that is refused leaves what is there.
        self.install("newer_major", "versioned")
        self.hang_up(daemon, "topologies reloaded")
        self.assertRegex(daemon.output(), re.escape("a plugin cannot be used; one that was there before goes on path=" + str(path)))
        self.assertIn("was built against kstreamd ABI 2.3; this kstreamd offers 1.0", daemon.output())
        self.send("versioned", "c")
        self.until_values("versioned", ["a1", "b2", "c2"])
        self.assertEqual(daemon.output().count("restarting it"), 1)

        # And back: the first is still there.
        self.install("v1/versioned")
        self.hang_up(daemon, "topologies reloaded")
        self.send("versioned", "d")
        self.until_values("versioned", ["a1", "b2", "c2", "d1"])
        self.assertEqual(daemon.stop(), 0)

    def test_files_that_kill_who_loads_them_are_refused_and_the_daemon_runs(self):
        for name in ("crash_on_load", "exit_on_load", "no_entry", "sound"):
            self.install(name)
        shutil.copy(BAD / "throws.so", self.plugins / "throws.so")
        (self.plugins / "throws.so").chmod(0o777)  # anybody may write to it
        daemon = self.start(self.copy()).wait_ready()
        for name, why in {"crash_on_load": "crashed while it was loaded (signal 11, Segmentation fault)",
                          "exit_on_load": "ended the process while it was loaded (exit code 7)",
                          "no_entry": "exports no kst_plugin_entry: it is no kstreamd plugin"}.items():
            self.assertIn(f"plugin {self.plugins}/{name}.so: {why}", daemon.output())
        self.assertRegex(daemon.output(), f"a plugin cannot be used path={self.plugins}/throws.so")
        names = [plugin["name"] for plugin in daemon.json("/api/v1/plugins")["plugins"]]
        self.assertEqual(names.count("bad"), 1, names)
        self.assertEqual(daemon.stop(), 0)

    def test_validate_holds_a_config_against_the_schema_of_its_plugin(self):
        shutil.copy(Path(lab.PLUGINS) / "dedup.so", self.plugins / "dedup.so")
        (self.plugins / "dedup.so").chmod(0o755)
        path = self.topology("""kstreamd: 1
name: TAG-dedup
stores:
  seen: { key: bytes, value: int64 }
nodes:
  in:
    source: { topic: TAG-in, key: string, value: string }
  fresh:
    from: in
    process: dedup
    config:
      withn: 1h
    stores: [seen]
  out:
    from: fresh
    sink: { topic: TAG-out, key: string, value: string }
""")
        done = lab.kstreamd("validate", path, "--plugins", self.plugins, check=False)
        self.assertEqual(done.returncode, 2)
        said = done.stdout + done.stderr
        self.assertIn(f"{path}:11:5: error: node 'fresh': 'within' is missing", said)
        self.assertIn(f"{path}:12:7: error: node 'fresh': unknown key 'withn'\n  hint: did you mean 'within'?", said)


if __name__ == "__main__":
    lab.main()
