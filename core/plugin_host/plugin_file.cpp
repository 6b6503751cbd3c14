#include "core/plugin_host/plugin_file.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "core/plugin_host/host_table.h"

namespace kstreamd {
namespace {

namespace fs = std::filesystem;

Error refuse(std::string message, std::string hint) {
  return Error{Recovery::stop_topology, std::move(message), std::move(hint)};
}
Error system_error(const std::string& what, std::string hint = {}) {
  return refuse(what + ": " + std::strerror(errno), std::move(hint));
}

// Code is loaded into a process that may run as a service user: nobody else may be able to have put it there.
Status check_owner(const struct stat& info, const std::string& what, const std::string& path) {
  const uid_t me = ::geteuid();
  if (info.st_uid != me && info.st_uid != 0)
    return refuse(what + " belongs to user id " + std::to_string(info.st_uid) +
                      "; it must belong to root or to the user that runs kstreamd (" + std::to_string(me) + ")",
                  "if you trust it: chown root " + path);
  if (info.st_mode & (S_IWGRP | S_IWOTH)) {
    char mode[8];
    std::snprintf(mode, sizeof mode, "%04o", info.st_mode & 07777);
    return refuse(what + " can be written by its group or by others (mode " + mode + ")", "chmod go-w " + path);
  }
  return {};
}

// An open file descriptor, closed at the end of its scope.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

Result<std::string> read_all(int fd, const std::string& what) {
  std::string out;
  char buffer[64 * 1024];
  for (;;) {
    const ssize_t n = ::read(fd, buffer, sizeof buffer);
    if (n == 0) return out;
    if (n > 0)
      out.append(buffer, static_cast<size_t>(n));
    else if (errno != EINTR)
      return system_error(what + " cannot be read");
  }
}

Status write_all(int fd, std::string_view bytes, const std::string& what) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n >= 0)
      bytes.remove_prefix(static_cast<size_t>(n));
    else if (errno != EINTR)
      return system_error(what + " cannot be written", "free space there, or name another folder");
  }
  return {};
}

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

// The path of a copy with this content. Written aside and renamed, so that a copy is whole or not there.
Result<std::string> copy_to(const std::string& folder, std::string_view bytes) {
  const std::string path = folder + "/" + content_name(bytes) + ".so";
  if (same_content(path, bytes)) return path;
  std::string aside = folder + "/.new-XXXXXX";
  const Descriptor file(::mkostemp(aside.data(), O_CLOEXEC));
  if (file.get() < 0) return system_error("no copy of a plugin can be made in " + folder);
  Status written = write_all(file.get(), bytes, aside);
  if (written.ok() && ::fchmod(file.get(), 0500) != 0) written = system_error(aside + " cannot be made executable");
  if (written.ok() && ::rename(aside.c_str(), path.c_str()) != 0) written = system_error(path + " cannot be written");
  if (!written.ok()) {
    ::unlink(aside.c_str());
    return std::move(written).error();
  }
  return path;
}

// The dynamic linker names the copy; people know the file by its own name.
std::string linker_error(const std::string& copy, const std::string& path) {
  const char* text = ::dlerror();
  std::string out = text ? text : "no reason given";
  for (size_t at; (at = out.find(copy)) != out.npos;) out.replace(at, copy.size(), path);
  return out;
}

}  // namespace

Status check_plugin_folder(const std::string& folder) {
  struct stat info {};
  const std::string what = "the plugin folder " + folder;
  if (::stat(folder.c_str(), &info) != 0)
    return system_error(what + " cannot be used", "make it, or name another with `plugins:` or --plugins");
  if (!S_ISDIR(info.st_mode))
    return refuse(what + " is not a folder", "name the folder that holds the *.so files with `plugins:` or --plugins");
  return check_owner(info, what, folder);
}

Status make_private_folder(const std::string& folder) {
  std::error_code error;
  const auto parent = fs::path(folder).parent_path();
  if (!parent.empty()) fs::create_directories(parent, error);
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
    return system_error("the folder for copies of plugins, " + folder + ", cannot be made");
  struct stat info {};
  if (::lstat(folder.c_str(), &info) != 0) return system_error(folder + " cannot be looked at");
  if (!S_ISDIR(info.st_mode) || info.st_uid != ::geteuid() || (info.st_mode & 077) != 0)
    return refuse("the folder for copies of plugins, " + folder + ", is not private to this user",
                  "remove it, so that kstreamd makes it anew, or: chown " + std::to_string(::geteuid()) + " " + folder +
                      " && chmod 700 " + folder);
  return {};
}

Result<const kst_plugin*> load_plugin_file(const std::string& path, const std::string& copies) {
  const std::string parent = fs::path(path).parent_path().string();
  KSTREAMD_TRY(check_plugin_folder(parent.empty() ? "." : parent));
  // Non-blocking: a FIFO of this name must not hang the start.
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) return system_error("cannot be opened", "check that it exists and that kstreamd may read it");
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) return system_error("cannot be looked at");
  if (!S_ISREG(info.st_mode)) return refuse("is not a regular file", "put the plugin's shared object there");
  KSTREAMD_TRY(check_owner(info, "the file", path));
  auto bytes = read_all(file.get(), "it");
  if (!bytes.ok()) return std::move(bytes).error();
  auto copy = copy_to(copies, *bytes);
  if (!copy.ok()) return std::move(copy).error();

  void* handle = ::dlopen(copy->c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle)
    return refuse("cannot be loaded: " + linker_error(*copy, path),
                  "build it as a shared object for this machine and link it with -Wl,-z,defs, which finds missing "
                  "symbols early; the copies in " +
                      copies + " need a file system that is not mounted noexec");
  void* symbol = ::dlsym(handle, KST_PLUGIN_ENTRY);
  if (!symbol)
    return refuse(std::string("exports no ") + KST_PLUGIN_ENTRY + ": it is no kstreamd plugin",
                  "declare the function with KST_EXPORT and C linkage (in C++: KSTREAMD_PLUGIN), or move the file out "
                  "of the plugin folder");
  try {
    return reinterpret_cast<kst_plugin_entry_fn>(symbol)(&host_table());
  } catch (...) {
    return refuse(std::string(KST_PLUGIN_ENTRY) + " threw a C++ exception", "this is a bug of the plugin");
  }
}

}  // namespace kstreamd
