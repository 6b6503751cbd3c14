#include "core/plugin_host/plugin_serde.h"

#include <string>

#include "core/plugin_host/abi_struct.h"
#include "core/plugin_host/current_call.h"

namespace kstreamd {
namespace {

constexpr size_t kObjectTypeSize = KSTREAMD_SIZE_UP_TO(kst_object_type, release);

// kst_memory over an arena.
class ArenaMemory : public kst_memory {
 public:
  explicit ArenaMemory(Arena& arena) : kst_memory{sizeof(kst_memory), allocate_from, note}, arena_(arena) {}
  const std::string& message() const { return message_; }

 private:
  static void* allocate_from(const kst_memory* memory, size_t size) noexcept {
    return static_cast<const ArenaMemory*>(memory)->arena_.allocate(size);
  }
  static void note(const kst_memory* memory, const char* message, size_t size) noexcept {
    static_cast<const ArenaMemory*>(memory)->message_.assign(message, size);
  }
  Arena& arena_;
  mutable std::string message_;  // the table is the plugin's to read only; what lies behind it is ours
};

void release_object(const void* thing) {
  const auto* object = static_cast<const kst_object*>(thing);
  object->type->release(object);
}

class PluginSerde final : public Serde {
 public:
  PluginSerde(const kst_serde_type& type, SerdeInfo info) : type_(type), info_(std::move(info)) {}
  const std::string& name() const override { return info_.name; }
  bool of_plugin() const override { return true; }

  Result<Value> read(std::string_view bytes, Arena& arena) const override {
    ArenaMemory memory(arena);
    Value value = null_value();
    // Some codecs take a null pointer for an error, whatever the size.
    KSTREAMD_TRY(call("read", memory,
                      [&] { return type_.read(bytes.empty() ? "" : bytes.data(), bytes.size(), &memory, &value); }));
    if (value.type > KST_OBJECT)
      return bug("gave a value of type " + std::to_string(value.type) + ", which there is not");
    if (has_data(value) && value.size > 0 && !value.u.data)
      return bug("gave " + std::string(type_name(value)) + " of " + std::to_string(value.size) + " bytes at NULL");
    if (value.type == KST_OBJECT) KSTREAMD_TRY(adopt(value, arena));
    return value;
  }

  Result<std::string_view> write(const Value& value, Arena& arena) const override {
    ArenaMemory memory(arena);
    const void* bytes = nullptr;
    size_t size = 0;
    KSTREAMD_TRY(call("write", memory, [&] { return type_.write(&value, &memory, &bytes, &size); }));
    if (!bytes && size > 0) return bug("gave " + std::to_string(size) + " bytes at NULL");
    return std::string_view(bytes ? static_cast<const char*>(bytes) : "", size);
  }

 private:
  Error bug(const std::string& what) const {
    return Error{Recovery::stop_topology, "serde '" + info_.name + "' " + what,
                 "this is a bug of plugin " + info_.plugin};
  }

  Status adopt(const Value& value, Arena& arena) const {
    const kst_object* object = value.u.object;
    if (!object || !object->type) return bug("gave an object at NULL, or one without a type");
    if (object->type->struct_size < kObjectTypeSize || !object->type->id || !object->type->to_json ||
        !object->type->retain || !object->type->release)
      return bug("gave an object whose type lacks id, to_json, retain or release");
    arena.adopt(release_object, object);
    return {};
  }

  template <typename Function>
  Status call(const char* name, const ArenaMemory& memory, Function function) const {
    const PluginCall noted(CallKind::serde, info_.name.c_str(), info_.content.c_str());
    kst_status status;
    try {
      status = function();
    } catch (...) {
      return bug(std::string("threw a C++ exception across the plugin ABI in ") + name);
    }
    if (status == KST_OK) return {};
    if (status != KST_RECORD_ERROR)
      return bug(std::string("answered ") + name + " with status " + std::to_string(status) +
                 "; it may be KST_OK or KST_RECORD_ERROR");
    return Error{Recovery::stop_topology, memory.message().empty() ? "the serde gives no reason" : memory.message(),
                 ""};
  }

  const kst_serde_type type_;
  const SerdeInfo info_;
};

}  // namespace

std::shared_ptr<const Serde> make_plugin_serde(const kst_serde_type& type, SerdeInfo info) {
  return std::make_shared<PluginSerde>(type, std::move(info));
}

}  // namespace kstreamd
