// An extension of the host for the operators that come with it, and no part of the ABI: records that came after their
// window had closed.
#pragma once
#include <kstreamd/abi/plugin.h>

#include <cstddef>
#include <cstdint>

namespace kstreamd {

struct LateExtension {
  static constexpr const char* kId = "kstreamd.internal.late";
  static constexpr uint32_t kRevision = 1;

  uint32_t struct_size;
  // Counts a record of the batch at hand as dropped, `late`, once for each of its windows that has closed, and sends it
  // to the dead-letter topic where the topology asks for that. [process]
  kst_status (*drop)(kst_context* context, const kst_record* record, size_t windows);
};

}  // namespace kstreamd
