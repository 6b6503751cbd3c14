#!/usr/bin/env python3
"""Exactly-once over two instances that share the work, while one or the other is killed, stopped and started again.

KSTREAMD_TEST_SEED repeats a run's choices.
"""

import os
import random

import lab
from word_count import compare, expected_counts, generate_lines

LINES = int(os.environ.get("KSTREAMD_TEST_LINES", "60000"))
ROUNDS = 8
PARTITIONS = 4


class TwoInstances(lab.LabTest):
    log_type = lab.KafkaLog

    def test_output_is_exact_while_instances_come_and_go(self):
        seed = int(os.environ.get("KSTREAMD_TEST_SEED", random.SystemRandom().randrange(10**6)))
        print(f"KSTREAMD_TEST_SEED={seed}", flush=True)
        rng = random.Random(seed)
        text = self.folder / "text"
        generate_lines(text, LINES, seed)
        topology, source, sink, _ = self.word_count()
        self.log.create(source, PARTITIONS)
        self.log.create(sink, PARTITIONS)
        lines = text.read_text().splitlines()
        size = len(lines) // ROUNDS + 1

        def start(name):
            return self.daemon(topology, state=self.folder / name)

        running = {"a": start("a").wait_ready()}
        running["b"] = start("b")
        lab.until(lambda: all(self.tasks(daemon) == PARTITIONS for daemon in running.values()), "the tasks to be shared out")
        for turn in range(ROUNDS):
            self.log.produce(source, lines[turn * size:(turn + 1) * size])
            name, end = rng.choice("ab"), rng.choice(["kill", "stop"])
            print(f"{end} {name}", flush=True)
            if end == "kill":
                running[name].kill()
            else:
                self.assertEqual(running[name].stop(), 0)
            running[name] = start(name)
            if rng.random() < 0.5:
                running[name].wait_ready()

        expected = expected_counts(text)
        total = sum(expected.values())
        records = lab.until(lambda: self.output(sink, total), lambda: f"{total} output records", 120, every_s=1)
        problems = compare(expected, records, PARTITIONS)
        self.assertEqual(problems, [], "\n".join(problems))
        for daemon in running.values():
            self.assertTrue(daemon.alive(), daemon.output())

    def tasks(self, daemon):
        return daemon.metric("kstreamd_tasks", state="running")

    def output(self, sink, total):
        records = self.log.consume(sink, "--key", "string", "--value", "int64")
        return records if len(records) >= total else None


if __name__ == "__main__":
    lab.main()
