// An extension of the host for the operators that come with it, and no part of the ABI: between values and bytes by the
// serdes of a node's stores. For operators that lay out rows of a store of bytes by themselves.
#pragma once
#include <kstreamd/abi/plugin.h>

#include <cstddef>
#include <cstdint>

namespace kstreamd {

struct StoreBytesExtension {
  static constexpr const char* kId = "kstreamd.internal.store_bytes";
  static constexpr uint32_t kRevision = 1;
  enum Part : uint32_t { key, value };
  // In place of a store's number: the serdes of what the node puts out.
  static constexpr uint32_t kNode = UINT32_MAX;

  uint32_t struct_size;
  // The bytes that the store would keep of a key or value, no null. They live until the call into the processor
  // returns. A value that does not fit is a KST_RECORD_ERROR.
  kst_status (*write)(kst_context* context, uint32_t store, uint32_t part, const kst_value* value, const char** bytes,
                      size_t* size);
  // What they were written from. It may borrow from the bytes; else it lives until the call into the processor returns.
  kst_status (*read)(kst_context* context, uint32_t store, uint32_t part, const char* bytes, size_t size,
                     kst_value* value);
};

}  // namespace kstreamd
