// One limit for the memory of the process, and who may take how much of it: a pure function of the settings.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/base/result.h"
#include "core/kafka/kafka_cluster.h"

namespace kstreamd {

// What the memory is for.
struct MemoryNeeds {
  int workers = 1;     // of each topology
  int topologies = 1;  // as many as there are at the start
  bool embedded = false;
  std::map<std::string, std::string> kafka;  // the user's properties, whose own limits win
};

// In bytes.
struct MemoryPlan {
  uint64_t limit = 0;
  uint64_t process = 0;          // code, threads, clients, and the records that are being processed
  uint64_t uncommitted = 0;      // of a worker; past it a commit comes early
  uint64_t waiting = 0;          // of a worker: fetched records that wait for another input, or in flight
  uint64_t state = 0;            // block cache, write buffers and cached rows of all stores
  uint64_t restore_buffers = 0;  // of all restorations together
  KafkaMemory kafka;             // of each client; nothing with the embedded log
  uint64_t log_recent = 0;       // of the embedded log: EmbeddedOptions
  uint64_t log_database = 0;
  uint64_t log_compaction = 0;

  // All of a kind together, by the names of the metric's label `part`; they add up to the limit at most.
  std::vector<std::pair<std::string, uint64_t>> shares;
};

// Shares the limit out. An error when it is too small to work, which says how much would do.
Result<MemoryPlan> plan_memory(uint64_t limit, const MemoryNeeds& needs);
// The least limit for which there is a plan.
uint64_t least_memory(const MemoryNeeds& needs);
// The limit where none is set, on a machine (or in a container) with so much memory: a quarter, 2 GiB at most, and what
// is needed at least.
uint64_t default_memory_limit(uint64_t machine, const MemoryNeeds& needs);

// 512MiB, 1.5GiB: for messages.
std::string memory_text(uint64_t bytes);

}  // namespace kstreamd
