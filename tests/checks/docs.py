#!/usr/bin/env python3
"""Keeps the documents true: README.md, CONTRIBUTING.md and all other *.md of the tree.

    docs.py names              links and paths that documents name exist
    docs.py commands KSTREAMD  every `kstreamd COMMAND --option` that they show is known to `kstreamd COMMAND --help`, and every
                               `--option` that stands alone to some command or script; every topology that they show in full
                               passes `kstreamd validate`
    docs.py blocks KSTREAMD    runs them, as a reader would: in the order of the document, a block with a file name after its
                               language (```yaml first.yaml) is saved under it, and a block ```sh run is run. All in a fresh folder
                               that looks like the project's root, with kstreamd on the PATH
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import tree

FENCE = re.compile(r"^```(\S*)[ \t]*(.*)$")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s#]+)(#[^)]*)?\)")
SPAN = re.compile(r"`([^`\n]+)`")
TOP = ("core/", "daemon/", "plugins/", "config/", "deploy/", "tests/", "docs/", ".ci/", "./deploy/", "./tests/")
COMMAND = re.compile(r"(?:^|[|;&(]\s*|\s)kstreamd\s+([a-z]+)\b([^|;&<>)]*)")
SCRIPTS = ["tests/run", "tests/bench/run", "tests/bench/bench.py", "tests/bench/memory/run", "tests/fuzz/run", "tests/checks/format.py", "tests/checks/layering.py"]
TIMEOUT_S = 300


def documents():
    return tree.files(".md")


def blocks(text):
    """(line number, language, rest of the fence line, body) of each fenced block."""
    language = None
    for number, line in enumerate(text.splitlines(), 1):
        fence = FENCE.match(line)
        if fence and language is None:
            first, language, rest, body = number, fence.group(1), fence.group(2).strip(), []
        elif line.startswith("```") and language is not None:
            yield first, language, rest, "\n".join(body) + "\n"
            language = None
        elif language is not None:
            body.append(line)


def prose(text):
    """The lines outside fenced blocks, numbered."""
    inside = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("```"):
            inside = not inside
        elif not inside:
            yield number, line


def exists(path, document):
    """Whether a path, relative to the root or to the document, is there; `*` and `...` stand for anything, CAPITALS for a name."""
    path = path.split(":")[0].rstrip("/.,")
    path = re.sub(r"\.\.\.|\b[A-Z]{3,}\b(?!\.md)", "*", path)
    if path.endswith(".so"):  # made by a build
        return True
    for base in (tree.ROOT, tree.ROOT / document.parent):
        if "*" in path or "{" in path:
            parts = re.match(r"(.*)\{(.*)\}(.*)", path)
            names = [parts.group(1) + p + parts.group(3) for p in parts.group(2).split(",")] if parts else [path]
            if all(any(base.glob(name.removeprefix("./"))) for name in names):
                return True
        elif (base / path).exists():
            return True
    return False


def check_names():
    problems = []
    for document in documents():
        for number, line in prose(tree.text(document)):
            named = [t for t, _ in LINK.findall(line) if not re.match(r"[a-z]+:", t)]
            named += [s.split()[0] for s in SPAN.findall(line) if s.startswith(TOP)]
            problems += [f"{document}:{number}: there is no {name}" for name in named if not exists(name, document)]
        for number, language, _, body in blocks(tree.text(document)):
            if language == "sh":
                words = [word.strip("\"'") for word in body.split() if word.startswith(TOP)]
                problems += [f"{document}:{number}: there is no {w}" for w in words if not exists(w, document)]
    return problems


def shown_commands():
    """(where, command, its words) of every kstreamd command in sh blocks and code spans."""
    for document in documents():
        text = tree.text(document)
        pieces = [(n, s) for n, line in prose(text) for s in SPAN.findall(line) if s.startswith("kstreamd ")]
        pieces += [(n, body.replace("\\\n", " ")) for n, language, _, body in blocks(text) if language == "sh"]
        for number, piece in pieces:
            for line in piece.splitlines():
                line = re.sub(r"(^|\s)#.*", "", line)
                for command, rest in COMMAND.findall(line):
                    yield f"{document}:{number}", command, rest.split()


def knows(text, option):
    return re.search(re.escape(option) + r"(?![\w-])", text)


def check_options(kstreamd):
    helps, problems = {}, []
    for where, command, words in shown_commands():
        if command not in helps:
            done = subprocess.run([kstreamd, command, "--help"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                  timeout=TIMEOUT_S)
            helps[command] = done.stdout if done.returncode == 0 else None
        if helps[command] is None:
            problems.append(f"{where}: kstreamd has no command '{command}'")
            continue
        for word in words:
            option = word.strip("[]").split("=")[0].split("[")[0]
            if option.startswith("--") and not knows(helps[command], option):
                problems.append(f"{where}: 'kstreamd {command}' has no option {option}")
    known = "".join(text for text in helps.values() if text) + "".join(tree.text(script) for script in SCRIPTS)
    for document in documents():
        for number, line in prose(tree.text(document)):
            alone = [re.match(r"--[\w-]+", span).group() for span in SPAN.findall(line) if re.match(r"--\w", span)]
            problems += [f"{document}:{number}: nothing has an option {option}" for option in alone if not knows(known, option)]
    return problems


def check_commands(kstreamd):
    problems = check_options(kstreamd)
    for document in documents():
        for number, language, _, body in blocks(tree.text(document)):
            if language != "yaml" or not re.search(r"^kstreamd: 1", body, re.M) or not re.search(r"^nodes:", body, re.M):
                continue
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "shown.yaml"
                path.write_text(body)
                done = subprocess.run([kstreamd, "validate", str(path)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                      timeout=TIMEOUT_S)
            # A plugin that the document tells the reader to build is there only when the blocks are run.
            if done.returncode and "process:" not in body:
                problems.append(f"{document}:{number}: the topology is not valid:\n{done.stdout}")
    return problems


def look_alike(folder):
    """Fills a folder with links to what the project's root holds."""
    for entry in tree.ROOT.iterdir():
        if entry.name not in (".git", "build"):
            (folder / entry.name).symlink_to(entry)


def run_document(document, kstreamd):
    problems, ran = [], 0
    with tempfile.TemporaryDirectory(prefix="kstreamd-docs-") as name:
        folder = Path(name)
        look_alike(folder)
        mine = {key: value for key, value in os.environ.items() if not key.startswith("KSTREAMD_")}
        # A home of its own; but a cargo that comes from rustup is nothing without the toolchains in the user's.
        rust = {f"{tool.upper()}_HOME": os.environ.get(f"{tool.upper()}_HOME", str(Path.home() / f".{tool}")) for tool in ("rustup", "cargo")}
        env = dict(mine, PATH=f"{Path(kstreamd).resolve().parent}:{mine['PATH']}", HOME=name, CI="true", **rust)
        for number, language, rest, body in blocks(tree.text(document)):
            if re.fullmatch(r"[\w.-]+\.\w+", rest):
                (folder / rest).write_text(body)
            elif language == "sh" and rest == "run":
                ran += 1
                script = "set -euo pipefail\n" + body
                try:
                    done = subprocess.run(["bash", "-c", script], cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                          stderr=subprocess.STDOUT, text=True, timeout=TIMEOUT_S)
                    if done.returncode:
                        problems.append(f"{document}:{number}: exit {done.returncode}:\n{body}--- it said\n{done.stdout}")
                except subprocess.TimeoutExpired as late:
                    problems.append(f"{document}:{number}: not done after {TIMEOUT_S} s:\n{body}--- it said\n{late.stdout}")
    if ran:
        print(f"{document}: {ran} block{'' if ran == 1 else 's'} run")
    return problems


def main():
    what, *rest = sys.argv[1:] or ["?"]
    if what == "names":
        problems = check_names()
    elif what == "commands" and rest:
        problems = check_commands(rest[0])
    elif what == "blocks" and rest:
        problems = [p for document in documents() for p in run_document(document, rest[0])]
    else:
        print(__doc__)
        return 2
    return tree.report(f"docs {what}", problems)


if __name__ == "__main__":
    sys.exit(main())
