#!/usr/bin/env python3
"""Writes many small tests over several topologies, to measure `kstreamd test`.

    many_small_tests.py FOLDER [COUNT]     COUNT tests (default 2000), 200 to a file
"""

import sys
from pathlib import Path

PER_FILE = 200
TOPOLOGIES = {
    "filter": """
nodes:
  orders: { source: { topic: orders, key: string, value: json } }
  big: { from: orders, filter: "value ~= nil and value.amount > 10" }
  out: { from: big, sink: { topic: big-orders, key: string, value: json } }
""",
    "branch": """
nodes:
  payments: { source: { topic: payments, key: string, value: int64 } }
  sizes: { from: payments, branch: { large: "value >= 100", rest: default } }
  large: { from: sizes.large, sink: { topic: large, key: string, value: int64 } }
  rest: { from: sizes.rest, sink: { topic: rest, key: string, value: int64 } }
""",
    "count": """
nodes:
  visits: { source: { topic: visits, key: string, value: string } }
  counts: { from: visits, count: { store: counts } }
  out: { from: counts, sink: { topic: counts, key: string, value: int64 } }
""",
    "words": """
nodes:
  lines: { source: { topic: lines, key: string, value: string } }
  words: { from: lines, flat_map_values: "split(lower(value), '[^%w]+')" }
  by_word: { from: words, select_key: "value" }
  counts: { from: by_word, count: { store: counts } }
  out: { from: counts, sink: { topic: words, key: string, value: int64 } }
""",
}


def steps(kind, n):
    if kind == "filter":
        return f"""      - send: {{ topic: orders, key: a, value: {{ amount: {11 + n} }}, timestamp: {n} }}
      - expect: [ {{ topic: big-orders, key: a, value: {{ amount: {11 + n} }}, timestamp: {n} }} ]
      - send: {{ topic: orders, key: b, value: {{ amount: 9 }}, timestamp: {n} }}
      - expect_nothing: {{}}
"""
    if kind == "branch":
        return f"""      - send: [ {{ topic: payments, key: a, value: {100 + n} }}, {{ topic: payments, key: a, value: 1 }} ]
      - expect: [ {{ topic: large, key: a, value: {100 + n} }}, {{ topic: rest, key: a, value: 1 }} ]
"""
    if kind == "count":
        return f"""      - send: [ {{ topic: visits, key: k{n}, value: x }}, {{ topic: visits, key: k{n}, value: y }} ]
      - expect: [ {{ topic: counts, key: k{n}, value: 1 }}, {{ topic: counts, key: k{n}, value: 2 }} ]
      - expect_store: {{ store: counts, key: k{n}, value: 2 }}
"""
    return f"""      - send: {{ topic: lines, key: null, value: "Hello hello w{n}" }}
      - expect:
          - {{ topic: words, key: hello, value: 1 }}
          - {{ topic: words, key: hello, value: 2 }}
          - {{ topic: words, key: w{n}, value: 1 }}
"""


def main():
    folder, count = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 2000
    folder.mkdir(parents=True, exist_ok=True)
    kinds = list(TOPOLOGIES)
    for kind, nodes in TOPOLOGIES.items():
        (folder / f"{kind}.yaml").write_text(f"kstreamd: 1\nname: many-{kind}{nodes}")
    for first in range(0, count, PER_FILE):
        kind = kinds[first // PER_FILE % len(kinds)]
        text = f"topology: {kind}.yaml\ntests:\n"
        for n in range(first, min(first + PER_FILE, count)):
            text += f"  - name: {kind} {n}\n    steps:\n{steps(kind, n)}"
        (folder / f"{kind}-{first}.test.yaml").write_text(text)


if __name__ == "__main__":
    main()
