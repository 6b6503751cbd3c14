#!/usr/bin/env python3
"""Tests the simulator itself: that it finds planted errors, each for the reason it should, and that a seed repeats exactly."""

import os
import re
import subprocess
import unittest
from pathlib import Path

SIM = os.environ.get("KSTREAMD_TEST_SIM", str(Path(__file__).resolve().parents[2] / "build/release/tests/sim/sim"))
WITHIN, AT_ONCE = 1000, 100  # seeds in which an error must be found
FAILED = re.compile(r"^seed (\d+) FAILED: (.*)$", re.M)

TWICE = r"it was put out before"
LATER_FIRST = r"it comes before '\S+' of \S+, which is first"
MISSING = r"the engine does not finish: \d+ records are missing"
OTHER_STATE = r"was made on another state than that of the record before it"

# Each kind of Sabotage (plan.h), and what the oracle must say of it. The planted error is what it finds, for the same seeds
# pass without one.
PLANTED = {
    "lost_output": LATER_FIRST,
    "doubled_output": TWICE,
    "shifted_time": r"has timestamp \d+, its input \d+",
    "wrong_partition": r"is on the wrong partition",
    "lost_input": LATER_FIRST,
    "dirty_read": r"no committed input has asked for it",
    "committed_abort": TWICE,
    "unwritten_commit": LATER_FIRST,
    "unfenced_offsets": TWICE,
    "committed_crash": TWICE,
    "early_offsets": LATER_FIRST,
    "unflushed_commit": MISSING,
    "early_write": OTHER_STATE,
    "lost_row": r"store \w+ of task \S+ (has|lacks) ",
    "kept_overlay": OTHER_STATE,
    "torn_write": OTHER_STATE,
    "torn_flush": OTHER_STATE,
    "early_checkpoint": OTHER_STATE,
    "early_position": OTHER_STATE,
    "kept_position": OTHER_STATE,
    "lost_clock": OTHER_STATE,
    "short_restore": OTHER_STATE,
    "ignored_seek": LATER_FIRST,
    "kept_epoch": TWICE,
    "lost_dead_letter": r"^dead-\d+@.*it comes before '\S+' of \S+, which is first",
    "doubled_dead_letter": r"^dead-\d+@.*it was put out before",
    "lost_answer": MISSING,
    "doubled_answer": TWICE,
    "lost_fact": r"global table facts of process \d+ (has|lacks) ",
}
# Of each step at which a process may be killed: an error that shows when that happens there.
AT_CRASHES = {
    "produce": "committed_crash",
    "offsets": "early_offsets",
    "commit": "early_write",
    "local write": "torn_write",
    "flush": "torn_flush",
    "ingest": "early_position",
    "checkpoint": "early_checkpoint",
}
# What they come to where the guarantee is at least once.
AT_LEAST_ONCE = {kind: [r"was made on a state that lacks updates"] for kind in ("torn_flush", "torn_write")}
# What shows only at the end of a run, when nothing came later to betray the error.
AT_THE_END = {
    "lost_output": [MISSING, r"the changelog of store .* it should be"],
}


def sim(*words):
    """(exit code, output) of a run."""
    done = subprocess.run([SIM, *map(str, words)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.returncode, done.stdout


def hash_of(output):
    return re.search(r"hash ([0-9a-f]{16})$", output, re.M).group(1)


class Planted(unittest.TestCase):
    def test_nothing_is_found_where_nothing_is_planted(self):
        code, output = sim("--seeds", AT_ONCE)
        self.assertEqual((code, FAILED.findall(output)), (0, []))

    def test_every_kind_has_its_reason(self):
        plan = Path(__file__).with_name("plan.h").read_text()
        kinds = re.search(r"enum class Sabotage.*?\{(.*?)\}", plan, re.S).group(1)
        self.assertEqual(set(re.findall(r"^  (\w+),", kinds, re.M)) - {"none", "kinds"}, set(PLANTED))

    def test_every_kind_is_found(self):
        for kind, reason in PLANTED.items():
            with self.subTest(kind):
                self.find(kind, [reason, *AT_THE_END.get(kind, []), *AT_LEAST_ONCE.get(kind, [])])

    def test_an_error_shows_at_the_crashes_that_it_makes_wrong(self):
        points = re.search(r"crash_points\[\] = \{(.*?)\n\};", Path(__file__).with_name("faults.h").read_text(), re.S).group(1)
        self.assertEqual(set(re.findall(r'\{"([\w ]+)"', points)), set(AT_CRASHES))
        for point, kind in AT_CRASHES.items():
            with self.subTest(point):
                self.find(kind, [PLANTED[kind]], "--crash-at", point)

    def find(self, kind, reasons, *words):
        problems = []
        for seed in range(1, WITHIN + 1, AT_ONCE):
            code, output = sim("--from", seed, "--seeds", AT_ONCE, "--keep-going", "--sabotage", kind, *words)
            found = FAILED.findall(output)
            # Not a crash of the program, say.
            self.assertEqual(code, 1 if found else 0, output)
            problems += [problem for _, problem in found]
            reasons = [reason for reason in reasons if not any(re.search(reason, problem) for problem in problems)]
            if not reasons:
                return
        self.fail(f"none of {len(problems)} failures was for {reasons}; the first: {problems[:3]}")

    def test_a_kind_of_fault_that_never_comes_is_found(self):
        code, output = sim("--seeds", 1, "--all-kinds")
        self.assertEqual(code, 1)
        self.assertRegex(output, "(?m)^FAILED: never came: ")

    def test_a_kind_of_crash_that_comes_too_seldom_is_found(self):
        code, output = sim("--seeds", 20, "--all-kinds")
        self.assertEqual(code, 1)
        self.assertRegex(output, r"(?m)^FAILED: came only \d+ times, \d+ are asked for: crash (before|after) ")
        self.assertRegex(output, r"(?m)^FAILED: came only \d+ times, \d+ are asked for: crashes at all points$")

    def test_windows_and_sessions_are_held_against_their_model(self):
        _, output = sim("--seeds", 500, "--keep-going", "--sabotage", "kept_overlay")
        shapes = re.findall(rf"FAILED: [^\n]*{OTHER_STATE}[^\n]*\nshape (\w+)", output)
        self.assertLessEqual({"windows", "sessions"}, set(shapes))


class Repeated(unittest.TestCase):
    def test_in_another_process(self):
        first, second = sim("--seeds", 50), sim("--seeds", 50)
        self.assertEqual(first, second)
        self.assertEqual(first[0], 0, first[1])

    def test_seeds_differ(self):
        self.assertEqual(len({hash_of(sim("--from", seed)[1]) for seed in range(1, 21)}), 20)

    def test_traced_or_not(self):
        for seed in range(1, 11):
            self.assertEqual(hash_of(sim("--from", seed)[1]), hash_of(sim("--from", seed, "--trace")[1]))

    def test_a_failure_says_how_to_repeat_it(self):
        _, output = sim("--seeds", 50, "--sabotage", "lost_output")
        seed, problem = FAILED.search(output).groups()
        repeat = re.search(rf"^repeat with: sim (--from {seed} .*)$", output, re.M).group(1).split()
        for words in (repeat, [word for word in repeat if word != "--trace"]):
            code, again = sim(*words)
            self.assertEqual(code, 1)
            self.assertEqual(FAILED.findall(again), [(seed, problem)])


if __name__ == "__main__":
    unittest.main()
