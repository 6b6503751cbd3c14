#include "daemon/machine_memory.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>

namespace kstreamd {
namespace {

constexpr const char* kRoot = "/sys/fs/cgroup";

// The group's path in the hierarchy of version 2: the line "0::/PATH".
std::string group_path() {
  std::ifstream file("/proc/self/cgroup");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("0::/")) return line.substr(3);
  return "/";
}

}  // namespace

MachineMemory machine_memory() {
  MachineMemory memory;
  memory.machine = static_cast<uint64_t>(std::max(sysconf(_SC_PHYS_PAGES), 0L)) *
                   static_cast<uint64_t>(std::max(sysconf(_SC_PAGESIZE), 0L));
  // A group is bound by those above it too.
  for (std::filesystem::path path = group_path();; path = path.parent_path()) {
    std::ifstream file(std::string(kRoot) + path.string() + "/memory.max");
    uint64_t bytes = 0;
    if (file >> bytes) memory.cgroup = std::min(memory.cgroup.value_or(bytes), bytes);  // "max": no number
    if (!path.has_relative_path()) break;
  }
  return memory;
}

}  // namespace kstreamd
