#include "daemon/heap_trimmer.h"

#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <utility>

namespace kstreamd {
namespace {

constexpr Duration kLeastPause = std::chrono::seconds(1);
constexpr Duration kMostPause = std::chrono::seconds(60);

uint64_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  uint64_t size = 0, resident = 0;
  statm >> size >> resident;
  return resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace

HeapTrimmer::Process HeapTrimmer::this_process() {
  return {resident_bytes, [] { malloc_trim(0); }};
}

void HeapTrimmer::look(Duration now) {
  if (now < next_) return;
  const uint64_t before = process_.resident();
  if (before < limit_ - limit_ / 16) return;
  process_.trim();
  const uint64_t after = process_.resident();
  const bool helped = after + limit_ / 64 < before;
  pause_ = helped ? kLeastPause : std::min(pause_ * 2, kMostPause);
  next_ = now + pause_;
}

}  // namespace kstreamd
