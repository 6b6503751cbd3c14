#!/usr/bin/env python3
"""What disks and clocks do to local state: it is noticed and said, and the counts stay exact."""

import base64
import glob
import random
import re
import shutil
import subprocess

import lab
from word_count import compare, expected_counts, generate_lines

PARTITIONS = 4
REBUILT = r"local state is wiped and rebuilt from the changelog.*damaged"


def flip(path, at):
    with open(path, "r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 0x04]))


class StateTest(lab.LabTest):
    def prepare(self, lines=5000, words=3000):
        self.text = self.folder / "text"
        generate_lines(self.text, lines, 7, words=words)
        self.start_topics()

    def start_topics(self):
        self.file, self.source, self.sink, self.app = self.word_count()
        self.log.create(self.source, PARTITIONS)
        self.log.create(self.sink, PARTITIONS)
        self.log.produce(self.source, self.text.read_text().splitlines())
        self.state = self.folder / "state"

    def again(self):
        """All of the text once more: every word's row is read and written."""
        text = self.text.read_text()
        self.text.write_text(text + text)
        self.log.produce(self.source, text.splitlines())

    def small_disk(self, size):
        small = self.folder / "small"
        small.mkdir()
        if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(small)], stderr=subprocess.DEVNULL).returncode:
            self.skipTest("mounting a small file system is not permitted here (needs root)")
        self.addCleanup(lambda: subprocess.run(["umount", "-l", str(small)]))
        return small

    def files(self, pattern):
        """Of the tasks with rows, the files of this name that are not tiny."""
        found = [path for path in (self.state / self.app).glob(f"*/{pattern}") if path.stat().st_size > 0]
        self.assertTrue(found, f"no {pattern} in {self.state}")
        return found

    def assert_exact(self):
        records = self.log.consume(self.sink, "--key", "string", "--value", "int64")
        problems = compare(expected_counts(self.text), records, PARTITIONS)
        self.assertEqual(problems, [], "\n".join(problems))


class DamageBase:
    def test_a_bit_changed_while_it_is_stopped(self):
        self.prepare()
        self.drain(self.file)
        # In the rows of one task, in the manifest of another, and in what points to the manifest of a third.
        tasks = sorted({path.parent for path in self.files("*.sst")})
        self.assertGreaterEqual(len(tasks), 3)
        for sst in tasks[0].glob("*.sst"):
            flip(sst, sst.stat().st_size // 3)
        manifest = next(tasks[1].glob("MANIFEST-*"))
        flip(manifest, 20)
        flip(tasks[2] / "CURRENT", 12)
        self.again()
        daemon = self.daemon(self.file, "--drain")
        self.assertEqual(daemon.wait_exit(300), 0, daemon.output())
        rebuilt = set(re.findall(REBUILT.replace(".*", r".*task=(\S+).*"), daemon.output()))
        self.assertEqual(rebuilt, {task.name for task in tasks[:3]}, daemon.output())
        self.assert_exact()

    def test_a_damaged_format_file(self):
        self.prepare(10)
        self.drain(self.file)
        flip(self.state / ".format", 1)
        daemon = self.daemon(self.file)
        self.assertNotEqual(daemon.wait_exit(30), 0)
        self.assertIn(f"the file {self.state}/.format is damaged", daemon.output())
        self.assertIn("write 1 into it", daemon.output())
        (self.state / ".format").write_text("1\n")
        self.drain(self.file)
        self.assert_exact()


class DamageOnKafka(DamageBase, StateTest):
    log_type = lab.KafkaLog

    def test_a_bit_changed_while_it_runs(self):
        self.prepare()
        self.drain(self.file)
        daemon = self.daemon(self.file).wait_ready()  # the files are open, their rows not read yet
        for sst in self.files("*.sst"):
            if sst.stat().st_size > 10_000:
                flip(sst, sst.stat().st_size // 3)
        self.again()
        daemon.wait_log(REBUILT)
        lab.until(lambda: daemon.metric("kstreamd_state_rebuilds_total") > 0, "a rebuild is counted")
        lab.until(lambda: daemon.metric("kstreamd_consumer_lag_records") == 0, "all of it read")
        self.assertTrue(daemon.alive())
        self.assertEqual(daemon.stop(), 0)
        self.drain(self.file)
        self.assert_exact()


class DamageOnEmbedded(DamageBase, StateTest):
    log_type = lab.EmbeddedLog


class Disks(StateTest):
    log_type = lab.KafkaLog

    def test_a_full_disk_while_restoring(self):
        small = self.small_disk("8m")
        self.text, rng = self.folder / "text", random.Random(5)
        # Every word is new and does not compress, so the state grows with each.
        self.text.write_text("".join(base64.b32encode(rng.randbytes(30)).decode().lower() + "\n" for _ in range(300_000)))
        self.start_topics()
        self.drain(self.file)
        identity = (self.state / self.app / "instance").read_text()
        shutil.rmtree(self.state)
        self.state = small / "state"
        (self.state / self.app).mkdir(parents=True, mode=0o700)
        (self.state / self.app / "instance").write_text(identity)
        daemon = self.daemon(self.file, state=self.state)
        daemon.wait_log(r"(?i)no space left", 120)
        lab.until(lambda: daemon.get("/readyz")[0] == 503, "not ready any more")
        self.assertRegex(daemon.output(), r"free space below .*nothing is lost")
        self.assertTrue(daemon.alive())
        daemon.stop()
        subprocess.run(["mount", "-o", "remount,size=512m", str(small)], check=True)
        self.log.produce(self.source, self.text.read_text().splitlines()[:1000])
        with open(self.text, "a", encoding="ascii") as text:
            text.writelines(self.text.read_text().splitlines(True)[:1000])
        self.drain(self.file, state=self.state)
        self.assert_exact()

    def test_a_folder_that_may_only_be_read(self):
        small = self.small_disk("64m")
        self.prepare(100)
        self.drain(self.file, state=small / "state")
        subprocess.run(["mount", "-o", "remount,ro", str(small)], check=True)
        daemon = self.daemon(self.file, state=small / "state")
        self.assertNotEqual(daemon.wait_exit(30), 0)
        self.assertIn("Read-only file system", daemon.output())
        self.assertIn("give the daemon's user write access to it, or set another state_dir", daemon.output())
        subprocess.run(["mount", "-o", "remount,rw", str(small)], check=True)
        self.again()
        self.drain(self.file, state=small / "state")
        self.assert_exact()


class Clocks(StateTest):
    log_type = lab.EmbeddedLog

    def test_the_clock_is_set_back_between_runs(self):
        libraries = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
        if not libraries:
            self.skipTest("libfaketime is not installed (Debian package faketime)")
        self.prepare(2000)
        faketime = {"LD_PRELOAD": libraries[0], "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
        self.drain(self.file, env=dict(faketime, FAKETIME="+30d"))
        self.again()
        self.drain(self.file)
        self.again()
        self.drain(self.file, env=dict(faketime, FAKETIME="-400d"))
        self.assert_exact()


KEYS = """
kstreamd: 1
name: TAG-keys
nodes:
  in:
    source: { topic: TAG-in, key: string, value: string }
  counts:
    from: in
    count: { store: counts }
  out:
    from: counts
    sink: { topic: TAG-out, key: string, value: int64 }
"""


class CleanUp(lab.LabTest):
    log_type = lab.KafkaLog

    def test_state_of_tasks_that_went_elsewhere_is_removed(self):
        topology = self.topology(KEYS)
        for topic in ("in", "out"):
            self.log.create(f"{self.tag}-{topic}", PARTITIONS)
        config = self.folder / "kstreamd.yaml"
        config.write_text("kstreamd: 1\nstate_cleanup_delay: 2s\n")
        first = self.daemon(topology, "--config", config).wait_ready()

        def kept():
            return {path.name for path in (self.folder / "state" / f"{self.tag}-keys").iterdir() if path.is_dir()}

        def tasks(daemon):
            return {task["id"] for task in (daemon.json("/api/v1/tasks") or {"tasks": []})["tasks"]}

        def produce():
            self.log.produce(f"{self.tag}-in", [f"key {n}:x" for n in range(100)], "--key-separator", ":")

        produce()
        all_tasks = kept()
        self.assertEqual(all_tasks, tasks(first))
        self.assertEqual(len(all_tasks), PARTITIONS)
        second = lab.Daemon(self.folder, self.log, [topology], state=self.folder / "second")
        self.daemons.append(second)
        second.wait_ready()
        lab.until(lambda: tasks(second) and kept() == all_tasks - tasks(second),
                  lambda: f"only the state of the tasks here: {kept()}, {tasks(second)}\n{first.output()}")
        first.wait_log("the local state of a task that is no longer here was removed")
        self.assertEqual(first.metric("kstreamd_state_cleanups_total"), PARTITIONS - len(kept()))
        produce()
        self.assertEqual(first.stop(), 0)
        self.assertEqual(second.stop(), 0)
        self.drain(topology)
        counts = {}
        for record in self.log.consume(f"{self.tag}-out", "--key", "string", "--value", "int64"):
            counts.setdefault(record["key"], []).append(record["value"])
        self.assertEqual(counts, {f"key {n}": [1, 2] for n in range(100)})


if __name__ == "__main__":
    lab.main()
