#!/usr/bin/env python3
"""Topics with more partitions than there are tasks: nothing of them is left unread in silence, and the ways out that the error names work."""

import lab

SESSION = ["--set", "kafka.session.timeout.ms=6000"]
COPY = """
kstreamd: 1
name: TAG-app
nodes:
  in:
    source: { SOURCE, key: string, value: string }
  out:
    from: in
    sink: { topic: TAG-out, key: string, value: string }
"""
COUNT = COPY.replace("""  out:
    from: in
    sink: { topic: TAG-out, key: string, value: string }""", """  counts:
    from: in
    count: { store: counts }
  out:
    from: counts
    sink: { topic: TAG-out, key: string, value: int64 }""")
PATTERN = 'pattern: "TAG-in-.*"'


class MorePartitions(lab.LabTest):
    log_type = lab.KafkaLog

    def setUp(self):
        super().setUp()
        self.first, self.second, self.sink = f"{self.tag}-in-a", f"{self.tag}-in-b", f"{self.tag}-out"
        self.log.create(self.first, 3)
        self.log.create(self.sink, 3)
        self.sent = []

    def send(self, topic, count, *options):
        lines = [f"{topic}.{len(self.sent) + i}" for i in range(count)]
        self.log.produce(topic, [f"{line}:{line}" for line in lines], "--key-separator", ":", *options)
        self.sent += lines

    def await_all(self):
        """Everything that was sent has come out once."""
        def there():
            found = [record["key"] for record in self.log.consume(self.sink, "--key", "string")]
            return found if len(found) >= len(self.sent) else None

        self.assertEqual(sorted(lab.until(there, f"{len(self.sent)} records", every_s=0.3)), sorted(self.sent))

    def start(self, text, source):
        return self.daemon(self.topology(text.replace("SOURCE", source)), *SESSION)

    def await_failure(self, daemon, *parts):
        def failed():
            topologies = daemon.json("/api/v1/topologies")
            error = topologies and topologies["topologies"][0]["state"] == "failed" and topologies["topologies"][0].get("error", "")
            return error or None

        error = lab.until(failed, "the topology to fail")
        for part in parts:
            self.assertIn(part, error)

    def test_a_wide_topic_that_comes_to_fit_a_pattern(self):
        daemon = self.start(COPY, PATTERN).wait_ready()
        self.send(self.first, 50)
        self.await_all()
        self.log.create(self.second, 5)
        self.send(self.second, 50)
        self.await_failure(daemon, f"'{self.second}'", "has 5 partitions, and there are 3 tasks", f"remove topic '{self.tag}-app-kstreamd-tasks'")
        self.assertEqual(daemon.stop(), 0)
        lab.kafka_admin("delete", f"{self.tag}-app-kstreamd-tasks")
        self.start(COPY, PATTERN).wait_ready()
        self.send(self.first, 50)
        self.await_all()

    def test_a_wide_topic_that_is_gone_again(self):
        daemon = self.start(COUNT, PATTERN).wait_ready()
        self.send(self.first, 50)
        self.await_all()
        self.log.create(self.second, 4)
        self.await_failure(daemon, f"'{self.second}'", "has 4 partitions, and there are 3 tasks", "kstreamd reset", f"'{self.tag}-app-counts-changelog'")
        lab.kafka_admin("delete", self.second)
        daemon.wait_ready()
        self.send(self.first, 50)
        self.await_all()

    def test_a_topic_that_gets_more_partitions(self):
        daemon = self.start(COUNT, f"topic: {self.first}").wait_ready()
        self.send(self.first, 50)
        self.await_all()
        lab.kafka_admin("grow", self.first, 4)
        self.send(self.first, 20, "--partition", 3)
        self.await_failure(daemon, f"'{self.tag}-app-", "has 3 partitions", "kstreamd reset")


if __name__ == "__main__":
    lab.main()
