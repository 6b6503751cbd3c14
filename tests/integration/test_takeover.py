#!/usr/bin/env python3
"""Kafka Streams and kstreamd take over from each other: same name, same topics, and the counts stay exact.

KSTREAMD_TEST_TAKEOVER names the folder that tests/takeover/build has filled. Input comes in legs. Where windows do not
matter each leg has a timestamp of its own, the second one's before the first's, so that whoever works on it shows by what it commits whether it
goes on in the other's time.
"""

import base64
import collections
import heapq
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
    sink: { topic: TAG-out, key: KEY, value: int64 }
"""
SIZE, GAP, GRACE = 5000, 3000, 2000  # of windows and sessions, in ms
WINDOWS = "count: { store: counts, window: { tumbling: 5s, grace: 2s, retention: 1h }, emit: EMIT }"
SESSIONS = "count: { store: counts, window: { session: 3s, grace: 2s, retention: 1h }, emit: EMIT }"
FORMS = {"by_key": "count: { store: counts }",
         "group_by": "group_by: value\n    count: { store: counts }\n    serde: { key: string }",  # what an expression made is json otherwise
         "windows": WINDOWS.replace("EMIT", "updates"), "closed_windows": WINDOWS.replace("EMIT", "on_window_close"),
         "sessions": SESSIONS.replace("EMIT", "updates"), "closed_sessions": SESSIONS.replace("EMIT", "on_window_close")}


def java(*words):
    return ["java", "-Xmx256m", "-XX:+UseSerialGC", "-cp", f"{TAKEOVER}/classes:{TAKEOVER}/dependency/*", "takeover.Counter", *words]


def read_metadata(metadata):
    """(a partition's time, {name: number} of processors), as Kafka Streams' TopicPartitionMetadata has them; None and {} for an empty text."""
    if not metadata:
        return None, {}
    data = base64.b64decode(metadata)
    assert data[0] == 2, data
    numbers, at = {}, 13
    for _ in range(struct.unpack(">i", data[9:13])[0] if len(data) > 9 else 0):
        size = struct.unpack(">i", data[at:at + 4])[0]
        numbers[data[at + 4:at + 4 + size].decode()] = struct.unpack(">q", data[at + 4 + size:at + 12 + size])[0]
        at += 12 + size
    return struct.unpack(">q", data[1:9])[0], numbers


def some_words(folder, seed):
    lines = folder / "lines"
    generate_lines(lines, LEG // 4, seed, words=2000)
    return re.findall(r"[a-z0-9]+", lines.read_text().lower())[:LEG]


class TakeOverBase(lab.LabTest):
    """An application that Kafka Streams and kstreamd run in turn; a subclass says what comes in and must come out."""

    log_type = lab.KafkaLog
    sink_key = sink_key_read = "string"  # in the file, and for `consume`

    def setUp(self):
        super().setUp()
        if not (TAKEOVER / "classes").is_dir():
            self.fail(f"there is no {TAKEOVER}/classes: run tests/takeover/build, or this through ctest")
        self.app, self.source, self.sink = f"{self.tag}-app", f"{self.tag}-in", f"{self.tag}-out"
        self.log.create(self.source, PARTITIONS)
        self.log.create(self.sink, PARTITIONS)
        self.programs = []

    def tearDown(self):
        super().tearDown()
        for program in self.programs:
            if program.poll() is None:
                program.kill()
                program.wait()

    def streams(self, form):
        """Kafka Streams, always with the same state folder."""
        with open(self.folder / "kafka-streams.log", "ab") as out:
            program = subprocess.Popen(java("run", form, self.app, self.source, self.sink, self.folder / "java-state", lab.BOOTSTRAP),
                                       stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        self.programs.append(program)
        return program

    def kstreamd(self):
        return self.daemon(self.file, *SESSION)

    def output(self):
        return self.log.consume(self.sink, "--key", self.sink_key_read, "--value", "int64")

    def await_output(self, program, count=None):
        """Until so many records have come out; by default all that are due."""
        count = count or self.due()

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
        """{(topic, partition): (offset, time, {name: number} of processors)} of the group."""
        done = subprocess.run(java("offsets", self.app, lab.BOOTSTRAP), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        found = {}
        for line in done.stdout.splitlines():
            topic, partition, offset, metadata = (line + " ").split(" ")[:4]
            found[topic, int(partition)] = int(offset), *read_metadata(metadata)
        return found

    def source_ends(self):
        """{partition: (its end, the greatest timestamp in it)} of the input."""
        ends, times = collections.Counter(), collections.defaultdict(int)
        for record in self.log.consume(self.source):
            ends[record["partition"]] += 1
            times[record["partition"]] = max(times[record["partition"]], record["timestamp"])
        return {partition: (end, times[partition]) for partition, end in ends.items()}

    def there_and_back(self, form, how):
        self.file = self.topology(TOPOLOGY.replace("COUNT", FORMS[form]).replace("KEY", self.sink_key))
        self.add(seed=1, seconds=self.legs[0])
        program = self.streams(form)
        self.await_output(program)
        if how == signal.SIGTERM:
            self.end(program, how)
            self.check_committed(form)
        else:
            there = len(self.output())
            self.add(seed=11, seconds=self.legs[0] + self.leg_seconds)
            self.await_output(program, there + 100)
            self.end(program, how)

        self.add(seed=2, seconds=self.legs[1])
        daemon = self.kstreamd()
        daemon.wait_ready(120)
        self.await_output(daemon)
        self.assert_exact()
        if how == signal.SIGTERM:
            self.end(daemon, how)
            self.check_committed(form)
        else:
            there = len(self.output())
            self.add(seed=21, seconds=self.legs[1] + self.leg_seconds)
            self.await_output(daemon, there + 100)
            self.end(daemon, how)

        self.add(seed=3, seconds=self.legs[2])
        program = self.streams(form)
        self.await_output(program)
        self.end(program, signal.SIGTERM)
        self.check_committed(form)
        self.assert_exact()

        self.add(seed=4, seconds=self.legs[3])  # and once more, now that kstreamd has state of its own, which is old
        self.drain(self.file, *SESSION)
        self.check_committed(form)
        self.assert_exact()


class TakeOver(TakeOverBase):
    """Counts of all time."""

    legs, leg_seconds = [100, 50, 60, 70], 1

    def setUp(self):
        super().setUp()
        self.text = self.folder / "text"
        self.text.touch()
        self.begun = int(time.time() * 1000) - 600_000

    def add(self, seed, seconds):
        """A leg of input: words that are keys and values, with a timestamp so many seconds after the test's beginning."""
        words = some_words(self.folder, seed)
        with open(self.text, "a", encoding="ascii") as text:
            text.writelines(word + "\n" for word in words)
        self.log.produce(self.source, [f"{word}:{word}" for word in words], "--key-separator", ":", "--timestamp", self.begun + 1000 * seconds)

    def due(self):
        return len(self.text.read_text().split())

    def check_committed(self, form):
        """Each partition of the input is committed to its end, with the greatest timestamp in it; so is what was repartitioned."""
        ends, committed = self.source_ends(), self.committed()
        for partition, end in ends.items():
            self.assertEqual(committed[self.source, partition][:2], end)
        if form == "group_by":
            for partition in range(PARTITIONS):
                self.assertEqual(committed[f"{self.app}-counts-repartition", partition][1], max(time for _, time in ends.values()))

    def assert_exact(self):
        problems = compare(expected_counts(self.text), self.output(), PARTITIONS)
        self.assertEqual(problems, [], "\n".join(problems))

    def test_a_count_by_key_is_stopped_and_taken_over_and_back(self):
        self.there_and_back("by_key", signal.SIGTERM)

    def test_a_count_with_a_repartition_topic_is_stopped_and_taken_over_and_back(self):
        self.there_and_back("group_by", signal.SIGTERM)

    def test_what_was_killed_at_work_is_taken_over_and_back(self):
        self.there_and_back("group_by", signal.SIGKILL)


class Timed(TakeOverBase):
    """Counts by windows and sessions. The time of the input only grows, so that no record is late, whoever reads it."""

    legs, leg_seconds = [0, 40, 80, 100], 20

    def setUp(self):
        super().setUp()
        # Kafka Streams loses sessions at the borders of its store's segments, half a retention long.
        self.begun = (int(time.time()) // 3600 - 1) * 3_600_000 + 60_000

    def add(self, seed, seconds):
        """A leg of input: words as keys, over sixteen seconds."""
        words = some_words(self.folder, seed)
        first = self.begun + 1000 * seconds
        self.log.produce(self.source, [f"{first + i * 16_000 // LEG}:{word}:{seed}" for i, word in enumerate(words)], "--key-separator", ":",
                         "--timestamp")

    def check_committed(self, form):
        """The input is committed to its end, and beside it how far windows were put out: what the other one goes on from."""
        committed = self.committed()
        for partition, (end, latest) in self.source_ends().items():
            offset, time_of_partition, numbers = committed[self.source, partition]
            self.assertEqual((offset, time_of_partition), (end, latest))
            if form == "closed_sessions":
                self.assertEqual(numbers["counts"], latest - GAP - GRACE)
            elif form == "closed_windows":  # Kafka Streams keeps when it last looked, which it does for each new window
                self.assertLessEqual(numbers["counts"], latest - GRACE)
                self.assertEqual(numbers["counts"] // SIZE, (latest - GRACE) // SIZE)

    def expected(self):
        """What has to be in each partition of the output: [(key, start, end, count, timestamp)]."""
        updates, closed = collections.defaultdict(list), collections.defaultdict(list)
        last = {}  # by key: its last window or session, and the count
        open_windows = collections.defaultdict(list)  # by partition, a heap: in the order in which they are put out
        results = {}  # of open windows; a session that has grown is none any more
        for record in self.log.consume(self.source, "--key", "string"):
            partition, key, now = record["partition"], record["key"], record["timestamp"]
            while open_windows[partition] and self.is_closed(open_windows[partition][0][0], now):
                window = heapq.heappop(open_windows[partition])
                if window in results:
                    closed[partition].append(results.pop(window))
            start, end, count = last.get(key, (-1, -1, 0))
            if not self.sessions:
                if start != now // SIZE * SIZE:
                    start, end, count = now // SIZE * SIZE, now // SIZE * SIZE + SIZE, 0
            elif end < 0 or now - end > GAP:
                start, end, count = now, now, 0
            elif not start == end == now:
                updates[partition].append((key, start, end, None, end))
                del results[end, start, key.encode()]
                end = now
            last[key] = start, end, count + 1
            window = (end if self.sessions else start), start, key.encode()
            if window not in results:
                heapq.heappush(open_windows[partition], window)
            results[window] = key, start, end, count + 1, now
            updates[partition].append(results[window])
        return closed if self.closed else updates

    def is_closed(self, at, now):
        """Whether a window with this start, or a session with this end, is over."""
        return now > at + GAP + GRACE if self.sessions else now >= at + SIZE + GRACE

    def due(self):
        return sum(len(results) for results in self.expected().values())

    def assert_exact(self):
        found = collections.defaultdict(list)
        for record in self.output():
            key = record["key"]
            found[record["partition"]].append((key["key"], key["start"], key["end"], record["value"], record["timestamp"]))
        expected = self.expected()
        for partition in range(PARTITIONS):
            for i, (one, other) in enumerate(zip(expected[partition], found[partition])):
                self.assertEqual(one, other, f"record {i} of partition {partition}")
            self.assertEqual(len(expected[partition]), len(found[partition]))
        self.assertGreater(sum(map(len, found.values())), 1000)

    def exchange(self, form, how):
        self.sessions, self.closed = form.endswith("sessions"), form.startswith("closed")
        kind = "session_windowed" if self.sessions else "time_windowed"
        self.sink_key = f"{{ {kind}: string }}"
        self.sink_key_read = f'{{"{kind}":"string"' + ("}" if self.sessions else f',"size":{SIZE}}}')
        self.there_and_back(form, how)

    def test_a_count_by_windows_is_stopped_and_taken_over_and_back(self):
        self.exchange("windows", signal.SIGTERM)

    def test_a_count_by_sessions_is_stopped_and_taken_over_and_back(self):
        self.exchange("sessions", signal.SIGTERM)

    def test_windows_that_close_are_put_out_once_whoever_runs(self):
        self.exchange("closed_windows", signal.SIGTERM)

    def test_sessions_that_close_are_put_out_once_whoever_runs(self):
        self.exchange("closed_sessions", signal.SIGTERM)

    def test_windows_that_close_are_put_out_once_after_kills(self):
        self.exchange("closed_windows", signal.SIGKILL)

    def test_sessions_after_kills(self):
        self.exchange("sessions", signal.SIGKILL)


if __name__ == "__main__":
    lab.main()
