// Objects of plugins where bytes are needed: who is asked, in which form, and what is said when it does not work.
#include "core/serde/objects.h"

#include <catch2/catch.hpp>
#include <cstring>

namespace kstreamd {
namespace {

struct Point {
  kst_object head;
  int x = 0;
};

kst_status say(const kst_memory* memory, const std::string& text, const void** data, size_t* size) {
  void* copy = memory->allocate(memory, text.size());
  std::memcpy(copy, text.data(), text.size());
  *data = copy;
  *size = text.size();
  return KST_OK;
}
kst_status point_json(const kst_object* object, const kst_memory* memory, const char** text, size_t* size) {
  const int x = reinterpret_cast<const Point*>(object)->x;
  if (x < 0) {
    memory->fail(memory, "x is below 0", 12);
    return KST_RECORD_ERROR;
  }
  const void* data = nullptr;
  say(memory, "{\"x\":" + std::to_string(x) + "}", &data, size);
  *text = static_cast<const char*>(data);
  return KST_OK;
}
kst_status point_bytes(const kst_object* object, const kst_memory* memory, const void** bytes, size_t* size) {
  return say(memory, "x" + std::to_string(reinterpret_cast<const Point*>(object)->x), bytes, size);
}
void leave(const kst_object*) {}

const kst_object_type with_bytes{sizeof(kst_object_type), "test.point/1", point_json, point_bytes, leave, leave};
const kst_object_type json_only{sizeof(kst_object_type), "test.point/1", point_json, nullptr, leave, leave};

// A serde of a plugin: takes objects, or refuses them with a message of its own.
class PluginSerde final : public Serde {
 public:
  explicit PluginSerde(bool takes_objects, bool takes_json) : takes_objects_(takes_objects), takes_json_(takes_json) {}
  const std::string& name() const override { return name_; }
  bool of_plugin() const override { return true; }
  Result<Value> read(std::string_view bytes, Arena&) const override { return bytes_value(bytes); }
  Result<std::string_view> write(const Value& value, Arena& arena) const override {
    if (value.type == KST_OBJECT && takes_objects_) return arena.copy("object itself");
    if (value.type == KST_JSON && takes_json_) return data_of(value);
    return Error{.message = std::string("no use for a ") + type_name(value)};
  }

 private:
  const std::string name_ = "test.point";
  const bool takes_objects_, takes_json_;
};

std::string written(const Serde& serde, const Value& value) {
  Arena arena;
  auto bytes = write_value(serde, value, arena);
  return bytes ? std::string(*bytes) : "error: " + bytes.error().message;
}

TEST_CASE("built-in serdes write objects as JSON, and bytes as the object makes them") {
  const Point point{{&with_bytes}, 7};
  CHECK(written(*find_serde("json"), object_value(&point.head)) == "{\"x\":7}");
  CHECK(written(*find_serde("bytes"), object_value(&point.head)) == "x7");
  const Point plain{{&json_only}, 7};
  CHECK(written(*find_serde("bytes"), object_value(&plain.head)) == "{\"x\":7}");
  CHECK(written(*find_serde("int64"), object_value(&plain.head)).find("error: a json value does not fit") == 0);
  CHECK(written(*find_serde("string"), string_value("as ever")) == "as ever");
}

TEST_CASE("a plugin's serde is given the object itself first") {
  const Point point{{&with_bytes}, 7};
  CHECK(written(PluginSerde(true, true), object_value(&point.head)) == "object itself");
  CHECK(written(PluginSerde(false, true), object_value(&point.head)) == "{\"x\":7}");
  CHECK(written(PluginSerde(false, false), object_value(&point.head)) == "error: no use for a object");
}

TEST_CASE("an object that cannot be turned into JSON is an error that names its type and its reason") {
  const Point point{{&json_only}, -1};
  CHECK(written(*find_serde("json"), object_value(&point.head)) ==
        "error: an object of type test.point/1 cannot be turned into JSON: x is below 0");
}

TEST_CASE("values that are no objects stay what they are") {
  Arena arena;
  auto value = plain_value(int64_value(5), true, arena);
  REQUIRE(value);
  CHECK(value->type == KST_INT64);
}

}  // namespace
}  // namespace kstreamd
