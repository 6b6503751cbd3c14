#include "core/plugin_host/crash_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <mutex>
#include <sstream>

#include "core/plugin_host/file_io.h"

namespace kstreamd {
namespace {

constexpr int64_t kForgottenAfterMs = 24 * 3600 * 1000;
constexpr size_t kMostCrashes = 1000;

}  // namespace

Result<std::unique_ptr<CrashFile>> CrashFile::open(const std::string& path, int limit, int64_t now_ms) {
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file < 0) return system_error("the crash file " + path + " cannot be opened", "it belongs to the state folder");
  std::unique_ptr<CrashFile> made(new CrashFile(path, limit, file));
  ::fchmod(file, 0600);
  KSTREAMD_TRY(made->read(now_ms));
  return made;
}

CrashFile::~CrashFile() { ::close(file_); }

bool CrashFile::parse(const std::string& line, Crash& crash) {
  std::istringstream words(line);
  int version = 0;
  words >> version >> crash.wall_ms >> crash.signal >> crash.call >> crash.suspects >> crash.partition >> crash.first >>
      crash.last >> crash.topic >> crash.topology >> crash.node >> crash.type >> crash.content;
  return !words.fail() && version == 1;
}

std::string CrashFile::line_of(const Crash& crash) {
  std::ostringstream line;
  line << "1 " << crash.wall_ms << " " << crash.signal << " " << crash.call << " " << crash.suspects << " "
       << crash.partition << " " << crash.first << " " << crash.last << " " << crash.topic << " " << crash.topology
       << " " << crash.node << " " << crash.type << " " << crash.content << "\n";
  return line.str();
}

Status CrashFile::read(int64_t now_ms) {
  auto text = read_all(file_, path_);
  if (!text) return std::move(text).error();
  std::istringstream lines(*text);
  size_t found = 0;
  for (std::string line; std::getline(lines, line); ++found) {
    Crash crash;
    if (parse(line, crash) && crash.wall_ms > now_ms - kForgottenAfterMs) crashes_.push_back(std::move(crash));
  }
  if (crashes_.size() > kMostCrashes)
    crashes_.erase(crashes_.begin(), crashes_.end() - static_cast<std::ptrdiff_t>(kMostCrashes));
  if (found == crashes_.size()) return {};
  // In place: another process may have it open for its own last words.
  std::string kept;
  for (const auto& crash : crashes_) kept += line_of(crash);
  if (::ftruncate(file_, 0) != 0) return system_error(path_ + " cannot be shortened");
  return write_all(file_, kept, path_);
}

bool CrashFile::empty() const {
  const std::shared_lock lock(mutex_);
  return crashes_.empty();
}

CrashVerdict CrashFile::verdict(std::string_view topology, std::string_view node, const kst_origin& origin) const {
  const std::string_view topic(origin.topic, origin.topic_size);
  const std::shared_lock lock(mutex_);
  int alone = 0, among_others = 0;
  for (const auto& crash : crashes_) {
    if (origin.offset < crash.first || origin.offset > crash.last || origin.partition != crash.partition ||
        crash.node != node || crash.topology != topology || crash.topic != topic)
      continue;
    (crash.suspects == 1 ? alone : among_others) += 1;
  }
  if (alone >= limit_) return CrashVerdict::refuse;
  return alone + among_others > 0 ? CrashVerdict::alone : CrashVerdict::none;
}

int CrashFile::crashes_without_record(std::string_view topology, std::string_view node) const {
  const std::shared_lock lock(mutex_);
  return static_cast<int>(std::count_if(crashes_.begin(), crashes_.end(), [&](const Crash& crash) {
    return crash.partition < 0 && crash.topology == topology && crash.node == node;
  }));
}

void CrashFile::keep_of(const std::function<std::string(const std::string& type)>& content) {
  const std::unique_lock lock(mutex_);
  std::erase_if(crashes_, [&](const Crash& crash) {
    const std::string now = content(crash.type);
    return !now.empty() && now != crash.content;
  });
}

}  // namespace kstreamd
