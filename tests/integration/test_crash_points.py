#!/usr/bin/env python3
"""Exactly-once where it is decided: a word count on the real broker is ended as by kill -9 before and after each step of a commit, of a flush and of a
restoration. KSTREAMD_TEST_CRASH_AT is the library crash_at (see crash_at/crash_at.c), KSTREAMD_TEST_SEED repeats a run, KSTREAMD_TEST_CRASHES sets how
many crashes there are."""

import os
import random
import shutil
import signal
import unittest

import lab
from word_count import compare, expected_counts, generate_lines

CRASH_AT = os.environ.get("KSTREAMD_TEST_CRASH_AT", "/nowhere")
CRASHES = int(os.environ.get("KSTREAMD_TEST_CRASHES", "20"))
PARTITIONS = 4
LINES_EACH = 5000
LONG_WORDS = 20_000  # of a KiB: with less, a restoration is not worth an ingestion
# How the daemon comes by a point, and the greatest number of calls that a crash waits for.
POINTS = {
    "produce": ("work", 20_000),
    "offsets": ("work", 5),
    "commit": ("work", 5),
    "local_write": ("work", 8),
    "flush": ("stop", 4),
    "checkpoint": ("stop", 4),
    "ingest": ("restore", 3),
}


class CrashPoints(lab.LabTest):
    def all_points(self, rng):
        """Each point, before and after, in any order; then more of them."""
        points = [(point, when) for point in POINTS for when in ("before", "after")]
        rng.shuffle(points)
        while len(points) < CRASHES:
            points.append(rng.choice(points))
        return points[:CRASHES]

    def lose_tasks(self, state):
        """What a new disk would have: the instance is known, its tasks' states are gone."""
        for task in state.glob("*/*/"):
            if task.is_dir():
                shutil.rmtree(task)

    def crash(self, topology, point, when, calls):
        way, _ = POINTS[point]
        state = self.folder / "state"
        if way == "restore":
            self.lose_tasks(state)
        daemon = self.daemon(topology, state=state, env={"LD_PRELOAD": CRASH_AT, "CRASH_AT": f"{point}:{when}:{calls}"})
        if way == "stop":
            lab.until(lambda: not daemon.alive() or daemon.get("/readyz")[0] == 200, lambda: f"ready, or dead; it logged\n{daemon.output()}")
            if daemon.alive():
                daemon.process.send_signal(signal.SIGTERM)
        self.assertEqual(daemon.wait_exit(), -signal.SIGKILL, f"it did not come to {point}, or ended before:\n{daemon.output()}")

    def test_output_is_exact_after_a_crash_at_each_point(self):
        seed = int(os.environ.get("KSTREAMD_TEST_SEED", random.SystemRandom().randrange(10**6)))
        print(f"KSTREAMD_TEST_SEED={seed}", flush=True)
        rng = random.Random(seed)
        points = self.all_points(rng)
        text = self.folder / "text"
        generate_lines(text, LINES_EACH * (len(points) + 1), seed)
        lines = text.read_text().splitlines()
        long_lines = [f"long{i}" + "x" * 1000 for i in range(LONG_WORDS)]
        with open(text, "a", encoding="ascii") as more:
            more.writelines(line + "\n" for line in long_lines)
        topology, source, sink, _ = self.word_count()
        self.log.create(source, PARTITIONS)
        self.log.create(sink, PARTITIONS)
        self.log.produce(source, lines[:LINES_EACH] + long_lines)
        self.drain(topology)  # so that there is something to restore
        for n, (point, when) in enumerate(points, 1):
            self.log.produce(source, lines[n * LINES_EACH:(n + 1) * LINES_EACH])
            calls = rng.randint(1, POINTS[point][1])
            print(f"crash {n}: {when} call {calls} of {point}", flush=True)
            self.crash(topology, point, when, calls)
        self.drain(topology)
        records = self.log.consume(sink, "--key", "string", "--value", "int64")
        problems = compare(expected_counts(text), records, PARTITIONS)
        self.assertEqual(problems, [], "\n".join(problems))


if __name__ == "__main__":
    lab.main()
