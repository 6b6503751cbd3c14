#include "core/embedded/storage.h"

#include <fcntl.h>
#include <rocksdb/cache.h>
#include <rocksdb/convenience.h>
#include <rocksdb/db.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <random>

#include "kstreamd/sdk/big_endian.h"

namespace kstreamd::embedded {
namespace {

constexpr const char* kVersion = "1";
constexpr const char* kVersionKey = "version";
constexpr const char* kClusterKey = "cluster";
constexpr const char* kTopicIdKey = "next_topic_id";

void put_text(std::string& out, std::string_view text) {
  append_big_endian(out, static_cast<uint32_t>(text.size()));
  out.append(text);
}

std::string take_text(BytesReader& in) { return std::string(in.bytes(in.number<uint32_t>())); }

// Head of a stored segment: state, count, next offset, greatest timestamp, time of appending.
constexpr size_t kSegmentHead = 1 + 4 + 8 + 8 + 8;

std::string segment_key(LogId log, int64_t base) {
  std::string key;
  append_big_endian(key, log.topic);
  append_big_endian(key, log.partition);
  append_big_endian(key, base);
  return key;
}

std::string log_key(char kind, LogId log) {
  std::string key{kind, '/'};
  append_big_endian(key, log.topic);
  append_big_endian(key, log.partition);
  return key;
}

std::string offset_key(const std::string& group, const TopicPartition& partition) {
  std::string key = "o/";
  put_text(key, group);
  put_text(key, partition.topic);
  append_big_endian(key, partition.partition);
  return key;
}

std::string number_value(int64_t v) {
  std::string value;
  append_big_endian(value, v);
  return value;
}

SegmentPtr parse_segment(int64_t base, std::string_view value) {
  if (value.size() < kSegmentHead) return nullptr;
  BytesReader head(value);
  auto segment = std::make_shared<Segment>();
  segment->state = head.number<uint8_t>() == 1 ? Segment::State::aborted : Segment::State::committed;
  segment->count = head.number<uint32_t>();
  segment->next_offset = head.number<int64_t>();
  segment->max_timestamp = head.number<int64_t>();
  segment->appended_ms = head.number<int64_t>();
  segment->base_offset = base;
  segment->persisted = true;
  segment->bytes.assign(head.rest());
  return segment;
}

std::string random_id() {
  std::random_device random;
  std::string id;
  for (int i = 0; i < 22; ++i)
    id.push_back("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[random() % 64]);
  return id;
}

// The folder's lock: held by the open file, and so let go of by the kernel however the process ends.
Result<int> lock_folder(const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder + "/log", error);
  // Records are nobody else's to read.
  if (!error) std::filesystem::permissions(folder + "/log", std::filesystem::perms::owner_all, error);
  if (error)
    return Error{Recovery::stop_topology,
                 "cannot create the folder of the embedded log, " + folder + ": " + error.message(),
                 "name a folder that this user may write"};
  std::string path = folder + "/lock";
  int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0)
    return Error{Recovery::stop_topology, "cannot open " + path + ": " + std::strerror(errno),
                 "name a folder that this user may write"};
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    char holder[32] = {};
    ssize_t size = ::pread(fd, holder, sizeof holder - 1, 0);
    ::close(fd);
    std::string pid = size > 0 ? std::string(holder, std::strcspn(holder, "\n")) : "unknown";
    return Error{Recovery::stop_topology, "the embedded log in " + folder + " is in use by process " + pid,
                 "stop that process, talk to it with --daemon, or name another folder"};
  }
  std::string pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(fd, 0) != 0 || ::pwrite(fd, pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size())) {
    Error failed{Recovery::stop_topology, "cannot write " + path + ": " + std::strerror(errno), "free some disk space"};
    ::close(fd);
    return failed;
  }
  return fd;
}

rocksdb::ColumnFamilyOptions record_options(const std::shared_ptr<rocksdb::Cache>& cache, size_t write_buffer) {
  rocksdb::ColumnFamilyOptions options;
  // Segments are written once: as blobs they are not copied again by each compaction of the tree.
  options.enable_blob_files = true;
  options.min_blob_size = 1024;
  options.enable_blob_garbage_collection = true;
  options.write_buffer_size = write_buffer;
  options.max_write_buffer_number = 2;
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  for (auto type : rocksdb::GetSupportedCompressions())
    if (type == rocksdb::kLZ4Compression) options.blob_compression_type = options.compression = type;
  return options;
}

}  // namespace

struct LogStorage::Batch::Impl {
  rocksdb::ColumnFamilyHandle* meta;
  rocksdb::ColumnFamilyHandle* records;
  rocksdb::WriteBatch writes;
};

struct LogStorage::Impl {
  ~Impl() {
    if (db) {
      db->DestroyColumnFamilyHandle(meta);
      db->DestroyColumnFamilyHandle(records);
      db->Close();
    }
    db.reset();
    if (lock >= 0) ::close(lock);
  }
  std::string folder;
  int lock = -1;
  std::unique_ptr<rocksdb::DB> db;
  rocksdb::ColumnFamilyHandle* meta = nullptr;
  rocksdb::ColumnFamilyHandle* records = nullptr;
  std::atomic<bool> broken{false};
  std::mutex mutex;  // guards why
  std::string why;
};

// ---- Batches

LogStorage::Batch::Batch(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
LogStorage::Batch::~Batch() = default;
LogStorage::Batch::Batch(Batch&&) noexcept = default;
LogStorage::Batch& LogStorage::Batch::operator=(Batch&&) noexcept = default;

bool LogStorage::Batch::empty() const { return impl_->writes.Count() == 0; }

void LogStorage::Batch::put_segment(LogId log, const Segment& segment) {
  std::string key = segment_key(log, segment.base_offset);
  std::string head;
  head.push_back(segment.state == Segment::State::aborted ? 1 : 0);
  append_big_endian(head, segment.count);
  append_big_endian(head, segment.next_offset);
  append_big_endian(head, segment.max_timestamp);
  append_big_endian(head, segment.appended_ms);
  rocksdb::Slice key_part(key);
  rocksdb::Slice value_parts[] = {rocksdb::Slice(head), rocksdb::Slice(segment.bytes)};
  impl_->writes.Put(impl_->records, rocksdb::SliceParts(&key_part, 1), rocksdb::SliceParts(value_parts, 2));
}
void LogStorage::Batch::delete_segment(LogId log, int64_t base_offset) {
  impl_->writes.Delete(impl_->records, segment_key(log, base_offset));
}
void LogStorage::Batch::delete_segments_below(LogId log, int64_t base_offset) {
  impl_->writes.DeleteRange(impl_->records, segment_key(log, 0), segment_key(log, base_offset));
}
void LogStorage::Batch::put_low(LogId log, int64_t low) {
  impl_->writes.Put(impl_->meta, log_key('l', log), number_value(low));
}
void LogStorage::Batch::put_next(LogId log, int64_t next) {
  impl_->writes.Put(impl_->meta, log_key('n', log), number_value(next));
}
void LogStorage::Batch::put_offset(const std::string& group, const PartitionOffset& offset) {
  std::string value = number_value(offset.offset);
  put_text(value, offset.metadata);
  impl_->writes.Put(impl_->meta, offset_key(group, offset.partition), value);
}
void LogStorage::Batch::delete_offset(const std::string& group, const TopicPartition& partition) {
  impl_->writes.Delete(impl_->meta, offset_key(group, partition));
}
void LogStorage::Batch::put_topic(const StoredTopic& topic) {
  std::string value;
  append_big_endian(value, topic.id);
  append_big_endian(value, topic.partitions);
  append_big_endian(value, static_cast<uint32_t>(topic.configs.size()));
  for (const auto& [name, config] : topic.configs) {
    put_text(value, name);
    put_text(value, config);
  }
  std::string next_id;
  append_big_endian(next_id, topic.id + 1);
  impl_->writes.Put(impl_->meta, "t/" + topic.name, value);
  impl_->writes.Put(impl_->meta, kTopicIdKey, next_id);
}
void LogStorage::Batch::delete_topic(const StoredTopic& topic) {
  impl_->writes.Delete(impl_->meta, "t/" + topic.name);
  for (int32_t p = 0; p < topic.partitions; ++p) {
    impl_->writes.Delete(impl_->meta, log_key('l', {topic.id, p}));
    impl_->writes.Delete(impl_->meta, log_key('n', {topic.id, p}));
  }
  impl_->writes.DeleteRange(impl_->records, segment_key({topic.id, 0}, 0), segment_key({topic.id + 1, 0}, 0));
}

// ---- Opening

LogStorage::LogStorage(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
LogStorage::~LogStorage() = default;

Result<std::unique_ptr<LogStorage>> LogStorage::open(const std::string& folder, size_t memory_bytes) {
  auto impl = std::make_unique<Impl>();
  impl->folder = folder;
  auto lock = lock_folder(folder);
  if (!lock) return std::move(lock).error();
  impl->lock = *lock;

  // Of the memory 2/7 are for the cache, and as much for each of two write buffers of records; the rest is for those of
  // the meta column.
  const size_t large = memory_bytes / 7 * 2;
  auto cache = rocksdb::NewLRUCache(large);
  rocksdb::DBOptions options;
  options.create_if_missing = true;
  options.create_missing_column_families = true;
  options.max_total_wal_size = 64 << 20;
  options.max_background_jobs = 2;
  options.max_open_files = 256;
  options.keep_log_file_num = 2;
  options.info_log_level = rocksdb::WARN_LEVEL;
  rocksdb::ColumnFamilyOptions meta;
  meta.write_buffer_size = large / 4;
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  meta.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  std::vector<rocksdb::ColumnFamilyDescriptor> families = {{rocksdb::kDefaultColumnFamilyName, meta},
                                                           {"records", record_options(cache, large)}};
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* db = nullptr;
  auto opened = rocksdb::DB::Open(options, folder + "/log", families, &handles, &db);
  if (!opened.ok())
    return Error{Recovery::stop_topology, "cannot open the embedded log in " + folder + ": " + opened.ToString(),
                 "check the disk; if the log is damaged, restore the folder from a backup or start with an empty one"};
  impl->db.reset(db);
  impl->meta = handles[0];
  impl->records = handles[1];
  std::unique_ptr<LogStorage> storage(new LogStorage(std::move(impl)));
  KSTREAMD_TRY(storage->load(folder));
  return storage;
}

Status LogStorage::load(const std::string& folder) {
  Error damaged{Recovery::stop_topology, "the embedded log in " + folder + " cannot be read",
                "restore the folder from a backup or start with an empty one"};
  std::unique_ptr<rocksdb::Iterator> it(impl_->db->NewIterator(rocksdb::ReadOptions(), impl_->meta));
  std::string version;
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    std::string_view key = it->key().ToStringView();
    BytesReader name(key), value(it->value().ToStringView());
    if (key == kVersionKey) {
      version = value.rest();
    } else if (key == kClusterKey) {
      cluster_id_ = value.rest();
    } else if (key == kTopicIdKey) {
      next_topic_id_ = value.number<uint32_t>();
    } else if (key.substr(0, 2) == "t/") {
      StoredTopic topic{std::string(key.substr(2))};
      topic.id = value.number<uint32_t>();
      topic.partitions = value.number<int32_t>();
      for (auto left = value.number<uint32_t>(); left > 0 && value.ok(); --left) {
        std::string name = take_text(value);
        topic.configs[name] = take_text(value);
      }
      topics_.push_back(std::move(topic));
    } else if (key.substr(0, 2) == "o/") {
      name.bytes(2);
      StoredOffset offset{take_text(name)};
      offset.offset.partition.topic = take_text(name);
      offset.offset.partition.partition = name.number<int32_t>();
      offset.offset.offset = value.number<int64_t>();
      offset.offset.metadata = take_text(value);
      offsets_.push_back(std::move(offset));
    }
    if (!name.ok() || !value.ok()) return std::move(damaged).in("a row that is not understood");
  }
  if (!it->status().ok()) return std::move(damaged).in(it->status().ToString());
  if (version.empty()) {
    cluster_id_ = random_id();
    Batch first = batch();
    first.impl_->writes.Put(impl_->meta, kVersionKey, kVersion);
    first.impl_->writes.Put(impl_->meta, kClusterKey, cluster_id_);
    return write(first, true);
  }
  if (version != kVersion)
    return Error{Recovery::stop_topology,
                 "the embedded log in " + folder + " has format " + version + ", this program knows format " + kVersion,
                 "use the version of kstreamd that wrote it, or another folder"};
  return {};
}

// ---- Writing and reading

LogStorage::Batch LogStorage::batch() const {
  auto impl = std::make_unique<Batch::Impl>();
  impl->meta = impl_->meta;
  impl->records = impl_->records;
  return Batch(std::move(impl));
}

Status LogStorage::broken(const std::string& why) const {
  std::lock_guard lock(impl_->mutex);
  if (!impl_->broken.exchange(true)) impl_->why = why;
  return Error{Recovery::stop_topology, "the embedded log in " + impl_->folder + " cannot be written: " + impl_->why,
               "make room on the disk or repair it, then start again; nothing that was committed is lost"};
}

Status LogStorage::write(Batch& batch, bool sync) {
  if (impl_->broken) return broken({});
  rocksdb::WriteOptions options;
  options.sync = sync;
  auto written = impl_->db->Write(options, &batch.impl_->writes);
  if (!written.ok()) return broken(written.ToString());
  return {};
}

Status LogStorage::sync() {
  if (impl_->broken) return broken({});
  auto synced = impl_->db->SyncWAL();
  if (!synced.ok()) return broken(synced.ToString());
  return {};
}

namespace {

Error unreadable(const std::string& folder, const std::string& why) {
  return {Recovery::stop_topology, "the embedded log in " + folder + " cannot be read: " + why,
          "check the disk; restore the folder from a backup"};
}

// Whether the key belongs to the log; gives its base offset.
bool base_of(rocksdb::Slice key, const std::string& prefix, int64_t& base) {
  if (key.size() != prefix.size() + 8 || !key.starts_with(prefix)) return false;
  base = read_big_endian<int64_t>(key.data() + prefix.size());
  return true;
}

}  // namespace

Status LogStorage::read(LogId log, int64_t from, int64_t below, size_t max_bytes, std::vector<SegmentPtr>& out) const {
  std::string prefix = segment_key(log, 0).substr(0, 8);
  rocksdb::ReadOptions options;
  options.fill_cache = false;
  std::unique_ptr<rocksdb::Iterator> it(impl_->db->NewIterator(options, impl_->records));
  it->SeekForPrev(segment_key(log, from));
  int64_t base = 0;
  if (!it->Valid() || !base_of(it->key(), prefix, base)) it->Seek(segment_key(log, from));
  size_t bytes = 0;
  for (; it->Valid() && base_of(it->key(), prefix, base) && base < below; it->Next()) {
    SegmentPtr segment = parse_segment(base, it->value().ToStringView());
    if (!segment) return unreadable(impl_->folder, "a segment is too short");
    if (segment->next_offset <= from) continue;
    bytes += segment->bytes.size();
    out.push_back(std::move(segment));
    if (bytes >= max_bytes) break;
  }
  if (!it->status().ok()) return unreadable(impl_->folder, it->status().ToString());
  return {};
}

Result<int64_t> LogStorage::segment_base(LogId log, int64_t offset) const {
  std::unique_ptr<rocksdb::Iterator> it(impl_->db->NewIterator(rocksdb::ReadOptions(), impl_->records));
  it->SeekForPrev(segment_key(log, offset));
  int64_t base = -1;
  if (it->Valid() && base_of(it->key(), segment_key(log, 0).substr(0, 8), base)) return base;
  if (!it->status().ok()) return unreadable(impl_->folder, it->status().ToString());
  return int64_t{-1};
}

Result<StoredBounds> LogStorage::bounds(LogId log) const {
  StoredBounds bounds;
  for (auto [kind, target] : {std::pair{'l', &bounds.low}, std::pair{'n', &bounds.next}}) {
    std::string value;
    auto got = impl_->db->Get(rocksdb::ReadOptions(), impl_->meta, log_key(kind, log), &value);
    if (!got.ok() && !got.IsNotFound()) return unreadable(impl_->folder, got.ToString());
    if (got.ok()) *target = BytesReader(value).number<int64_t>();
  }
  auto last = segment_base(log, INT64_MAX);
  if (!last) return std::move(last).error();
  if (*last >= 0) {
    std::vector<SegmentPtr> segments;
    KSTREAMD_TRY(read(log, *last, *last + 1, 1, segments));
    if (!segments.empty()) bounds.next = std::max(bounds.next, segments[0]->next_offset);
  }
  bounds.next = std::max(bounds.next, bounds.low);
  return bounds;
}

}  // namespace kstreamd::embedded
