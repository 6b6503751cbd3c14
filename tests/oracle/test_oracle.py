#!/usr/bin/env python3
"""The checker's own test: it must accept what is right and catch each kind of damage."""

import collections
import random
import tempfile
import unittest
from pathlib import Path

from murmur2 import murmur2, partition_of
from word_count import compare, expected_counts, generate_lines

PARTITIONS = 4


def perfect_output(text):
    """Output records of a faultless run, in the order in which lines are read."""
    counts, offsets, records = collections.Counter(), collections.Counter(), []
    for word in text.lower().split():
        counts[word] += 1
        partition = partition_of(word.encode(), PARTITIONS)
        records.append({"topic": "out", "partition": partition, "offset": offsets[partition], "key": word, "value": counts[word]})
        offsets[partition] += 1
    return records


class Murmur2(unittest.TestCase):
    def test_values_of_kafkas_own_unit_test(self):
        # org.apache.kafka.common.utils.UtilsTest.testMurmur2
        known = {b"21": -973932308, b"foobar": -790332482, b"a-little-bit-long-string": -985981536,
                 b"a-little-bit-longer-string": -1486304829, b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
                 b"abc": 479470107}
        for key, hashed in known.items():
            self.assertEqual(murmur2(key), hashed & 0xFFFFFFFF, key)


class Checker(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        path = Path(self.folder.name) / "text"
        generate_lines(path, 500, seed=7, words=80)
        self.expected = expected_counts(path)
        self.records = perfect_output(path.read_text())
        self.rng = random.Random(11)

    def problems(self):
        return compare(self.expected, self.records, PARTITIONS)

    def test_accepts_what_is_right(self):
        self.assertEqual(self.problems(), [])

    def test_the_text_depends_on_the_seed_alone(self):
        one, two, other = (Path(self.folder.name) / name for name in "abc")
        generate_lines(one, 50, seed=1)
        generate_lines(two, 50, seed=1)
        generate_lines(other, 50, seed=2)
        self.assertEqual(one.read_text(), two.read_text())
        self.assertNotEqual(one.read_text(), other.read_text())

    def test_counts_as_a_plain_program_does(self):
        path = Path(self.folder.name) / "t"
        path.write_text("Hello, hello; WORLD\n\n  a-b.\n")
        self.assertEqual(expected_counts(path), {"hello": 2, "world": 1, "a": 1, "b": 1, "": 3})

    def test_catches_one_record_lost(self):
        for _ in range(20):
            records = list(self.records)
            del records[self.rng.randrange(len(records))]
            self.assertTrue(compare(self.expected, records, PARTITIONS))

    def test_catches_the_last_record_lost(self):
        self.records.pop()
        self.assertTrue(self.problems())

    def test_catches_one_record_doubled(self):
        for _ in range(20):
            records = [dict(r) for r in self.records]
            at = self.rng.randrange(len(records))
            twin = dict(records[at], offset=10**9)
            self.assertTrue(compare(self.expected, records + [twin], PARTITIONS))

    def test_catches_one_record_in_the_wrong_partition(self):
        record = self.rng.choice(self.records)
        record["partition"] = (record["partition"] + 1) % PARTITIONS
        record["offset"] = 10**9
        self.records.sort(key=lambda r: (r["partition"], r["offset"]))
        self.assertTrue(any("belongs to partition" in p for p in self.problems()))

    def test_catches_one_wrong_count(self):
        self.rng.choice(self.records)["value"] += 1
        self.assertTrue(self.problems())

    def test_catches_two_counts_exchanged(self):
        key = max(self.expected, key=self.expected.get)
        first, second = [r for r in self.records if r["key"] == key][:2]
        first["value"], second["value"] = second["value"], first["value"]
        self.assertTrue(self.problems())

    def test_catches_a_word_that_was_never_there(self):
        self.records.append({"topic": "out", "partition": 0, "offset": 10**9, "key": "ghost", "value": 1})
        self.assertTrue(any("ghost" in p for p in self.problems()))

    def test_catches_a_word_that_is_missing(self):
        key = min(self.expected, key=self.expected.get)
        self.records = [r for r in self.records if r["key"] != key]
        self.assertTrue(any(key in p for p in self.problems()))


if __name__ == "__main__":
    unittest.main()
