#!/usr/bin/env python3
"""Global tables on a real broker: instances that come, go and are killed while the table's topic is written find what is in it, exactly.

KSTREAMD_TEST_SEED repeats a run's choices.
"""

import collections
import os
import random

import lab

KEYS = 400
ROUNDS = 5
WRITES = 12  # of each round, of all keys
PRICE_PARTITIONS, ORDER_PARTITIONS = 3, 4
SESSION = ["--set", "kafka.session.timeout.ms=6000"]
NONE = "-"  # what an order finds that finds nothing

TOPOLOGY = f"""
kstreamd: 1
name: TAG-app
nodes:
  prices:
    global_table: {{ topic: TAG-prices, key: string, value: string, store: prices }}
  orders:
    source: {{ topic: TAG-orders, key: string, value: string }}
  priced:
    from: orders
    join: {{ with: prices, type: left, key: value, value: "right or '{NONE}'" }}
    serde: {{ value: string }}
  out:
    from: priced
    sink: {{ topic: TAG-priced, key: string, value: string }}
"""


class GlobalTables(lab.LabTest):
    log_type = lab.KafkaLog

    def setUp(self):
        super().setUp()
        self.prices, self.orders, self.priced = (f"{self.tag}-{name}" for name in ("prices", "orders", "priced"))
        self.log.create(self.prices, PRICE_PARTITIONS)
        self.log.create(self.orders, ORDER_PARTITIONS)
        self.log.create(self.priced, ORDER_PARTITIONS)
        self.file = self.topology(TOPOLOGY)
        self.may_find = {}  # by order
        self.written = 0  # records of the table's topic

    def write(self, rows, *options):
        """{key: value}; None deletes."""
        lines = [f"{key}:{'NULL' if value is None else value}" for key, value in rows.items()]
        self.log.produce(self.prices, lines, "--key-separator", ":", "--null", "NULL", *options)
        self.written += len(lines)

    def order(self, wanted):
        """Orders of {key: values one of which they must find}."""
        lines = []
        for key, values in wanted.items():
            name = f"o{len(self.may_find)}"
            self.may_find[name] = {NONE if value is None else value for value in values}
            lines.append(f"{name}:{key}")
        self.log.produce(self.orders, lines, "--key-separator", ":")

    def found(self):
        """{order: what it found}, each once."""
        found = {}
        for record in self.log.consume(self.priced, "--key", "string", "--value", "string"):
            self.assertNotIn(record["key"], found, "an order was priced twice")
            found[record["key"]] = record["value"]
        return found

    def await_orders(self):
        found = lab.until(self.all_found, lambda: f"the prices of {len(self.may_find)} orders", 120, every_s=0.5)
        wrong = [f"{order} found {found[order]!r}, not one of {sorted(values)}" for order, values in self.may_find.items()
                 if found[order] not in values]
        self.assertEqual(wrong, [], "\n".join(wrong[:10]))

    def all_found(self):
        found = self.found()
        return found if self.may_find.keys() <= found.keys() else None

    def await_mark(self, text):
        """Every task sees what was written last: to each partition of the topic a row was, and orders in each task find it."""
        for partition in range(PRICE_PARTITIONS):
            self.write({f"mark{partition}": text}, "--partition", partition)
        probes = 0

        def seen():
            nonlocal probes
            probes += 1
            asked = {f"{text}-{probes}-{task}-{p}": f"mark{p}" for task in range(ORDER_PARTITIONS) for p in range(PRICE_PARTITIONS)}
            for task in range(ORDER_PARTITIONS):
                lines = [f"{name}:{mark}" for name, mark in asked.items() if name.startswith(f"{text}-{probes}-{task}-")]
                self.log.produce(self.orders, lines, "--key-separator", ":", "--partition", task)

            def answers():
                found = self.found()
                return [found[name] for name in asked] if asked.keys() <= found.keys() else None

            return set(lab.until(answers, "the answers to probes", 120, every_s=0.3)) == {text}

        lab.until(seen, lambda: f"all tasks to see {text}", 180, every_s=0.3)

    def start(self, name):
        return self.daemon(self.file, *SESSION, state=self.folder / name)

    def await_both(self, running):
        lab.until(lambda: all(daemon.metric("kstreamd_tasks", state="running") == ORDER_PARTITIONS / 2 for daemon in running.values()),
                  "the tasks to be shared out", 120)

    def records_read(self, daemon):
        """How many records of its topics an instance read before its tasks began."""
        return int(daemon.wait_log(r"global tables are there.*?records=(\d+)").group(1))

    def test_orders_find_the_right_prices_while_instances_are_killed(self):
        seed = int(os.environ.get("KSTREAMD_TEST_SEED", random.SystemRandom().randrange(10**6)))
        print(f"KSTREAMD_TEST_SEED={seed}", flush=True)
        rng = random.Random(seed)
        running = {"a": self.start("a").wait_ready()}
        running["b"] = self.start("b")
        self.await_both(running)
        rows = {}
        for turn in range(ROUNDS):
            may = collections.defaultdict(lambda: {None})  # by key: what an order may find during the round
            may.update({key: {value} for key, value in rows.items()})
            for write in range(WRITES):
                rows = {f"k{key}": None if rng.random() < 0.1 else f"{turn}.{write}" for key in range(KEYS)}
                self.write(rows)
                for key, value in rows.items():
                    may[key] = may[key] | {value}
                if rng.random() < 0.3:
                    name = rng.choice("ab")
                    print(f"round {turn}, write {write}: kill {name}", flush=True)
                    running[name].kill()
                    running[name] = self.start(name)
                # What is found during the round may be any of its values, or the last before.
                keys = rng.sample(sorted(rows), 20)
                later = {key: {f"{turn}.{w}" for w in range(write + 1, WRITES)} | {None} for key in keys}
                self.order({key: may[key] | later[key] for key in keys})
            self.await_both(running)
            self.await_mark(f"m{turn}")
            self.order({key: {value} for key, value in rows.items()})
            self.await_orders()
        for daemon in running.values():
            self.assertTrue(daemon.alive(), daemon.output())

    def test_a_restart_goes_on_from_what_was_read_and_sees_what_came_meanwhile(self):
        rows = {f"k{key}": "first" for key in range(KEYS)}
        self.write(rows)
        daemon = self.start("a").wait_ready()
        self.assertEqual(self.records_read(daemon), KEYS)
        self.assertEqual(daemon.stop(), 0, daemon.output())

        more = {f"k{key}": "second" for key in range(20)} | {"k20": None, "new": "new"}
        self.write(more)
        daemon = self.start("a").wait_ready()
        self.assertEqual(self.records_read(daemon), len(more))
        self.order({key: {value} for key, value in (rows | more).items()})
        self.await_orders()

        # Read while it runs, and not in a file yet when it is killed: of these alone it has to read some again.
        before = self.written
        self.write({f"k{key}": "third" for key in range(30)})
        self.await_mark("m")
        daemon.kill()
        daemon = self.start("a").wait_ready(120)
        self.assertLessEqual(self.records_read(daemon), self.written - before)
        self.order({f"k{key}": {"third" if key < 30 else "first"} for key in range(KEYS)} | {"new": {"new"}})
        self.await_orders()

    def test_partitions_that_the_topic_gets_are_read(self):
        self.write({"old": "old"})
        daemon = self.start("a").wait_ready()
        lab.kafka_admin("grow", self.prices, PRICE_PARTITIONS + 1)
        self.write({"running": "1"}, "--partition", PRICE_PARTITIONS)
        daemon.wait_log("has got more partitions")
        asked = 0

        def seen():
            nonlocal asked
            asked += 1
            self.order({"running": {None, "1"}})
            self.await_orders()
            return self.found()[f"o{len(self.may_find) - 1}"] == "1"

        lab.until(seen, "the row of the new partition to be found")
        self.assertEqual(daemon.stop(), 0, daemon.output())
        lab.kafka_admin("grow", self.prices, PRICE_PARTITIONS + 2)
        self.write({"stopped": "2"}, "--partition", PRICE_PARTITIONS + 1)
        daemon = self.start("a").wait_ready()
        self.assertEqual(self.records_read(daemon), 1)
        self.order({"old": {"old"}, "running": {"1"}, "stopped": {"2"}})
        self.await_orders()


if __name__ == "__main__":
    lab.main()
