// Stores as a processor uses them: values, not bytes. Implemented by core/task over KeyValueStore (state.h); which
// functions there are, and what they mean, is told by the ABI's header of each kind (abi/store.h, window_store.h,
// session_store.h, versioned_store.h). Same thread as the processor. A status other than KST_OK has been given its
// message.
#pragma once
#include <cstdint>
#include <span>

#include "kstreamd/abi/session_store.h"
#include "kstreamd/abi/store.h"
#include "kstreamd/abi/versioned_store.h"
#include "kstreamd/abi/window_store.h"

namespace kstreamd {

class ProcessorStore {
 public:
  virtual ~ProcessorStore() = default;
  // KST_STORE_KEY_VALUE, ...: says which of the classes below this is.
  virtual uint32_t kind() const = 0;
  virtual uint64_t approximate_rows() const = 0;
};

class KeyValueAccess : public ProcessorStore {
 public:
  uint32_t kind() const final { return KST_STORE_KEY_VALUE; }
  virtual kst_status get_many(std::span<kst_store_row> rows) = 0;
  virtual kst_status put_many(std::span<const kst_store_row> rows) = 0;
  virtual kst_status put_if_absent_many(std::span<kst_store_row> rows) = 0;
  virtual kst_status delete_many(std::span<kst_store_row> rows) = 0;
  virtual kst_status scan(std::span<const kst_key_range> ranges, bool reverse, void* visitor,
                          kst_row_visitor visit) = 0;
  virtual kst_status prefix_scan(std::span<const kst_value> prefixes, bool reverse, void* visitor,
                                 kst_row_visitor visit) = 0;
};

class WindowAccess : public ProcessorStore {
 public:
  uint32_t kind() const final { return KST_STORE_WINDOW; }
  virtual kst_status get_many(std::span<kst_window_row> rows) = 0;
  virtual kst_status put_many(std::span<const kst_window_row> rows) = 0;
  virtual kst_status scan(std::span<const kst_window_range> ranges, bool reverse, void* visitor,
                          kst_window_visitor visit) = 0;
};

class SessionAccess : public ProcessorStore {
 public:
  uint32_t kind() const final { return KST_STORE_SESSION; }
  virtual kst_status get_many(std::span<kst_session_row> rows) = 0;
  virtual kst_status put_many(std::span<const kst_session_row> rows) = 0;
  virtual kst_status scan(std::span<const kst_session_range> ranges, bool reverse, void* visitor,
                          kst_session_visitor visit) = 0;
};

class VersionedAccess : public ProcessorStore {
 public:
  uint32_t kind() const final { return KST_STORE_VERSIONED; }
  virtual kst_status get_many(std::span<kst_version_row> rows) = 0;
  virtual kst_status put_many(std::span<kst_version_row> rows) = 0;
  virtual kst_status delete_many(std::span<kst_version_row> rows) = 0;
  virtual kst_status scan(std::span<const kst_version_range> ranges, bool reverse, void* visitor,
                          kst_version_visitor visit) = 0;
};

}  // namespace kstreamd
