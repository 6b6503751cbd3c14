#!/usr/bin/env python3
"""Stopping and starting: a crash keeps local state, a graceful stop loses and repeats nothing, damaged state is rebuilt."""

import os
import shutil
import signal

import lab
from word_count import compare, expected_counts, generate_lines

PARTITIONS = 4
LINES = 60_000


class RestartBase:
    def prepare(self, lines=LINES, seed=3):
        self.text = self.folder / "text"
        generate_lines(self.text, lines, seed, words=20_000)
        self.file, self.source, self.sink, self.app = self.word_count()
        self.log.create(self.source, PARTITIONS)
        self.log.create(self.sink, PARTITIONS)
        self.log.produce(self.source, self.text.read_text().splitlines())

    def more(self, line, times=1):
        """Adds lines to the input, on the topic and in the text that is counted."""
        with open(self.text, "a", encoding="ascii") as text:
            text.write((line + "\n") * times)
        self.log.produce(self.source, [line] * times)

    def assert_exact(self):
        records = self.log.consume(self.sink, "--key", "string", "--value", "int64")
        problems = compare(expected_counts(self.text), records, PARTITIONS)
        self.assertEqual(problems, [], "\n".join(problems))

    def changelog_size(self):
        return len(self.log.consume(f"{self.app}-counts-changelog", "--key", "bytes", "--value", "bytes"))


class RestartOnKafka(RestartBase, lab.LabTest):
    log_type = lab.KafkaLog

    def test_after_a_crash_only_the_tail_of_the_changelog_is_replayed(self):
        self.prepare()
        self.drain(self.file)  # a clean stop: all of it is in local state
        before = self.changelog_size()
        self.more("one more line", times=50)
        daemon = self.daemon(self.file).wait_ready()
        lab.until(lambda: self.changelog_size() > before, lambda: f"new changelog records: {daemon.output()}")
        daemon.kill()
        after = self.changelog_size()

        daemon = self.daemon(self.file).wait_ready()
        replayed = daemon.metric("kstreamd_restore_records_total")
        self.assertEqual(daemon.metric("kstreamd_state_rebuilds_total"), 0)
        print(f"{replayed:.0f} of {after} changelog records replayed, {before} of them older than the crashed run")
        self.assertLessEqual(replayed, after - before)
        self.assertGreater(after - before, 0)
        self.assertEqual(daemon.stop(), 0)
        self.more("one more line")
        self.drain(self.file)
        self.assert_exact()

    def test_without_local_state_all_of_the_changelog_is_replayed(self):
        self.prepare(lines=5000)
        self.drain(self.file)
        for task in (self.folder / "state" / self.app).iterdir():  # but the instance's identity, by which it is back at once
            if task.is_dir():
                shutil.rmtree(task)
        size = self.changelog_size()
        daemon = self.daemon(self.file).wait_ready()
        replayed = daemon.metric("kstreamd_restore_records_total")
        # Fewer when the broker has compacted in between.
        self.assertGreater(replayed, 0)
        self.assertLessEqual(replayed, size)
        self.assertEqual(daemon.stop(), 0)
        self.more("one more line")
        self.drain(self.file)
        self.assert_exact()

    def test_sigterm_in_the_middle_of_work_exits_0_and_repeats_nothing(self):
        self.prepare()
        for _ in range(2):
            daemon = self.daemon(self.file).wait_ready()
            lab.until(lambda d=daemon: d.metric("kstreamd_records_produced_total") > 500, "some output")
            self.assertEqual(daemon.stop(), 0, daemon.output())
        self.drain(self.file)
        self.assert_exact()

    def test_a_damaged_state_folder_is_rebuilt_and_said(self):
        self.prepare(lines=5000)
        self.drain(self.file)
        damaged = 0
        for path in (self.folder / "state").rglob("*"):
            if path.is_file() and path.name.startswith(("MANIFEST-", "CURRENT")) or path.suffix == ".sst":
                path.write_bytes(b"damage" * 100)
                damaged += 1
        self.assertGreater(damaged, 0, "no RocksDB files in the state folder")
        daemon = self.daemon(self.file).wait_ready()
        self.assertGreater(daemon.metric("kstreamd_state_rebuilds_total"), 0)
        self.assertRegex(daemon.output(), r"(?i)rebuil|wip")
        self.assertEqual(daemon.stop(), 0)
        self.more("one more line")
        self.drain(self.file)
        self.assert_exact()

    def test_a_state_folder_is_locked(self):
        self.prepare(lines=10)
        first = self.daemon(self.file).wait_ready()
        second = lab.Daemon(self.folder, self.log, [self.file], state=first.state)
        self.daemons.append(second)
        second.wait_log(rf"\b{first.process.pid}\b", 20)
        self.assertTrue(first.alive())


class RestartOnEmbedded(RestartBase, lab.LabTest):
    log_type = lab.EmbeddedLog

    def test_sigterm_in_the_middle_of_work_exits_0_and_repeats_nothing(self):
        self.prepare()
        daemon = self.daemon(self.file).wait_ready()
        lab.until(lambda: daemon.metric("kstreamd_records_produced_total") > 500, "some output")
        self.assertEqual(daemon.stop(), 0, daemon.output())
        self.drain(self.file)
        self.assert_exact()

    def test_a_second_signal_ends_it_at_once(self):
        self.prepare(lines=1000)
        daemon = self.daemon(self.file).wait_ready()
        os.kill(daemon.process.pid, signal.SIGTERM)
        os.kill(daemon.process.pid, signal.SIGTERM)
        daemon.wait_exit(5)

    def test_the_log_is_locked(self):
        self.prepare(lines=10)
        first = self.daemon(self.file).wait_ready()
        second = lab.Daemon(self.folder, self.log, [self.file], state=self.folder / "other-state")
        self.daemons.append(second)
        self.assertNotEqual(second.wait_exit(20), 0)
        self.assertRegex(second.output(), rf"\b{first.process.pid}\b")


if __name__ == "__main__":
    lab.main()
