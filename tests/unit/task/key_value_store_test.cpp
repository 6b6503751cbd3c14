// Key-value stores as processors use them.
#include "tests/unit/task/store_fixture.h"

namespace kstreamd::testing {
namespace {

kst_store_row row(std::string_view key, std::string_view value = {}, int64_t timestamp = 0) {
  return {string_value(key), value.data() ? string_value(value) : null_value(), timestamp};
}

std::string text(const kst_store_row& row) {
  return testing::text(row.key) + "=" + testing::text(row.value) + "@" + std::to_string(row.timestamp);
}

Strings texts(const std::vector<kst_store_row>& rows) {
  Strings all;
  for (const auto& r : rows) all.push_back(text(r));
  return all;
}

// What a scan showed, as "RANGE:KEY=VALUE@TIMESTAMP". Ends a range after `limit` rows of it.
struct Seen {
  Strings rows;
  size_t limit = 1000;
  size_t range = 0;
  size_t of_range = 0;

  static int take(void* self, size_t range, const kst_store_row* row) {
    auto& seen = *static_cast<Seen*>(self);
    if (range != seen.range) seen.of_range = 0;
    seen.range = range;
    seen.rows.push_back(std::to_string(range) + ":" + text(*row));
    return ++seen.of_range >= seen.limit ? 1 : 0;
  }
};

Strings scan(KeyValueAccess& store, const std::vector<kst_key_range>& ranges, bool reverse = false,
             size_t limit = 1000) {
  Seen seen{{}, limit};
  REQUIRE(store.scan(ranges, reverse, &seen, Seen::take) == KST_OK);
  return seen.rows;
}

Strings prefix_scan(KeyValueAccess& store, const std::vector<Value>& prefixes, bool reverse = false) {
  Seen seen;
  REQUIRE(store.prefix_scan(prefixes, reverse, &seen, Seen::take) == KST_OK);
  return seen.rows;
}

void put(KeyValueAccess& store, std::vector<kst_store_row> rows) { REQUIRE(store.put_many(rows) == KST_OK); }

#define EACH_BACKEND(...)                              \
  std::string backend = GENERATE("memory", "rocksdb"); \
  INFO(backend);                                       \
  StoreBed bed(backend, __VA_ARGS__);                  \
  auto& store = bed.key_value()

TEST_CASE("rows are put and read, the last of equal keys counts") {
  EACH_BACKEND(store_of("timestamped"));
  put(store, {row("a", "1", 10), row("b", "2", 20), row("a", "3", 5), row("c", "", 7)});
  std::vector<kst_store_row> rows = {row("a"), row("b"), row("c"), row("d", "left over", 99)};
  REQUIRE(store.get_many(rows) == KST_OK);
  CHECK(texts(rows) == Strings{"a=3@5", "b=2@20", "c=@7", "d=-@0"});
  CHECK(is_null(rows[3].value));
  CHECK(rows[2].value.type == KST_STRING);
  put(store, {row("b")});
  bed.commit();
  // What was read stays, whatever is written afterwards.
  put(store, {row("a", "a much longer value than the one before", 6)});
  CHECK(text(rows[0]) == "a=3@5");
  REQUIRE(store.get_many(rows) == KST_OK);
  CHECK(texts(rows) == Strings{"a=a much longer value than the one before@6", "b=-@0", "c=@7", "d=-@0"});
  CHECK(store.get_many({}) == KST_OK);
  CHECK(store.kind() == KST_STORE_KEY_VALUE);
}

TEST_CASE("a store without timestamps gives none") {
  EACH_BACKEND(store_of("key_value"));
  put(store, {row("a", "1", 10)});
  std::vector<kst_store_row> rows = {row("a")};
  REQUIRE(store.get_many(rows) == KST_OK);
  CHECK(text(rows[0]) == "a=1@0");
  CHECK(scan(store, {{}}) == Strings{"0:a=1@0"});
}

TEST_CASE("rows are put where there was none, in order") {
  EACH_BACKEND(store_of("timestamped"));
  put(store, {row("a", "1", 10)});
  std::vector<kst_store_row> rows = {row("a", "x", 1), row("b", "y", 2), row("b", "z", 3), row("c")};
  REQUIRE(store.put_if_absent_many(rows) == KST_OK);
  CHECK(texts(rows) == Strings{"a=1@10", "b=-@0", "b=y@2", "c=-@0"});
  CHECK(scan(store, {{}}) == Strings{"0:a=1@10", "0:b=y@2"});
}

TEST_CASE("deletions tell what was there") {
  EACH_BACKEND(store_of("timestamped"));
  put(store, {row("a", "1", 10), row("b", "2", 20)});
  bed.commit();
  std::vector<kst_store_row> rows = {row("a"), row("a"), row("c")};
  REQUIRE(store.delete_many(rows) == KST_OK);
  CHECK(texts(rows) == Strings{"a=1@10", "a=-@0", "c=-@0"});
  CHECK(scan(store, {{}}) == Strings{"0:b=2@20"});
  CHECK(bed.changes().size() == 2);
  CHECK_FALSE(bed.changes()[0].value);
}

TEST_CASE("several ranges are scanned one after the other, each to its own end") {
  EACH_BACKEND(store_of("timestamped"));
  put(store, {row("a", "1"), row("b", "2"), row("c", "3"), row("d", "4")});
  bed.commit();
  put(store, {row("bb", "5"), row("c")});
  const Value null = null_value();
  auto from_to = [](const char* from, const char* to) { return kst_key_range{string_value(from), string_value(to)}; };
  CHECK(scan(store, {from_to("b", "c"), {null, string_value("a")}, {string_value("bb"), null}}) ==
        Strings{"0:b=2@0", "0:bb=5@0", "1:a=1@0", "2:bb=5@0", "2:d=4@0"});
  CHECK(scan(store, {{null, null}, from_to("b", "bb")}, true) ==
        Strings{"0:d=4@0", "0:bb=5@0", "0:b=2@0", "0:a=1@0", "1:bb=5@0", "1:b=2@0"});
  CHECK(scan(store, {from_to("d", "a"), from_to("x", "z"), from_to("d", "d")}) == Strings{"2:d=4@0"});
  // A visitor that has enough ends the range, not the scan.
  CHECK(scan(store, {{null, null}, from_to("b", "d")}, false, 2) ==
        Strings{"0:a=1@0", "0:b=2@0", "1:b=2@0", "1:bb=5@0"});
}

TEST_CASE("prefixes are bytes past the serde, whatever they end in") {
  EACH_BACKEND(store_of("timestamped", "bytes"));
  auto bytes = [](std::string_view b) { return bytes_value(b); };
  std::vector<kst_store_row> rows;
  for (std::string_view key :
       {std::string_view("a"), std::string_view("a\xff"), std::string_view("a\xff\xff z"), std::string_view("b"),
        std::string_view("\xff"), std::string_view("\xff\xff"), std::string_view("\xff\xff\x01"), std::string_view("")})
    rows.push_back({bytes(key), string_value("v"), 0});
  put(store, rows);
  auto count = [&](std::string_view prefix) { return prefix_scan(store, {bytes(prefix)}).size(); };
  CHECK(count("") == 8);
  CHECK(count("a") == 3);
  CHECK(count("a\xff") == 2);
  CHECK(count("b") == 1);
  CHECK(count("\xff") == 3);
  CHECK(count("\xff\xff") == 2);
  CHECK(count("\xff\xff\xff") == 0);
  CHECK(count("c") == 0);
  CHECK(prefix_scan(store, {string_value("a"), bytes("b")}, true) ==
        Strings{"0:a\xff\xff z=v@0", "0:a\xff=v@0", "0:a=v@0", "1:b=v@0"});
  CHECK(store.prefix_scan(std::vector<Value>{null_value()}, false, nullptr, nullptr) == KST_RECORD_ERROR);
  CHECK(bed.user.message == "store 'seen': a prefix is a string or bytes, not null");
  CHECK(store.prefix_scan(std::vector<Value>{int64_value(1)}, false, nullptr, nullptr) == KST_RECORD_ERROR);
}

TEST_CASE("null keys, and what does not fit, are errors of the record") {
  StoreBed bed("memory", store_of("timestamped", "string", "int64"));
  auto& store = bed.key_value();
  std::vector<kst_store_row> null_key = {{null_value(), int64_value(1), 0}};
  CHECK(store.get_many(null_key) == KST_RECORD_ERROR);
  CHECK(bed.user.message == "a null key was used with store 'seen'");
  CHECK(store.put_many(null_key) == KST_RECORD_ERROR);
  CHECK(store.put_if_absent_many(null_key) == KST_RECORD_ERROR);
  CHECK(store.delete_many(null_key) == KST_RECORD_ERROR);
  CHECK(bed.changes().empty());

  std::vector<kst_store_row> misfit = {{string_value("a"), string_value("seven"), 0}};
  CHECK(store.put_many(misfit) == KST_RECORD_ERROR);
  CHECK(bed.user.message.find("store 'seen', value: a string value does not fit the serde int64") == 0);
  CHECK(store.put_if_absent_many(misfit) == KST_RECORD_ERROR);
  StoreBed numbers("memory", store_of("timestamped", "int64"));
  std::vector<kst_store_row> misfit_key = {row("seven")};
  CHECK(numbers.key_value().get_many(misfit_key) == KST_RECORD_ERROR);
  CHECK(numbers.user.message.find("store 'seen', key: ") == 0);
  const std::vector<kst_key_range> range = {{null_value(), string_value("x")}};
  CHECK(numbers.key_value().scan(range, false, nullptr, nullptr) == KST_RECORD_ERROR);
}

TEST_CASE("a row that the serdes cannot read stops the task, and says where it is") {
  StoreBed bed("memory", store_of("timestamped", "string", "int64"));
  REQUIRE(bed.raw().put("a", {true, "short", 0}));
  std::vector<kst_store_row> rows = {row("a")};
  CHECK(bed.key_value().get_many(rows) == KST_STOP);
  CHECK(bed.user.message.find("store 'seen' holds a value that its serde cannot read: int64 needs 8 bytes, got 5") ==
        0);
  Seen seen;
  CHECK(bed.key_value().scan(std::vector<kst_key_range>{{}}, false, &seen, Seen::take) == KST_STOP);
  CHECK(seen.rows.empty());
}

TEST_CASE("a store that is written while it is scanned stops the task") {
  EACH_BACKEND(store_of("timestamped"));
  put(store, {row("a", "1"), row("b", "2")});
  struct Writer {
    KeyValueAccess& store;
    kst_status status = KST_OK;
    static int take(void* self, size_t, const kst_store_row* found) {
      auto& writer = *static_cast<Writer*>(self);
      std::vector<kst_store_row> rows = {*found};
      if (writer.store.get_many(rows) != KST_OK) return 1;  // reading is fine
      writer.status = writer.store.put_many(std::vector<kst_store_row>{row("c", "3")});
      return 1;
    }
  } writer{store};
  REQUIRE(store.scan(std::vector<kst_key_range>{{}}, false, &writer, Writer::take) == KST_OK);
  CHECK(writer.status == KST_STOP);
  CHECK(bed.user.message.find("store 'seen' was written while it was being scanned") == 0);
  put(store, {row("c", "3")});
  CHECK(scan(store, {{}}).size() == 3);
}

// An object of a plugin that says "object" in JSON and bytes.
struct TestObject : kst_object {
  static const kst_object_type kind;
  TestObject() : kst_object{&kind} {}
  static kst_status json(const kst_object*, const kst_memory*, const char** text, size_t* size) {
    *text = "{\"a\":1}";
    *size = 7;
    return KST_OK;
  }
  static kst_status bytes(const kst_object*, const kst_memory*, const void** data, size_t* size) {
    *data = "\x01\x02";
    *size = 2;
    return KST_OK;
  }
  static void count(const kst_object*) {}
};
const kst_object_type TestObject::kind = {sizeof(kst_object_type), "test/1", json, bytes, count, count};

TEST_CASE("objects are stored as JSON, or as bytes where the store has bytes") {
  const TestObject object;
  StoreBed json("memory", store_of("timestamped", "string", "json"));
  put(json.key_value(), {{string_value("k"), object_value(&object), 1}});
  CHECK(scan(json.key_value(), {{}}) == Strings{"0:k={\"a\":1}@1"});
  StoreBed bytes("memory", store_of("timestamped", "bytes", "bytes"));
  put(bytes.key_value(), {{object_value(&object), object_value(&object), 1}});
  CHECK(scan(bytes.key_value(), {{}}) == Strings{"0:\x01\x02=\x01\x02@1"});
  StoreBed number("memory", store_of("timestamped", "string", "int64"));
  CHECK(number.key_value().put_many(std::vector<kst_store_row>{{string_value("k"), object_value(&object), 1}}) ==
        KST_RECORD_ERROR);
}

}  // namespace
}  // namespace kstreamd::testing
