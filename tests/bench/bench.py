#!/usr/bin/env python3
"""Runs the same workloads on several stream processors against one broker, and compares CPU, memory, time and output.

One run: fresh output topic, start the system pinned to one core, wait until its group has committed the end of the input,
stop it, read the output back. CPU comes from /proc; progress from the broker's append times of the output (LogAppendTime),
so no system reports on itself. Systems are interleaved within each repetition. See README.md."""

import argparse
import json
import os
import platform
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
HZ = os.sysconf("SC_CLK_TCK")
PARTITIONS = 4

# name: inputs as (generator, records), how outputs are compared, and the environment the system sees
WORKLOADS = {
    "W1-alo": {"inputs": [("w1", 2_000_000)], "check": "raw", "guarantee": "at_least_once"},
    "W1": {"inputs": [("w1", 2_000_000)], "check": "raw"},
    "W2": {"inputs": [("w2", 1_000_000)], "check": "json"},
    "W3": {"inputs": [("w3", 1_000_000)], "check": "raw", "changelog": "counts"},
    "W3c": {"inputs": [("w3", 1_000_000)], "check": "latest", "changelog": "counts", "emit": "per_commit"},
    "W4": {"inputs": [("w4", 1_000_000)], "check": "raw"},
    "W5": {"inputs": [("w5l", 500_000), ("w5r", 500_000)], "check": "raw"},
    "W6": {"kind": "restore", "inputs": [("w6", 2_000_000)], "check": "raw"},
    # 1 GB of keys and values, in records of 116 bytes and of 1 KiB.
    "W6-1g": {"kind": "restore", "inputs": [("w6", 8_620_690)], "check": "raw"},
    "W6-1g-1k": {"kind": "restore", "inputs": [("w6k", 976_563)], "check": "raw"},
    "W6-1g-kill": {"kind": "kill", "inputs": [("w6", 8_620_690)], "check": "raw"},
    "W7": {"kind": "startup", "inputs": [], "check": "raw"},
    "W8": {"kind": "latency", "inputs": [], "check": "raw"},
    "W9": {"inputs": [("w9l", 1_000_000), ("w9r", 100_000)], "check": "raw"},
    # Long enough for a JVM to be warm in the second half.
    "W1-long": {"inputs": [("w1", 10_000_000)], "check": "raw"},
    "W2-long": {"inputs": [("w2", 5_000_000)], "check": "json"},
    "W3-long": {"inputs": [("w3", 5_000_000)], "check": "raw", "changelog": "counts"},
    "W4-long": {"inputs": [("w4", 5_000_000)], "check": "raw"},
    "W5-long": {"inputs": [("w5l", 2_500_000), ("w5r", 2_500_000)], "check": "raw"},
    "W9-long": {"inputs": [("w9l", 5_000_000), ("w9r", 100_000)], "check": "raw"},
    # One input partition, for systems that cannot run more in a process.
    "W1-alo-1p": {"inputs": [("w1", 2_000_000)], "check": "raw", "guarantee": "at_least_once", "partitions": 1},
    "W1-1p": {"inputs": [("w1", 2_000_000)], "check": "raw", "partitions": 1},
    "W2-1p": {"inputs": [("w2", 1_000_000)], "check": "json", "partitions": 1},
    "W3-1p": {"inputs": [("w3", 1_000_000)], "check": "raw", "changelog": "counts", "partitions": 1},
}
DEFAULT = [w for w in WORKLOADS if not w.endswith(("-1p", "-long")) and "-1g" not in w]
PROBES = 64  # records that have to come out for a restored application to count as ready: some for every partition


def systems():
    """Command lines, and the workloads (a pattern) a system can do. Everything else it needs to know is in BENCH_* variables."""
    bins, ks = os.environ.get("BENCH_BIN", "."), os.environ.get("BENCH_KS_CLASSPATH", "")

    def jvm(*flags):
        return {"command": ["java", "-Xmx2g", *flags, "-cp", ks, "bench.Bench"]}

    table = {
        "bare": {"command": [f"{bins}/bare"], "workloads": r"W(1|2|3|3c|6|7|8)(-(?!.*kill).*)?"},  # it has no state to come back to
        "kstreams-java": jvm("-XX:+UseG1GC"),  # by itself a JVM on one core takes the serial collector
        "kstreams-java-serial": jvm("-XX:+UseSerialGC"),
        "kstreamd": {"command": ["sh", "-c", 'exec "${{BENCH_KSTREAMD:-kstreamd}}" run "$0" --bootstrap "$BENCH_BROKERS" '
                                             '--state-dir "$BENCH_STATE_DIR" --workers "$BENCH_WORKERS" --listen 127.0.0.1:0',
                                 str(HERE / "topologies") + "/{topology}.yaml"],
                     "workloads": r"W.*"},
    }
    if os.environ.get("BENCH_SYSTEMS"):  # a JSON file that adds systems in the same form
        table.update(json.loads(Path(os.environ["BENCH_SYSTEMS"]).read_text()))
    return table


def cpu_of(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / HZ


def core_times(core):
    """(busy, stolen) seconds of one core since boot."""
    for line in Path("/proc/stat").read_text().splitlines():
        name, *v = line.split()
        if name == f"cpu{core}":
            v = [int(x) / HZ for x in v]
            return sum(v[:3]) + v[5] + v[6], v[7]
    raise ValueError(core)


def memory_of(pid, field):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) / 1024
    return 0.0


def threads_of(pid):
    """CPU seconds by thread name, the application's own threads of a JVM (named after the application id) as one."""
    cpu = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        name, fields = (task / "stat").read_text().split("(", 1)[1].rsplit(")", 1)
        name = "app" if name.startswith("bench-") else name
        cpu[name] = cpu.get(name, 0.0) + sum(int(x) for x in fields.split()[11:13]) / HZ
    return {name: round(seconds, 2) for name, seconds in sorted(cpu.items(), key=lambda x: -x[1]) if seconds >= 0.05}


class Sampler(threading.Thread):
    """CPU seconds of the system, the broker and the whole of both cores, every 10 ms, to be read off at any moment afterwards."""

    def __init__(self, pid, broker_pid, core, tool_core):
        super().__init__(daemon=True)
        self.pid, self.broker_pid, self.core, self.tool_core = pid, broker_pid, core, tool_core
        self.samples, self.peak_rss, self.stopping = [], 0.0, threading.Event()
        self.start()

    def run(self):
        while not self.stopping.wait(0.01):
            try:
                self.samples.append((time.time(), cpu_of(self.pid), cpu_of(self.broker_pid) if self.broker_pid else 0.0,
                                     *core_times(self.core), core_times(self.tool_core)[0]))
                if len(self.samples) % 10 == 0:
                    self.peak_rss = memory_of(self.pid, "VmHWM")
            except (OSError, IndexError):
                return

    def at(self, when):
        """The sample at a time in seconds, interpolated."""
        before = self.samples[0]
        for s in self.samples:
            if s[0] >= when:
                share = (when - before[0]) / (s[0] - before[0]) if s[0] > before[0] else 0.0
                return [b + (a - b) * max(share, 0.0) for a, b in zip(s, before)]
            before = s
        return list(before)

    def stop(self):
        self.stopping.set()
        self.join()


class Bench:
    def __init__(self, args):
        self.args = args
        self.kbench = os.path.join(os.environ.get("BENCH_BIN", "."), "kbench")
        self.systems = systems()
        self.env = dict(os.environ, BENCH_BROKERS=args.brokers)
        self.work = Path(tempfile.mkdtemp(prefix="bench-", dir=args.work_dir))
        self.tag, self.count = f"{os.getpid():x}", 0

    def tool(self, *words, timeout=600):
        done = subprocess.run(["taskset", "-c", str(self.args.tool_core), self.kbench, *map(str, words)], env=self.env, timeout=timeout,
                              stdout=subprocess.PIPE, text=True)
        if done.returncode:
            raise RuntimeError(f"kbench {' '.join(map(str, words))}: exit {done.returncode}")
        return [json.loads(line) for line in done.stdout.splitlines()]

    def inputs(self, spec):
        """(generator, records) of a workload, at the scale of this run."""
        return [(generator, max(int(records * self.args.scale), PROBES)) for generator, records in spec["inputs"]]

    def input_topic(self, generator, count, partitions):
        topic = f"bench-in-{generator}-{count}-{partitions}"
        if self.tool("end", topic)[0] != count:
            self.tool("delete", topic)
            time.sleep(1)
            self.tool("create", topic, partitions, "retention.ms=-1", "retention.bytes=-1")
            base = (int(time.time()) - 14400) // 60 * 60 * 1000  # not in the future of the broker; window edges at full minutes
            if generator == "w9r":
                base -= 3_600_000  # the whole table is older than the stream
            self.tool("preload", generator, topic, count, base)
        return topic

    def wait_for_quiet(self):
        """Waits until others leave both cores alone; returns the share of the busiest core that others used in the last second."""
        deadline = time.time() + self.args.quiet_limit
        while True:
            before = [core_times(c)[0] for c in (self.args.core, self.args.tool_core)]
            time.sleep(1)
            busy = max(core_times(c)[0] - b for c, b in zip((self.args.core, self.args.tool_core), before))
            if busy <= self.args.quiet or time.time() > deadline:
                return round(busy, 2)

    def start(self, system, workload, topics, out, app, changelog, again=False):
        spec = WORKLOADS[workload]
        state = self.work / app
        if not again:
            shutil.rmtree(state, ignore_errors=True)
            state.mkdir()
        env = dict(self.env, BENCH_WORKLOAD=workload.split("-")[0], BENCH_APP=app, BENCH_IN=topics[0], BENCH_IN2=topics[-1],
                   BENCH_OUT=out, BENCH_GUARANTEE=spec.get("guarantee", "exactly_once"), BENCH_EMIT=spec.get("emit", "updates"),
                   BENCH_COMMIT_MS=str(self.args.commit_ms), BENCH_WORKERS="1", BENCH_STATE_DIR=str(state), BENCH_CHANGELOG=changelog)
        if spec.get("kind") == "kill":  # else the group waits for the session of the one that was killed, and that is measured
            env.update(BENCH_INSTANCE=app)
        command = [w.format(topology=workload.split("-")[0]) for w in self.systems[system]["command"]]
        with open(self.work / f"{app}.log", "a") as log:
            begun = time.time()
            process = subprocess.Popen(["taskset", "-c", str(self.args.core), *command], env=env, stdout=log, stderr=log)
        return process, begun, Sampler(process.pid, self.args.broker_pid, self.args.core, self.args.tool_core)

    def stop(self, process, sampler):
        sampler.stop()
        died = process.poll()
        if died is not None:
            raise RuntimeError(f"the system ended by itself with {died}; logs in {self.work}")
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def kill(self, process, sampler):
        sampler.stop()
        process.kill()
        process.wait()

    def run(self, system, workload, rep):
        spec, kind = WORKLOADS[workload], WORKLOADS[workload].get("kind", "drain")
        self.count += 1  # a run that is tried again must not find the group of the first try
        app = f"bench-{self.tag}-{self.count}-{workload.lower()}-{system}"
        out = f"{app}-out"
        self.tool("create", out, PARTITIONS, "message.timestamp.type=LogAppendTime")
        result = {"system": system, "workload": workload, "rep": rep, "others_busy": self.wait_for_quiet(), "load": os.getloadavg()[0],
                  "scale": self.args.scale}
        try:
            result.update(getattr(self, "run_" + kind)(system, workload, spec, app, out))
            result["ok"] = True
        except (RuntimeError, subprocess.TimeoutExpired, IndexError) as error:
            result.update(ok=False, error=str(error))
        self.tool("delete-prefix", app + "-")
        shutil.rmtree(self.work / app, ignore_errors=True)
        return result

    def drained(self, group, topics, process):
        watch = subprocess.Popen(["taskset", "-c", str(self.args.tool_core), self.kbench, "watch", group, str(self.args.timeout), *topics],
                                 env=self.env, stdout=subprocess.PIPE, text=True)
        last = None
        for line in watch.stdout:
            last = json.loads(line)
            if process.poll() is not None:
                watch.kill()
        if watch.wait() or last is None:
            raise RuntimeError("not drained in time, or the system ended")
        return last["t"] / 1000

    def run_drain(self, system, workload, spec, app, out):
        partitions = spec.get("partitions", PARTITIONS)
        topics = [self.input_topic(g, n, partitions) for g, n in self.inputs(spec)]
        records = sum(n for _, n in self.inputs(spec))
        changelog = f"{app}-{spec['changelog']}-changelog" if "changelog" in spec else ""
        if changelog:
            self.tool("create", changelog, partitions, "cleanup.policy=compact")
        process, begun, sampler = self.start(system, workload, topics, out, app, changelog)
        try:
            drained = self.drained(app, topics, process)
            threads = threads_of(process.pid)
            time.sleep(0.05)
        finally:
            self.stop(process, sampler)
        check = self.tool("check", out, spec["check"])[0]
        if check["last"] <= check["first"]:
            raise RuntimeError(f"no output to measure: {check}")
        first, half, last = (check[k] / 1000 for k in ("first", "half", "last"))
        a, h, z = sampler.at(first), sampler.at(half), sampler.at(last)
        s0, million = sampler.samples[0], records / 1e6
        return {
            "records": records, "out": check["count"], "checks": check["partitions"],
            "wall": last - first, "start_to_first": first - begun, "start_to_drained": drained - begun,
            "cpu": z[1] - a[1], "cpu_total": z[1], "cpu_startup": a[1], "cpu_per_million": (z[1] - a[1]) / million,
            "cpu_per_million_total": z[1] / million, "cpu_per_million_second_half": (z[1] - h[1]) / (million / 2),
            "wall_second_half": last - half, "rss_mib": sampler.peak_rss, "broker_cpu": z[2] - a[2],
            "others_on_core": (z[3] - s0[3]) - (z[1] - s0[1]), "stolen": z[4] - s0[4],
            "tool_core_busy": (z[5] - a[5]) / (last - first), "threads": threads,
        }

    def changelog(self, spec, app):
        """An application's changelog, full, and its input, with some records per partition: (input, changelog, records)."""
        generator, count = self.inputs(spec)[0]
        in_topic, changelog = f"{app}-in", f"{app}-table-changelog"
        self.tool("create", in_topic, PARTITIONS)
        self.tool("create", changelog, PARTITIONS, "cleanup.policy=compact", "segment.bytes=1073741824")
        self.tool("preload", generator, changelog, count, (int(time.time()) - 14400) * 1000)
        self.tool("preload", generator, in_topic, PROBES, int(time.time()) * 1000)
        return in_topic, changelog, count

    def run_restore(self, system, workload, spec, app, out):
        """An application whose changelog exists and whose local state does not: time until new records of each partition come out."""
        in_topic, changelog, count = self.changelog(spec, app)
        self.wait_for_quiet()
        process, begun, sampler = self.start(system, workload, [in_topic], out, app, changelog)
        try:
            drained = self.drained(app, [in_topic], process)
            threads = threads_of(process.pid)
            time.sleep(0.05)
        finally:
            self.stop(process, sampler)
        check = self.tool("check", out, spec["check"])[0]
        first, z, s0 = check["first"] / 1000, sampler.at(drained), sampler.samples[0]
        return {"records": count, "out": check["count"], "checks": check["partitions"], "start_to_first": first - begun,
                "start_to_drained": drained - begun, "cpu_seconds": z[1],
                "rss_mib": sampler.peak_rss, "broker_cpu": z[2] - s0[2], "others_on_core": (z[3] - s0[3]) - (z[1] - s0[1]),
                "threads": threads}

    def run_kill(self, system, workload, spec, app, out):
        """The same application killed once it has restored and worked, and started again on what it left behind: time from exec
        until records sent after it can be read from the output, all of them, by a read_committed consumer."""
        in_topic, changelog, count = self.changelog(spec, app)
        process, begun, sampler = self.start(system, workload, [in_topic], out, app, changelog)
        try:
            restored = self.drained(app, [in_topic], process) - begun
        finally:
            self.kill(process, sampler)
        probe = subprocess.Popen(["taskset", "-c", str(self.args.tool_core), self.kbench, "probe", in_topic, out, str(PROBES),
                                  str(self.args.timeout)], env=self.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        probe.stdout.readline()
        self.wait_for_quiet()
        process, begun, sampler = self.start(system, workload, [in_topic], out, app, changelog, again=True)
        try:
            answer, _ = probe.communicate("\n", timeout=self.args.timeout + 60)
            if probe.returncode:
                raise RuntimeError("the probes did not come out in time")
            answer = json.loads(answer)
            time.sleep(0.05)
        finally:
            probe.kill()
            self.stop(process, sampler)
        ready, s0 = answer["last"] / 1000, sampler.samples[0]
        z = sampler.at(ready)
        check = self.tool("check", out, spec["check"])[0]
        return {"records": count, "out": check["count"], "checks": check["partitions"], "cold_restore": restored,
                "start_to_first": answer["first"] / 1000 - begun, "ready_again": ready - begun, "cpu_seconds": z[1],
                "rss_mib": sampler.peak_rss, "broker_cpu": z[2] - s0[2], "others_on_core": (z[3] - s0[3]) - (z[1] - s0[1])}

    def run_startup(self, system, workload, spec, app, out):
        in_topic = f"{app}-in"
        self.tool("create", in_topic, PARTITIONS)
        self.tool("preload", "w1", in_topic, 1, int(time.time()) * 1000)
        watch = subprocess.Popen(["taskset", "-c", str(self.args.tool_core), self.kbench, "first", out, "60"], env=self.env,
                                 stdout=subprocess.PIPE, text=True)
        watch.stdout.readline()
        time.sleep(0.5)
        process, begun, sampler = self.start(system, workload, [in_topic], out, app, "")
        try:
            line = watch.stdout.readline()
            watch.wait()
            if not line:
                raise RuntimeError("no output")
            seen = json.loads(line)["t"] / 1000
            time.sleep(10)
            rss, idle = memory_of(process.pid, "VmRSS"), sampler.at(time.time())[1] - sampler.at(seen)[1]
        finally:
            self.stop(process, sampler)
        return {"start_to_first": seen - begun, "cpu_startup": sampler.at(seen)[1], "idle_rss_mib": rss, "idle_cpu_share": idle / 10,
                "rss_mib": sampler.peak_rss}

    def run_latency(self, system, workload, spec, app, out):
        in_topic = f"{app}-in"
        self.tool("create", in_topic, PARTITIONS)
        process, begun, sampler = self.start(system, workload, [in_topic], out, app, "")
        try:
            before = time.time()
            answer = self.tool("latency", in_topic, out, 5000, 20, self.args.latency_warmup)[0]
            now = sampler.samples[-1]
            share = [(b - a) / 20 for a, b in zip(sampler.at(now[0] - 20), now)]
        finally:
            self.stop(process, sampler)
        if answer["count"] != answer["expected"]:
            raise RuntimeError(f"lost or late: {answer}")
        return {"latency_ms": {k: answer[k] for k in ("p50", "p90", "p99", "p999", "max")}, "cpu_share": share[1], "rss_mib": sampler.peak_rss,
                "broker_share": share[2], "tool_core_busy": share[5], "took": time.time() - before}


SHOWN = [("wall s", "wall"), ("CPU-s/M", "cpu_per_million"), ("2nd half", "cpu_per_million_second_half"), ("with start", "cpu_per_million_total"),
         ("RSS MiB", "rss_mib"), ("start s", "start_to_first"), ("ready s", "start_to_drained"), ("again s", "ready_again"), ("CPU s", "cpu_seconds"),
         ("broker s", "broker_cpu"), ("idle MiB", "idle_rss_mib"),
         ("idle CPU", "idle_cpu_share"), ("CPU", "cpu_share"), ("p50", "p50"), ("p99", "p99"), ("p99.9", "p999")]


def disturbed(run):
    """Whether others took over a tenth of the system's core while it ran: such a run is kept in the results and left out of the table."""
    return run.get("others_on_core", 0) > 0.1 * run.get("start_to_drained", run.get("ready_again", 0)) + 0.1


def flat(run):
    return {**run, **run.get("latency_ms", {})}


def verdict(runs):
    """Outputs of all systems and repetitions of a workload, partition by partition."""
    seen = set()
    for run in runs:
        if "checks" in run:
            mode = WORKLOADS[run["workload"]]["check"]
            seen.add(json.dumps([p["latest"] if mode == "latest" else (p["count"], p["sum"]) for p in run["checks"]]))
    return "-" if not seen else "equal" if len(seen) == 1 else "DIFFERENT"


KEYS_OF_RATIOS = ("cpu_per_million", "cpu_per_million_second_half", "wall", "cpu_per_million_total", "start_to_first", "start_to_drained",
                  "ready_again", "cpu_seconds", "p99")


def ratios(runs, system, base, key):
    """Within one repetition, so that a slow minute hits both sides."""
    pairs = {r["rep"]: r[key] for r in runs if r["system"] == base and r.get(key)}
    return [r[key] / pairs[r["rep"]] for r in runs if r["system"] == system and r["rep"] in pairs and key in r]


def report(results, bases):
    for workload in dict.fromkeys(r["workload"] for r in results):
        runs = [flat(r) for r in results if r["workload"] == workload and r["ok"] and not disturbed(r)]
        failed = [r for r in results if r["workload"] == workload and not r["ok"]]
        columns = [(t, k) for t, k in SHOWN if any(k in r for r in runs)]
        everything = [r for r in results if r["workload"] == workload and r["ok"]]  # a disturbed run must still be right
        left_out = f", {len(everything) - len(runs)} disturbed" if len(everything) > len(runs) else ""
        scale = f" at scale {results[0]['scale']}" if results[0].get("scale", 1) != 1 else ""
        print(f"\n{workload}{scale}: outputs {verdict(everything)}; {len(runs)} runs{left_out}"
              + (f", {len(failed)} FAILED, of {failed[0]['system']}: {failed[0]['error']}" if failed else ""))
        print("  " + " " * 22 + "".join(f"{t:>22}" for t, _ in columns))
        for system in dict.fromkeys(r["system"] for r in runs):
            cells = []
            for _, key in columns:
                values = [r[key] for r in runs if r["system"] == system and key in r]
                cells.append(f"{statistics.median(values):.3g} ({min(values):.3g}-{max(values):.3g})" if values else "-")
            print(f"  {system:<22}" + "".join(f"{c:>22}" for c in cells))
        for base in bases:
            for system in dict.fromkeys(r["system"] for r in runs):
                for key in KEYS_OF_RATIOS:
                    found = ratios(runs, system, base, key) if system not in bases[:bases.index(base) + 1] else []
                    if found:
                        print(f"    {system} / {base}, {key}: {statistics.median(found):.2f} ({min(found):.2f}-{max(found):.2f})")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--systems", default="bare,kstreams-java")
    parser.add_argument("--workloads", default=",".join(DEFAULT))
    parser.add_argument("--reps", type=int, default=3)
    parser.add_argument("--out", help="results as JSON; runs are added to an existing file")
    parser.add_argument("--report", action="store_true", help="only print the table of --out")
    parser.add_argument("--base", default="bare,kstreams-java", help="the systems that ratios are taken against")
    parser.add_argument("--brokers", default=os.environ.get("BENCH_BROKERS", "127.0.0.1:9092"))
    parser.add_argument("--broker-pid", type=int, help="to measure the broker's CPU")
    parser.add_argument("--core", type=int, default=1, help="core of the systems under test")
    parser.add_argument("--tool-core", type=int, default=0, help="core of the tools; pin the broker there too")
    parser.add_argument("--commit-ms", type=int, default=100)
    parser.add_argument("--timeout", type=float, default=300)
    parser.add_argument("--latency-warmup", type=int, default=10, help="seconds at full rate before latencies count")
    parser.add_argument("--quiet", type=float, default=0.15, help="start a run only when others use less of each core than this")
    parser.add_argument("--quiet-limit", type=float, default=120, help="seconds to wait for that")
    parser.add_argument("--tries", type=int, default=3, help="how often a disturbed run is repeated")
    parser.add_argument("--scale", type=float, default=1, help="a share of the records, to try things out; no figures come of it")
    parser.add_argument("--work-dir")
    args = parser.parse_args()

    results = json.loads(Path(args.out).read_text())["runs"] if args.out and Path(args.out).exists() else []
    if not args.report:
        if any(r.get("scale", 1) != args.scale for r in results):
            parser.error(f"{args.out} holds runs at another scale: name another --out")
        os.sched_setaffinity(0, {args.tool_core})
        bench = Bench(args)
        for workload in args.workloads.split(","):
            done = max([r["rep"] for r in results if r["workload"] == workload], default=-1) + 1
            for rep in range(done, done + args.reps):
                for system in args.systems.split(","):
                    if not re.fullmatch(bench.systems[system].get("workloads", ".*"), workload):
                        continue
                    for _ in range(args.tries):
                        run = bench.run(system, workload, rep)
                        results.append(run)
                        print(json.dumps({k: round(v, 3) if isinstance(v, float) else v for k, v in run.items() if k != "checks"}), flush=True)
                        if not disturbed(run):
                            break
                    if args.out:
                        machine = {"machine": platform.machine(), "kernel": platform.release(), "cores": os.cpu_count()}
                        Path(args.out).write_text(json.dumps({"environment": machine, "runs": results}, indent=1))
    report(results, args.base.split(","))
    return 1 if any(not r["ok"] for r in results) else 0


if __name__ == "__main__":
    sys.exit(main())
