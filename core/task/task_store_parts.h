// What the kinds of stores have in common, and how each is made. Internal to the task_store files.
#pragma once
#include <algorithm>
#include <memory>
#include <optional>
#include <string>

#include "core/task/task_store.h"

namespace kstreamd {

// Between values and the bytes of one store. Every function that fails has told the user, and answers with the status
// to return.
class StoreConverter {
 public:
  StoreConverter(const StoreBinding& binding, StoreUser& user) : binding_(binding), user_(user) {}

 protected:
  // A key to bytes, which last as long as the call into the processor.
  kst_status key(const Value& key, std::string_view& bytes);
  // The same for the end of a range; null is an open one.
  kst_status bound(const Value& key, std::optional<std::string_view>& bytes);
  // A value to be stored; null deletes.
  kst_status value(const Value& value, int64_t timestamp, StoreValue& stored);
  // A stored value, kept until the call into the processor returns: the store's memory may move with the next write.
  kst_status keep(const StoreValue& stored, Value& value);
  // A row of a scan, as borrowed as the store gives it; an Error when its serdes cannot read it.
  Status read(std::string_view key_bytes, const StoreValue& stored, Value& key, Value& value);

  // What a serde does not take.
  kst_status refuse(const char* part, Error error);
  kst_status get(std::string_view bytes, StoreValue& stored);
  kst_status put(std::string_view bytes, const StoreValue& stored);
  // Visits from..to; of windows and sessions, those of other times may be left out. `visit` answers with whether to go
  // on, or an Error about a row.
  using Visit = std::function<Result<bool>(std::string_view key, const StoreValue& stored)>;
  kst_status range(std::optional<std::string_view> from, std::optional<std::string_view> to, const TimeSpan& times,
                   bool reverse, const Visit& visit);

  // Of windows and sessions: the least time of a row that has not expired.
  int64_t first_live() const {
    return std::max<int64_t>(
        0, binding_.store.clock().time - (binding_.declared.retention + binding_.declared.slack).count() + 1);
  }
  std::string place() const { return "store '" + binding_.store.name() + "'"; }

  const StoreBinding binding_;
  StoreUser& user_;
};

// Keys from..to; nullopt: an open end.
struct KeyRange {
  std::optional<std::string_view> from;
  std::optional<std::string_view> to;

  bool empty() const { return from && to && *from > *to; }
  bool one_key() const { return from && to && *from == *to; }
  bool holds(std::string_view key) const { return (!from || *from <= key) && (!to || key <= *to); }
};

Error short_key(const char* what);

std::unique_ptr<ProcessorStore> make_key_value_access(const StoreBinding& binding, StoreUser& user);
std::unique_ptr<ProcessorStore> make_window_access(const StoreBinding& binding, StoreUser& user);
std::unique_ptr<ProcessorStore> make_session_access(const StoreBinding& binding, StoreUser& user);
std::unique_ptr<ProcessorStore> make_versioned_access(const StoreBinding& binding, StoreUser& user);

}  // namespace kstreamd
