// Versioned stores: what core/state does with versions, in values.
#include <limits>
#include <utility>

#include "core/task/task_store_parts.h"

namespace kstreamd {
namespace {

constexpr int64_t not_put = std::numeric_limits<int64_t>::min();

class VersionedNodeStore final : public VersionedAccess, private StoreConverter {
 public:
  VersionedNodeStore(const StoreBinding& binding, StoreUser& user)
      : StoreConverter(binding, user), versions_(*binding.store.versions()) {}

  uint64_t approximate_rows() const override { return binding_.store.approximate_rows(); }

  kst_status get_many(std::span<kst_version_row> rows) override {
    for (auto& row : rows) {
      std::string_view bytes;
      if (kst_status status = key(row.key, bytes); status != KST_OK) return status;
      if (kst_status status = look_up(bytes, row); status != KST_OK) return status;
    }
    return KST_OK;
  }

  kst_status put_many(std::span<kst_version_row> rows) override {
    for (auto& row : rows) {
      std::string_view bytes;
      if (kst_status status = checked(row, bytes); status != KST_OK) return status;
      StoreValue stored;
      if (kst_status status = value(row.value, row.timestamp, stored); status != KST_OK) return status;
      if (kst_status status = put_version(bytes, stored, row.valid_to); status != KST_OK) return status;
    }
    return KST_OK;
  }

  kst_status delete_many(std::span<kst_version_row> rows) override {
    for (auto& row : rows) {
      std::string_view bytes;
      if (kst_status status = checked(row, bytes); status != KST_OK) return status;
      const StoreValue deletion{false, {}, row.timestamp};
      if (kst_status status = look_up(bytes, row); status != KST_OK) return status;
      int64_t end = 0;
      if (kst_status status = put_version(bytes, deletion, end); status != KST_OK) return status;
      if (end == not_put) set(row, {});
    }
    return KST_OK;
  }

  kst_status scan(std::span<const kst_version_range> ranges, bool reverse, void* visitor,
                  kst_version_visitor visit) override {
    for (size_t i = 0; i < ranges.size(); ++i) {
      std::string_view bytes;
      if (kst_status status = key(ranges[i].key, bytes); status != KST_OK) return status;
      std::optional<Error> failure;
      auto show = [&](const Version& version) {
        kst_version_row row{null_value(), null_value(), version.from, version.to};
        auto readable = read(bytes, {true, version.value, version.from}, row.key, row.value);
        if (!readable) failure = std::move(readable).error();
        return !failure && visit(visitor, i, &row) == 0;
      };
      auto visited = versions_.history(bytes, {ranges[i].from, ranges[i].to}, reverse, show);
      if (failure) return user_.stop(std::move(*failure).in(place() + " holds a row that its serdes cannot read"));
      if (!visited) return user_.stop(std::move(visited).error());
    }
    return KST_OK;
  }

 private:
  kst_status checked(const kst_version_row& row, std::string_view& bytes) {
    if (row.timestamp < 0 || row.timestamp == Version::open_end)
      return user_.record_error(place() + ": there is no version of " + std::to_string(row.timestamp) +
                                ": timestamps are 0 or more, and less than the greatest number");
    return key(row.key, bytes);
  }

  static void set(kst_version_row& row, const Version& version) {
    row.value = null_value();
    row.timestamp = version.present ? version.from : 0;
    row.valid_to = version.present ? version.to : 0;
  }

  kst_status look_up(std::string_view bytes, kst_version_row& row) {
    auto version = versions_.get(bytes, row.timestamp);
    if (!version) return user_.stop(std::move(version).error());
    set(row, *version);
    return keep({version->present, version->value, version->from}, row.value);
  }

  kst_status put_version(std::string_view bytes, const StoreValue& stored, int64_t& end) {
    auto put = versions_.put(bytes, stored);
    if (!put) return user_.stop(std::move(put).error());
    end = put->value_or(not_put);
    if (end == not_put) user_.drop("expired", 1);
    return KST_OK;
  }

  VersionedStore& versions_;
};

}  // namespace

std::unique_ptr<ProcessorStore> make_versioned_access(const StoreBinding& binding, StoreUser& user) {
  return std::make_unique<VersionedNodeStore>(binding, user);
}

}  // namespace kstreamd
