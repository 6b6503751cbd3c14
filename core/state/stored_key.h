// Under which keys committed rows lie. Internal to core/state.
//
// Rows of windows and sessions lie by segments of time, each max(retention / 2, 60 s) long, as in Kafka Streams: what
// has expired then lies together, before all else, and goes in one stroke.
//   window, session      number of the segment (8, big-endian), key as in the changelog
//   all others           the key
// A versioned store has several rows for a key, which depend on one another: only LayeredVersions can make them.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "core/ports/state.h"

namespace kstreamd {

inline constexpr size_t segment_prefix_size = 8;

inline bool segmented(const StoreConfig& store) {
  return store.layout == KeyLayout::window || store.layout == KeyLayout::session;
}
// How long a segment is, in ms.
int64_t segment_interval(const StoreConfig& store);
uint64_t segment_of(const StoreConfig& store, int64_t time);
void append_segment(std::string& to, uint64_t segment);

// Appends what a row with this key of KeyValueStore is kept under. A window's or session's key that is too short for
// its times counts as one of time 0.
void append_stored_key(std::string& to, const StoreConfig& store, std::string_view key);
// The inverse; borrows `stored`.
inline std::string_view key_of_stored(const StoreConfig& store, std::string_view stored) {
  return segmented(store) ? stored.substr(segment_prefix_size) : stored;
}

}  // namespace kstreamd
