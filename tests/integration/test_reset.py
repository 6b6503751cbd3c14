#!/usr/bin/env python3
"""kstreamd reset: a stopped topology is put back, and counts again exactly as from scratch; nothing else is touched."""

import json
import shutil
import time

import lab
from word_count import compare, expected_counts, generate_lines

PARTITIONS = 4


class ResetBase:
    def prepare(self, lines=3000):
        self.text = self.folder / "text"
        generate_lines(self.text, lines, 3, words=500)
        self.file, self.source, self.sink, self.app = self.word_count()
        self.log.create(self.source, PARTITIONS)
        self.log.create(self.sink, PARTITIONS)
        self.log.produce(self.source, self.text.read_text().splitlines())
        self.state = self.folder / "state"

    def reset(self, *options, check=True):
        return lab.kstreamd("reset", self.file, *self.log.options, "--state-dir", self.state, *options, check=check)

    def plan(self, *options):
        done = self.reset("--output", "json", *options, check=False)
        return json.loads(done.stdout) if done.stdout else {}

    def leave_group(self):
        """What was stopped keeps its place in the group until its session ends."""
        lab.until(lambda: not self.plan()["members"], "an empty group", every_s=1)

    def task_folders(self):
        return sorted(path.name for path in (self.state / self.app).iterdir() if path.is_dir())

    def output(self):
        return self.log.consume(self.sink, "--key", "string", "--value", "int64")

    def assert_exact(self, records):
        problems = compare(expected_counts(self.text), records, PARTITIONS)
        self.assertEqual(problems, [], "\n".join(problems))

    def test_after_a_reset_the_counts_are_those_of_a_first_run(self):
        self.prepare()
        self.drain(self.file)
        first = self.output()
        self.assert_exact(first)
        self.assertEqual(len(self.task_folders()), PARTITIONS)
        identity = (self.state / self.app / "instance").read_text()
        self.leave_group()

        done = self.reset("--execute")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(f"offsets of {PARTITIONS} partitions set\n", done.stdout)
        self.assertIn(f"local state of {PARTITIONS} tasks removed\n", done.stdout)
        self.assertEqual(self.task_folders(), [])
        self.assertEqual((self.state / self.app / "instance").read_text(), identity)
        again = self.plan()
        self.assertEqual(again["internal_topics"], [])
        self.assertEqual({offset["committed"] for offset in again["offsets"]}, {0})

        self.drain(self.file)
        # All of it once more, behind what was there: the output topic is the user's.
        records = self.output()
        seen = {(r["partition"], r["offset"]) for r in first}
        self.assert_exact([r for r in records if (r["partition"], r["offset"]) not in seen])
        self.assertEqual(len(records), 2 * len(first))

    def test_a_dry_run_says_what_would_be_done_and_changes_nothing(self):
        self.prepare()
        self.drain(self.file)
        self.leave_group()
        files = sorted(str(p) for p in self.state.rglob("*"))
        plan = self.plan("--to-offset", 5)
        self.assertFalse(plan["executed"])
        self.assertEqual(plan["topology"], self.app)
        self.assertEqual([(o["topic"], o["partition"]) for o in plan["offsets"]], [(self.source, p) for p in range(PARTITIONS)])
        for offset in plan["offsets"]:
            # Lines without keys may all have gone to some of the partitions.
            self.assertEqual(offset["new"], min(5, offset["ends"]))
            self.assertEqual(offset["committed"], offset["ends"])
        self.assertGreater(max(offset["ends"] for offset in plan["offsets"]), 5)
        self.assertIn({"name": f"{self.app}-counts-changelog", "partitions": PARTITIONS}, plan["internal_topics"])
        self.assertIn(f"{self.app}-kstreamd-tasks", [t["name"] for t in plan["internal_topics"]])
        self.assertEqual(plan["sink_topics"], [self.sink])
        self.assertEqual(sorted(t["id"] for t in plan["state"]["tasks"]), self.task_folders())

        text = self.reset("--to-latest", "--dry-run").stdout
        for part in (self.source, f"{self.app}-counts-changelog", self.task_folders()[0], f"sink topic {self.sink} stays as it is",
                     "nothing was changed; --execute does it"):
            self.assertIn(part, text)
        self.assertEqual(self.plan("--to-offset", 5), plan)
        self.assertEqual(sorted(str(p) for p in self.state.rglob("*")), files)
        # It goes on where it was.
        self.drain(self.file)
        self.assert_exact(self.output())

    def test_where_to(self):
        self.prepare(400)
        begun = time.gmtime(time.time() - 3600)
        self.drain(self.file)
        self.leave_group()
        ends = {o["partition"]: o["ends"] for o in self.plan()["offsets"]}

        def new(*options):
            return {o["partition"]: o["new"] for o in self.plan(*options)["offsets"]}

        zero = dict.fromkeys(ends, 0)
        self.assertEqual(new(), zero)
        self.assertEqual(new("--to-earliest"), zero)
        self.assertEqual(new("--to-latest"), ends)
        self.assertEqual(new("--to-offset", 1_000_000), ends)
        self.assertEqual(new("--shift-by", -10), {p: max(0, end - 10) for p, end in ends.items()})
        self.assertEqual(new("--by-duration", "1h"), zero)
        self.assertEqual(new("--by-duration", "0s"), ends)
        self.assertEqual(new("--to-datetime", time.strftime("%Y-%m-%dT%H:%M:%SZ", begun)), zero)
        self.assertEqual(new("--to-datetime", "2100-01-01T00:00:00Z"), ends)
        self.assertEqual(self.reset("--shift-by", -10, "--execute").returncode, 0)
        self.assertEqual({o["partition"]: o["committed"] for o in self.plan()["offsets"]}, {p: max(0, end - 10) for p, end in ends.items()})

    def test_a_running_topology_is_not_reset(self):
        self.prepare()
        daemon = self.daemon(self.file).wait_ready()
        for options in ([], ["--execute"], ["--execute", "--force"]):
            done = self.reset(*options, check=False)
            self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
            self.assertRegex(done.stderr, rf"in use by process {daemon.process.pid}\b")
            self.assertRegex(done.stderr, "(?i)stop")
        lab.until(lambda: daemon.metric("kstreamd_consumer_lag_records") == 0, "all of it read")
        self.assertEqual(daemon.stop(), 0)
        self.drain(self.file)
        self.assert_exact(self.output())

    def test_mistakes(self):
        self.prepare(1)
        for options, message in (
                (["--to-earliest", "--to-latest"], "to-"),
                (["--by-duration", "soon"], "--by-duration 'soon' is not a duration"),
                (["--to-datetime", "yesterday"], "--to-datetime 'yesterday' is not a time"),
                (["--to-offset", "-1"], "to-offset"),
                (["--execute", "--dry-run"], "execute")):
            done = self.reset(*options, check=False)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn(message, done.stderr)
        done = self.reset("--internal-topic", self.sink, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"'{self.sink}' is not the name of an internal topic of topology '{self.app}'", done.stderr)
        done = lab.kstreamd("reset", self.folder / "nothing.yaml", *self.log.options, check=False)
        self.assertEqual(done.returncode, 2, done.stderr)

    def test_without_local_state(self):
        self.prepare()
        self.drain(self.file)
        self.leave_group()
        elsewhere = self.folder / "elsewhere"
        done = lab.kstreamd("reset", self.file, *self.log.options, "--state-dir", elsewhere, "--execute")
        self.assertIn(f"no local state in {elsewhere}\n", done.stdout)
        self.assertFalse(elsewhere.exists())
        shutil.rmtree(self.state)
        self.drain(self.file)


class ResetOnKafka(ResetBase, lab.LabTest):
    log_type = lab.KafkaLog

    def test_members_are_named_and_refused(self):
        self.prepare()
        daemon = self.daemon(self.file).wait_ready()
        instance = (self.state / self.app / "instance").read_text().strip()
        options = ["reset", self.file, *self.log.options, "--state-dir", self.folder / "elsewhere"]
        before = [lab.kstreamd(*options, "--output", "json", check=False)]
        self.assertEqual(json.loads(before[0].stdout)["members"][0]["instance_id"], instance)
        for more in ([], ["--execute"]):
            done = lab.kstreamd(*options, *more, check=False)
            self.assertEqual(done.returncode, 1)
            self.assertIn(f"topology '{self.app}' is running, or was until just now: in its group are {instance} (kstreamd at", done.stderr)
            self.assertIn("stop all of its instances", done.stderr)
        self.assertTrue(daemon.alive())
        self.assertEqual(daemon.stop(), 0)
        self.drain(self.file)
        self.assert_exact(self.output())

    def test_force_removes_members_that_were_stopped(self):
        self.prepare()
        self.drain(self.file)
        first = self.output()
        self.assertEqual(len(self.plan()["members"]), 1)
        done = self.reset("--execute", "--force")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.plan()["members"], [])
        self.drain(self.file)
        seen = {(r["partition"], r["offset"]) for r in first}
        self.assert_exact([r for r in self.output() if (r["partition"], r["offset"]) not in seen])

    def test_kafka_that_is_not_there(self):
        self.prepare(1)
        done = lab.kstreamd("reset", self.file, "--bootstrap", f"127.0.0.1:{lab.free_port()}", check=False)
        self.assertEqual(done.returncode, 3)
        self.assertIn("cannot reach Kafka", done.stderr)


class ResetOnEmbedded(ResetBase, lab.LabTest):
    log_type = lab.EmbeddedLog

    def test_a_log_that_is_not_there(self):
        self.prepare(1)
        nowhere = self.folder / "nowhere"
        done = lab.kstreamd("reset", self.file, f"--embedded={nowhere}", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"there is no log in {nowhere}", done.stderr)
        self.assertFalse(nowhere.exists())
        done = lab.kstreamd("reset", self.file, "--embedded", check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("a log in memory ends with its process", done.stderr)


if __name__ == "__main__":
    lab.main()
