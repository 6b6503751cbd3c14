"""Schema registries with Confluent's REST interface.

Registry is a real one, Apicurio's, from Maven; Registry.start() gives None where it cannot be had (no Maven, no network).
GuardedRegistry is one of the tests' own, behind TLS and a password: as much of the interface as a writer and a reader need.
"""

import base64
import http.server
import json
import os
import ssl
import subprocess
import tarfile
import threading
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

    def register(self, subject, schema, **more):
        body = json.dumps({"schema": schema, **more}).encode()
        request = urllib.request.Request(f"{self.url}/subjects/{subject}/versions", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(answer.read())["id"]

    def again(self):
        """A new one, with nothing in it, at the same address."""
        return Registry(self.folder, self.program, self.port)

    def stop(self):
        self.process.kill()
        self.process.wait()


class Authority:
    """A certificate authority of the test's own, and the certificates that it gives."""

    def __init__(self, folder, name):
        self.folder, self.name = folder, name
        self.file = folder / f"{name}.pem"
        self.openssl("req", "-x509", *self.new_key(name), "-subj", f"/CN={name}", "-days", 2, "-out", self.file)

    def openssl(self, *words):
        subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True, stdin=subprocess.DEVNULL)

    def new_key(self, name):
        return "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", self.folder / f"{name}.key"

    def certificate(self, host, days=2):
        """(certificate, key) of a host; with negative days of one that has expired."""
        at = self.folder / f"{self.name}-{host}{days}"
        self.openssl("req", *self.new_key(at.name), "-subj", f"/CN={host}", "-out", f"{at}.csr")
        Path(f"{at}.ext").write_text(f"subjectAltName=DNS:{host}\n")
        self.openssl("x509", "-req", "-in", f"{at}.csr", "-CA", self.file, "-CAkey", self.folder / f"{self.name}.key", "-CAcreateserial",
                     "-extfile", f"{at}.ext", "-days", days, "-out", f"{at}.pem")
        return f"{at}.pem", f"{at}.key"


def basic(user, password):
    """What HTTP's basic authentication sends."""
    return base64.b64encode(f"{user}:{password}".encode()).decode()


class GuardedRegistry:
    """On localhost, for those who know the user and the password; over TLS if it is given a certificate."""

    def __init__(self, certificate, user, password):
        self.schemas = []
        owner, expected = self, f"Basic {basic(user, password)}"

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.answer(owner.by_id, self.path)

            def do_POST(self):
                self.answer(owner.register, self.rfile.read(int(self.headers["Content-Length"])))

            def answer(self, ask, what):
                status, body = ask(what) if self.headers["Authorization"] == expected else (401, {"error_code": 401, "message": "Unauthorized"})
                content = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"{'https' if certificate else 'http'}://localhost:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def by_id(self, path):
        index = int(path.rsplit("/", 1)[1]) - 1
        return (200, {"schema": self.schemas[index]}) if index < len(self.schemas) else (404, {"error_code": 40403, "message": "Schema not found"})

    def register(self, body):
        schema = json.loads(body)["schema"]
        if schema not in self.schemas:
            self.schemas.append(schema)
        return 200, {"id": self.schemas.index(schema) + 1}

    def stop(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
