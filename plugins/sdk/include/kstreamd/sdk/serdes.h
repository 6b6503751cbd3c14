// An extension of the host for the operators that come with it, and no part of the ABI: between values and bytes by any
// serde that a topology can name. For operators that lay out rows of stores and records of internal topics themselves.
#pragma once
#include <kstreamd/abi/plugin.h>

#include <cstddef>
#include <cstdint>

namespace kstreamd {

struct SerdesExtension {
  static constexpr const char* kId = "kstreamd.internal.serdes";
  static constexpr uint32_t kRevision = 1;

  uint32_t struct_size;
  // The serde of a name or spec, which lives as long as the process; NULL: there is none. [init, process, punctuate]
  const void* (*find)(kst_context* context, const char* name, size_t name_size);
  // The bytes of a value, no null. They live until the call into the processor returns. A value that does not fit is a
  // KST_RECORD_ERROR. [init, process, punctuate]
  kst_status (*write)(kst_context* context, const void* serde, const kst_value* value, const char** bytes,
                      size_t* size);
  // What they were written from. It may borrow from the bytes; else it lives until the call into the processor returns.
  // [init, process, punctuate]
  kst_status (*read)(kst_context* context, const void* serde, const char* bytes, size_t size, kst_value* value);
};

}  // namespace kstreamd
