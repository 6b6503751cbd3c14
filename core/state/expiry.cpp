#include "core/state/expiry.h"

#include <algorithm>
#include <string>
#include <vector>

#include "core/state/layered_store.h"

namespace kstreamd {
namespace {

constexpr int64_t kLeastInterval = 60'000;  // ms
constexpr size_t kStepBytes = 1 << 20;      // of keys

}  // namespace

bool expired(const StoreConfig& store, const StoreClock& clock, std::string_view key) {
  const auto time = time_of_key(store.layout, key);
  return time && *time <= clock.time - store.retention;
}

ExpirySchedule::ExpirySchedule(int64_t retention)
    : retention_(retention), interval_(std::max(retention / 2, kLeastInterval)) {}

bool ExpirySchedule::due(int64_t time) {
  if (retention_ <= 0 || time < retention_) return false;
  const int64_t segment = time / interval_;
  if (segment_ == segment) return false;
  segment_ = segment;
  return true;
}

Status remove_expired(LayeredStore& store, const std::function<Status()>& write) {
  CommittedRows& rows = store.rows();
  std::vector<std::string> keys;
  std::optional<std::string> from;
  for (bool more = true; more;) {
    // First gathered, then removed: a cursor over rows in memory would not survive it.
    size_t bytes = 0;
    auto cursor = rows.scan(from, std::nullopt, false);
    for (; cursor->valid() && bytes < kStepBytes; cursor->next()) {
      if (!expired(store.config(), store.clock(), cursor->key())) continue;
      bytes += cursor->key().size() + sizeof(std::string);
      keys.emplace_back(cursor->key());
    }
    more = cursor->valid();
    if (!more) KSTREAMD_TRY(cursor->status());
    cursor.reset();
    for (const auto& key : keys) {
      rows.write(key, {});
      store.overlay().forget(key);
    }
    if (!keys.empty()) {
      from = keys.back();
      KSTREAMD_TRY(write());
    }
    keys.clear();
  }
  return {};
}

}  // namespace kstreamd
