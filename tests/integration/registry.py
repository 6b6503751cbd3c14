"""A real schema registry, Apicurio's with Confluent's REST interface, from Maven.

Registry.start() gives None where it cannot be had (no Maven, no network).
"""

import os
import subprocess
import tarfile
import urllib.error
import urllib.request
from pathlib import Path

import lab

VERSION = "2.6.13.Final"
NAME = f"apicurio-registry-app-{VERSION}"
REPOSITORY = Path(os.environ.get("KSTREAMD_TEST_MAVEN", Path.home() / ".m2" / "repository"))


def jar(folder):
    """The registry's program, unpacked in the folder."""
    archive = REPOSITORY / f"io/apicurio/apicurio-registry-app/{VERSION}/{NAME}-all.tar.gz"
    if not archive.exists():
        fetch = ["mvn", "-q", "-B", "dependency:get", "-Dtransitive=false", f"-Dartifact=io.apicurio:apicurio-registry-app:{VERSION}:tar.gz:all"]
        try:
            subprocess.run(fetch, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=300, check=True)
        except (OSError, subprocess.SubprocessError):
            return None
    with tarfile.open(archive) as packed:
        packed.extractall(folder)
    return folder / f"{NAME}-runner.jar"


class Registry:
    @classmethod
    def start(cls, folder):
        folder.mkdir()
        program = jar(folder)
        return cls(folder, program, lab.free_port()) if program else None

    def __init__(self, folder, program, port):
        self.folder, self.program, self.port = folder, program, port
        self.url = f"http://127.0.0.1:{self.port}/apis/ccompat/v7"
        with open(folder / "log", "wb") as log:
            self.process = subprocess.Popen(["java", "-Xmx400m", f"-Dquarkus.http.port={self.port}", "-jar", str(program)],
                                            cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        lab.until(self.answers, lambda: "the registry does not answer: " + (folder / "log").read_text()[-2000:], deadline_s=180, every_s=0.5)

    def answers(self):
        if self.process.poll() is not None:
            raise AssertionError("the registry has ended")
        try:
            return self.get("/subjects") is not None
        except (urllib.error.URLError, OSError):
            return False

    def get(self, path):
        with urllib.request.urlopen(self.url + path, timeout=10) as answer:
            return answer.read().decode()

    def again(self):
        """A new one, with nothing in it, at the same address."""
        return Registry(self.folder, self.program, self.port)

    def stop(self):
        self.process.kill()
        self.process.wait()
