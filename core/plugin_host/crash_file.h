// The crash file of an instance: a line for each crash within a plugin's call, written by the handler of the signal
// (crash_guard.h) and read by the next process.
//
//   1 WALL_MS SIGNAL CALL SUSPECTS PARTITION FIRST LAST TOPIC TOPOLOGY NODE TYPE CONTENT
//
// SUSPECTS is 1 when all records of the call came of one: the crash counts for that record. Otherwise one of several
// did it, and they are then processed alone; a line for each of their topic-partitions. CALLs without a record (create,
// init, ...) count for the node, which is not started any more at the limit. What is a day old is forgotten, and so is
// what another content of the plugin's file did. The TYPE of a serde is serde:NAME.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <shared_mutex>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/ports/crash_log.h"

namespace kstreamd {

// Thread safety: every function may be called from any thread. Life-cycle: opened once the state folder is there; lives
// as long as the process may crash.
class CrashFile final : public CrashLog {
 public:
  // `limit`: as often may the process crash on a record. `now_ms` is the wall clock.
  static Result<std::unique_ptr<CrashFile>> open(const std::string& path, int limit, int64_t now_ms);
  ~CrashFile() override;

  // For arm_crash_guard.
  int descriptor() const { return file_; }
  const std::string& path() const { return path_; }
  int limit() const { return limit_; }

  bool empty() const override;
  CrashVerdict verdict(std::string_view topology, std::string_view node, const kst_origin& origin) const override;
  // How often calls of a node crashed that had no record.
  int crashes_without_record(std::string_view topology, std::string_view node) const;

  // Forgets what types did whose content is another now. `content` gives that of a type; of one that is not there any
  // more, nothing: that is not forgotten.
  void keep_of(const std::function<std::string(const std::string& type)>& content);

 private:
  struct Crash {
    int64_t wall_ms = 0;
    std::string signal, call;
    uint64_t suspects = 0;
    int32_t partition = -1;
    int64_t first = -1;
    int64_t last = -1;
    std::string topic, topology, node, type, content;
  };
  CrashFile(std::string path, int limit, int file) : path_(std::move(path)), limit_(limit), file_(file) {}
  static bool parse(const std::string& line, Crash& crash);
  static std::string line_of(const Crash& crash);
  Status read(int64_t now_ms);

  const std::string path_;
  const int limit_;
  const int file_;
  mutable std::shared_mutex mutex_;
  std::vector<Crash> crashes_;  // guarded by mutex_
};

}  // namespace kstreamd
