#!/usr/bin/env python3
"""Checks that every module includes only what the table in docs/architecture.md allows, and that each third-party library is
included by the one module it belongs to. `--self-test` shows that it can fail."""

import re
import sys

import tree

# What a module may include besides itself, the standard library and the ABI (see below). A path is of the module that has the
# longest matching folder.
MAY_INCLUDE = {
    "plugins/abi": [],
    "plugins/sdk": ["plugins/abi"],
    "plugins/script": ["plugins/sdk", "plugins/abi"],
    "plugins/builtin": ["plugins/sdk", "plugins/abi", "plugins/script"],
    "plugins/examples": ["plugins/sdk", "plugins/abi"],
    "core/base": [],
    "core/record": ["core/base"],
    "core/serde": ["core/record", "core/base"],
    "core/topology": ["core/base"],
    "core/ports": ["core/serde", "core/record", "core/base"],
    "core/protocol": ["core/record", "core/topology", "core/base"],
    "core/spec": ["core/topology", "core/ports", "core/serde", "core/base"],
    "core/task": ["core/topology", "core/ports", "core/protocol", "core/serde", "core/record", "core/base"],
    "core/runtime": ["core/task", "core/topology", "core/ports", "core/protocol", "core/serde", "core/record", "core/base"],
    "core/state": ["core/ports", "core/record", "core/base"],
    "core/kafka": ["core/ports", "core/record", "core/base"],
    "core/embedded": ["core/ports", "core/record", "core/base"],
    "core/plugin_host": ["plugins/abi", "core/ports", "core/topology", "core/serde", "core/record", "core/base"],
    "core/metrics": ["core/ports", "core/base"],
    "core/testing": ["core/runtime", "core/embedded", "core/spec", "core/task", "core/topology", "core/ports", "core/protocol",
                     "core/serde", "core/record", "core/state", "core/plugin_host", "core/base"],
    "daemon": ["core", "plugins/builtin", "plugins/abi", "plugins/sdk"],
    "tests/sim": ["core/runtime", "core/embedded", "core/state", "core/task", "core/topology", "core/ports", "core/protocol", "core/serde",
                  "core/record", "core/base", "core/plugin_host", "plugins/builtin", "plugins/abi", "plugins/sdk"],
}
# The record is the ABI's: whoever handles records includes its headers and these.
RECORD_HEADERS = {"kstreamd/sdk/value.h", "kstreamd/sdk/big_endian.h", "kstreamd/sdk/windowed.h", "kstreamd/sdk/change.h", "kstreamd/sdk/progress.h",
                  "kstreamd/sdk/serdes.h",
                  "kstreamd/sdk/store_bytes.h", "kstreamd/sdk/murmur2.h", "core/record/murmur2.h"}
NO_RECORDS = {"core/base", "core/topology", "core/spec"}

# Libraries: a pattern of include paths, and the modules that own them.
LIBRARIES = [
    (r"librdkafka/", ["core/kafka"]),
    (r"rocksdb/", ["core/state", "core/embedded"]),
    (r"dlfcn\.h", ["core/plugin_host"]),
    (r"yaml-cpp/", ["core/spec"]),
    (r"prometheus/", ["core/metrics"]),
    (r"httplib\.h|openssl/", ["daemon"]),
    (r"CLI/", ["daemon"]),
    (r"spdlog/", ["daemon"]),
    (r"(lua|lualib|lauxlib)\.(h|hpp)|lua5\.4/", ["plugins/script"]),
    (r"nlohmann/", ["core/spec", "core/serde", "core/plugin_host", "core/testing", "plugins/builtin", "plugins/script", "daemon"]),
    (r"simdjson\.h", ["core/serde", "plugins/script", "plugins/builtin"]),
    (r"google/protobuf/", ["core/serde"]),
]

# The engine takes its time from core/base/clock.h and waits on conditions, so that a manual clock can drive it: in the
# simulator, which repeats exactly only without any other.
NO_TIME = ["core/task", "core/runtime", "core/protocol", "core/topology", "tests/sim"]
REAL_TIME = re.compile(r"(system_clock|steady_clock|high_resolution_clock)|\b(sleep_for|sleep_until|usleep|nanosleep|clock_gettime|"
                       r"gettimeofday)\s*\(|\btime\s*\(\s*(nullptr|NULL|0)\s*\)")
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]')


def module_of(path):
    """The module of a source path or an include path; None for what is not ours."""
    path = re.sub(r"^kstreamd/(abi|sdk)/", r"plugins/\1/", str(path))
    best = max((m for m in MAY_INCLUDE if path.startswith(m + "/")), key=len, default=None)
    return best


def check(path, source):
    """The problems of one file."""
    mine = module_of(path)
    if mine is None:
        return []
    problems = []
    for number, line in enumerate(source.splitlines(), 1):
        if mine in NO_TIME and REAL_TIME.search(line.split("//")[0]):
            problems.append(f"{path}:{number}: {mine} must not look at a real clock or sleep: use Clock (core/base/clock.h)")
        found = INCLUDE.match(line)
        if not found:
            continue
        include = found.group(1)
        theirs = module_of(include)
        for pattern, owners in LIBRARIES:
            if re.match(pattern, include) and mine not in owners:
                problems.append(f"{path}:{number}: <{include}> belongs to {', '.join(owners)}, not to {mine}")
        if theirs is None or theirs == mine:
            continue
        allowed = any(theirs == m or theirs.startswith(m + "/") for m in MAY_INCLUDE[mine])
        if not allowed and mine.startswith("core/") and mine not in NO_RECORDS:
            allowed = theirs == "plugins/abi" or include in RECORD_HEADERS
        if not allowed:
            problems.append(f"{path}:{number}: {mine} must not include \"{include}\": its layer may see "
                            f"{', '.join(MAY_INCLUDE[mine]) or 'nothing of ours'}")
    return problems


def self_test():
    wrong = {
        "core/task/a.cpp": ['#include "core/state/b.h"', "#include <librdkafka/rdkafka.h>", "#include <rocksdb/db.h>", "#include <dlfcn.h>",
                            "auto t = std::chrono::steady_clock::now();", "std::this_thread::sleep_for(1s);"],
        "core/base/a.h": ['#include "core/record/topic_partition.h"', "#include <kstreamd/abi/record.h>"],
        "plugins/examples/a.cpp": ['#include "core/base/result.h"'],
        "core/topology/a.h": ['#include "core/spec/x.h"', "#include <yaml-cpp/yaml.h>"],
        "core/kafka/a.cpp": ['#include "core/runtime/status.h"'],
        "tests/sim/a.cpp": ['#include "core/kafka/cluster.h"', "#include <rocksdb/db.h>", "auto t = std::chrono::system_clock::now();"],
    }
    right = {
        "core/task/a.cpp": ['#include "core/ports/state.h"', "#include <kstreamd/abi/plugin.h>", '#include "kstreamd/sdk/value.h"',
                            "std::chrono::milliseconds x;", "// not std::chrono::steady_clock"],
        "core/kafka/a.cpp": ["#include <librdkafka/rdkafka.h>", '#include "core/record/murmur2.h"'],
        "plugins/builtin/a.cpp": ['#include "plugins/script/lua.h"', '#include "kstreamd/sdk/processor.h"'],
        "daemon/a.cpp": ['#include "core/kafka/cluster.h"'],
        "tests/sim/a.cpp": ['#include "core/runtime/instance.h"', '#include "tests/fakes/fake_processors.h"'],
    }
    for path, lines in wrong.items():
        for line in lines:
            assert check(path, line), f"not caught: {path}: {line}"
    for path, lines in right.items():
        for line in lines:
            assert not check(path, line), f"wrongly refused: {path}: {line}"


if __name__ == "__main__":
    if sys.argv[1:] == ["--self-test"]:
        self_test()
        sys.exit(0)
    sources = tree.files(".h", ".cpp", ".c")
    sys.exit(tree.report("layering", [p for path in sources for p in check(path, tree.text(path))]))
