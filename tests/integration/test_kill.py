#!/usr/bin/env python3
"""Exactly-once under SIGKILL: a word count is killed again and again at random moments; its output must be exact all the same.

KSTREAMD_TEST_SEED repeats a run's random moments, KSTREAMD_TEST_LINES and KSTREAMD_TEST_KILLS set its size.
"""

import os
import random
import threading
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
        generate_lines(text, LINES, seed)
        topology, source, sink, _ = self.word_count()
        self.log.create(source, PARTITIONS)
        self.log.create(sink, PARTITIONS)
        feeder = self.feed(source, text.read_text().splitlines())

        for kill in range(KILLS):
            # From the middle of the start to seconds of work; not later than the work lasts.
            moment = rng.uniform(0.05, 0.4) if kill % 4 == 3 else rng.uniform(0.4, self.work_s)
            daemon = self.daemon(topology)
            begun = time.monotonic()
            while time.monotonic() < begun + moment and daemon.alive():
                time.sleep(0.005)
            self.assertTrue(daemon.alive(), f"the daemon ended by itself:\n{daemon.output()}")
            daemon.kill()
            print(f"kill {kill + 1} after {moment:.3f} s", flush=True)
        feeder.join()
        self.drain(topology)

        records = self.log.consume(sink, "--key", "string", "--value", "int64")
        problems = compare(expected_counts(text), records, PARTITIONS)
        print(f"{len(records)} output records")
        self.assertEqual(problems, [], "\n".join(problems))


class KillOnKafka(KillBase, lab.LabTest):
    """The input arrives while the daemon is killed, so that there is work at every moment."""

    log_type = lab.KafkaLog
    work_s = 2.5

    def feed(self, topic, lines):
        pieces = 4 * KILLS
        size = (len(lines) + pieces - 1) // pieces
        problems = []

        def run():
            try:
                for i in range(0, len(lines), size):
                    begun = time.monotonic()
                    self.log.produce(topic, lines[i:i + size])
                    time.sleep(max(0.0, 0.4 - (time.monotonic() - begun)))  # the pace of the input, not a wait for something
            except AssertionError as error:
                problems.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        self.addCleanup(lambda: self.assertEqual(problems, []))
        return thread


class KillOnEmbedded(KillBase, lab.LabTest):
    """The log is the killed process's own, so the input is there before."""

    log_type = lab.EmbeddedLog
    work_s = 1.0

    def feed(self, topic, lines):
        self.log.produce(topic, lines)
        done = threading.Thread(target=lambda: None)
        done.start()
        return done


if __name__ == "__main__":
    lab.main()
