#include "core/plugin_host/plugin_file.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <map>
#include <mutex>

#include "core/plugin_host/crash_guard.h"
#include "core/plugin_host/current_call.h"
#include "core/plugin_host/file_io.h"
#include "core/plugin_host/host_table.h"
#include "core/plugin_host/loading.h"

namespace kstreamd {
namespace {

namespace fs = std::filesystem;

Error refuse(std::string message, std::string hint) {
  return Error{Recovery::stop_topology, std::move(message), std::move(hint)};
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

// The dynamic linker names the copy; people know the file by its own name.
std::string linker_error(const std::string& copy, const std::string& path) {
  const char* text = ::dlerror();
  std::string out = text ? text : "no reason given";
  for (size_t at; (at = out.find(copy)) != out.npos;) out.replace(at, copy.size(), path);
  return out;
}

// What this process has loaded: handles of the dynamic linker and what the entry function gave. Copies stay locked.
struct Loaded {
  std::mutex mutex;
  std::map<void*, const kst_plugin*> plugins;  // guarded by mutex, as the next
  std::vector<PluginCopy> copies;
};
Loaded& loaded() {
  static auto& only = *new Loaded;
  return only;
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

Result<std::vector<std::string>> plugin_files(const std::string& folder) {
  KSTREAMD_TRY(check_plugin_folder(folder));
  std::vector<std::string> out;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error))
    if (entry->path().extension() == ".so") out.push_back(entry->path().string());
  if (error)
    return refuse("the plugin folder " + folder + " cannot be read: " + error.message(),
                  "kstreamd's user needs read and execute rights on it");
  std::sort(out.begin(), out.end());
  return out;
}

Result<PluginCopy> copy_plugin_file(const std::string& path, const std::string& copies) {
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
  if (!bytes) return std::move(bytes).error();
  return PluginCopy::of(copies, *bytes);
}

Result<const kst_plugin*> load_library(const std::string& copy, const std::string& path) {
  const PluginCall noted(CallKind::load, path.c_str());
  void* handle = ::dlopen(copy.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle)
    return refuse("cannot be loaded: " + linker_error(copy, path),
                  "build it as a shared object for this machine and link it with -Wl,-z,defs, which finds missing "
                  "symbols early; the copies in " +
                      fs::path(copy).parent_path().string() + " need a file system that is not mounted noexec");
  const std::lock_guard lock(loaded().mutex);
  if (const auto known = loaded().plugins.find(handle); known != loaded().plugins.end()) return known->second;
  void* symbol = ::dlsym(handle, KST_PLUGIN_ENTRY);
  if (!symbol)
    return refuse(std::string("exports no ") + KST_PLUGIN_ENTRY + ": it is no kstreamd plugin",
                  "declare the function with KST_EXPORT and C linkage (in C++: KSTREAMD_PLUGIN), or move the file out "
                  "of the plugin folder");
  try {
    const kst_plugin* plugin = reinterpret_cast<kst_plugin_entry_fn>(symbol)(&host_table());
    loaded().plugins.emplace(handle, plugin);
    return plugin;
  } catch (...) {
    return refuse(std::string(KST_PLUGIN_ENTRY) + " threw a C++ exception", "this is a bug of the plugin");
  }
}

Result<const kst_plugin*> load_copy(const PluginCopy& copy, const std::string& path) {
  const std::string note = copy.note();
  // Should it crash after all, the note that it does not is wrong.
  const UnlinkOnCrash wrong(note.c_str());
  auto plugin = load_library(copy.path(), path);
  if (plugin) {
    const std::lock_guard lock(loaded().mutex);
    loaded().copies.push_back(copy);
  }
  return plugin;
}

}  // namespace kstreamd
