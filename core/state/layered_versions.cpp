#include "core/state/layered_versions.h"

#include <algorithm>

#include "core/state/layered_store.h"
#include "kstreamd/sdk/big_endian.h"

namespace kstreamd {
namespace {

constexpr size_t kTimeSize = 8;
constexpr int64_t kLatest = Version::open_end;  // where the latest version lies: before all earlier ones

// Where a version lies.
void place_of(std::string& to, std::string_view key, int64_t timestamp) {
  to.assign(key);
  append_big_endian(to, Version::open_end - timestamp);
}

}  // namespace

Result<std::optional<LayeredVersions::Row>> LayeredVersions::read(std::string_view stored,
                                                                  const StoreValue& value) const {
  if (!value.present) return std::optional<Row>();
  if (stored.size() < kTimeSize || value.value.size() < kTimeSize)
    return Error{.recovery = Recovery::rebuild_state,
                 .message = "a version in store '" + store_.name() + "' is too short",
                 .hint = "it is rebuilt from the changelog; if this comes again, check the disk"};
  return std::optional(
      Row{read_big_endian<int64_t>(value.value.data()), value.timestamp, value.value.substr(kTimeSize)});
}

Result<std::optional<LayeredVersions::Row>> LayeredVersions::newest(std::string_view key) {
  place_of(row_key_, key, kLatest);
  auto row = store_.get(row_key_);
  if (!row) return std::move(row).error();
  return read(row_key_, *row);
}

Status LayeredVersions::earlier(std::string_view key, int64_t first, int64_t last, bool newest_first,
                                const std::function<bool(const Row&)>& visit) {
  if (first > last) return {};
  std::string from, to;
  place_of(from, key, last);
  place_of(to, key, first);
  Status failure;
  auto done = store_.range(from, to, !newest_first, [&](std::string_view stored, const StoreValue& value) {
    // Versions of longer keys that begin like this one lie among them.
    if (stored.size() != from.size() || !stored.starts_with(key)) return true;
    auto row = read(stored, value);
    if (!row) failure = std::move(row).error();
    return row && visit(**row);
  });
  return failure ? done : failure;
}

Status LayeredVersions::write(std::string_view key, int64_t place, int64_t from, int64_t end, std::string_view value) {
  place_of(row_key_, key, place);
  row_value_.clear();
  append_big_endian(row_value_, from);
  row_value_.append(value);
  return store_.put(row_key_, {true, row_value_, end});
}

Result<std::optional<int64_t>> LayeredVersions::put(std::string_view key, const StoreValue& value) {
  auto end = apply(key, value);
  if (!end || !store_.config().changelogged) return end;
  logged_.push_back({std::string(key), value.present ? std::string(value.value) : "", value.present, value.timestamp});
  logged_bytes_ += sizeof(Logged) + key.size() + value.value.size();
  return end;
}

Status LayeredVersions::restore(std::string_view key, const StoreValue& value) {
  auto end = apply(key, value);
  return end ? Status() : std::move(end).error();
}

Result<std::optional<int64_t>> LayeredVersions::apply(std::string_view key, const StoreValue& value) {
  if (store_.failed()) return *store_.failed();
  const int64_t timestamp = value.timestamp;
  if (timestamp < 0 || timestamp == Version::open_end || timestamp < store_.clock().time - store_.config().retention)
    return std::optional<int64_t>();
  auto found = newest(key);
  if (!found) return std::move(found).error();
  const auto& before = *found;
  if (before && before->from > timestamp) return insert(key, value, before->from);
  if (before && before->from == timestamp && !before->deleted() && !value.present) return take_back(key, timestamp);
  if (before && before->from < timestamp)
    KSTREAMD_TRY(write(key, before->from, before->from, before->deleted() ? before->from : timestamp, before->value));
  KSTREAMD_TRY(write(key, kLatest, timestamp, value.present ? Version::open_end : timestamp, value.value));
  store_.advance(timestamp);
  return std::optional(Version::open_end);
}

// A tombstone with the time of the latest version leaves nothing of either, as in Kafka Streams: what ended the version
// before is the latest that is known of the key.
Result<std::optional<int64_t>> LayeredVersions::take_back(std::string_view key, int64_t timestamp) {
  std::optional<int64_t> end;
  KSTREAMD_TRY(earlier(key, 0, timestamp - 1, true, [&](const Row& row) {
    end = row.end;
    return false;
  }));
  if (end) {
    KSTREAMD_TRY(write(key, kLatest, *end, *end, {}));
  } else {
    place_of(row_key_, key, kLatest);
    KSTREAMD_TRY(store_.put(row_key_, {}));
  }
  store_.advance(timestamp);
  return std::optional(Version::open_end);
}

// Puts a version that is older than the latest: it ends where the next one begins, and the one before ends with it.
Result<std::optional<int64_t>> LayeredVersions::insert(std::string_view key, const StoreValue& value,
                                                       int64_t latest_from) {
  const int64_t timestamp = value.timestamp;
  int64_t end = latest_from;
  KSTREAMD_TRY(earlier(key, timestamp + 1, latest_from - 1, false, [&](const Row& row) {
    end = row.from;
    return false;
  }));
  std::optional<Row> before;
  std::string before_value;
  KSTREAMD_TRY(earlier(key, 0, timestamp, true, [&](const Row& row) {
    before = row;
    before_value = row.value;
    return false;
  }));
  if (before && before->from < timestamp && before->end > timestamp)
    KSTREAMD_TRY(write(key, before->from, before->from, timestamp, before_value));
  KSTREAMD_TRY(write(key, timestamp, timestamp, value.present ? end : timestamp, value.value));
  return std::optional(end);
}

Result<Version> LayeredVersions::get(std::string_view key, int64_t as_of) {
  auto found = newest(key);
  if (!found) return std::move(found).error();
  if (*found && (*found)->from <= as_of) return (*found)->version();
  Version version;
  if (as_of < std::max<int64_t>(0, store_.clock().time - store_.config().retention)) return version;
  const int64_t last = std::min(as_of, Version::open_end - 1);
  KSTREAMD_TRY(earlier(key, 0, last, true, [&](const Row& row) {
    if (row.end > as_of) version = row.version();
    return false;
  }));
  return version;
}

Status LayeredVersions::history(std::string_view key, const TimeSpan& times, bool newest_first, const Visitor& visit) {
  if (times.from > times.to) return {};
  auto found = newest(key);
  if (!found) return std::move(found).error();
  Version last;
  std::string last_value;  // the overlay's may move while the others are read
  if (*found && (*found)->from <= times.to) {
    last_value = (*found)->value;
    last = (*found)->version();
    last.value = last_value;
  }
  if (newest_first && last.present && !visit(last)) return {};
  bool more = true;
  if (times.to >= store_.clock().time - store_.config().retention) {
    // It begins with what was valid at times.from, which may have been put any time before.
    int64_t first = std::max<int64_t>(times.from, 0);
    KSTREAMD_TRY(earlier(key, 0, std::min(first, Version::open_end - 1), true, [&](const Row& row) {
      first = row.from;
      return false;
    }));
    KSTREAMD_TRY(earlier(key, first, std::min(times.to, Version::open_end - 1), newest_first, [&](const Row& row) {
      if (!row.deleted() && row.end > times.from) more = visit(row.version());
      return more;
    }));
  }
  if (!newest_first && more && last.present) visit(last);
  return {};
}

Status LayeredVersions::latest(const LatestVisitor& visit) {
  static const std::string place = [] {
    std::string suffix;
    place_of(suffix, {}, kLatest);
    return suffix;
  }();
  Status failure;
  auto done = store_.range(std::nullopt, std::nullopt, false, [&](std::string_view stored, const StoreValue& value) {
    if (!stored.ends_with(place)) return true;
    auto row = read(stored, value);
    if (!row) failure = std::move(row).error();
    return row && ((*row)->deleted() || visit(stored.substr(0, stored.size() - place.size()), (*row)->version()));
  });
  return failure ? done : failure;
}

Status LayeredVersions::changes(
    const std::function<Status(std::string_view key, const StoreValue& value)>& change) const {
  for (const auto& put : logged_) KSTREAMD_TRY(change(put.key, {put.present, put.value, put.timestamp}));
  return {};
}

std::optional<uint64_t> LayeredVersions::last_change() const {
  if (logged_.empty()) return std::nullopt;
  const auto& last = logged_.back();
  return changelog_fingerprint(last.key, {last.present, last.value, last.timestamp});
}

void LayeredVersions::forget_changes() {
  logged_.clear();
  logged_bytes_ = 0;
}

}  // namespace kstreamd
