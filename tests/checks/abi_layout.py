#!/usr/bin/env python3
"""Holds the ABI's headers against plugins/abi/layout.txt: the size of every struct, offset and size of every field, and
every constant, as a C11 compiler sees them. The Rust crate's tests hold its structs against the same file.

    abi_layout.py            checks
    abi_layout.py --write    writes the file anew, after a change that docs/abi.md allows
    abi_layout.py --self-test
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

import tree

LAYOUT = Path("plugins/abi/layout.txt")
INCLUDE = "plugins/abi/include"
NOT_VALUES = re.compile(r"_H$|^KST_EXPORT$")
HINT = f"""what may change is in docs/abi.md: fields are added at the end of a struct only, with a new minor; after that, tests/checks/abi_layout.py --write"""


def without_comments(source):
    return re.sub(r"/\*.*?\*/|//[^\n]*", " ", source, flags=re.S)


def body_after(source, brace):
    """What is between the brace at this place and its partner."""
    depth = 0
    for at in range(brace, len(source)):
        depth += {"{": 1, "}": -1}.get(source[at], 0)
        if depth == 0:
            return source[brace + 1:at]
    raise SystemExit("a struct without an end")


def fields_of(body):
    body = re.sub(r"\b(union|struct)\s*\{.*?\}", "int", body, flags=re.S)  # an anonymous one counts as a whole
    for declaration in filter(str.strip, body.split(";")):
        pointer = re.search(r"\(\s*\*\s*(\w+)\s*\)\s*\(", declaration)
        yield pointer.group(1) if pointer else re.search(r"(\w+)\s*(\[[^\]]*\]\s*)?$", declaration.strip()).group(1)


def contents(source):
    """(structs with their fields, numeric constants, texts) of a header."""
    source = without_comments(source)
    structs = {m.group(1): list(fields_of(body_after(source, m.end() - 1))) for m in re.finditer(r"\bstruct\s+(\w+)\s*\{", source)}
    numbers, texts = [], []
    for name, value in re.findall(r"^#define[ \t]+(KST_\w+)[ \t]+(\S.*?)[ \t]*$", source, flags=re.M):
        if not NOT_VALUES.search(name):
            (texts if value.startswith('"') else numbers).append(name)
    for block in re.findall(r"\benum\s*\w*\s*\{(.*?)\}", source, flags=re.S):
        numbers += re.findall(r"\b(KST_\w+)\s*=", block)
    return structs, numbers, texts


def program(headers):
    lines = ["#include <stddef.h>", "#include <stdio.h>"] + [f"#include <{h.relative_to(INCLUDE)}>" for h in headers] + ["int main(void) {"]
    for header in headers:
        structs, numbers, texts = contents(tree.text(header))
        for name, fields in structs.items():
            lines.append(f'  printf("{name} %zu\\n", sizeof({name}));')
            lines += [f'  printf("{name}.{f} %zu %zu\\n", offsetof({name}, {f}), sizeof((({name}*)0)->{f}));' for f in fields]
        lines += [f'  printf("{n} %lld\\n", (long long){n});' for n in numbers]
        lines += [f'  printf("{t} \\"%s\\"\\n", {t});' for t in texts]
    return "\n".join(lines + ["  return 0;", "}"]) + "\n"


def layout_now():
    headers = tree.files(".h", under="plugins/abi")
    with tempfile.TemporaryDirectory() as folder:
        source, built = Path(folder) / "layout.c", Path(folder) / "layout"
        source.write_text(program(headers))
        subprocess.run(["gcc", "-std=c11", "-Wall", "-Wextra", "-pedantic", "-Werror", "-I", str(tree.ROOT / INCLUDE), str(source), "-o", str(built)],
                       check=True)
        return subprocess.run([str(built)], stdout=subprocess.PIPE, check=True, text=True).stdout


def differences(wanted, found):
    wanted, found = wanted.splitlines(), found.splitlines()
    return [f"{LAYOUT} has '{line}', the headers do not" for line in wanted if line not in found] + \
           [f"the headers have '{line}', {LAYOUT} does not" for line in found if line not in wanted]


def self_test():
    header = "#define KST_X_H\n#define KST_A 5u\n#define KST_B \"b\"\nenum { KST_C = 1, /* KST_D = 2 */ KST_E = 3 };\n" \
             "typedef struct a { int x; /* int y; */ const char* const* z; union { int p; long q; } u; int (*f)(int a, int b); char c[4]; } a;"
    assert contents(header) == ({"a": ["x", "z", "u", "f", "c"]}, ["KST_A", "KST_C", "KST_E"], ["KST_B"]), contents(header)
    assert len(differences("a 1\nb 2\n", "a 1\nb 3\n")) == 2 and not differences("a 1\n", "a 1\n")


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    now = layout_now()
    if sys.argv[1:] == ["--write"]:
        (tree.ROOT / LAYOUT).write_text(now)
        return 0
    problems = differences(tree.text(LAYOUT), now)
    return tree.report("abi layout", problems + ([HINT] if problems else []))


if __name__ == "__main__":
    sys.exit(main())
