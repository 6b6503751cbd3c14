#include "core/state/rocksdb_database.h"

#include <rocksdb/convenience.h>
#include <rocksdb/write_batch.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <vector>

#include "core/base/log.h"
#include "core/state/rocksdb_bulk.h"
#include "core/state/rocksdb_handle.h"
#include "core/state/stored_key.h"
#include "kstreamd/sdk/big_endian.h"

namespace kstreamd {
namespace {

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
  write_big_endian(bytes.data(), position.next_offset);
  write_big_endian(bytes.data() + 8, position.mark.offset);
  write_big_endian(bytes.data() + 16, position.mark.fingerprint);
  return bytes;
}

std::string encode(const StoreClock& clock) {
  std::string bytes(kClockSize, '\0');
  write_big_endian(bytes.data(), clock.time);
  write_big_endian<uint64_t>(bytes.data() + 8, clock.sequence);
  return bytes;
}

Error damaged_row(const std::string& path) {
  return database_error(rocksdb::Status::Corruption("a row is too short for its timestamp"), "read", path);
}

// Rows of timestamped stores are 8 bytes of timestamp, big-endian, and the value.
Result<StoreValue> decode(const rocksdb::Slice& row, bool timestamped, const std::string& path) {
  if (!timestamped) return StoreValue{true, view(row), 0};
  if (row.size() < kTimestampSize) return damaged_row(path);
  return StoreValue{true, view(row).substr(kTimestampSize), read_big_endian<int64_t>(row.data())};
}

// Iterators over one column between two writes. Making one costs as much as seeking with it a few times, and while
// nothing is written they all see the same; but they hold on to memory and files. Used by the task's worker only.
class Iterators {
 public:
  Iterators(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* column) : db_(db), column_(column) {}

  std::unique_ptr<rocksdb::Iterator> take() {
    if (idle_.empty()) return std::unique_ptr<rocksdb::Iterator>(db_.NewIterator(rocksdb::ReadOptions(), column_));
    auto iterator = std::move(idle_.back());
    idle_.pop_back();
    return iterator;
  }
  // `age`: as it was when it was taken.
  void give_back(std::unique_ptr<rocksdb::Iterator> iterator, uint64_t age) {
    if (age == age_ && iterator->status().ok()) idle_.push_back(std::move(iterator));
  }
  uint64_t age() const { return age_; }
  void forget() {
    idle_.clear();
    ++age_;
  }
  const std::string& path() const { return db_.GetName(); }

 private:
  rocksdb::DB& db_;
  rocksdb::ColumnFamilyHandle* const column_;
  std::vector<std::unique_ptr<rocksdb::Iterator>> idle_;
  uint64_t age_ = 0;
};

class Cursor final : public RowCursor {
 public:
  Cursor(Iterators& iterators, bool timestamped, std::optional<std::string_view> from,
         std::optional<std::string_view> to, bool reverse)
      : iterators_(iterators),
        age_(iterators.age()),
        timestamped_(timestamped),
        reverse_(reverse),
        rows_(iterators.take()) {
    const auto& last = reverse ? from : to;
    if (last) last_.emplace(*last);
    if (reverse)
      to ? rows_->SeekForPrev(slice(*to)) : rows_->SeekToLast();
    else
      from ? rows_->Seek(slice(*from)) : rows_->SeekToFirst();
  }
  ~Cursor() override { iterators_.give_back(std::move(rows_), age_); }
  bool valid() const override {
    if (!rows_->Valid()) return false;
    return !last_ || (reverse_ ? key() >= *last_ : key() <= *last_);
  }
  std::string_view key() const override { return view(rows_->key()); }
  Result<StoreValue> value() const override { return decode(rows_->value(), timestamped_, iterators_.path()); }
  void next() override { reverse_ ? rows_->Prev() : rows_->Next(); }
  Status status() const override {
    auto status = rows_->status();
    return status.ok() ? Status() : database_error(status, "read", iterators_.path());
  }

 private:
  Iterators& iterators_;
  const uint64_t age_;
  const bool timestamped_;
  const bool reverse_;
  std::optional<std::string> last_;  // the bound that the walk comes to
  std::unique_ptr<rocksdb::Iterator> rows_;
};

class Rows final : public CommittedRows {
 public:
  // `expired_until`: of a column whose rows expire by their timestamps.
  Rows(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* column, rocksdb::WriteBatch& batch, bool timestamped,
       std::shared_ptr<ExpiredUntil> expired_until)
      : db_(db),
        column_(column),
        batch_(batch),
        timestamped_(timestamped),
        expired_until_(std::move(expired_until)),
        iterators_(db, column) {}

  Result<StoreValue> get(std::string_view key) override {
    row_.Reset();
    auto status = db_.Get(read_options_, column_, slice(key), &row_);
    if (status.IsNotFound()) return StoreValue{};
    if (!status.ok()) return database_error(status, "read", db_.GetName());
    return decode(row_, timestamped_, db_.GetName());
  }

  std::unique_ptr<RowCursor> scan(std::optional<std::string_view> from, std::optional<std::string_view> to,
                                  bool reverse) override {
    return std::make_unique<Cursor>(iterators_, timestamped_, from, to, reverse);
  }

  void write(std::string_view key, const StoreValue& value) override {
    if (!value.present) {
      batch_.Delete(column_, slice(key));
      return;
    }
    char timestamp[kTimestampSize];
    write_big_endian(timestamp, value.timestamp);
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
    write_big_endian(timestamp, value.timestamp);
    buffer.put(stored_key, {timestamp, timestamped_ ? sizeof timestamp : 0}, value.value);
  }
  void write_row(const RestoreBuffer::Walk& row) {
    if (row.removed())
      batch_.Delete(column_, slice(row.key()));
    else
      batch_.Put(column_, slice(row.key()), slice(row.row()));
  }

  void drop_before(std::string_view behind) override {
    batch_.DeleteRange(column_, rocksdb::Slice(), slice(behind));
    gone_.before = behind;
  }
  void expire_until(int64_t time) override { gone_.until = time; }

  // What is read from now on is what has been written until now.
  void refresh() { iterators_.forget(); }

  // What has gone, or expired, since the last call.
  struct Gone {
    std::string before;
    std::optional<int64_t> until;
    bool none() const { return before.empty() && !until; }
  };
  Gone take_gone() { return std::exchange(gone_, {}); }
  // Takes it from the files, now that it can be done without.
  rocksdb::Status clear_files(const Gone& gone) {
    if (gone.until && expired_until_) expired_until_->store(*gone.until, std::memory_order_relaxed);
    if (gone.before.empty()) return rocksdb::Status::OK();
    const rocksdb::Slice behind(gone.before);
    return rocksdb::DeleteFilesInRange(&db_, column_, nullptr, &behind, false);
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
  const std::shared_ptr<ExpiredUntil> expired_until_;
  const rocksdb::ReadOptions read_options_;
  Iterators iterators_;
  rocksdb::PinnableSlice row_;
  Gone gone_;
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
      retentions_.push_back(store.retention);
      const std::string column = column_name(store.name);
      const auto expiring = handle_->expired_until.find(column);
      rows_.push_back(std::make_unique<Rows>(*handle_->db, handle_->find(column), batch_, store.timestamped,
                                             expiring == handle_->expired_until.end() ? nullptr : expiring->second));
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
      clocks_[i] = {.time = read_big_endian<int64_t>(bytes.data()),
                    .sequence = static_cast<uint32_t>(read_big_endian<uint64_t>(bytes.data() + 8))};
      // What is on disk is as old as its clock.
      rows_[i]->clear_files({{}, clocks_[i].time - retentions_[i]});
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
      positions_[i] = {.next_offset = read_big_endian<int64_t>(bytes.data()),
                       .mark = {.offset = read_big_endian<int64_t>(bytes.data() + 8),
                                .fingerprint = read_big_endian<uint64_t>(bytes.data() + 16)}};
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
      constexpr const char* where = "rows set aside for restoration";
      return fail(error == ENOSPC ? rocksdb::Status::NoSpace(where)
                                  : rocksdb::Status::IOError(where, std::strerror(error)));
    }
    if (!all && gathered.rows.runs() < kMostRuns && gathered.rows.bytes() < kMostBulkBytes) return {};
    return write_gathered(column);
  }

  Status write_staged() override {
    KSTREAMD_TRY(check_background());
    unflushed_ += static_cast<uint64_t>(batch_.Count());
    auto status = handle_->db->Write(write_options_, &batch_);
    // Its memory would stay as large as it ever was, for each task.
    constexpr size_t kKept = 256 << 10;
    if (batch_.GetDataSize() > kKept)
      batch_ = rocksdb::WriteBatch();
    else
      batch_.Clear();
    refresh();
    if (!status.ok()) return fail(status);
    return flush_when_due();
  }

  Status upkeep() override {
    KSTREAMD_TRY(check_background());
    KSTREAMD_TRY(clear_files());
    refresh();  // no longer than this do they hold on to what compactions have replaced
    return flush_when_due();
  }

  bool flush_due(uint64_t more) const override {
    const uint64_t rows = unflushed_ + more;
    return rows > 0 && (rows >= flush_records_ || clock_.now() - flushed_at_ >= flush_interval_);
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
  // What may be taken from the files when all writes up to a sequence number have been flushed; by column.
  struct Clearing {
    rocksdb::SequenceNumber flushed_by = 0;
    std::vector<Rows::Gone> gone;
  };

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
    refresh();
    return status.ok() ? Status() : fail(status);
  }

  void refresh() {
    for (auto& rows : rows_) rows->refresh();
  }

  Status flush_when_due() { return flush_due(0) ? start_flush(false) : Status(); }

  Status start_flush(bool wait) {
    unflushed_ = 0;
    flushed_at_ = clock_.now();
    // What is still being waited for is part of this flush, too.
    std::optional<Clearing> clearing = std::move(clearing_);
    clearing_.reset();
    note_gone(clearing);
    auto status = handle_->flush(wait);
    if (!status.ok()) return fail(status);
    clearing_ = std::move(clearing);
    if (clearing_ && wait) clearing_->flushed_by = 0;
    return clear_files();
  }

  // Adds what has gone since the last flush.
  void note_gone(std::optional<Clearing>& clearing) {
    for (size_t i = 0; i < rows_.size(); ++i) {
      auto gone = rows_[i]->take_gone();
      if (gone.none()) continue;
      if (!clearing) clearing.emplace(Clearing{0, std::vector<Rows::Gone>(rows_.size())});
      if (!gone.before.empty()) clearing->gone[i].before = std::move(gone.before);
      if (gone.until) clearing->gone[i].until = gone.until;
      clearing->flushed_by = handle_->db->GetLatestSequenceNumber();
    }
  }

  // Removes from the files what has gone, once a crash would not bring back a clock by which it has not: whoever reads
  // by that clock would miss it.
  Status clear_files() {
    if (!clearing_ || handle_->background->flushed() < clearing_->flushed_by) return {};
    for (size_t i = 0; i < rows_.size(); ++i) {
      auto status = rows_[i]->clear_files(clearing_->gone[i]);
      if (!status.ok()) return fail(status);
    }
    clearing_.reset();
    return {};
  }

  Status check_background() {
    auto error = handle_->background->first();
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
  std::vector<int64_t> retentions_;
  std::vector<std::unique_ptr<Rows>> rows_;
  std::vector<std::unique_ptr<Restoration>> restorations_;

  // The task's worker only.
  rocksdb::WriteBatch batch_;
  std::string stored_key_;
  std::vector<std::optional<ChangelogPosition>> positions_;  // as they were at opening
  std::vector<StoreClock> clocks_;                           // the same
  std::optional<Clearing> clearing_;
  uint64_t unflushed_ = 0;
  Duration flushed_at_;
  bool failed_ = false;
};

}  // namespace

Result<std::unique_ptr<TaskDatabase>> open_database(const DatabaseRequest& request) {
  KSTREAMD_TRY(remove_bulk_files(request.path));
  auto handle = DatabaseHandle::open(request.path, *request.common, request.config);
  if (!handle) return std::move(handle).error();
  KSTREAMD_TRY(reconcile(**handle, request.path, *request.common, request.config));
  auto database = std::make_unique<Database>(request, std::move(*handle));
  KSTREAMD_TRY(database->load());
  return std::unique_ptr<TaskDatabase>(std::move(database));
}

}  // namespace kstreamd
