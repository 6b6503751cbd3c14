// Getting rid of rows of windows and sessions that are past their store's retention. Internal to core/state.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "core/ports/state.h"

namespace kstreamd {

class LayeredStore;

// Whether a row of this key has expired; false where the store has no retention.
bool expired(const StoreConfig& store, const StoreClock& clock, std::string_view key);

// When to look for expired rows: each time the store's clock has come into another segment of half its retention, but
// no less than a minute, as long as Kafka Streams' segments.
class ExpirySchedule {
 public:
  ExpirySchedule() = default;
  explicit ExpirySchedule(int64_t retention);
  // Asked once for each time: true does not come again for the same segment. `time` never goes back.
  bool due(int64_t time);

 private:
  int64_t retention_ = 0;
  int64_t interval_ = 0;
  std::optional<int64_t> segment_;  // the last one looked from
};

// Goes over all committed rows and removes the expired ones, in steps, each made lasting by `write`. The store has
// nothing uncommitted.
Status remove_expired(LayeredStore& store, const std::function<Status()>& write);

}  // namespace kstreamd
