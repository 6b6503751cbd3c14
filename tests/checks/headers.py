#!/usr/bin/env python3
"""Compiles every header by itself: it must need nothing included before it. The ABI's headers also as C11, pedantically.

    headers.py BUILD_FOLDER [JOBS]     the folder whose compile_commands.json gives the compiler
"""

import json
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import tree

# Flags that say how a translation unit of the project is compiled, and not what comes out.
KEEP = ("-I", "-isystem", "-D", "-std")


def flags_of(build):
    """Compiler and include flags, joined over all units, so that a header may need any library the project has."""
    compiler, flags = None, []
    for entry in json.loads((Path(build) / "compile_commands.json").read_text()):
        words = shlex.split(entry["command"])
        if not entry["file"].endswith(".cpp"):
            continue
        if compiler is None:
            compiler = words[1] if words[0].endswith("ccache") else words[0]
        i = 0
        while i < len(words):
            if words[i] == "-isystem":
                flags.append(("-isystem", words[i + 1]))
                i += 1
            elif words[i].startswith(KEEP) and not words[i].startswith("-std"):
                flags.append((words[i],))
            i += 1
    return compiler, [word for flag in dict.fromkeys(flags) for word in flag]


def compile_header(command, header):
    # An empty unit that includes it: a header compiled as the main file would warn of its own pragma.
    done = subprocess.run([*command, "-include", str(tree.ROOT / header), "/dev/null"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True)
    return None if done.returncode == 0 else f"{header}: does not compile by itself ({command[0]}):\n{done.stdout}"


def main():
    build = sys.argv[1]
    jobs = int(sys.argv[2]) if len(sys.argv) > 2 else 2
    compiler, flags = flags_of(build)
    cpp = [compiler, "-x", "c++", "-std=c++20", "-fsyntax-only", "-Wall", "-Wextra", "-Wno-missing-field-initializers", "-Werror", *flags]
    c = ["gcc", "-x", "c", "-std=c11", "-fsyntax-only", "-Wall", "-Wextra", "-pedantic", "-Werror", *flags]
    work = [(cpp, header) for header in tree.files(".h") if not str(header).startswith("tests/bench/")]
    work += [(c, header) for header in tree.files(".h", under="plugins/abi")]
    with ThreadPoolExecutor(jobs) as pool:
        problems = [p for p in pool.map(lambda item: compile_header(*item), work) if p]
    return tree.report("headers", problems)


if __name__ == "__main__":
    sys.exit(main())
