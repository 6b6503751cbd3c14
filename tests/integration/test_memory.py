#!/usr/bin/env python3
"""One bound on memory: input, state and a restoration several times larger than memory.limit, and the process stays within it."""

import os
import re
import shutil
from collections import Counter

import lab

LIMIT_MIB = 128
RECORDS = int(os.environ.get("KSTREAMD_TEST_RECORDS", "300000"))
REPEATED = RECORDS // 20  # keys that come a second time
KEY_BYTES = 1024

TOPOLOGY = """kstreamd: 1
name: TAG-large
nodes:
  in:
    source: { topic: TAG-in, key: string, value: string }
  counts:
    from: in
    count: { store: counts, emit: updates }
  changes:
    from: counts
    to_stream: {}
  short:
    from: changes
    map: { key: "string.sub(key, 1, 10)", value: "value" }
    serde: { key: string, value: int64 }
  out:
    from: short
    sink: { topic: TAG-out, key: string, value: int64 }
"""


def number(i):
    """The part of a key that says which it is: scattered, so that rows are written all over the store."""
    return f"{(i * 2654435761) % (1 << 32):010d}"


class MemoryBase:
    def config(self):
        path = self.folder / "kstreamd.yaml"
        path.write_text(f"kstreamd: 1\nmemory: {{ limit: {LIMIT_MIB}MiB }}\nworkers: 2\nplugins: {self.folder}\n")
        return path

    def start(self):
        return self.daemon(self.file, "--config", self.config())

    def assert_within(self, daemon, what):
        with open(f"/proc/{daemon.process.pid}/status", encoding="ascii") as status:
            peak = int(re.search(r"VmHWM:\s*(\d+) kB", status.read()).group(1)) / 1024
        print(f"{self.log.name}, {what}: {peak:.0f} MiB at the most, of a limit of {LIMIT_MIB} MiB")
        self.assertLessEqual(peak, 1.1 * LIMIT_MIB, daemon.output())

    def assert_exact(self):
        expected = Counter(number(i) for i in range(RECORDS - REPEATED))
        expected.update(number(i) for i in range(REPEATED))
        got = Counter()
        for record in self.log.consume(f"{self.tag}-out", "--key", "string", "--value", "int64"):
            got[record["key"]] += 1
            self.assertEqual(record["value"], got[record["key"]])
        self.assertEqual(got, expected)

    def test_input_state_and_restoration_larger_than_the_limit(self):
        self.file = self.topology(TOPOLOGY)
        for topic in ("in", "out"):
            self.log.create(f"{self.tag}-{topic}", 4)
        padding = "".join(f"{i:08x}" for i in range((KEY_BYTES - 10) // 8 + 1))[: KEY_BYTES - 10]
        keys = [number(i) for i in [*range(RECORDS - REPEATED), *range(REPEATED)]]
        self.log.produce(f"{self.tag}-in", (f"{key}{padding}:v" for key in keys), "--key-separator", ":")
        self.assertGreater(RECORDS * KEY_BYTES, 2 * LIMIT_MIB << 20)

        daemon = self.start().wait_ready()
        lab.until(lambda: daemon.metric("kstreamd_records_produced_total") >= RECORDS and daemon.metric("kstreamd_consumer_lag_records") == 0,
                  lambda: f"all of the input: {daemon.output()}", 300, 0.2)
        self.assertEqual(daemon.metric("kstreamd_memory_limit_bytes"), LIMIT_MIB << 20)
        self.assertLessEqual(daemon.metric("kstreamd_memory_share_bytes"), LIMIT_MIB << 20)
        self.assertGreater(daemon.metric("kstreamd_memory_bytes", part="block_cache"), 0)
        parts = {labels["part"] for labels, _ in daemon.metrics()["kstreamd_memory_bytes"]}
        self.assertEqual(parts, {"block_cache", "write_buffers", "cached_rows", "overlays", "fetch_queues", "restore"})
        self.assert_within(daemon, "backlog and state")
        self.assertEqual(daemon.stop(), 0, daemon.output())

        for task in (self.folder / "state" / f"{self.tag}-large").iterdir():
            if task.is_dir():
                shutil.rmtree(task)
        daemon = self.start().wait_ready(300)
        self.assertGreaterEqual(daemon.metric("kstreamd_restore_records_total"), RECORDS - REPEATED)
        self.assert_within(daemon, "restoration")
        self.assertEqual(daemon.stop(), 0, daemon.output())
        self.assert_exact()


class MemoryOnKafka(MemoryBase, lab.LabTest):
    log_type = lab.KafkaLog

    def test_a_limit_too_small_is_refused_with_one_that_works(self):
        config = self.folder / "small.yaml"
        config.write_text(f"kstreamd: 1\nmemory: {{ limit: 30MiB }}\nworkers: 2\nplugins: {self.folder}\n")
        daemon = self.daemon(self.topology(TOPOLOGY), "--config", config)
        self.assertNotEqual(daemon.wait_exit(), 0)
        least = int(re.search(r"set it to (\d+)MiB or more", daemon.output()).group(1))
        self.assertLess(least, LIMIT_MIB)


class MemoryOnEmbedded(MemoryBase, lab.LabTest):
    log_type = lab.EmbeddedLog


if __name__ == "__main__":
    lab.main()
