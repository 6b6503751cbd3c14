// What the tests of the plugin host share: where the plugins are, a folder of their own, a task to run processors in.
#pragma once
#include <cstdlib>
#include <filesystem>
#include <list>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "core/plugin_host/plugin_host.h"

namespace kstreamd {

inline std::string bad_plugin(const std::string& name) {
  return std::string(KSTREAMD_BAD_PLUGINS) + "/" + name + ".so";
}
inline std::string example_plugin(const std::string& name) {
  return std::string(KSTREAMD_PLUGINS) + "/" + name + ".so";
}

// A folder that goes away with the object.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string made = (std::filesystem::temp_directory_path() / "kstreamd-test-XXXXXX").string();
    if (!::mkdtemp(made.data())) std::abort();
    path_ = made;
  }
  ~TemporaryFolder() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  std::string path(const std::string& name = "") const { return name.empty() ? path_ : path_ + "/" + name; }

 private:
  std::string path_;
};

// What all threads log while it lives, as "warn: message node=..." each. One at a time.
class LogLines {
 public:
  LogLines() {
    static const bool installed = [] {
      set_log_writer([](LogLevel level, std::string_view message, std::initializer_list<LogField> fields) {
        static constexpr const char* names[] = {"debug", "info", "warn", "error"};
        std::string line = std::string(names[static_cast<int>(level)]) + ": " + std::string(message);
        for (const auto& field : fields) line += " " + std::string(field.name) + "=" + field.value;
        const std::lock_guard lock(mutex);
        lines.push_back(std::move(line));
      });
      return true;
    }();
    (void)installed;
    take();
  }
  std::vector<std::string> take() {
    const std::lock_guard lock(mutex);
    return std::exchange(lines, {});
  }

 private:
  static inline std::mutex mutex;
  static inline std::vector<std::string> lines;  // guarded by mutex
};

// The context of one node of a task, with a store of strings; notes what the processor does.
class FakeContext final : public ProcessorContext {
 public:
  kst_status forward(uint32_t output, std::span<const Record> records) override {
    for (const Record& r : records) forwarded.emplace_back(output, std::string(data_of(r.value)));
    return answer;
  }
  void drop(std::string_view reason, size_t count) override { drops[std::string(reason)] += count; }
  void* scratch(size_t size) override { return memory_.emplace_back(size / sizeof(std::max_align_t) + 1).data(); }
  void fail(std::string_view message) override { failure = message; }

  kst_status output(std::string_view, uint32_t&) override { return KST_FATAL; }
  ProcessorStore* store(uint32_t index) override { return index == 0 ? &store_ : nullptr; }
  kst_status schedule(uint32_t, int64_t, int64_t, uint64_t&) override { return KST_FATAL; }
  void cancel(uint64_t) override {}
  kst_status hold(const Record&, kst_token&, const Record*&) override { return KST_FATAL; }
  Metrics& metrics() override { return *plugin_metrics; }
  const char* application_id() const override { return "app"; }
  const char* task_id() const override { return "lines-0"; }
  const char* node_name() const override { return "node"; }
  int64_t stream_time() const override { return 0; }
  int64_t wall_time() const override { return 0; }
  void request_commit() override {}
  void log(LogLevel, std::string_view) override {}

  std::vector<std::pair<uint32_t, std::string>> forwarded;
  std::map<std::string, size_t> drops;
  std::string failure;
  kst_status answer = KST_OK;
  std::unique_ptr<Metrics> plugin_metrics = make_null_metrics();

 private:
  // Numbers by text, in memory.
  class Store final : public KeyValueAccess {
   public:
    explicit Store(const kst_status& answer) : answer_(answer) {}
    uint64_t approximate_rows() const override { return rows_.size(); }
    kst_status get_many(std::span<kst_store_row> rows) override {
      for (auto& row : rows) {
        const auto found = rows_.find(std::string(data_of(row.key)));
        row.value = found == rows_.end() ? null_value() : int64_value(found->second);
      }
      return answer_;
    }
    kst_status put_many(std::span<const kst_store_row> rows) override {
      for (const auto& row : rows) {
        if (is_null(row.value))
          rows_.erase(std::string(data_of(row.key)));
        else
          rows_[std::string(data_of(row.key))] = row.value.u.integer;
      }
      return answer_;
    }
    kst_status put_if_absent_many(std::span<kst_store_row>) override { return answer_; }
    kst_status delete_many(std::span<kst_store_row>) override { return answer_; }
    kst_status scan(std::span<const kst_key_range> ranges, bool, void* visitor, kst_row_visitor visit) override {
      for (size_t i = 0; i < ranges.size(); ++i)
        for (auto& [key, value] : rows_) {
          if (key < data_of(ranges[i].from) || key > data_of(ranges[i].to)) continue;
          const kst_store_row row{bytes_value(key), int64_value(value), 0};
          if (visit(visitor, i, &row) != 0) break;
        }
      return answer_;
    }
    kst_status prefix_scan(std::span<const kst_value>, bool, void*, kst_row_visitor) override { return answer_; }

   private:
    const kst_status& answer_;
    std::map<std::string, int64_t> rows_;
  };

  std::list<std::vector<std::max_align_t>> memory_;
  Store store_{answer};
};

inline Record text_record(std::string_view key, std::string_view value, int64_t timestamp = 0) {
  return Record{string_value(key), string_value(value), timestamp, nullptr, nullptr, 0, 0};
}

}  // namespace kstreamd
