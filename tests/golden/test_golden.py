#!/usr/bin/env python3
"""Runs test files with `kstreamd test`.

    test_golden.py own KSTREAMD          the project's own tests of topologies pass, with any seed and number of jobs
    test_golden.py failing KSTREAMD      tests that fail on purpose say exactly what failing/expected.txt has; the reports agree
    test_golden.py shared KSTREAMD       the cases that Kafka Streams' own output was recorded for. $KSTREAMD_GOLDEN is their folder;
                                         exit code 77 without it

`--update` after `failing` writes failing/expected.txt.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as xml
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
# Oddities of Kafka Streams that are answered with the plain semantics: docs/kafka-streams.md, "Differences".
ANSWERED_OTHERWISE = {"quirks/first_old_value", "quirks/scan_rule", "quirks/scan_rule_left_grace", "quirks/scan_rule_outer",
                      "quirks/scan_rule_outer_asymmetric", "quirks/scan_rule_outer_out_of_order"}
TIMEOUT_S = 300
SKIPPED = 77


def run(kstreamd, *arguments, cwd=ROOT):
    mine = {key: value for key, value in os.environ.items() if not key.startswith("KSTREAMD_")}
    return subprocess.run([kstreamd, "test", *arguments], cwd=cwd, env=mine, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=TIMEOUT_S)


def check_own(kstreamd, _):
    problems = []
    for options in ([], ["--seed", "7", "--jobs", "2"], ["--seed", "12345", "--jobs", "1"]):
        done = run(kstreamd, "tests/golden/own", "config/topologies", *options)
        print(f"{' '.join(options) or 'as it is'}: {done.stdout.splitlines()[-1] if done.stdout else ''}")
        if done.returncode or not re.match(r"[1-9]\d* passed, 0 failed", done.stdout):
            problems.append(f"exit {done.returncode} with {options}:\n{done.stdout}{done.stderr}")
    return problems


def untimed(text):
    return re.sub(r"in \d+\.\d+ s \(\d+ tests a second\)", "in T s (N tests a second)", text)


def check_failing(kstreamd, update):
    problems = []
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        done = run(kstreamd, "steps.test.yaml", "--junit", str(report), "--jobs", "2", cwd=HERE / "failing")
        if done.returncode != 1:
            problems.append(f"exit {done.returncode} where tests fail")
        broken = run(kstreamd, "broken.test.yaml", "steps.test.yaml", "--filter", "*bytes", cwd=HERE / "failing")
        if broken.returncode != 2:
            problems.append(f"exit {broken.returncode} where a test file cannot be read")
        said = untimed(f"{done.stdout}{done.stderr}==== a broken file\n{broken.stderr}==== and beside it\n{broken.stdout}")
        expected = HERE / "failing" / "expected.txt"
        if update:
            expected.write_text(said)
        if said != expected.read_text():
            problems.append(f"it does not say what {expected.relative_to(ROOT)} has, but:\n{said}")
        suites = xml.parse(report).getroot()
        cases = list(suites.iter("testcase"))
        failures = [case for case in cases if case.find("failure") is not None]
        if not cases or len(failures) != len(cases) or suites.get("failures") != str(len(cases)):
            problems.append(f"the JUnit report has {len(cases)} tests and {len(failures)} failures")
        if "steps.test.yaml:" not in failures[0].find("failure").text or float(cases[0].get("time")) < 0:
            problems.append("the JUnit report does not say where, or how long")
    listed = json.loads(run(kstreamd, "steps.test.yaml", "--output", "json", cwd=HERE / "failing").stdout)
    if listed["failed"] != len(cases) or any(test["passed"] or not test["failure"]["line"] for test in listed["tests"]):
        problems.append("the JSON report does not agree")
    for arguments, message in (([str(HERE / "nowhere")], "no such file or folder"), (["--filter", "zzz", "own"], "no test matches 'zzz'"),
                               ([str(ROOT / "docs")], "no tests found below")):
        wrong = run(kstreamd, *arguments, cwd=HERE)
        if wrong.returncode != 2 or message not in wrong.stderr or wrong.stdout:
            problems.append(f"{arguments}: exit {wrong.returncode}: {wrong.stdout}{wrong.stderr}")
    return problems


def check_shared(kstreamd, _):
    golden = Path(os.environ.get("KSTREAMD_GOLDEN") or ROOT.parent / "shared" / "golden")
    if not golden.is_dir():
        print(f"skipped: there is no folder {golden}; set KSTREAMD_GOLDEN to that of the recorded cases")
        return SKIPPED
    done = run(kstreamd, ".", "--output", "json", cwd=golden)
    if done.returncode not in (0, 1):
        return [f"exit {done.returncode}:\n{done.stderr}"]
    failures = {}
    for test in json.loads(done.stdout)["tests"]:
        case = os.path.normpath(test["file"]).removesuffix(".test.yaml")
        failures.setdefault(case, [])
        if not test["passed"]:
            failure = test["failure"]
            failures[case].append(f"{test['file']}:{failure['line']}: {test['name']}: {failure['message']}\n{failure['detail']}")
    problems = []
    for case, why in sorted(failures.items()):
        if why and case not in ANSWERED_OTHERWISE:
            problems.append(f"{case} does not pass:\n" + "\n".join(why))
        if not why and case in ANSWERED_OTHERWISE:
            problems.append(f"{case} passes, and is said to be answered otherwise")
    passing = sum(not why for why in failures.values())
    print(f"{passing} of {len(failures)} cases pass")
    return problems


CHECKS = {"own": check_own, "failing": check_failing, "shared": check_shared}


def main():
    arguments = [a for a in sys.argv[1:] if a != "--update"]
    if not arguments or arguments[0] not in CHECKS:
        print(__doc__)
        return 2
    kstreamd = str(Path(arguments[1]).resolve()) if len(arguments) > 1 else ""
    problems = CHECKS[arguments[0]](kstreamd, "--update" in sys.argv)
    if problems == SKIPPED:
        return SKIPPED
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
