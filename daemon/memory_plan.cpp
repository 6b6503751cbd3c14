#include "daemon/memory_plan.h"

#include <algorithm>
#include <cstdio>

namespace kstreamd {
namespace {

constexpr uint64_t kMiB = 1 << 20;
constexpr uint64_t kUnbounded = UINT64_MAX;

// What does not depend on the limit, as measured: the idle process; a topology's control thread, group member and
// admin client; a worker's thread and two clients, and a poll's worth of records on their way through it.
constexpr uint64_t kProcess = 28 * kMiB;
constexpr uint64_t kTopology = 2 * kMiB;
constexpr uint64_t kWorker = 6 * kMiB;
// What malloc wastes by fragmentation: a part of all that is allocated and freed all the time.
constexpr uint64_t kWastedPart = 16;

// Part of the limit. What is left above the least of all is shared by weight, until a part has what is of use to it.
struct Part {
  const char* name;  // parts of one name are shown as one
  uint64_t* share;   // of each holder
  uint64_t holders;
  uint64_t cost;  // memory taken for each byte of the share
  uint64_t weight;
  uint64_t least;
  uint64_t most;

  uint64_t together() const { return *share * holders * cost; }
};

std::vector<Part> parts_of(MemoryPlan& plan, const MemoryNeeds& needs) {
  const auto topologies = static_cast<uint64_t>(std::max(needs.topologies, 1));
  const uint64_t workers = topologies * static_cast<uint64_t>(std::max(needs.workers, 1));
  // Twice: a commit writes an overlay's rows to the database by a batch that has them once more. On the embedded log
  // they are also in segments, in the batch that stores those, and in its write buffer.
  const uint64_t copies = needs.embedded ? 5 : 2;
  std::vector<Part> parts = {
      {"uncommitted", &plan.uncommitted, workers, copies, needs.embedded ? 25u : 12u, kMiB, 64 * kMiB},
      {"waiting", &plan.waiting, workers, 1, 5, kMiB, 64 * kMiB},
      {"state", &plan.state, 1, 1, 35, 16 * kMiB, kUnbounded},
      {"restore", &plan.restore_buffers, 1, 1, 4, 4 * kMiB, 128 * kMiB},
  };
  if (needs.embedded) {
    parts.push_back({"log", &plan.log_recent, 1, 1, 12, 4 * kMiB, 32 * kMiB});
    parts.push_back({"log", &plan.log_database, 1, 1, 10, 7 * kMiB, 28 * kMiB});
    parts.push_back({"log", &plan.log_compaction, 1, 1, 6, 4 * kMiB, 64 * kMiB});
    return parts;
  }
  const KafkaMemory least = least_kafka_memory(needs.kafka);
  const KafkaMemory most = most_kafka_memory(needs.kafka);
  parts.push_back({"fetch_queues", &plan.kafka.source, workers, 1, 30, least.source, most.source});
  parts.push_back({"producer_queues", &plan.kafka.producer, workers, 1, 8, least.producer, most.producer});
  parts.push_back({"restore", &plan.kafka.reader, topologies, 1, 6, least.reader, most.reader});
  return parts;
}

uint64_t process_memory(const MemoryNeeds& needs) {
  const auto topologies = static_cast<uint64_t>(std::max(needs.topologies, 1));
  return kProcess + topologies * (kTopology + kWorker * static_cast<uint64_t>(std::max(needs.workers, 1)));
}

// Gives every part its least, and shares out the rest.
void share_out(std::vector<Part>& parts, uint64_t rest) {
  for (Part& part : parts) *part.share = part.least;
  std::vector<Part*> open;
  for (Part& part : parts)
    if (part.least < part.most) open.push_back(&part);
  while (!open.empty()) {
    uint64_t weights = 0;
    for (const Part* part : open) weights += part->weight;
    // Those that reach their most leave the others more than their weight says.
    std::vector<Part*> unfilled;
    uint64_t given = 0;
    for (Part* part : open) {
      const uint64_t more = rest / weights * part->weight / (part->holders * part->cost);
      if (more <= part->most - *part->share) {
        unfilled.push_back(part);
        continue;
      }
      given += (part->most - *part->share) * part->holders * part->cost;
      *part->share = part->most;
    }
    if (unfilled.size() == open.size()) {
      for (Part* part : open) *part->share += rest / weights * part->weight / (part->holders * part->cost);
      return;
    }
    rest -= given;
    open = std::move(unfilled);
  }
}

uint64_t with_waste(uint64_t bytes) { return bytes + bytes / (kWastedPart - 1); }

}  // namespace

uint64_t least_memory(const MemoryNeeds& needs) {
  MemoryPlan plan;
  uint64_t bytes = process_memory(needs);
  for (const Part& part : parts_of(plan, needs)) bytes += part.least * part.holders * part.cost;
  return (with_waste(bytes) + kMiB - 1) / kMiB * kMiB;
}

Result<MemoryPlan> plan_memory(uint64_t limit, const MemoryNeeds& needs) {
  const uint64_t least = least_memory(needs);
  if (limit < least)
    return Error{Recovery::stop_topology,
                 "memory.limit: " + memory_text(limit) + " is too little for " + std::to_string(needs.topologies) +
                     (needs.topologies == 1 ? " topology of " : " topologies of ") + std::to_string(needs.workers) +
                     (needs.workers == 1 ? " worker" : " workers"),
                 "set it to " + memory_text(least) + " or more, or run fewer workers"};
  MemoryPlan plan;
  plan.limit = limit;
  plan.process = process_memory(needs);
  auto parts = parts_of(plan, needs);
  uint64_t rest = limit - limit / kWastedPart - plan.process;
  for (const Part& part : parts) rest -= std::min(rest, part.least * part.holders * part.cost);
  share_out(parts, rest);
  plan.shares.emplace_back("process", plan.process + limit / kWastedPart);
  for (const Part& part : parts) {
    auto same =
        std::find_if(plan.shares.begin(), plan.shares.end(), [&](const auto& s) { return s.first == part.name; });
    if (same == plan.shares.end()) same = plan.shares.insert(same, {part.name, 0});
    same->second += part.together();
  }
  return plan;
}

uint64_t default_memory_limit(uint64_t machine, const MemoryNeeds& needs) {
  constexpr uint64_t kMost = 2048 * kMiB;
  const uint64_t least = least_memory(needs);
  return std::max(std::min(machine / 4, kMost), least + least / 2);
}

std::string memory_text(uint64_t bytes) {
  constexpr uint64_t kGiB = 1024 * kMiB;
  if (bytes >= kGiB && bytes % kGiB == 0) return std::to_string(bytes / kGiB) + "GiB";
  if (bytes >= kMiB && bytes % kMiB == 0) return std::to_string(bytes / kMiB) + "MiB";
  char text[32];
  std::snprintf(text, sizeof text, "%.1fMiB", static_cast<double>(bytes) / static_cast<double>(kMiB));
  return text;
}

}  // namespace kstreamd
