#include "core/state/rocksdb_database.h"

#include <rocksdb/write_batch.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <vector>

#include "core/base/log.h"
#include "core/state/rocksdb_bulk.h"
#include "core/state/rocksdb_handle.h"
#include "core/state/stored_key.h"

namespace kstreamd {
namespace {

void put_big_endian(char* to, uint64_t number) {
  for (int i = 0; i < 8; ++i) to[i] = static_cast<char>(number >> (56 - 8 * i));
}

uint64_t get_big_endian(const char* from) {
  uint64_t number = 0;
  for (int i = 0; i < 8; ++i) number = (number << 8) | static_cast<uint8_t>(from[i]);
  return number;
}

rocksdb::Slice slice(std::string_view bytes) { return {bytes.data(), bytes.size()}; }
std::string_view view(const rocksdb::Slice& bytes) { return {bytes.data(), bytes.size()}; }

constexpr size_t kTimestampSize = 8;
constexpr size_t kPositionSize = 24;
constexpr size_t kClockSize = 16;

// Below this much, what a restoration has gathered takes the way of commits: a sorted file of its own costs some
// synchronous writes, and later a compaction.
constexpr uint64_t kLeastBulkBytes = 4 << 20;
// At the latest after so many runs, or so much, what was gathered is written: what a crash makes a restoration repeat.
constexpr size_t kMostRuns = 64;
constexpr uint64_t kMostBulkBytes = 512 << 20;

std::string encode(const ChangelogPosition& position) {
  std::string bytes(kPositionSize, '\0');
  put_big_endian(bytes.data(), static_cast<uint64_t>(position.next_offset));
  put_big_endian(bytes.data() + 8, static_cast<uint64_t>(position.mark.offset));
  put_big_endian(bytes.data() + 16, position.mark.fingerprint);
  return bytes;
}

std::string encode(const StoreClock& clock) {
  std::string bytes(kClockSize, '\0');
  put_big_endian(bytes.data(), static_cast<uint64_t>(clock.time));
  put_big_endian(bytes.data() + 8, clock.sequence);
  return bytes;
}

Error damaged_row(const std::string& path) {
  return database_error(rocksdb::Status::Corruption("a row is too short for its timestamp"), "read", path);
}

// Rows of timestamped stores are 8 bytes of timestamp, big-endian, and the value.
Result<StoreValue> decode(const rocksdb::Slice& row, bool timestamped, const std::string& path) {
  if (!timestamped) return StoreValue{true, view(row), 0};
  if (row.size() < kTimestampSize) return damaged_row(path);
  return StoreValue{true, view(row).substr(kTimestampSize), static_cast<int64_t>(get_big_endian(row.data()))};
}

class Cursor final : public RowCursor {
 public:
  Cursor(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* column, bool timestamped, std::optional<std::string_view> from,
         std::optional<std::string_view> to, bool reverse)
      : path_(db.GetName()), timestamped_(timestamped), reverse_(reverse) {
    rocksdb::ReadOptions options;
    if (from) {
      from_ = *from;
      from_bound_ = from_;
      options.iterate_lower_bound = &from_bound_;
    }
    if (to) {
      behind_.assign(*to).push_back('\0');  // the upper bound excludes itself
      behind_bound_ = behind_;
      options.iterate_upper_bound = &behind_bound_;
    }
    rows_.reset(db.NewIterator(options, column));
    reverse ? rows_->SeekToLast() : rows_->SeekToFirst();
  }
  bool valid() const override { return rows_->Valid(); }
  std::string_view key() const override { return view(rows_->key()); }
  Result<StoreValue> value() const override { return decode(rows_->value(), timestamped_, path_); }
  void next() override { reverse_ ? rows_->Prev() : rows_->Next(); }
  Status status() const override {
    auto status = rows_->status();
    return status.ok() ? Status() : database_error(status, "read", path_);
  }

 private:
  const std::string path_;
  const bool timestamped_;
  const bool reverse_;
  std::string from_, behind_;  // the iterator refers to them
  rocksdb::Slice from_bound_, behind_bound_;
  std::unique_ptr<rocksdb::Iterator> rows_;
};

class Rows final : public CommittedRows {
 public:
  Rows(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* column, rocksdb::WriteBatch& batch, bool timestamped)
      : db_(db), column_(column), batch_(batch), timestamped_(timestamped) {}

  Result<StoreValue> get(std::string_view key) override {
    row_.Reset();
    auto status = db_.Get(read_options_, column_, slice(key), &row_);
    if (status.IsNotFound()) return StoreValue{};
    if (!status.ok()) return database_error(status, "read", db_.GetName());
    return decode(row_, timestamped_, db_.GetName());
  }

  std::unique_ptr<RowCursor> scan(std::optional<std::string_view> from, std::optional<std::string_view> to,
                                  bool reverse) override {
    return std::make_unique<Cursor>(db_, column_, timestamped_, from, to, reverse);
  }

  void write(std::string_view key, const StoreValue& value) override {
    if (!value.present) {
      batch_.Delete(column_, slice(key));
      return;
    }
    char timestamp[kTimestampSize];
    put_big_endian(timestamp, static_cast<uint64_t>(value.timestamp));
    rocksdb::Slice key_part = slice(key);
    rocksdb::Slice value_parts[2] = {{timestamp, sizeof timestamp}, slice(value.value)};
    rocksdb::SliceParts parts(value_parts, 2);
    if (!timestamped_) parts = {value_parts + 1, 1};
    batch_.Put(column_, {&key_part, 1}, parts);
  }

  // What the database has of a row, from and to a restoration's buffer.
  void gather(RestoreBuffer& buffer, std::string_view stored_key, const StoreValue& value) const {
    if (!value.present) return buffer.remove(stored_key);
    char timestamp[kTimestampSize];
    put_big_endian(timestamp, static_cast<uint64_t>(value.timestamp));
    buffer.put(stored_key, {timestamp, timestamped_ ? sizeof timestamp : 0}, value.value);
  }
  void write_row(const RestoreBuffer::Walk& row) {
    if (row.removed())
      batch_.Delete(column_, slice(row.key()));
    else
      batch_.Put(column_, slice(row.key()), slice(row.row()));
  }

  uint64_t approximate_rows() const override { return property(rocksdb::DB::Properties::kEstimateNumKeys); }
  uint64_t size_bytes() const override {
    return property(rocksdb::DB::Properties::kLiveSstFilesSize) +
           property(rocksdb::DB::Properties::kCurSizeAllMemTables);
  }

 private:
  uint64_t property(const std::string& name) const {
    uint64_t number = 0;
    db_.GetIntProperty(column_, name, &number);
    return number;
  }

  rocksdb::DB& db_;
  rocksdb::ColumnFamilyHandle* const column_;
  rocksdb::WriteBatch& batch_;
  const bool timestamped_;
  const rocksdb::ReadOptions read_options_;
  rocksdb::PinnableSlice row_;
};

class Database final : public TaskDatabase {
 public:
  Database(const DatabaseRequest& request, std::unique_ptr<DatabaseHandle> handle)
      : hold_(request.hold),
        common_(request.common),
        path_(request.path),
        clock_(request.clock),
        flush_interval_(request.flush_interval),
        flush_records_(request.flush_records),
        handle_(std::move(handle)),
        flushed_at_(clock_.now()) {
    write_options_.disableWAL = true;
    for (const auto& store : request.config.stores) {
      if (!store.persistent) continue;
      // The changelog is the log; a store without one needs another.
      if (!store.changelogged) write_options_.disableWAL = false;
      names_.push_back(store.name);
      rows_.push_back(
          std::make_unique<Rows>(*handle_->db, handle_->find(column_name(store.name)), batch_, store.timestamped));
      restorations_.push_back(std::unique_ptr<Restoration>(
          new Restoration{store, RestoreBuffer(path_, request.restore_budget), {}, {}, false}));
    }
  }

  ~Database() override {
    for (size_t i = 0; i < restorations_.size() && !failed_; ++i) {
      if (!restorations_[i]->pending) continue;
      auto written = write_gathered(i);
      if (!written) log(LogLevel::error, "restored rows could not be written", {{"error", written.error().text()}});
    }
    if (failed_) return;
    auto flushed = flush();
    if (!flushed) log(LogLevel::error, "state could not be flushed at closing", {{"error", flushed.error().text()}});
  }

  Status load() {
    KSTREAMD_TRY(load_positions());
    clocks_.resize(names_.size());
    for (size_t i = 0; i < names_.size(); ++i) {
      std::string bytes;
      auto status = handle_->db->Get(rocksdb::ReadOptions(), handle_->meta(), clock_key(names_[i]), &bytes);
      if (status.IsNotFound()) continue;
      if (!status.ok()) return database_error(status, "read", path_);
      if (bytes.size() != kClockSize)
        return database_error(rocksdb::Status::Corruption("a store's clock has another size"), "read", path_);
      clocks_[i] = {.time = static_cast<int64_t>(get_big_endian(bytes.data())),
                    .sequence = static_cast<uint32_t>(get_big_endian(bytes.data() + 8))};
    }
    return {};
  }

  Status load_positions() {
    positions_.resize(names_.size());
    for (size_t i = 0; i < names_.size(); ++i) {
      std::string bytes;
      auto status = handle_->db->Get(rocksdb::ReadOptions(), handle_->meta(), position_key(names_[i]), &bytes);
      if (status.IsNotFound()) continue;
      if (!status.ok()) return database_error(status, "read", path_);
      if (bytes.size() != kPositionSize)
        return database_error(rocksdb::Status::Corruption("a changelog position has another size"), "read", path_);
      positions_[i] = {.next_offset = static_cast<int64_t>(get_big_endian(bytes.data())),
                       .mark = {.offset = static_cast<int64_t>(get_big_endian(bytes.data() + 8)),
                                .fingerprint = get_big_endian(bytes.data() + 16)}};
    }
    return {};
  }

  CommittedRows& rows(size_t column) override { return *rows_[column]; }
  std::optional<ChangelogPosition> position(size_t column) const override { return positions_[column]; }

  void stage_position(size_t column, const ChangelogPosition& position) override {
    batch_.Put(handle_->meta(), position_key(names_[column]), encode(position));
  }

  StoreClock clock(size_t column) const override { return clocks_[column]; }

  void stage_clock(size_t column, const StoreClock& clock) override {
    batch_.Put(handle_->meta(), clock_key(names_[column]), encode(clock));
  }

  void gather(size_t column, std::string_view key, const StoreValue& value) override {
    stored_key_.clear();
    append_stored_key(stored_key_, restorations_[column]->store, key);
    rows_[column]->gather(restorations_[column]->rows, stored_key_, value);
  }

  Status gathered(size_t column, const ChangelogPosition& position, const StoreClock& clock, bool all) override {
    KSTREAMD_TRY(check_background());
    Restoration& gathered = *restorations_[column];
    gathered.position = position;
    gathered.clock = clock;
    gathered.pending = true;
    if (int error = gathered.rows.error(); error != 0) {
      const auto* text = std::strerror(error);
      return fail(error == ENOSPC ? rocksdb::Status::NoSpace(text) : rocksdb::Status::IOError(text));
    }
    if (!all && gathered.rows.runs() < kMostRuns && gathered.rows.bytes() < kMostBulkBytes) return {};
    return write_gathered(column);
  }

  Status write_staged() override {
    KSTREAMD_TRY(check_background());
    unflushed_ += static_cast<uint64_t>(batch_.Count());
    auto status = handle_->db->Write(write_options_, &batch_);
    batch_.Clear();
    if (!status.ok()) return fail(status);
    return flush_when_due();
  }

  Status upkeep() override {
    KSTREAMD_TRY(check_background());
    return flush_when_due();
  }

  Status flush() override {
    KSTREAMD_TRY(check_background());
    return start_flush(true);
  }

  uint64_t size_bytes() const override {
    uint64_t bytes = 0;
    for (const auto& rows : rows_) bytes += rows->size_bytes();
    return bytes;
  }

 private:
  // Of one column: what a restoration has gathered, and to where it brings the store.
  struct Restoration {
    StoreConfig store;
    RestoreBuffer rows;
    ChangelogPosition position;
    StoreClock clock;
    bool pending = false;
  };

  Status write_gathered(size_t column) {
    Restoration& gathered = *restorations_[column];
    auto written = gathered.rows.runs() == 0 && gathered.rows.bytes() < kLeastBulkBytes ? write_as_commit(column)
                                                                                        : write_as_files(column);
    gathered.rows.clear();
    gathered.pending = false;
    return written;
  }

  Status write_as_commit(size_t column) {
    Restoration& gathered = *restorations_[column];
    for (auto row = gathered.rows.walk(); row.valid(); row.next()) rows_[column]->write_row(row);
    stage_position(column, gathered.position);
    if (gathered.clock != StoreClock{}) stage_clock(column, gathered.clock);
    return write_staged();
  }

  Status write_as_files(size_t column) {
    Restoration& gathered = *restorations_[column];
    std::map<std::string, std::string> entries{{position_key(names_[column]), encode(gathered.position)}};
    if (gathered.clock != StoreClock{}) entries[clock_key(names_[column])] = encode(gathered.clock);
    // The position must not outlive rows before it, nor the identity that was written at opening.
    KSTREAMD_TRY(start_flush(true));
    auto status = write_bulk(*handle_, *common_, handle_->find(column_name(names_[column])), gathered.rows, entries);
    return status.ok() ? Status() : fail(status);
  }

  Status flush_when_due() {
    if (unflushed_ == 0) return {};
    if (unflushed_ < flush_records_ && clock_.now() - flushed_at_ < flush_interval_) return {};
    return start_flush(false);
  }

  Status start_flush(bool wait) {
    unflushed_ = 0;
    flushed_at_ = clock_.now();
    auto status = handle_->flush(wait);
    return status.ok() ? Status() : fail(status);
  }

  Status check_background() {
    auto error = handle_->errors->first();
    return error ? fail(*error) : Status();
  }

  Error fail(const rocksdb::Status& status) {
    failed_ = true;
    return database_error(status, "write", path_);
  }

  // Constant after construction.
  const std::shared_ptr<void> hold_;  // first, so that it goes last
  const std::shared_ptr<const RocksdbCommon> common_;
  const std::string path_;
  const Clock& clock_;
  const Duration flush_interval_;
  const uint64_t flush_records_;
  const std::unique_ptr<DatabaseHandle> handle_;
  rocksdb::WriteOptions write_options_;
  std::vector<std::string> names_;
  std::vector<std::unique_ptr<Rows>> rows_;
  std::vector<std::unique_ptr<Restoration>> restorations_;

  // The task's worker only.
  rocksdb::WriteBatch batch_;
  std::string stored_key_;
  std::vector<std::optional<ChangelogPosition>> positions_;  // as they were at opening
  std::vector<StoreClock> clocks_;                           // the same
  uint64_t unflushed_ = 0;
  Duration flushed_at_;
  bool failed_ = false;
};

}  // namespace

Result<std::unique_ptr<TaskDatabase>> open_database(const DatabaseRequest& request) {
  KSTREAMD_TRY(remove_bulk_files(request.path));
  auto handle = DatabaseHandle::open(request.path, *request.common);
  if (!handle) return std::move(handle).error();
  KSTREAMD_TRY(reconcile(**handle, request.path, *request.common, request.config));
  auto database = std::make_unique<Database>(request, std::move(*handle));
  KSTREAMD_TRY(database->load());
  return std::unique_ptr<TaskDatabase>(std::move(database));
}

}  // namespace kstreamd
