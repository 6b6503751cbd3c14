#!/usr/bin/env python3
"""Checks that plugins export their entry and nothing else: whatever else they showed could meet its like in another plugin.

    exports.py FOLDER     all *.so in it
"""

import subprocess
import sys
from pathlib import Path

import tree


def main():
    if len(sys.argv) != 2:
        print(__doc__)
        return 2
    plugins = sorted(Path(sys.argv[1]).glob("*.so"))
    problems = [] if plugins else [f"there are no plugins in {sys.argv[1]}"]
    for plugin in plugins:
        shown = subprocess.run(["nm", "--dynamic", "--defined-only", "--format=posix", plugin], stdout=subprocess.PIPE, check=True, text=True).stdout
        names = sorted(line.split()[0] for line in shown.splitlines())
        if names != ["kst_plugin_entry"]:
            problems.append(f"{plugin} exports {', '.join(names[:10]) or 'nothing'}{' ...' if names[10:] else ''}; it should be kst_plugin_entry alone")
    return tree.report("exports", problems)


if __name__ == "__main__":
    sys.exit(main())
