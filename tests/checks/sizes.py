#!/usr/bin/env python3
"""Lists source files that are long enough to ask whether they still do one thing. A question, not a rule: it fails only where a file
is twice that long."""

import sys

import tree

ASK, REFUSE = 600, 1200

lengths = sorted(((tree.text(path).count("\n"), path) for path in tree.files(".h", ".cpp", ".c", ".py")), reverse=True)
for length, path in lengths:
    if length > ASK:
        print(f"{path}: {length} lines: does it still do one thing?")
sys.exit(tree.report("sizes", [f"{path}: {length} lines: split it" for length, path in lengths if length > REFUSE]))
