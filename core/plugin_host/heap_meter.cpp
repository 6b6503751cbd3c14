#include "core/plugin_host/heap_meter.h"

#include <malloc.h>

#include <cstdlib>

namespace kstreamd {

int64_t HeapMeter::in_use() {
  const auto all = ::mallinfo2();
  return static_cast<int64_t>(all.uordblks + all.hblkhd);
}

Status HeapMeter::exact() {
  // Volatile: the pair must not be optimized away. A thread's cache of free memory would count as in use.
  const int64_t before = in_use();
  void* volatile block = std::malloc(200);
  const int64_t during = in_use();
  std::free(block);
  if (during > before && in_use() == before) return {};
  return Error{Recovery::stop_topology, "the allocator of this process does not count to the byte",
               "start it with GLIBC_TUNABLES=glibc.malloc.tcache_count=0, and without a sanitizer"};
}

}  // namespace kstreamd
