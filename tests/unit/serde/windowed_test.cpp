#include "kstreamd/sdk/windowed.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>
#include <thread>
#include <vector>

#include "core/base/base64.h"
#include "core/record/murmur2.h"
#include "core/serde/objects.h"

namespace kstreamd {
namespace {

using namespace std::string_literals;
using Catch::Matchers::Contains;

constexpr const char* kTime = R"({"time_windowed":"string","size":10000})";
constexpr const char* kSession = R"({"session_windowed":"string"})";

std::string written(std::string_view serde, const Value& value) {
  Arena arena;
  auto bytes = write_value(*find_serde(serde), value, arena);
  return bytes ? std::string(*bytes) : "error: " + bytes.error().text();
}

Windowed read(std::string_view serde, std::string_view bytes, Arena& arena) {
  auto value = find_serde(serde)->read(bytes, arena);
  INFO((value ? "" : value.error().text()));
  REQUIRE(value.ok());
  REQUIRE(is_windowed(*value));
  return windowed_of(*value);
}

std::string read_error(std::string_view serde, std::string_view bytes) {
  Arena arena;
  auto value = find_serde(serde)->read(bytes, arena);
  return value ? "no error" : value.error().text();
}

Value windowed(const Value& key, int64_t start, int64_t end, Arena& arena) {
  return windowed_value(Windowed{key, start, end}, arena);
}

std::string spec_error(std::string_view spec) {
  auto made = make_serde(spec, find_serde);
  return made ? "no error" : made.error().text();
}

std::string base64(const char* text) { return *base64_decode(text); }

TEST_CASE("windowed keys are the inner key, then the bounds, as Kafka Streams writes them") {
  Arena arena;
  const Value abc = windowed(string_value("abc"), 1700000000000, 1700000010000, arena);
  CHECK(written(kTime, abc) == base64("YWJjAAABi8/laAA="));
  CHECK(written(R"({"time_windowed":"string"})", abc) == base64("YWJjAAABi8/laAA="));
  CHECK(written(R"({"time_windowed":"int64"})", windowed(int64_value(-1), 60000, 120000, arena)) ==
        base64("//////////8AAAAAAADqYA=="));
  CHECK(written(kSession, windowed(string_value("a"), 1000, 3000, arena)) == base64("YQAAAAAAAAu4AAAAAAAAA+g="));
  CHECK(written(kSession, windowed(string_value(""), 3000, 3000, arena)) == base64("AAAAAAAAC7gAAAAAAAALuA=="));
}

TEST_CASE("windowed keys are read back, the end of a time window by its size") {
  Arena arena;
  auto key = read(kTime, base64("YWJjAAABi8/laAA="), arena);
  CHECK(data_of(key.key) == "abc");
  CHECK(key.start == 1700000000000);
  CHECK(key.end == 1700000010000);
  CHECK(read(R"({"time_windowed":"string"})", "\0\0\0\0\0\0\0\7"s, arena).end == std::numeric_limits<int64_t>::max());
  CHECK(read(kTime, "\x7f\xff\xff\xff\xff\xff\xff\xff"s, arena).end == std::numeric_limits<int64_t>::max());
  key = read(R"({"session_windowed":"int64"})", "\0\0\0\0\0\0\0\5\0\0\0\0\0\0\0\7\0\0\0\0\0\0\0\6"s, arena);
  CHECK(key.key.u.integer == 5);
  CHECK(key.end == 7);
  CHECK(key.start == 6);
}

TEST_CASE("bytes that are no windowed key are refused") {
  CHECK_THAT(read_error(kTime, "1234567"), Contains("time_windowed needs 8 bytes or more, got 7"));
  CHECK_THAT(read_error(kSession, "123456789012345"), Contains("session_windowed needs 16 bytes or more, got 15"));
  CHECK_THAT(read_error(kTime, "a\xff\xff\xff\xff\xff\xff\xff\xff"), Contains("no window is from -1 to"));
  CHECK_THAT(read_error(kSession, "\0\0\0\0\0\0\0\5\0\0\0\0\0\0\0\6"s), Contains("no window is from 6 to 5"));
  CHECK_THAT(read_error(R"({"time_windowed":"int64"})", "short\0\0\0\0\0\0\0\0"s),
             Contains("int64 needs 8 bytes, got 5"));
}

TEST_CASE("json writes a windowed key, and a windowed serde takes that JSON") {
  Arena arena;
  CHECK(written("json", windowed(string_value("a\"b"), 5, 9, arena)) == R"({"end":9,"key":"a\"b","start":5})");
  CHECK(written("json", windowed(int64_value(9007199254740993), 5, 9, arena)) ==
        R"({"end":9,"key":9007199254740993,"start":5})");
  CHECK(written("json", windowed(json_value(R"({"x":4.0})"), 5, 9, arena)) == R"({"end":9,"key":{"x":4.0},"start":5})");
  CHECK(written("json", windowed(null_value(), 5, 9, arena)) == R"({"end":9,"key":null,"start":5})");

  CHECK(written(kTime, json_value(R"({"end":10005,"key":"a","start":5})")) == "a\0\0\0\0\0\0\0\5"s);
  CHECK(written(R"({"time_windowed":"json"})", json_value(R"({"key":{"b":4.0,"a":1},"start":5,"end":9})")) ==
        R"({"a":1,"b":4.0})"s + "\0\0\0\0\0\0\0\5"s);
  CHECK(written(R"({"session_windowed":"int64"})", json_value(R"({"key":9007199254740993,"start":5,"end":9})")) ==
        "\0\x20\0\0\0\0\0\1\0\0\0\0\0\0\0\x09\0\0\0\0\0\0\0\5"s);
}

TEST_CASE("what is no windowed key does not fit a windowed serde, and the other way round") {
  Arena arena;
  const Value key = windowed(string_value("a"), 5, 9, arena);
  for (const char* serde : {"string", "bytes", "uuid", "bool", "int16", "int32", "int64", "float32", "float64"}) {
    INFO(serde);
    CHECK_THAT(written(serde, key), Contains("a windowed key value does not fit the serde "s + serde) &&
                                        Contains("name the serde { time_windowed: "s + serde + " } or"));
  }
  for (const auto& value : {string_value("a"), int64_value(1), json_value("{\"key\":1}"), json_value("[1]"),
                            json_value(R"({"key":1,"start":"x","end":9})")})
    CHECK_THAT(written(kTime, value), Contains("does not fit the serde time_windowed"));
  CHECK_THAT(written(kTime, windowed(int64_value(1), 5, 9, arena)),
             Contains("an int64 value does not fit the serde string"));
  CHECK_THAT(written(kTime, windowed(null_value(), 5, 9, arena)), Contains("inner key is null"));
}

TEST_CASE("specs: equal ones share a serde, wrong ones say why") {
  CHECK(find_serde(kTime) == find_serde(kTime));
  CHECK(find_serde(kTime)->name() == kTime);
  CHECK(find_serde(kTime) != find_serde(R"({"time_windowed":"string"})"));
  CHECK(find_serde(kTime)->windowed());
  CHECK_FALSE(find_serde("string")->windowed());
  CHECK(find_serde(R"({"time_windowed":"strnig"})") == nullptr);
  CHECK(spec_error("{") == "the serde { is no JSON object (write {\"KIND\": ARGUMENTS})");
  CHECK_THAT(spec_error(R"({"avor":{}})"), Contains("unknown kind of serde"));
  CHECK_THAT(spec_error(R"({"time_windowed":"strnig"})"), Contains("unknown serde 'strnig' within time_windowed"));
  CHECK_THAT(spec_error(R"({"time_windowed":{"session_windowed":"string"}})"), Contains("is windowed itself"));
  CHECK_THAT(spec_error(R"({"time_windowed":"string","size":0})"), Contains("no number of milliseconds above 0"));
  CHECK_THAT(spec_error(R"({"session_windowed":"string","size":5})"), Contains("takes no size"));
}

TEST_CASE("a serde within a spec may be a plugin's") {
  class Upper final : public Serde {
   public:
    const std::string& name() const override { return name_; }
    bool of_plugin() const override { return true; }
    Result<Value> read(std::string_view bytes, Arena&) const override { return string_value(bytes); }
    Result<std::string_view> write(const Value& value, Arena& arena) const override {
      return arena.copy("U" + std::string(data_of(value)));
    }

   private:
    const std::string name_ = "upper";
  };
  static const Upper upper;
  const auto lookup = [](std::string_view name) { return name == "upper" ? &upper : find_serde(name); };
  auto made = make_serde(R"({"time_windowed":"upper"})", lookup);
  REQUIRE(made);
  CHECK((*made)->of_plugin());
  Arena arena;
  auto bytes = (*made)->write(windowed(string_value("x"), 1, 2, arena), arena);
  REQUIRE(bytes);
  CHECK(*bytes == "Ux\0\0\0\0\0\0\0\1"s);
  CHECK(find_serde(R"({"time_windowed":"upper"})") == nullptr);
}

TEST_CASE("serdes of specs may be asked for by several threads") {
  std::vector<const Serde*> found(8);
  std::vector<std::thread> threads;
  for (size_t i = 0; i < found.size(); ++i)
    threads.emplace_back([&found, i] {
      for (int n = 0; n < 100; ++n)
        found[i] = find_serde(R"({"time_windowed":"int32","size":)" + std::to_string(1 + n) + "}");
    });
  for (auto& thread : threads) thread.join();
  for (const auto* serde : found) CHECK(serde == found[0]);
}

// What a sink of Kafka Streams does: ../shared/golden/wire/windowed-partitions.csv, where it is there.
TEST_CASE("the inner key's bytes choose the partition") {
  CHECK(find_serde(kTime)->partitioning_bytes("abc12345678") == "abc");
  CHECK(find_serde(kSession)->partitioning_bytes("abc1234567812345678") == "abc");
  CHECK(find_serde(kSession)->partitioning_bytes("short").empty());
  CHECK(find_serde("string")->partitioning_bytes("abc") == "abc");

  const char* given = std::getenv("KSTREAMD_GOLDEN");
  const std::filesystem::path path =
      (given ? std::filesystem::path(given)
             : std::filesystem::path(KSTREAMD_PROJECT_DIR).parent_path() / "shared/golden") /
      "wire/windowed-partitions.csv";
  std::ifstream file(path);
  if (!file) {
    WARN("skipped: there is no " << path);
    return;
  }
  std::string line;
  std::getline(file, line);
  size_t checked = 0;
  for (; std::getline(file, line); ++checked) {
    std::vector<std::string> fields;
    std::istringstream in(line);
    for (std::string field; std::getline(in, field, ',');) fields.push_back(field);
    REQUIRE(fields.size() == 5);
    const Serde& serde = *find_serde("{\"" + fields[0] + "\":\"string\"}");
    const std::string key = base64(fields[1].c_str());
    INFO(line);
    CHECK(serde.partitioning_bytes(key) == base64(fields[2].c_str()));
    CHECK(partition_of_key(serde.partitioning_bytes(key), std::stoi(fields[3])) == std::stoi(fields[4]));
  }
  CHECK(checked > 100);
}

}  // namespace
}  // namespace kstreamd
