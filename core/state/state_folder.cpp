#include "core/state/state_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "core/base/log.h"

namespace kstreamd {
namespace {

namespace fs = std::filesystem;

constexpr int kFormat = 1;

Error file_error(const std::string& action, const fs::path& path, int error) {
  std::string hint;
  if (error == EACCES || error == EPERM || error == EROFS)
    hint = "give the daemon's user write access to it, or set another state_dir";
  else if (error == ENOSPC || error == EDQUOT)
    hint = "free space there, or set another state_dir";
  else
    hint = "check the path and the disk";
  return Error{.message = "cannot " + action + " " + path.string() + ": " + std::strerror(error), .hint = hint};
}

class File {
 public:
  explicit File(int fd) : fd_(fd) {}
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int get() const { return fd_; }
  bool ok() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

Status make_private_folder(const fs::path& path) {
  std::error_code error;
  if (fs::is_directory(path, error)) return {};
  if (path.has_parent_path() && !fs::exists(path.parent_path(), error))
    KSTREAMD_TRY(make_private_folder(path.parent_path()));
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return file_error("make the folder", path, errno);
  return {};
}

// Empty when there is no such file.
Result<std::string> read_text(const fs::path& path) {
  File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.ok()) return errno == ENOENT ? Result<std::string>(std::string()) : file_error("open", path, errno);
  char text[256];
  ssize_t size = ::read(file.get(), text, sizeof text);
  if (size < 0) return file_error("read", path, errno);
  std::string content(text, static_cast<size_t>(size));
  while (!content.empty() && content.back() == '\n') content.pop_back();
  return content;
}

// All or nothing, and on disk when it returns.
Status write_text(const fs::path& path, const std::string& content) {
  fs::path draft = path.string() + ".new";
  File file(::open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!file.ok()) return file_error("create", draft, errno);
  std::string line = content + "\n";
  if (::write(file.get(), line.data(), line.size()) != static_cast<ssize_t>(line.size()))
    return file_error("write", draft, errno);
  if (::fsync(file.get()) != 0) return file_error("write", draft, errno);
  if (::rename(draft.c_str(), path.c_str()) != 0) return file_error("create", path, errno);
  File folder(::open(path.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.ok() || ::fsync(folder.get()) != 0) return file_error("write", path.parent_path(), errno);
  return {};
}

Status check_format(const fs::path& folder) {
  fs::path path = folder / ".format";
  auto text = read_text(path);
  if (!text) return std::move(text).error();
  if (text->empty()) return write_text(path, std::to_string(kFormat));
  int format = 0;
  const char* end = text->data() + text->size();
  const auto [stop, unreadable] = std::from_chars(text->data(), end, format);
  if (unreadable != std::errc() || stop != end || format < 1)
    return Error{.message = "the file " + path.string() + " is damaged: it names the format of the state folder",
                 .hint = "if this kstreamd made the folder, write " + std::to_string(kFormat) +
                         " into it; else set another state_dir, which is restored from the changelogs"};
  if (format == kFormat) return {};
  return Error{
      .message = "state folder " + folder.string() + " has format " + *text + "; this kstreamd knows format " +
                 std::to_string(kFormat),
      .hint = "run the newer kstreamd that made it, or set another state_dir, which is restored from the changelogs"};
}

Result<int> lock_folder(const fs::path& folder) {
  fs::path path = folder / ".lock";
  File file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!file.ok()) return file_error("open", path, errno);
  if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return file_error("lock", path, errno);
    auto pid = read_text(path);
    std::string holder = pid && !pid->empty() ? "process " + *pid : "another process";
    return Error{.message = "state folder " + folder.string() + " is in use by " + holder,
                 .hint = "stop that process, or give this one a state_dir of its own"};
  }
  std::string pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(file.get(), 0) != 0 || ::pwrite(file.get(), pid.data(), pid.size(), 0) < 0)
    return file_error("write", path, errno);
  return file.release();
}

// A name as one path component: letters, digits, and what is harmless stay.
std::string component(const std::string& name) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string safe;
  for (size_t i = 0; i < name.size(); ++i) {
    char c = name[i];
    bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
                 (c == '.' && i > 0);
    if (plain) {
      safe += c;
    } else {
      auto byte = static_cast<uint8_t>(c);
      safe += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return safe.empty() ? "%" : safe;
}

// The name of a component; empty when it is none of ours.
std::string name_of(const std::string& component_name) {
  std::string name;
  for (size_t i = 0; i < component_name.size(); ++i) {
    unsigned int byte = 0;
    if (component_name[i] != '%') {
      name += component_name[i];
      continue;
    }
    const char* digits = component_name.data() + i + 1;
    if (i + 2 >= component_name.size() || std::from_chars(digits, digits + 2, byte, 16).ptr != digits + 2) return "";
    name += static_cast<char>(byte);
    i += 2;
  }
  return name;
}

bool is_instance_id(const std::string& text) {
  return text.size() == 36 && text.find_first_not_of("0123456789abcdef-") == std::string::npos;
}

}  // namespace

std::string new_instance_id() {
  unsigned char random[16];
  size_t filled = 0;
  while (filled < sizeof random) {
    ssize_t got = ::getrandom(random + filled, sizeof random - filled, 0);
    if (got > 0) filled += static_cast<size_t>(got);
  }
  random[6] = static_cast<unsigned char>((random[6] & 0x0f) | 0x40);
  random[8] = static_cast<unsigned char>((random[8] & 0x3f) | 0x80);
  static constexpr char kHex[] = "0123456789abcdef";
  std::string id;
  for (size_t i = 0; i < sizeof random; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) id += '-';
    id += kHex[random[i] >> 4];
    id += kHex[random[i] & 15];
  }
  return id;
}

Result<std::unique_ptr<StateFolder>> StateFolder::open(const std::string& path) {
  fs::path folder(path);
  KSTREAMD_TRY(make_private_folder(folder));
  auto lock = lock_folder(folder);
  if (!lock) return std::move(lock).error();
  std::unique_ptr<StateFolder> opened(new StateFolder(folder, *lock));
  KSTREAMD_TRY(check_format(folder));
  return opened;
}

StateFolder::~StateFolder() { ::close(lock_); }

fs::path StateFolder::topology_path(const std::string& topology) const { return path_ / component(topology); }

fs::path StateFolder::task_path(const std::string& topology, const TaskId& task) const {
  return topology_path(topology) / component(task.text());
}

Status StateFolder::make_task_folder(const std::string& topology, const TaskId& task) const {
  return make_private_folder(task_path(topology, task));
}

Result<std::vector<KeptState>> StateFolder::tasks(const std::string& topology) const {
  const fs::path folder = topology_path(topology);
  std::vector<KeptState> tasks;
  std::error_code error;
  for (auto it = fs::directory_iterator(folder, error); !error && it != fs::directory_iterator(); it.increment(error)) {
    auto task = it->is_directory(error) ? TaskId::parse(name_of(it->path().filename().string())) : std::nullopt;
    if (!task) continue;
    KeptState kept{std::move(*task), 0};
    // Files may go while they are looked at: RocksDB's threads work on.
    std::error_code gone;
    for (auto file = fs::recursive_directory_iterator(it->path(), gone); !gone && file != fs::end(file);
         file.increment(gone))
      if (const auto size = file->file_size(gone); !gone) kept.bytes += size;
    tasks.push_back(std::move(kept));
  }
  if (error && error != std::errc::no_such_file_or_directory)
    return file_error("read the folder", folder, error.value());
  std::sort(tasks.begin(), tasks.end(), [](const auto& a, const auto& b) { return a.task < b.task; });
  return tasks;
}

Result<std::string> StateFolder::instance_id(const std::string& topology) const {
  KSTREAMD_TRY(make_private_folder(topology_path(topology)));
  fs::path path = topology_path(topology) / "instance";
  auto known = read_text(path);
  if (!known) return std::move(known).error();
  if (is_instance_id(*known)) return known;
  if (!known->empty()) log(LogLevel::warn, "instance id is damaged; a new one is made", {{"file", path.string()}});
  std::string id = new_instance_id();
  KSTREAMD_TRY(write_text(path, id));
  return id;
}

}  // namespace kstreamd
