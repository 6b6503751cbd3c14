"""What a word count must put out, computed by other means than kstreamd, and the comparison with what it did put out.

Exactly-once shows in the output itself: each occurrence of a word gives one record with the next count, so a key's records are
1, 2, ..., n in offset order, all in the partition of the key, n being the word's number of occurrences.
"""

import collections
import os
import random
import subprocess

from murmur2 import partition_of

# What config/topologies/word-count.yaml takes for a word: what lies between separators, empty parts too.
SPLIT = ["sed", "-E", r"s/[^A-Za-z0-9]+/\n/g"]


def generate_lines(path, count, seed, words=5000):
    """Writes a text of `count` lines of 1 to 8 words, frequent words being much more so than rare ones, as in a language."""
    rng = random.Random(seed)
    vocabulary = ["".join(rng.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(rng.randint(2, 9))) + str(i) for i in range(words)]
    weights = [1 / (i + 1) for i in range(words)]
    cumulative = list(_running_sum(weights))
    with open(path, "w", encoding="ascii") as out:
        for _ in range(count):
            line = rng.choices(vocabulary, cum_weights=cumulative, k=rng.randint(1, 8))
            out.write(" ".join(line).capitalize() + "\n")


def _running_sum(values):
    total = 0.0
    for value in values:
        total += value
        yield total


def expected_counts(*paths):
    """{word: occurrences} of texts, by the system's own tools."""
    with subprocess.Popen(["cat", *map(str, paths)], stdout=subprocess.PIPE) as cat, \
            subprocess.Popen(SPLIT, stdin=cat.stdout, stdout=subprocess.PIPE, env=_C) as split, \
            subprocess.Popen(["tr", "A-Z", "a-z"], stdin=split.stdout, stdout=subprocess.PIPE, env=_C) as lower, \
            subprocess.Popen(["sort"], stdin=lower.stdout, stdout=subprocess.PIPE, env=_C) as ordered, \
            subprocess.Popen(["uniq", "-c"], stdin=ordered.stdout, stdout=subprocess.PIPE, text=True, env=_C) as counted:
        rows = [line.lstrip().rstrip("\n").partition(" ") for line in counted.stdout]
    return {word: int(count) for count, _, word in rows}


_C = dict(os.environ, LC_ALL="C")


def compare(expected, records, partitions, limit=20):
    """Every way in which the output differs from what it must be, as lines of text; empty when it is exact.

    `expected`: {word: occurrences}; `records`: objects as `kstreamd consume --output json` prints them, each partition's in
    offset order.
    """
    problems = []
    counts = collections.defaultdict(int)
    last_offset = collections.defaultdict(lambda: -1)
    for record in records:
        key, value, partition, offset = record["key"], record["value"], record["partition"], record["offset"]
        where = f"{record['topic']}-{partition} at {offset}"
        if offset <= last_offset[partition]:
            problems.append(f"{where}: out of order after {last_offset[partition]}")
        last_offset[partition] = offset
        if key not in expected:
            problems.append(f"{where}: the word {key!r} is not in the input")
            continue
        right = partition_of(key.encode(), partitions)
        if partition != right:
            problems.append(f"{where}: {key!r} belongs to partition {right}")
        due = counts[key] + 1
        if value != due:
            kind = "doubled or rewound" if isinstance(value, int) and value < due else "a record was lost"
            problems.append(f"{where}: {key!r} has count {value!r} after {counts[key]}: {kind}")
        if isinstance(value, int):
            counts[key] = max(counts[key], value)
    for key, occurrences in expected.items():
        if counts[key] != occurrences:
            problems.append(f"{key!r} was counted {counts[key]} times, and is {occurrences} times in the input")
    total, due = sum(1 for _ in records), sum(expected.values())
    if total != due:
        problems.append(f"{total} output records for {due} words: {abs(due - total)} {'lost' if total < due else 'too many'}")
    if len(problems) > limit:
        problems = problems[:limit] + [f"... and {len(problems) - limit} more"]
    return problems
