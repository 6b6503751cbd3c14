#include "core/state/stored_key.h"

#include <algorithm>

#include "kstreamd/sdk/big_endian.h"

namespace kstreamd {
namespace {

constexpr int64_t kLeastInterval = 60'000;  // ms

}  // namespace

int64_t segment_interval(const StoreConfig& store) { return std::max(store.retention / 2, kLeastInterval); }

uint64_t segment_of(const StoreConfig& store, int64_t time) {
  return static_cast<uint64_t>(std::max<int64_t>(time, 0) / segment_interval(store));
}

void append_segment(std::string& to, uint64_t segment) { append_big_endian(to, segment); }

void append_stored_key(std::string& to, const StoreConfig& store, std::string_view key) {
  if (segmented(store)) append_segment(to, segment_of(store, time_of_key(store.layout, key).value_or(0)));
  to.append(key);
}

}  // namespace kstreamd
