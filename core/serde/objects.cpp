#include "core/serde/objects.h"

#include <limits>
#include <optional>

namespace kstreamd {
namespace {

// A kst_memory over an arena, and the message of the function it is lent to.
struct ArenaMemory : kst_memory {
  explicit ArenaMemory(Arena& a) : kst_memory{sizeof(kst_memory), allocate_in, fail_with}, arena(a) {}
  static void* allocate_in(const kst_memory* memory, size_t size) {
    return static_cast<const ArenaMemory*>(memory)->arena.allocate(size);
  }
  static void fail_with(const kst_memory* memory, const char* text, size_t size) {
    static_cast<const ArenaMemory*>(memory)->message.assign(text, size);
  }
  Arena& arena;
  mutable std::string message;
};

std::string_view id_of(const kst_object_type& type) { return type.id ? type.id : "(without an id)"; }

Error unwritable(const kst_object_type& type, const char* form, const std::string& why) {
  return Error{.message = "an object of type " + std::string(id_of(type)) + " cannot be turned into " + form +
                          (why.empty() ? "" : ": " + why),
               .hint = "see the documentation of the plugin that makes it"};
}

}  // namespace

Result<Value> plain_value(const Value& value, bool want_bytes, Arena& arena) {
  if (value.type != KST_OBJECT) return value;
  const kst_object* object = value.u.object;
  const kst_object_type& type = *object->type;
  const bool bytes = want_bytes && type.to_bytes;
  const char* form = bytes ? "bytes" : "JSON";
  ArenaMemory memory(arena);
  const void* data = nullptr;
  const char* text = nullptr;
  size_t size = 0;
  const kst_status status =
      bytes ? type.to_bytes(object, &memory, &data, &size) : type.to_json(object, &memory, &text, &size);
  if (status != KST_OK) return unwritable(type, form, memory.message);
  if (size > std::numeric_limits<uint32_t>::max()) return unwritable(type, form, "it takes more than 4 GiB");
  if (bytes) return bytes_value({static_cast<const char*>(data), size});
  return want_bytes ? bytes_value({text, size}) : json_value({text, size});
}

Result<std::string_view> write_object(const Serde& serde, const Value& value, Arena& arena) {
  std::optional<Error> refused;
  if (serde.of_plugin()) {
    auto written = serde.write(value, arena);
    if (written) return written;
    refused = std::move(written).error();
  }
  auto plain = plain_value(value, serde.name() == "bytes", arena);
  if (!plain) return refused.value_or(plain.error());
  auto written = serde.write(*plain, arena);
  // What it says about the object tells more than what it says about a text that it did not ask for.
  if (!written && refused) return *refused;
  return written;
}

}  // namespace kstreamd
