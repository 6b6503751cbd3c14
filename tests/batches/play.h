// Plays a random topology with batches of a size, on the daemon's own tasks, and compares what came of it.
//
// Threads: one.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/ports/processor.h"
#include "core/topology/topology.h"
#include "tests/batches/random_topology.h"

namespace kstreamd::batches {

// What a run left behind, as lines: the records of each topic and partition in order, internal topics included; the
// rows of each store; what was dropped, by node and reason. Dead letters are listed by the node that sent them: which
// of two nodes is first with its own is nobody's promise.
struct Seen {
  std::map<std::string, std::vector<std::string>> lines;
  size_t records = 0;  // that came out
};

// How a task takes up its records.
struct Way {
  std::string name;
  size_t most = 1;          // records at a time
  bool one_by_one = false;  // through the whole graph, whatever the graph says, as Kafka Streams does
  bool whole = false;       // in batches, whatever the graph says: an error, planted
};

// The error says what stopped the topology, which none of the random ones may do.
Result<Seen> play(const RandomTopology& random, const Topology& topology, const ProcessorCatalog& processors,
                  const Way& way);

// Where two runs differ first; empty: nowhere.
std::string difference(const Seen& expected, const Seen& got);

}  // namespace kstreamd::batches
