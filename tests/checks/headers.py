#!/usr/bin/env python3
"""Compiles every header by itself: it must need nothing included before it. The ABI's headers also as C11, pedantically.

    headers.py BUILD_FOLDER [JOBS]     the folder whose compile_commands.json gives the compiler
"""

import json
import re
import shlex
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import tree

# Where includes are found, and what the libraries' headers go by.
KEEP = r"-I|-D(FMT|SPDLOG|CPPHTTPLIB|SIMDJSON|KSTREAMD)_"


def flags_of(build):
    """The compiler and its include flags, joined over all units, so that a header may need any library the project has."""
    compiler, flags = None, []
    for entry in json.loads((build / "compile_commands.json").read_text()):
        words = shlex.split(entry["command"])
        if not entry["file"].endswith(".cpp"):
            continue
        compiler = compiler or words[0]
        i = 0
        while i < len(words):
            if words[i] == "-isystem":
                flags.append(("-isystem", words[i + 1]))
                i += 1
            elif re.match(KEEP, words[i]):
                flags.append((words[i],))
            i += 1
    return compiler, [word for flag in dict.fromkeys(flags) for word in flag]


def compile_header(command, header, folder, suffix):
    """Compiles a unit that has nothing but the header, to an object, so that the compiler's cache remembers it."""
    unit = folder / (str(header).replace("/", "_") + suffix)
    source = f'#include "{header}"\n'
    if not unit.exists() or unit.read_text() != source:
        unit.write_text(source)
    done = subprocess.run([*command, "-I", str(tree.ROOT), "-c", str(unit), "-o", str(unit) + ".o"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return None if done.returncode == 0 else f"{header}: does not compile by itself ({suffix}):\n{done.stdout}"


def main():
    build = Path(sys.argv[1])
    jobs = int(sys.argv[2]) if len(sys.argv) > 2 else 2
    folder = build / "header_check"
    folder.mkdir(exist_ok=True)
    compiler, flags = flags_of(build)
    warnings = ["-Wall", "-Wextra", "-Wno-missing-field-initializers", "-Wno-unused-function", "-Werror"]
    cache = ["env", f"CCACHE_BASEDIR={tree.ROOT}", "CCACHE_NOHASHDIR=1", "ccache"] if shutil.which("ccache") else []
    cpp = [*cache, compiler, "-std=c++20", *warnings, *flags]
    c = [*cache, "gcc", "-std=c11", "-Wall", "-Wextra", "-pedantic", "-Werror", *flags]
    work = [(cpp, header, folder, ".cpp") for header in tree.files(".h") if not str(header).startswith("tests/bench/")]
    work += [(c, header, folder, ".c") for header in tree.files(".h", under="plugins/abi")]
    with ThreadPoolExecutor(jobs) as pool:
        problems = [p for p in pool.map(lambda item: compile_header(*item), work) if p]
    return tree.report("headers", problems)


if __name__ == "__main__":
    sys.exit(main())
