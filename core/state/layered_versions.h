// The versions of a versioned store, as rows of a LayeredStore. Internal to core/state.
//
//   key, 0 (8)                        the latest version
//   key, 2^63 - 1 - timestamp (8)     an earlier one: newer ones come first
// A row's value is the version's timestamp (8, big-endian) and its bytes; its timestamp is when the version has ended,
// of a deletion when it was made. So each row tells by itself when it expires, and none has to be read for that.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/ports/state.h"

namespace kstreamd {

class LayeredStore;

// Life-cycle and threads: those of its LayeredStore.
class LayeredVersions final : public VersionedStore {
 public:
  explicit LayeredVersions(LayeredStore& store) : store_(store) {}

  Result<std::optional<int64_t>> put(std::string_view key, const StoreValue& value) override;
  Result<Version> get(std::string_view key, int64_t as_of) override;
  Status history(std::string_view key, const TimeSpan& times, bool newest_first, const Visitor& visit) override;

  Status latest(const LatestVisitor& visit) override;

  // A record of the changelog, in the order in which they were written.
  Status restore(std::string_view key, const StoreValue& value);

  // All puts since the last commit or rollback, in order: a row may have been put twice, or refused, and the changelog
  // says so, as that of Kafka Streams does.
  Status changes(const std::function<Status(std::string_view key, const StoreValue& value)>& change) const;
  std::optional<uint64_t> last_change() const;
  void forget_changes();
  size_t uncommitted_bytes() const { return logged_bytes_; }

 private:
  struct Row {
    int64_t from = 0;
    int64_t end = 0;  // of the row: see above
    std::string_view value;
    bool deleted() const { return end == from; }
    Version version() const {
      if (deleted()) return {};
      return {true, value, from, end};
    }
  };
  struct Logged {
    std::string key;
    std::string value;
    bool present;
    int64_t timestamp;
  };

  Result<std::optional<Row>> read(std::string_view stored, const StoreValue& value) const;
  Result<std::optional<Row>> newest(std::string_view key);
  // Visits earlier versions, deletions included, of timestamps first..last; false ends it.
  Status earlier(std::string_view key, int64_t first, int64_t last, bool newest_first,
                 const std::function<bool(const Row&)>& visit);
  Status write(std::string_view key, int64_t place, int64_t from, int64_t end, std::string_view value);
  Result<std::optional<int64_t>> apply(std::string_view key, const StoreValue& value);
  Result<std::optional<int64_t>> take_back(std::string_view key, int64_t timestamp);
  Result<std::optional<int64_t>> insert(std::string_view key, const StoreValue& value, int64_t latest_from);

  LayeredStore& store_;
  std::vector<Logged> logged_;
  size_t logged_bytes_ = 0;
  std::string row_key_, row_value_;  // reused
};

}  // namespace kstreamd
