#!/usr/bin/env python3
"""What goes wrong around a daemon is said, survived, and loses nothing."""

import base64
import random
import socket
import subprocess
import threading

import lab
from word_count import compare, expected_counts

NUMBERS = """
kstreamd: 1
name: TAG-numbers
on_error: { deserialization: ACTION }
dead_letter_topic: TAG-dlq
nodes:
  in:
    source: { topic: TAG-in, key: string, value: json }
  out:
    from: in
    sink: { topic: TAG-out, key: string, value: json }
"""
COPY = """
kstreamd: 1
name: TAG-copy
nodes:
  in:
    source: { topic: TAG-source, key: string, value: string }
  out:
    from: in
    sink: { topic: TAG-sink, key: string, value: string }
"""
# Lua that never ends, or takes all memory, for a record that says so.
GREEDY = """
kstreamd: 1
name: TAG-greedy
on_error: { processing: ACTION }
dead_letter_topic: TAG-dlq
nodes:
  in:
    source: { topic: TAG-in, key: string, value: string }
  work:
    from: in
    map_values: "if value == 'loop' then while true do end elseif value == 'eat' then local t = {} while true do t[#t + 1] = string.rep('x', 1000000) end end return value"
    serde: { value: string }
  out:
    from: work
    sink: { topic: TAG-out, key: string, value: string }
"""
GREEDY_ERRORS = {"loop": "stopped after the work of 10000000 instructions: it runs too long", "eat": "it needs more than 64 MiB of memory"}
JOIN = """
kstreamd: 1
name: TAG-join
nodes:
  left:
    source: { topic: TAG-left, key: string, value: string }
  right:
    source: { topic: TAG-right, key: string, value: string }
  joined:
    from: left
    join: { with: right, within: 1m, value: "left .. right" }
    serde: { value: string }
  out:
    from: joined
    sink: { topic: TAG-out, key: string, value: string }
"""
GOOD = ["1", '{"a":2}', "[3]"]
BAD = "not json {"


def headers_of(record):
    return {header["key"]: header["value"] for header in record["headers"]}


class BadInputBase:
    """One record in the middle of three good ones cannot be read."""

    def run_with(self, action):
        topology = self.topology(NUMBERS.replace("ACTION", action))
        for topic in ("in", "out", "dlq"):
            self.log.create(f"{self.tag}-{topic}", 1)
        # One key, so that the output is in one partition and has an order.
        self.log.produce(f"{self.tag}-in", [f"k|{value}" for value in (GOOD[0], GOOD[1], BAD, GOOD[2])], "--key-separator", "|")
        return topology

    def output(self):
        records = self.log.consume(f"{self.tag}-out", "--key", "string", "--value", "string")
        return [record["value"] for record in records]

    def test_skip(self):
        self.drain(self.run_with("skip"))
        self.assertEqual(self.output(), GOOD)

    def test_dead_letter(self):
        self.drain(self.run_with("dead_letter"))
        self.assertEqual(self.output(), GOOD)
        dead = self.log.consume(f"{self.tag}-dlq", "--key", "string", "--value", "string")
        self.assertEqual([record["value"] for record in dead], [BAD])
        headers = headers_of(dead[0])
        self.assertEqual(headers["__streams.errors.topic"], f"{self.tag}-in")
        self.assertEqual(headers["__streams.errors.partition"], "0")
        self.assertEqual(headers["__streams.errors.offset"], "2")
        self.assertTrue(headers["__streams.errors.message"])
        self.assertTrue(headers["__streams.errors.exception"])

    def test_fail(self):
        topology = self.run_with("fail")
        daemon = self.daemon(topology)
        daemon.wait_log(rf"{self.tag}-in\D+0\D+2\b")  # topic, partition, offset
        failed = lab.until(lambda: [t for t in topologies(daemon) if t["state"] == "failed"], "the topology failed")
        self.assertIn(f"{self.tag}-in", failed[0]["error"])
        self.assertTrue(daemon.alive())
        self.assertEqual(daemon.get("/healthz")[0], 200)
        self.assertNotEqual(daemon.get("/readyz")[0], 200)
        daemon.stop()
        # What was before the bad record may be out or not; nothing after it is.
        self.assertNotIn(GOOD[2], self.output())
        # With the policy changed it goes on where it was, and nothing is lost or doubled.
        self.drain(self.topology(NUMBERS.replace("ACTION", "skip")))
        self.assertEqual(self.output(), GOOD)

    def test_drain_of_a_topology_that_fails_exits_1(self):
        self.drain(self.run_with("fail"), expect=1)

    def test_dropped_records_are_counted_by_reason(self):
        topology = self.run_with("skip")
        daemon = self.daemon(topology).wait_ready()
        lab.until(lambda: daemon.metric("kstreamd_records_dropped_total", reason="deserialization") == 1,
                  lambda: f"one record dropped: {daemon.get('/metrics')[1]}")
        self.assertEqual(daemon.stop(), 0)


    def feed_greedy(self, action):
        topology = self.topology(GREEDY.replace("ACTION", action))
        for topic in ("in", "out", "dlq"):
            self.log.create(f"{self.tag}-{topic}", 1)
        self.log.produce(f"{self.tag}-in", [f"k|{value}" for value in ("a", "loop", "b", "eat", "c")], "--key-separator", "|")
        return topology

    def test_an_expression_that_never_ends_or_eats_memory_costs_its_record_alone(self):
        daemon = self.daemon(self.feed_greedy("dead_letter")).wait_ready()
        lab.until(lambda: daemon.metric("kstreamd_records_produced_total", node="out") == 3, lambda: daemon.get("/metrics")[1])
        self.assertEqual(daemon.metric("kstreamd_records_dropped_total", reason="processing"), 2)
        self.assertEqual(daemon.get("/readyz")[0], 200)
        self.assertEqual(daemon.stop(), 0)
        self.assertEqual(self.output(), ["a", "b", "c"])
        dead = self.log.consume(f"{self.tag}-dlq", "--key", "string", "--value", "string")
        self.assertEqual([record["value"] for record in dead], ["loop", "eat"])
        for record in dead:
            self.assertIn(GREEDY_ERRORS[record["value"]], headers_of(record)["__streams.errors.message"])

    def test_an_expression_that_never_ends_stops_its_topology_where_errors_do(self):
        daemon = self.daemon(self.feed_greedy("fail"))
        failed = lab.until(lambda: [t for t in topologies(daemon) if t["state"] == "failed"], "the topology failed")
        self.assertIn(f"record {self.tag}-in-0@1: expression ", failed[0]["error"])
        self.assertIn(GREEDY_ERRORS["loop"], failed[0]["error"])
        self.assertEqual(daemon.get("/healthz")[0], 200)
        self.assertEqual(daemon.stop(), 0)

    def test_a_join_of_topics_with_different_partition_counts_is_refused_before_it_starts(self):
        for topic, partitions in (("left", 4), ("right", 3), ("out", 1)):
            self.log.create(f"{self.tag}-{topic}", partitions)
            self.log.produce(f"{self.tag}-{topic}", ["k|x"], "--key-separator", "|")
        done = self.drain(self.topology(JOIN), expect=1)
        self.assertIn(f"topology '{self.tag}-join', node 'joined': topic '{self.tag}-left' has 4 partitions, and topic '{self.tag}-right' has "
                      "3: records of one key would not meet in one task", done.output())
        self.assertIn(f"give both topics the same number of partitions, or let what comes from '{self.tag}-right' go through a node with "
                      "repartition: { partitions: 4 }", done.output())
        self.assertEqual(len(self.log.consume(f"{self.tag}-out")), 1)
        # The remedy is one.
        mended = JOIN.replace("with: right", "with: even").replace("  joined:", "  even:\n    from: right\n    repartition: { partitions: 4 }\n"
                                                                   "    serde: { key: string, value: string }\n  joined:")
        self.drain(self.topology(mended))
        self.assertEqual([r["value"] for r in self.log.consume(f"{self.tag}-out", "--value", "string")], ["x", "xx"])


class BadInputOnKafka(BadInputBase, lab.LabTest):
    log_type = lab.KafkaLog


class BadInputOnEmbedded(BadInputBase, lab.LabTest):
    log_type = lab.EmbeddedLog


def topologies(daemon):
    answer = daemon.json("/api/v1/topologies")
    return answer["topologies"] if answer else []


class Forwarder:
    """Passes connections to a port on to another, once opened: a broker that comes up late."""

    def __init__(self, target):
        self.target = target
        self.port = lab.free_port()
        self.sockets = []

    def open(self):
        listener = socket.create_server(("127.0.0.1", self.port))
        self.sockets.append(listener)
        threading.Thread(target=self.accept, args=(listener,), daemon=True).start()

    def accept(self, listener):
        try:
            while True:
                near = listener.accept()[0]
                host, port = self.target.rsplit(":", 1)
                far = socket.create_connection((host, int(port)))
                self.sockets += [near, far]
                for a, b in ((near, far), (far, near)):
                    threading.Thread(target=self.pump, args=(a, b), daemon=True).start()
        except OSError:
            pass

    @staticmethod
    def pump(a, b):
        try:
            while data := a.recv(65536):
                b.sendall(data)
            b.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def close(self):
        for each in self.sockets:
            each.close()


class Outages(lab.LabTest):
    log_type = lab.KafkaLog

    def test_an_unreachable_broker_is_said_within_seconds_and_retried(self):
        self.log.create(f"{self.tag}-source", 1)
        self.log.create(f"{self.tag}-sink", 1)
        forwarder = Forwarder(lab.BOOTSTRAP.split(",")[0])
        self.addCleanup(forwarder.close)
        real, self.log.options = self.log.options, ["--bootstrap", f"127.0.0.1:{forwarder.port}"]
        daemon = self.daemon(self.topology(COPY))
        daemon.wait_log(rf"127\.0\.0\.1:{forwarder.port}", 10)
        self.assertTrue(daemon.alive())
        self.assertEqual(daemon.get("/healthz")[0], 200)
        self.assertEqual(daemon.get("/readyz")[0], 503)
        forwarder.open()
        daemon.wait_ready()
        self.log.options = real
        self.log.produce(f"{self.tag}-source", ["hello"])
        lab.until(lambda: [r["value"] for r in self.log.consume(f"{self.tag}-sink", "--value", "string")] == ["hello"], "the copy")

    def test_a_command_says_that_the_broker_cannot_be_reached(self):
        nowhere = f"127.0.0.1:{lab.free_port()}"
        for words in (["produce", "t"], ["consume", "t"]):
            done = lab.kstreamd(*words, "--bootstrap", nowhere, stdin="x\n", check=False, timeout=60)
            self.assertEqual(done.returncode, 3, done.stderr)
            self.assertIn(nowhere, done.stderr)

    def test_a_missing_source_topic_is_named_and_waited_for(self):
        self.log.create(f"{self.tag}-sink", 1)
        daemon = self.daemon(self.topology(COPY))
        daemon.wait_log(f"{self.tag}-source", 15)
        self.assertTrue(daemon.alive())
        self.assertEqual(daemon.get("/readyz")[0], 503)
        self.log.create(f"{self.tag}-source", 1)
        daemon.wait_ready()

    def test_one_topology_fails_alone(self):
        for topic in ("in", "out", "dlq", "source", "sink"):
            self.log.create(f"{self.tag}-{topic}", 1)
        bad, good = self.topology(NUMBERS.replace("ACTION", "fail"), "bad"), self.topology(COPY, "good")
        daemon = self.daemon([bad, good]).wait_ready()
        self.log.produce(f"{self.tag}-in", [BAD])
        lab.until(lambda: {t["name"]: t["state"] for t in topologies(daemon)} ==
                  {f"{self.tag}-numbers": "failed", f"{self.tag}-copy": "running"}, lambda: daemon.get("/api/v1/topologies")[1])
        self.log.produce(f"{self.tag}-source", ["still here"])
        lab.until(lambda: [r["value"] for r in self.log.consume(f"{self.tag}-sink", "--value", "string")] == ["still here"], "the copy")
        self.assertEqual(daemon.stop(), 0)

    def test_a_folder_of_topologies(self):
        for topic in ("in", "out", "dlq", "source", "sink"):
            self.log.create(f"{self.tag}-{topic}", 1)
        (self.folder / "topologies").mkdir()
        self.topology(NUMBERS.replace("ACTION", "skip"), "topologies/one")
        self.topology(COPY, "topologies/two")
        (self.folder / "topologies" / "two.test.yaml").write_text("topology: two.yaml\ntests: []\n")
        daemon = self.daemon(self.folder / "topologies").wait_ready()
        self.assertEqual({t["name"] for t in topologies(daemon)}, {f"{self.tag}-numbers", f"{self.tag}-copy"})


class FullDisk(lab.LabTest):
    """State on a file system of its own that is too small."""

    log_type = lab.KafkaLog

    def test_a_full_disk_stops_the_topology_and_loses_nothing(self):
        small = self.folder / "small"
        small.mkdir()
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(small)], stderr=subprocess.DEVNULL).returncode:
            self.skipTest("mounting a small file system is not permitted here (needs root)")
        self.addCleanup(lambda: subprocess.run(["umount", "-l", str(small)]))
        topology, source, sink, _ = self.word_count()
        self.log.create(source)
        self.log.create(sink)
        # Every word is new and does not compress, so the state grows with each.
        text, rng = self.folder / "text", random.Random(5)
        text.write_text("".join(base64.b32encode(rng.randbytes(30)).decode().lower() + "\n" for _ in range(500_000)))
        self.log.produce(source, text.read_text().splitlines())
        daemon = self.daemon(topology, state=small / "state")
        daemon.wait_log(r"(?i)no space left|disk is full", 120)
        lab.until(lambda: daemon.get("/readyz")[0] == 503, "not ready any more")
        self.assertTrue(daemon.alive())
        daemon.stop()
        subprocess.run(["mount", "-o", "remount,size=512m", str(small)], check=True)
        self.drain(topology, state=small / "state")
        records = self.log.consume(sink, "--key", "string", "--value", "int64")
        problems = compare(expected_counts(text), records, 4)
        self.assertEqual(problems, [], "\n".join(problems))


if __name__ == "__main__":
    lab.main()
