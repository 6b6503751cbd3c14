"""The project's tree as the checks see it: the files that git tracks or would track."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def files(*suffixes, under=""):
    """Paths relative to the root, of tracked and new files that are not ignored, with one of the suffixes (all without)."""
    listed = subprocess.run(["git", "-c", "safe.directory=*", "ls-files", "--cached", "--others", "--exclude-standard", "--", under or "."], cwd=ROOT,
                            stdout=subprocess.PIPE, check=True, text=True).stdout.splitlines()
    return sorted(Path(name) for name in listed if name.endswith(suffixes or ("",)) and (ROOT / name).is_file())


def text(path):
    return (ROOT / path).read_text(encoding="utf-8")


def report(check, problems):
    """Prints the problems; gives the exit code."""
    for problem in problems:
        print(problem)
    print(f"{check}: {len(problems)} problem{'' if len(problems) == 1 else 's'}")
    return 1 if problems else 0
