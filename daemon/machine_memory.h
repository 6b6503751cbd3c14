// How much memory there is for this process.
#pragma once
#include <cstdint>
#include <optional>

namespace kstreamd {

struct MachineMemory {
  uint64_t machine = 0;            // bytes
  std::optional<uint64_t> cgroup;  // the least memory.max of its control groups (version 2), where one is set
  uint64_t usable() const { return cgroup && *cgroup < machine ? *cgroup : machine; }
};

// Reads /proc and /sys/fs/cgroup. What cannot be read is not there. [any thread]
MachineMemory machine_memory();

}  // namespace kstreamd
