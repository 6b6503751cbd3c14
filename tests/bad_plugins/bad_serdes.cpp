// Serdes of which each breaks the rules in one way.
#include <stdexcept>

#include "sound.h"

namespace {

using Read = kst_status (*)(const void*, size_t, const kst_memory*, kst_value*);
using Write = kst_status (*)(const kst_value*, const kst_memory*, const void**, size_t*);

constexpr kst_serde_type serde(const char* name, Read read, Write write) {
  return {sizeof(kst_serde_type), name, "breaks the rules", read, write};
}
kst_status throw_on_read(const void*, size_t, const kst_memory*, kst_value*) { throw std::runtime_error("not caught"); }
kst_status throw_on_write(const kst_value*, const kst_memory*, const void**, size_t*) {
  throw std::runtime_error("not caught");
}

const kst_serde_type throws = serde("throws", throw_on_read, throw_on_write);
const kst_serde_type silent = serde(
    "silent", [](const void*, size_t, const kst_memory*, kst_value*) -> kst_status { return KST_RECORD_ERROR; },
    [](const kst_value*, const kst_memory*, const void**, size_t*) -> kst_status { return KST_RECORD_ERROR; });
const kst_serde_type fatal = serde(
    "fatal", [](const void*, size_t, const kst_memory*, kst_value*) -> kst_status { return KST_FATAL; },
    [](const kst_value*, const kst_memory*, const void** bytes, size_t* size) -> kst_status {
      *bytes = nullptr;
      *size = 9;
      return KST_OK;
    });
const kst_serde_type unknown = serde(
    "unknown",
    [](const void*, size_t, const kst_memory*, kst_value* value) -> kst_status {
      value->type = 99;
      return KST_OK;
    },
    sound_write);
const kst_serde_type dangling = serde(
    "dangling",
    [](const void*, size_t, const kst_memory*, kst_value* value) -> kst_status {
      *value = {KST_STRING, 5, {.data = nullptr}};
      return KST_OK;
    },
    sound_write);
const kst_serde_type no_object = serde(
    "no_object",
    [](const void*, size_t, const kst_memory*, kst_value* value) -> kst_status {
      *value = {KST_OBJECT, 0, {.object = nullptr}};
      return KST_OK;
    },
    sound_write);
const kst_object_type bare_type = {sizeof(kst_object_type), "bare/1", nullptr, nullptr, nullptr, nullptr};
const kst_object bare_object = {&bare_type};
const kst_serde_type bare = serde(
    "bare",
    [](const void*, size_t, const kst_memory*, kst_value* value) -> kst_status {
      *value = {KST_OBJECT, 0, {.object = &bare_object}};
      return KST_OK;
    },
    sound_write);

const kst_serde_type* const serdes[] = {&throws, &silent, &fatal, &unknown, &dangling, &no_object, &bare, nullptr};
const kst_plugin plugin = SOUND_SERDES(serdes);

}  // namespace

extern "C" KST_EXPORT const kst_plugin* kst_plugin_entry(const kst_host*) { return &plugin; }
