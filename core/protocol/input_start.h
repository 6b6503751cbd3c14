// Where a task goes on with one of its inputs, as its group has committed it. Pure; any thread.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace kstreamd {

constexpr int64_t kUnknownTime = -1;

struct InputStart {
  int64_t offset = 0;           // the next one to process
  int64_t time = kUnknownTime;  // the partition's time: the greatest timestamp, in ms, that was processed of it
};

// A partition's time as the metadata text beside its committed offset, in Kafka Streams' own form, so that either goes
// on in the other's time. What else Kafka Streams keeps there (its processors' metadata) is neither read nor written.
std::string partition_time_text(int64_t time);
// kUnknownTime: the text is empty, or somebody else's.
int64_t partition_time_of(std::string_view metadata);

}  // namespace kstreamd
