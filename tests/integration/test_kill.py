#!/usr/bin/env python3
"""Exactly-once under SIGKILL: a word count is killed again and again at random moments; its output must be exact all the same.

KSTREAMD_TEST_SEED repeats a run's random moments, KSTREAMD_TEST_LINES and KSTREAMD_TEST_KILLS set its size.
"""

import os
import random
import time

import lab
from word_count import compare, expected_counts, generate_lines

LINES = int(os.environ.get("KSTREAMD_TEST_LINES", "200000"))
KILLS = int(os.environ.get("KSTREAMD_TEST_KILLS", "10"))
PARTITIONS = 4


class KillBase:
    def test_output_is_exact_after_kills(self):
        seed = int(os.environ.get("KSTREAMD_TEST_SEED", random.SystemRandom().randrange(10**6)))
        print(f"KSTREAMD_TEST_SEED={seed}", flush=True)
        rng = random.Random(seed)
        text = self.folder / "text"
        generate_lines(text, self.lines, seed)
        topology, source, sink, _ = self.word_count()
        self.log.create(source, PARTITIONS)
        self.log.create(sink, PARTITIONS)
        lines = text.read_text().splitlines()
        size = len(lines) // KILLS + 1

        at_work = 0
        for kill in range(KILLS):
            self.log.produce(source, lines[kill * size:(kill + 1) * size])
            # From the middle of the start to the end of the work.
            moment = rng.uniform(0.05, 0.2) if kill % 4 == 3 else rng.uniform(0.2, self.work_s)
            begun = time.monotonic()
            daemon = self.daemon(topology)
            while time.monotonic() < begun + moment and daemon.alive():
                time.sleep(0.005)
            lag = daemon.metric("kstreamd_consumer_lag_records")
            starting = not daemon.metrics()  # all of its input is left
            at_work += starting or lag > 0
            self.assertTrue(daemon.alive(), f"the daemon ended by itself:\n{daemon.output()}")
            daemon.kill()
            print(f"kill {kill + 1} after {moment:.3f} s, {'still starting' if starting else f'{lag:.0f} records behind'}", flush=True)
        self.drain(topology)

        records = self.log.consume(sink, "--key", "string", "--value", "int64")
        problems = compare(expected_counts(text), records, PARTITIONS)
        print(f"{len(records)} output records; {at_work} of {KILLS} kills met work that was seen to be left")
        self.assertEqual(problems, [], "\n".join(problems))
        self.assertGreater(at_work, 0, "the kills met an idle daemon: give it more work")


# The input comes between two runs, more than one of them can do.
class KillOnKafka(KillBase, lab.LabTest):
    log_type = lab.KafkaLog
    lines, work_s = 2 * LINES, 2.0


class KillOnEmbedded(KillBase, lab.LabTest):
    log_type = lab.EmbeddedLog
    lines, work_s = 2 * LINES, 0.6


if __name__ == "__main__":
    lab.main()
