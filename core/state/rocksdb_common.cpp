#include "core/state/rocksdb_common.h"

#include <rocksdb/cache.h>
#include <rocksdb/convenience.h>
#include <rocksdb/env.h>
#include <rocksdb/file_system.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>
#include <rocksdb/write_buffer_manager.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstring>

#include "core/base/log.h"

namespace kstreamd {
namespace {

// RocksDB's own log lines, from warnings up, in the daemon's log; there are no LOG files. Called from any thread.
class LogBridge final : public rocksdb::Logger {
 public:
  LogBridge() : Logger(rocksdb::WARN_LEVEL) {}
  using Logger::Logv;
  void Logv(const rocksdb::InfoLogLevel level, const char* format, va_list arguments) override {
    if (level < rocksdb::WARN_LEVEL || level == rocksdb::HEADER_LEVEL) return;
    char text[512];
    std::vsnprintf(text, sizeof text, format, arguments);
    log(level == rocksdb::WARN_LEVEL ? LogLevel::warn : LogLevel::error, "rocksdb", {{"message", text}});
  }
  void Logv(const char*, va_list) override {}
};

// The usual files, but readable for their owner only. Called from any thread.
class PrivateFiles final : public rocksdb::FileSystemWrapper {
 public:
  using FileSystemWrapper::FileSystemWrapper;
  const char* Name() const override { return "kstreamd.PrivateFiles"; }
  rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    rocksdb::IODebugContext* debug) override {
    return hidden(name, target()->NewWritableFile(name, options, file, debug));
  }
  rocksdb::IOStatus LockFile(const std::string& name, const rocksdb::IOOptions& options, rocksdb::FileLock** lock,
                             rocksdb::IODebugContext* debug) override {
    return hidden(name, target()->LockFile(name, options, lock, debug));
  }

 private:
  static rocksdb::IOStatus hidden(const std::string& name, rocksdb::IOStatus made) {
    if (made.ok() && ::chmod(name.c_str(), 0600) != 0)
      return rocksdb::IOStatus::IOError("cannot make it private: " + name, std::strerror(errno));
    return made;
  }
};

bool has_lz4() {
  auto supported = rocksdb::GetSupportedCompressions();
  return std::find(supported.begin(), supported.end(), rocksdb::kLZ4Compression) != supported.end();
}

}  // namespace

std::shared_ptr<const RocksdbCommon> make_rocksdb_common(uint64_t memory_bytes) {
  auto common = std::make_shared<RocksdbCommon>();
  common->env = rocksdb::NewCompositeEnv(std::make_shared<PrivateFiles>(rocksdb::FileSystem::Default()));
  common->cache = rocksdb::NewLRUCache(memory_bytes, -1, false, 0.5);
  // Write buffers are charged to the cache, so that the cache's size bounds both.
  common->buffers = std::make_shared<rocksdb::WriteBufferManager>(memory_bytes / 2, common->cache);
  common->logger = std::make_shared<LogBridge>();
  return common;
}

rocksdb::DBOptions database_options(const RocksdbCommon& common) {
  rocksdb::DBOptions options;
  options.env = common.env.get();
  options.atomic_flush = true;                      // data and positions stay together
  options.avoid_flush_during_shutdown = true;       // closing flushes by itself, where it can say what went wrong
  options.allow_concurrent_memtable_write = false;  // one writer: the task's worker
  options.enable_write_thread_adaptive_yield = false;
  options.write_buffer_manager = common.buffers;
  options.max_background_jobs = 2;
  options.max_open_files = 512;
  options.max_file_opening_threads = 1;  // the default would start 16 threads at each opening
  options.max_bgerror_resume_count = 0;  // a failing disk stops the topology, which retries as a whole
  options.bytes_per_sync = 1 << 20;
  options.max_manifest_file_size = 4 << 20;
  options.manifest_preallocation_size = 64 << 10;
  options.info_log = common.logger;
  options.info_log_level = rocksdb::WARN_LEVEL;
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  return options;
}

rocksdb::ColumnFamilyOptions column_options(const RocksdbCommon& common) {
  rocksdb::ColumnFamilyOptions options;
  options.write_buffer_size = std::clamp<size_t>(common.buffers->buffer_size() / 8, 1 << 20, 16 << 20);
  options.arena_block_size = 64 << 10;  // many tasks have little state
  options.max_write_buffer_number = 4;
  options.memtable_prefix_bloom_size_ratio = 0.02;
  options.memtable_whole_key_filtering = true;
  options.level_compaction_dynamic_level_bytes = true;
  options.compression = has_lz4() ? rocksdb::kLZ4Compression : rocksdb::kNoCompression;
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = common.cache;
  table.block_size = 8 << 10;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.cache_index_and_filter_blocks = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

Error database_error(const rocksdb::Status& status, const std::string& action, const std::string& folder) {
  std::string what = "cannot " + action + " the state in " + folder + ": " + status.ToString();
  if (status.IsNoSpace())
    return Error{.message = what,
                 .hint = "free space below " + folder +
                         " and start the topology again; nothing is lost: what was not " +
                         "written here is replayed from the changelog"};
  if (status.IsIOError() && !status.IsPathNotFound())
    return Error{.message = what,
                 .hint = "check the disk, its quota and the permissions of " + folder +
                         ", and start the topology again; " +
                         "nothing is lost: what was not written here is replayed from the changelog"};
  return Error{.recovery = Recovery::rebuild_state,
               .message = "the state in " + folder + " is damaged (" + status.ToString() + ")",
               .hint = "it is rebuilt from the changelog; if this comes again, check the disk"};
}

}  // namespace kstreamd
