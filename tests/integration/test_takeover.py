#!/usr/bin/env python3
"""Kafka Streams and kstreamd take over from each other: same name, same topics, and the counts stay exact.

KSTREAMD_TEST_TAKEOVER names the folder that tests/takeover/build has filled. Input comes in legs, each with a timestamp of its own;
the second leg's is before the first's, so that whoever works on it shows by what it commits whether it goes on in the other's time.
"""

import base64
import collections
import os
import re
import signal
import struct
import subprocess
import time
from pathlib import Path

import lab
from word_count import compare, expected_counts, generate_lines

TAKEOVER = Path(os.environ.get("KSTREAMD_TEST_TAKEOVER", lab.ROOT / "build/release/tests/takeover"))
PARTITIONS = 4
LEG = 10_000  # words
SESSION = ["--set", "kafka.session.timeout.ms=6000"]  # one that was stopped belongs to the group for that long

TOPOLOGY = """
kstreamd: 1
name: TAG-app
nodes:
  words:
    source: { topic: TAG-in, key: string, value: string }
  counts:
    from: words
    COUNT
  out:
    from: counts
    sink: { topic: TAG-out, key: string, value: int64 }
"""
FORMS = {"by_key": "count: { store: counts }",
         "group_by": "group_by: value\n    count: { store: counts }\n    serde: { key: string }"}  # what an expression made is json otherwise


def java(*words):
    return ["java", "-Xmx256m", "-XX:+UseSerialGC", "-cp", f"{TAKEOVER}/classes:{TAKEOVER}/dependency/*", "takeover.Counter", *words]


def time_in(metadata):
    """A partition's time, as Kafka Streams' TopicPartitionMetadata has it; None for an empty text."""
    if not metadata:
        return None
    data = base64.b64decode(metadata)
    assert data[0] == 2, data
    return struct.unpack(">q", data[1:9])[0]


class TakeOver(lab.LabTest):
    log_type = lab.KafkaLog

    def setUp(self):
        super().setUp()
        if not (TAKEOVER / "classes").is_dir():
            self.fail(f"there is no {TAKEOVER}/classes: run tests/takeover/build, or this through ctest")
        self.app, self.source, self.sink = f"{self.tag}-app", f"{self.tag}-in", f"{self.tag}-out"
        self.log.create(self.source, PARTITIONS)
        self.log.create(self.sink, PARTITIONS)
        self.text = self.folder / "text"
        self.text.touch()
        self.begun = int(time.time() * 1000) - 600_000
        self.programs = []

    def tearDown(self):
        super().tearDown()
        for program in self.programs:
            if program.poll() is None:
                program.kill()
                program.wait()

    def add(self, seed, seconds):
        """A leg of input: words that are keys and values, with a timestamp so many seconds after the test's beginning."""
        lines = self.folder / "lines"
        generate_lines(lines, LEG // 4, seed, words=2000)
        words = re.findall(r"[a-z0-9]+", lines.read_text().lower())[:LEG]
        with open(self.text, "a", encoding="ascii") as text:
            text.writelines(word + "\n" for word in words)
        self.log.produce(self.source, [f"{word}:{word}" for word in words], "--key-separator", ":", "--timestamp", self.begun + 1000 * seconds)

    def streams(self, form):
        """Kafka Streams, always with the same state folder."""
        with open(self.folder / "kafka-streams.log", "ab") as out:
            program = subprocess.Popen(java("run", form, self.app, self.source, self.sink, self.folder / "java-state", lab.BOOTSTRAP),
                                       stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        self.programs.append(program)
        return program

    def kstreamd(self):
        return self.daemon(self.file, *SESSION)

    def words(self):
        """How many words there were so far."""
        return len(self.text.read_text().split())

    def output(self):
        return self.log.consume(self.sink, "--key", "string", "--value", "int64")

    def await_output(self, count, program):
        def there():
            alive = program.alive() if isinstance(program, lab.Daemon) else program.poll() is None
            if not alive:
                raise AssertionError("it ended by itself")
            return len(self.output()) >= count

        lab.until(there, f"{count} records of output", 120, every_s=1)

    def end(self, program, how):
        if how == signal.SIGKILL:
            if isinstance(program, lab.Daemon):
                return program.kill()
            program.kill()
            return program.wait()
        if isinstance(program, lab.Daemon):
            return self.assertEqual(program.stop(), 0, program.output())
        program.send_signal(signal.SIGTERM)
        return program.wait(60)

    def committed(self):
        """{(topic, partition): (offset, time)} of the group."""
        done = subprocess.run(java("offsets", self.app, lab.BOOTSTRAP), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        found = {}
        for line in done.stdout.splitlines():
            topic, partition, offset, metadata = (line + " ").split(" ")[:4]
            found[topic, int(partition)] = int(offset), time_in(metadata)
        return found

    def check_times(self, form):
        """Each partition of the input is committed to its end, with the greatest timestamp in it; so is what was repartitioned."""
        ends, times = collections.Counter(), collections.defaultdict(int)
        for record in self.log.consume(self.source):
            ends[record["partition"]] += 1
            times[record["partition"]] = max(times[record["partition"]], record["timestamp"])
        committed = self.committed()
        for partition, end in ends.items():
            self.assertEqual(committed[self.source, partition], (end, times[partition]))
        if form == "group_by":
            for partition in range(PARTITIONS):
                self.assertEqual(committed[f"{self.app}-counts-repartition", partition][1], max(times.values()))

    def assert_exact(self):
        problems = compare(expected_counts(self.text), self.output(), PARTITIONS)
        self.assertEqual(problems, [], "\n".join(problems))

    def there_and_back(self, form, how):
        self.file = self.topology(TOPOLOGY.replace("COUNT", FORMS[form]))
        self.add(seed=1, seconds=100)
        program = self.streams(form)
        self.await_output(self.words(), program)
        if how == signal.SIGTERM:
            self.end(program, how)
            self.check_times(form)
        else:
            self.add(seed=11, seconds=101)
            self.await_output(self.words() - LEG + 100, program)
            self.end(program, how)

        self.add(seed=2, seconds=50)
        daemon = self.kstreamd()
        daemon.wait_ready(120)
        self.await_output(self.words(), daemon)
        self.assert_exact()
        if how == signal.SIGTERM:
            self.end(daemon, how)
            self.check_times(form)
        else:
            self.add(seed=21, seconds=51)
            self.await_output(self.words() - LEG + 100, daemon)
            self.end(daemon, how)

        self.add(seed=3, seconds=60)
        program = self.streams(form)
        self.await_output(self.words(), program)
        self.end(program, signal.SIGTERM)
        self.check_times(form)
        self.assert_exact()

        self.add(seed=4, seconds=70)  # and once more, now that kstreamd has state of its own, which is old
        self.drain(self.file, *SESSION)
        self.check_times(form)
        self.assert_exact()

    def test_a_count_by_key_is_stopped_and_taken_over_and_back(self):
        self.there_and_back("by_key", signal.SIGTERM)

    def test_a_count_with_a_repartition_topic_is_stopped_and_taken_over_and_back(self):
        self.there_and_back("group_by", signal.SIGTERM)

    def test_what_was_killed_at_work_is_taken_over_and_back(self):
        self.there_and_back("group_by", signal.SIGKILL)


if __name__ == "__main__":
    lab.main()
