#!/usr/bin/env python3
"""How the daemon and the commands answer signals: stop, stop at once, read the files again."""

import signal
import subprocess

import lab

PASS = """
kstreamd: 1
name: TAG-NAME
nodes:
  in:
    source: { topic: TAG-NAME-in, key: string, value: string }
  out:
    from: in
    sink: { topic: TAG-NAME-out, key: string, value: string }
"""


class Signals(lab.LabTest):
    log_type = lab.EmbeddedLog

    def write(self, name, text=PASS):
        (self.folder / "topologies").mkdir(exist_ok=True)
        path = self.folder / "topologies" / f"{name}.yaml"
        path.write_text(text.replace("TAG", self.tag).replace("NAME", name))
        return path

    def names(self, daemon):
        return {t["name"].removeprefix(self.tag + "-") for t in daemon.json("/api/v1/topologies")["topologies"]}

    def test_hangup_reads_the_files_again_and_leaves_the_rest_alone(self):
        self.write("same")
        changed, gone = self.write("changed"), self.write("gone")
        daemon = self.daemon(self.folder / "topologies").wait_ready()
        self.assertEqual(self.names(daemon), {"same", "changed", "gone"})
        changed.write_text(changed.read_text() + "  seen:\n    from: in\n    peek: { log: value }\n")
        gone.unlink()
        self.write("new")
        daemon.process.send_signal(signal.SIGHUP)
        lab.until(lambda: self.names(daemon) == {"same", "changed", "new"}, lambda: f"reloaded; it logged\n{daemon.output()}")
        daemon.wait_log("topologies reloaded")
        daemon.wait_ready()
        self.assertRegex(daemon.output(), f"restarting it topology={self.tag}-changed")
        self.assertNotRegex(daemon.output(), f"(restarting|stopping) it topology={self.tag}-same")

        self.write("broken", "kstreamd: 1\nname: x\nnodes: [")
        daemon.process.send_signal(signal.SIGHUP)
        daemon.wait_log("not reloaded")
        self.assertEqual(self.names(daemon), {"same", "changed", "new"})
        self.assertEqual(daemon.get("/readyz")[0], 200)
        self.assertEqual(daemon.stop(), 0)

    def test_terminate_and_interrupt_end_a_daemon_with_0(self):
        topology = self.write("t")
        for number in (signal.SIGTERM, signal.SIGINT):
            daemon = self.daemon(topology).wait_ready()
            daemon.process.send_signal(number)
            self.assertEqual(daemon.wait_exit(), 0, daemon.output())

    def test_an_interrupted_consume_has_written_what_it_read(self):
        topic = f"{self.tag}-t"
        self.log.produce(topic, ["x"])
        for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            process = subprocess.Popen([lab.KSTREAMD, "consume", topic, *self.log.options], stdout=subprocess.PIPE, env=lab.ENVIRONMENT)
            self.assertEqual(process.stdout.readline(), b"x\n")
            process.send_signal(number)
            self.assertEqual(process.wait(lab.DEADLINE_S), code)
            process.stdout.close()

    def test_a_command_with_the_folder_of_a_daemon_goes_through_the_daemon(self):
        daemon = self.daemon(self.write("t")).wait_ready()
        self.log.produce(f"{self.tag}-t-in", ["hello"])
        lab.until(lambda: [r["value"] for r in self.log.consume(f"{self.tag}-t-out")] == ["hello"], "the record came through")
        self.assertEqual(daemon.stop(), 0)

    def test_a_token_is_asked_for(self):
        daemon = self.daemon(self.write("t"), env={"KSTREAMD_TOKEN": "secret"})
        lab.until(lambda: daemon.get("/readyz")[0] == 200, "ready")
        self.assertEqual(daemon.get("/metrics")[0], 401)
        address = ["--daemon", f"127.0.0.1:{daemon.port}"]
        self.assertEqual(lab.kstreamd("status", *address, check=False).returncode, 1)
        self.assertIn(self.tag, lab.kstreamd("status", *address, env={"KSTREAMD_TOKEN": "secret"}).stdout)
        self.assertEqual(daemon.stop(), 0)


if __name__ == "__main__":
    lab.main()
