#include "core/plugin_host/copies.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <filesystem>

#include "core/plugin_host/file_io.h"

namespace kstreamd {
namespace {

namespace fs = std::filesystem;

constexpr const char* kCopy = ".so";
constexpr const char* kNote = ".loads";
constexpr const char* kAside = ".new-";
constexpr auto kAbandoned = std::chrono::hours(1);  // what was being written for so long belongs to nobody any more

// FNV-1a, 128 bits. It only names the copy; an existing copy is compared byte by byte.
std::string content_name(std::string_view bytes) {
  using Wide = unsigned __int128;
  constexpr Wide prime = (Wide{1} << 88) + 0x13b;
  Wide hash = (Wide{0x6c62272e07bb0142} << 64) + 0x62b821756295c58d;
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * prime;
  char out[33];
  std::snprintf(out, sizeof out, "%016llx%016llx", static_cast<unsigned long long>(hash >> 64),
                static_cast<unsigned long long>(hash));
  return out;
}

bool same_content(const std::string& path, std::string_view bytes) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (file.get() < 0) return false;
  auto found = read_all(file.get(), path);
  return found.ok() && *found == bytes;
}

// Written aside and renamed, so that a copy is whole or not there.
Status write_copy(const std::string& folder, const std::string& path, std::string_view bytes) {
  std::string aside = folder + "/" + kAside + "XXXXXX";
  const Descriptor file(::mkostemp(aside.data(), O_CLOEXEC));
  if (file.get() < 0) return system_error("no copy of a plugin can be made in " + folder);
  Status written = write_all(file.get(), bytes, aside);
  if (written.ok() && ::fchmod(file.get(), 0500) != 0) written = system_error(aside + " cannot be made executable");
  if (written.ok() && ::rename(aside.c_str(), path.c_str()) != 0) written = system_error(path + " cannot be written");
  if (!written.ok()) ::unlink(aside.c_str());
  return written;
}

bool is_file_at(int file, const std::string& path) {
  struct stat mine {
  }, there{};
  return ::fstat(file, &mine) == 0 && ::stat(path.c_str(), &there) == 0 && mine.st_dev == there.st_dev &&
         mine.st_ino == there.st_ino;
}

}  // namespace

Status make_private_folder(const std::string& folder) {
  std::error_code error;
  const auto parent = fs::path(folder).parent_path();
  if (!parent.empty()) fs::create_directories(parent, error);
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
    return system_error("the folder for copies of plugins, " + folder + ", cannot be made");
  struct stat info {};
  if (::lstat(folder.c_str(), &info) != 0) return system_error(folder + " cannot be looked at");
  if (!S_ISDIR(info.st_mode) || info.st_uid != ::geteuid() || (info.st_mode & 077) != 0)
    return Error{Recovery::stop_topology,
                 "the folder for copies of plugins, " + folder + ", is not private to this user",
                 "remove it, so that kstreamd makes it anew, or: chown " + std::to_string(::geteuid()) + " " + folder +
                     " && chmod 700 " + folder};
  return {};
}

Result<PluginCopy> PluginCopy::of(const std::string& folder, std::string_view bytes) {
  std::string content = content_name(bytes);
  const std::string path = folder + "/" + content + kCopy;
  for (int attempt = 0; attempt < 100; ++attempt) {
    if (!same_content(path, bytes)) KSTREAMD_TRY(write_copy(folder, path, bytes));
    auto lock = std::make_shared<Descriptor>(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    // Another process may remove the copy until it is locked: then it is not the file of this name any more.
    if (lock->get() < 0 || ::flock(lock->get(), LOCK_SH) != 0 || !is_file_at(lock->get(), path)) continue;
    return PluginCopy(path, std::move(content), std::move(lock));
  }
  return Error{Recovery::stop_topology, "the copy " + path + " is removed again and again",
               "let no other program clean up " + folder};
}

std::string PluginCopy::note() const { return path_.substr(0, path_.size() - std::string_view(kCopy).size()) + kNote; }

bool PluginCopy::noted_as_sound(std::string_view stamp) const {
  const Descriptor file(::open(note().c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (file.get() < 0) return false;
  auto text = read_all(file.get(), note());
  return text.ok() && *text == stamp;
}

void PluginCopy::note_as_sound(std::string_view stamp) const {
  // A note that cannot be written is found out anew the next time.
  const Descriptor file(::open(note().c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (file.get() >= 0) (void)write_all(file.get(), stamp, note());
}

void remove_unused_copies(const std::string& folder) {
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    const std::string path = entry->path(), name = entry->path().filename();
    std::error_code ignored;
    if (name.starts_with(kAside)) {
      if (fs::file_time_type::clock::now() - entry->last_write_time(ignored) > kAbandoned && !ignored)
        ::unlink(path.c_str());
    } else if (name.ends_with(kCopy)) {
      const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
      if (file.get() < 0 || ::flock(file.get(), LOCK_EX | LOCK_NB) != 0 || !is_file_at(file.get(), path)) continue;
      fs::remove(fs::path(path).replace_extension(kNote), ignored);
      ::unlink(path.c_str());
    }
  }
}

}  // namespace kstreamd
