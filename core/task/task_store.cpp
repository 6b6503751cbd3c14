#include "core/task/task_store.h"

#include <utility>

#include "core/serde/objects.h"
#include "core/task/task_store_parts.h"

namespace kstreamd {

kst_status StoreConverter::key(const Value& key, std::string_view& bytes) {
  if (is_null(key)) return user_.record_error("a null key was used with " + place());
  auto written = write_value(binding_.key, key, user_.arena());
  if (!written) return refuse("key", std::move(written).error());
  bytes = *written;
  return KST_OK;
}

// Where the record is not at fault, the task waits.
kst_status StoreConverter::refuse(const char* part, Error error) {
  if (error.recovery != Recovery::stop_topology) return user_.stop(std::move(error).in(place() + ", " + part));
  return user_.record_error(place() + ", " + part + ": " + error.text());
}

kst_status StoreConverter::bound(const Value& value, std::optional<std::string_view>& bytes) {
  if (is_null(value)) return KST_OK;
  std::string_view written;
  const kst_status status = key(value, written);
  bytes = written;
  return status;
}

kst_status StoreConverter::value(const Value& value, int64_t timestamp, StoreValue& stored) {
  stored = {};
  stored.timestamp = timestamp;
  if (is_null(value)) return KST_OK;
  auto written = write_value(binding_.value, value, user_.arena());
  if (!written) return refuse("value", std::move(written).error());
  stored.present = true;
  stored.value = *written;
  return KST_OK;
}

kst_status StoreConverter::keep(const StoreValue& stored, Value& value) {
  value = null_value();
  if (!stored.present) return KST_OK;
  // The value may point into what it was read from, directly or from within an object.
  auto found = binding_.value.read(user_.arena().copy(stored.value), user_.arena());
  if (!found) return user_.stop(std::move(found).error().in(place() + " holds a value that its serde cannot read"));
  value = *found;
  return KST_OK;
}

Status StoreConverter::read(std::string_view key_bytes, const StoreValue& stored, Value& key, Value& value) {
  auto found_key = binding_.key.read(key_bytes, user_.arena());
  if (!found_key) return std::move(found_key).error();
  auto found = binding_.value.read(stored.value, user_.arena());
  if (!found) return std::move(found).error();
  key = *found_key;
  value = *found;
  return {};
}

kst_status StoreConverter::get(std::string_view bytes, StoreValue& stored) {
  auto found = binding_.store.get(bytes);
  if (!found) return user_.stop(std::move(found).error());
  stored = *found;
  return KST_OK;
}

kst_status StoreConverter::put(std::string_view bytes, const StoreValue& stored) {
  auto put = binding_.store.put(bytes, stored);
  return put ? KST_OK : user_.stop(std::move(put).error());
}

kst_status StoreConverter::range(std::optional<std::string_view> from, std::optional<std::string_view> to,
                                 const TimeSpan& times, bool reverse, const Visit& visit) {
  std::optional<Error> failure;
  auto visited = binding_.store.range(from, to, times, reverse, [&](std::string_view key, const StoreValue& stored) {
    auto more = visit(key, stored);
    if (!more) failure = std::move(more).error();
    return more && *more;
  });
  if (failure) return user_.stop(std::move(*failure).in(place() + " holds a row that its serdes cannot read"));
  return visited ? KST_OK : user_.stop(std::move(visited).error());
}

Error short_key(const char* what) {
  return {.message = std::string("its key is too short for that of a ") + what,
          .hint = "the changelog was written by something else: give the store another name, or reset it"};
}

StoreConfig store_config(const Store& declared) {
  StoreConfig config{.name = declared.name,
                     .persistent = declared.persistent,
                     .changelogged = declared.changelogged,
                     .retention = (declared.retention + declared.slack).count()};
  switch (kind_of(declared.type)) {
    case StoreKind::window:
      config.layout = KeyLayout::window;
      config.duplicates = declared.duplicates;
      break;
    case StoreKind::session:
      config.layout = KeyLayout::session;
      config.timestamped = false;
      break;
    case StoreKind::versioned:
      config.layout = KeyLayout::versioned;
      break;
    default:
      config.timestamped = declared.type != "key_value";
      config.retention = declared.ttl.count();
      break;
  }
  return config;
}

std::unique_ptr<ProcessorStore> make_store_access(const StoreBinding& binding, StoreUser& user) {
  switch (kind_of(binding.declared.type)) {
    case StoreKind::window:
      return make_window_access(binding, user);
    case StoreKind::session:
      return make_session_access(binding, user);
    case StoreKind::versioned:
      return make_versioned_access(binding, user);
    default:
      return make_key_value_access(binding, user);
  }
}

}  // namespace kstreamd
