#!/usr/bin/env python3
"""Checks that C and C++ files look as clang-format with the project's .clang-format leaves them. `--fix` makes them so."""

import subprocess
import sys

import tree


def main():
    sources = [str(path) for path in tree.files(".h", ".cpp", ".c")]
    if sys.argv[1:] == ["--fix"]:
        return subprocess.run(["clang-format", "-i", *sources], cwd=tree.ROOT).returncode
    done = subprocess.run(["clang-format", "--dry-run", *sources], cwd=tree.ROOT, stderr=subprocess.PIPE, text=True)
    places = [line.replace(" [-Wclang-format-violations]", "") for line in done.stderr.splitlines() if "[-Wclang-format" in line]
    if places:
        places.append("tests/checks/format.py --fix mends it")
    return tree.report("format", places) or done.returncode


if __name__ == "__main__":
    sys.exit(main())
