#!/usr/bin/env python3
"""Compiles mistakes.cpp once for each mistake in it, which must fail with the mistake's message, and once without one,
which must succeed without warnings.

    mistakes.py COMPILER
"""

import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

SOURCE = Path(__file__).with_name("mistakes.cpp")
PLUGINS = Path(__file__).resolve().parents[3] / "plugins"
COMMAND = [sys.argv[1], "-std=c++20", "-Wall", "-Wextra", "-pedantic", "-Wshadow", "-Werror", "-fsyntax-only", f"-I{PLUGINS}/abi/include", f"-I{PLUGINS}/sdk/include"]


def compile_with(mistake):
    done = subprocess.run([*COMMAND, f"-DMISTAKE={mistake}", str(SOURCE)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.returncode, " ".join(done.stdout.split())


def problem_of(case):
    mistake, expected = case
    code, output = compile_with(mistake)
    if mistake == 0:
        return None if code == 0 else f"what is right does not compile: {output[:2000]}"
    if code == 0:
        return f"mistake {mistake} compiles; it should say: {expected}"
    first = re.search(r"static assertion failed(?:: | due to requirement [^:]*: )?(.*)", output)
    if first is None or not expected in first.group(1)[:400]:
        return f"mistake {mistake} should say first: {expected}\n  it says: {output[:1500]}"
    return None


def main():
    cases = [(0, "")] + [(int(number), message) for number, message in re.findall(r"MISTAKE == (\d+) +// (.*)", SOURCE.read_text())]
    if len(cases) < 20:
        sys.exit("mistakes.cpp: fewer mistakes were found in it than there should be")
    with ThreadPoolExecutor(2) as pool:
        problems = [problem for problem in pool.map(problem_of, cases) if problem]
    for problem in problems:
        print(problem)
    print(f"{len(cases) - 1} mistakes, {len(problems)} problems")
    sys.exit(1 if problems else 0)


main()
