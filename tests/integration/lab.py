"""What the integration tests share: the real binary as a process, and a log (Kafka or embedded) to feed it and to read from.

The environment says where things are: KSTREAMD_TEST_BINARY, KSTREAMD_TEST_PLUGINS (the folder of the example plugins), and for tests
on Kafka KSTREAMD_KAFKA_ADDRESS_FILE (see tests/broker). kstreamd itself sees none of its own variables. Nothing here sleeps for a fixed time in the hope that
something has happened by then: `until` polls a condition up to a deadline.
"""

import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "oracle"))

KSTREAMD = os.environ.get("KSTREAMD_TEST_BINARY", str(ROOT / "build/release/daemon/kstreamd"))
PLUGINS = os.environ.get("KSTREAMD_TEST_PLUGINS", str(ROOT / "build/release/plugins"))
ADDRESS_FILE = Path(os.environ.get("KSTREAMD_KAFKA_ADDRESS_FILE", "/nowhere"))
BOOTSTRAP = ADDRESS_FILE.read_text().strip() if ADDRESS_FILE.exists() else ""
DEADLINE_S = 60
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("KSTREAMD_")}


def until(condition, what, deadline_s=DEADLINE_S, every_s=0.05):
    """Polls until the condition gives something true, and returns that."""
    end = time.monotonic() + deadline_s
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError(f"not within {deadline_s} s: {what() if callable(what) else what}")
        time.sleep(every_s)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def kstreamd(*words, stdin=None, timeout=DEADLINE_S, check=True, env=None):
    """Runs a command to its end; gives the CompletedProcess, with text in stdout and stderr."""
    done = subprocess.run([KSTREAMD, *map(str, words)], input=stdin, stdin=subprocess.DEVNULL if stdin is None else None,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=timeout, env=dict(ENVIRONMENT, **(env or {})))
    if check and done.returncode:
        raise AssertionError(f"kstreamd {' '.join(map(str, words))}: exit {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done


def kafka_admin(*words):
    """Runs what tests/takeover/build has built: grow TOPIC PARTITIONS, delete TOPIC."""
    program = os.environ.get("KSTREAMD_TEST_TAKEOVER", str(ROOT / "build/release/tests/takeover"))
    done = subprocess.run(["java", "-Xmx128m", "-cp", f"{program}/classes:{program}/dependency/*", "takeover.Counter", *map(str, words), BOOTSTRAP],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=DEADLINE_S)
    if done.returncode:
        raise AssertionError(f"{words}: {done.stdout}")


class KafkaLog:
    """Topics on the broker of the test run. Every test makes its own, under names of its own."""

    name = "kafka"

    def __init__(self, folder):
        self.options = ["--bootstrap", BOOTSTRAP]

    def create(self, topic, partitions=4):
        kstreamd("produce", topic, "--create", partitions, *self.options, stdin="")

    def produce(self, topic, lines, *options):
        kstreamd("produce", topic, *options, *self.options, stdin="".join(line + "\n" for line in lines), timeout=300)

    def consume(self, topic, *options):
        """The committed records from beginning to end, as objects."""
        done = kstreamd("consume", topic, "--drain", "--output", "json", *options, *self.options, timeout=300)
        return [json.loads(line) for line in done.stdout.splitlines()]


class EmbeddedLog(KafkaLog):
    """A log in a folder, that one process at a time has open: produce and consume while no daemon runs."""

    name = "embedded"

    def __init__(self, folder):
        self.folder = Path(folder) / "log"
        self.options = [f"--embedded={self.folder}"]
        self.partitions = {}

    def create(self, topic, partitions=4):
        self.partitions[topic] = partitions  # the topic is made when it is written to

    def produce(self, topic, lines, *options):
        super().produce(topic, lines, "--partitions", self.partitions.get(topic, 4), *options)


class Daemon:
    """A running `kstreamd run`. `stop` ends it as systemd does, `kill` as a power cut does."""

    def __init__(self, folder, log, topologies, *options, state=None, env=None):
        self.folder, self.port = Path(folder), free_port()
        self.state = Path(state or self.folder / "state")
        self.log_path = self.folder / "daemon.log"
        self.log_start = self.log_path.stat().st_size if self.log_path.exists() else 0
        with open(self.log_path, "ab") as out:
            self.process = subprocess.Popen(
                [KSTREAMD, "run", *map(str, topologies), *log.options, "--state-dir", str(self.state), "--listen", f"127.0.0.1:{self.port}",
                 *map(str, options)], stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=dict(ENVIRONMENT, **(env or {})))

    def output(self):
        """What this process has logged so far."""
        with open(self.log_path, "rb") as text:
            text.seek(self.log_start)
            return text.read().decode(errors="replace")

    def get(self, path):
        """(status, body); status 0 when nobody answers, or dies meanwhile."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except (OSError, http.client.HTTPException):
            return 0, ""

    def json(self, path):
        status, body = self.get(path)
        return json.loads(body) if status == 200 else None

    def metrics(self):
        """{name: [(labels, value)]} of /metrics; empty when nobody answers."""
        series = {}
        for line in self.get("/metrics")[1].splitlines():
            found = re.match(r"([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$", line)
            if found:
                labels = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', found.group(2) or ""))
                series.setdefault(found.group(1), []).append((labels, float(found.group(3))))
        return series

    def metric(self, name, **labels):
        """The sum over the series of a name that have these labels."""
        return sum(v for have, v in self.metrics().get(name, []) if all(have.get(k) == w for k, w in labels.items()))

    def alive(self):
        return self.process.poll() is None

    def wait_ready(self, deadline_s=DEADLINE_S):
        def ready():
            if not self.alive():
                raise AssertionError(f"the daemon ended with {self.process.returncode}:\n{self.output()}")
            return self.get("/readyz")[0] == 200

        until(ready, lambda: f"ready; it logged\n{self.output()}", deadline_s)
        return self

    def wait_log(self, pattern, deadline_s=DEADLINE_S):
        return until(lambda: re.search(pattern, self.output()), lambda: f"a log line like {pattern!r}; it logged\n{self.output()}",
                     deadline_s)

    def wait_exit(self, deadline_s=DEADLINE_S):
        try:
            return self.process.wait(deadline_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {deadline_s} s:\n{self.output()}") from None

    def stop(self, deadline_s=DEADLINE_S):
        self.process.send_signal(signal.SIGTERM)
        return self.wait_exit(deadline_s)

    def kill(self):
        self.process.kill()
        self.process.wait()


class LabTest(unittest.TestCase):
    """A test with a folder of its own, whose daemons end with it; the folder stays when the test failed."""

    log_type = KafkaLog
    counter = 0
    folder = None

    def setUp(self):
        if not Path(KSTREAMD).exists():
            self.fail(f"there is no {KSTREAMD}: build it, or set KSTREAMD_TEST_BINARY")
        if self.log_type is KafkaLog and not BOOTSTRAP:
            self.fail("KSTREAMD_KAFKA_ADDRESS_FILE must name a file with the address of a broker: run this through ctest")
        self.folder = Path(tempfile.mkdtemp(prefix="kstreamd-test-"))
        self.log = self.log_type(self.folder)
        LabTest.counter += 1
        self.tag = f"t{os.getpid()}x{LabTest.counter}"  # sets the topics and groups of this test apart
        self.daemons = []

    def tearDown(self):
        for daemon in self.daemons:
            if daemon.alive():
                daemon.kill()

    def run(self, result=None):
        before = len(result.failures) + len(result.errors)
        super().run(result)
        if len(result.failures) + len(result.errors) > before:
            print(f"{self.id()}: its folder is left for you: {self.folder}", file=sys.stderr)
        elif self.folder:
            shutil.rmtree(self.folder, ignore_errors=True)

    def topology(self, text, name=None):
        """Writes a topology file; TAG in it becomes this test's tag."""
        path = self.folder / f"{name or 'topology'}.yaml"
        path.write_text(text.replace("TAG", self.tag))
        return path

    def word_count(self):
        """The shipped word count under names of this test: (file, input topic, output topic, application id)."""
        text = (ROOT / "config/topologies/word-count.yaml").read_text()
        for name in ("text-lines", "word-counts"):
            text = text.replace(name, f"{self.tag}-{name}")
        text = re.sub(r"(?m)^name: word-count\s*$", f"name: {self.tag}-word-count", text)
        path = self.folder / "word-count.yaml"
        path.write_text(text)
        return path, f"{self.tag}-text-lines", f"{self.tag}-word-counts", f"{self.tag}-word-count"

    def daemon(self, topologies, *options, **more):
        daemon = Daemon(self.folder, self.log, topologies if isinstance(topologies, list) else [topologies], *options, **more)
        self.daemons.append(daemon)
        return daemon

    def drain(self, topologies, *options, expect=0, **more):
        """Runs a topology over what is there, to its end."""
        daemon = self.daemon(topologies, "--drain", *options, **more)
        self.assertEqual(daemon.wait_exit(300), expect, daemon.output())
        return daemon


def main():
    """As unittest.main, but a script of which everything was skipped ends with 77, which ctest shows as skipped."""
    result = unittest.main(module="__main__", verbosity=2, exit=False).result
    sys.exit(1 if not result.wasSuccessful() else 77 if result.testsRun == len(result.skipped) > 0 else 0)
