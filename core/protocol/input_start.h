// Where a task goes on with one of its inputs, as its group has committed it. Pure; any thread.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace kstreamd {

constexpr int64_t kUnknownTime = -1;

// How far processors have come in time, by names that are theirs alone in the task: numbers that only grow, in ms.
using Progress = std::map<std::string, int64_t, std::less<>>;

struct InputStart {
  int64_t offset = 0;           // the next one to process
  int64_t time = kUnknownTime;  // the partition's time: the greatest timestamp, in ms, that was processed of it
  Progress progress = {};       // of the task's processors
};

// What is kept beside a committed offset: the partition's time and the progress of the task's processors, as text in
// Kafka Streams' own form (its TopicPartitionMetadata), so that either goes on in the other's time. Empty: nothing is
// known. Where the names would not fit in what brokers take (offset.metadata.max.bytes, 4096), it has short_name() in
// place of each; up to most_times of them fit (core/topology/compile.h).
std::string input_metadata(int64_t time, const Progress& progress);
// Stands for a name, and for itself.
std::string short_name(std::string_view name);
// What it says. A text that is empty or somebody else's gives kUnknownTime and nothing.
InputStart input_start(int64_t offset, std::string_view metadata);

// Adds what another input says about the same processors. Every input carries all of it, so after inputs were added or
// taken away the furthest is where they are.
void merge_progress(Progress& into, const Progress& other);

}  // namespace kstreamd
