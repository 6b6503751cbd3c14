#include "core/spec/test_reader.h"

#include <filesystem>
#include <limits>
#include <set>

#include "core/spec/values.h"
#include "core/topology/suggest.h"

namespace kstreamd {
namespace {

constexpr int64_t kMost = std::numeric_limits<int64_t>::max();

const std::vector<std::string> step_names = {"send",    "expect",       "crash",          "commit",
                                             "advance", "expect_store", "expect_dropped", "expect_nothing"};

// Reads one test file. Every member reports what is wrong and goes on with the rest.
class TestReader {
 public:
  TestReader(const std::string& path, Reader& reader) : path_(path), reader_(reader) {}

  TestFile run(const YamlNode& root);

 private:
  void read_settings(const YamlNode& map, TestCase& test);
  void read_test(const YamlNode& value);
  void read_step(const YamlNode& value, TestCase& test);
  std::optional<TestStep> read_step(const YamlNode::Entry& entry);
  std::vector<TestRecord> read_records(const YamlNode::Entry& entry, const YamlNode& value);
  std::optional<TestRecord> read_record(const std::string& step, const YamlNode& value);
  std::optional<std::vector<TestHeader>> read_headers(const YamlNode::Entry& entry);
  ExpectStep read_expect(const YamlNode::Entry& entry);
  ExpectStoreStep read_expect_store(const YamlNode::Entry& entry);
  ExpectDroppedStep read_expect_dropped(const YamlNode::Entry& entry);
  ExpectNothingStep read_expect_nothing(const YamlNode::Entry& entry);

  std::optional<int64_t> number(const YamlNode& map, const char* key, int64_t least, int64_t most);
  std::string text(const YamlNode& map, const char* key);
  std::string required(const YamlNode& map, const char* key, const std::string& step);
  std::optional<TestValue> value(const YamlNode& map, const char* key);

  const std::string& path_;
  Reader& reader_;
  TestCase defaults_;
  TestFile file_;
  std::set<std::string> names_;
};

TestFile TestReader::run(const YamlNode& root) {
  file_.path = path_;
  if (root.kind != YamlNode::Kind::map) {
    reader_.error(root.place, std::string("a test file has to be a map, and is ") + kind_name(root),
                  "start with 'topology: FILE', then 'tests:'");
    return std::move(file_);
  }
  reader_.map(root, root.place, "test file", {"kstreamd", "topology", "partitions", "commits", "start", "tests"});
  if (auto* version = root.find("kstreamd"))
    if (auto word = reader_.text(*version->value, "kstreamd"); word && *word != "1")
      reader_.error(version->value->place, "format version '" + *word + "' is not known to this kstreamd",
                    "this one reads 'kstreamd: 1'");
  read_settings(root, defaults_);
  const auto* tests = root.find("tests");
  if (tests == nullptr || tests->value->kind != YamlNode::Kind::list || tests->value->items.empty()) {
    reader_.error(tests == nullptr ? root.place : tests->place, "the file has no tests",
                  "write tests: and below it a list of { name: TEXT, steps: [...] }");
    return std::move(file_);
  }
  for (const auto& test : tests->value->items) read_test(*test);
  return std::move(file_);
}

// What a file says for all its tests, and a test for itself.
void TestReader::read_settings(const YamlNode& map, TestCase& test) {
  if (auto* topology = map.find("topology")) {
    test.topology_place = place_of(*topology->value);
    if (auto name = reader_.text(*topology->value, "topology"))
      test.topology = (std::filesystem::path(path_).parent_path() / *name).lexically_normal().string();
    else
      test.topology = "refused";
  }
  if (auto* partitions = map.find("partitions")) {
    test.partitions_place = {partitions->place.line, partitions->place.column};
    if (partitions->value->kind != YamlNode::Kind::map) {
      reader_.error(partitions->place,
                    std::string("'partitions' has to be a map, and is ") + kind_name(*partitions->value),
                    "write partitions: { TOPIC: NUMBER, ... }");
    } else {
      reader_.duplicates(*partitions->value);
      for (const auto& entry : partitions->value->entries)
        if (auto count = reader_.integer(*entry.value, entry.key, 1, 10'000))
          test.partitions[entry.key] = static_cast<int32_t>(*count);
    }
  }
  if (auto* commits = map.find("commits"))
    if (auto index = reader_.choice(*commits->value, "commits", {"automatic", "manual"}))
      test.manual_commits = *index == 1;
  if (auto start = number(map, "start", 0, kMost / 2)) test.start = *start;
}

void TestReader::read_test(const YamlNode& value) {
  static const std::vector<std::string> keys = {"name",  "steps",        "topology", "partitions",
                                                "start", "expect_error", "commits"};
  if (value.kind != YamlNode::Kind::map) {
    reader_.error(value.place, std::string("a test has to be a map, and is ") + kind_name(value),
                  "write { name: TEXT, steps: [...] }");
    return;
  }
  reader_.map(value, value.place, "test", keys);
  TestCase test = defaults_;
  test.place = place_of(value);
  test.name = required(value, "name", "a test");
  if (!test.name.empty() && !names_.insert(test.name).second)
    reader_.error(value.find("name")->value->place, "two tests of the file have the name '" + test.name + "'",
                  "reports tell tests apart by their names: give one of them another");
  read_settings(value, test);
  test.partitions_of_file = value.find("topology") != nullptr && value.find("partitions") == nullptr;
  if (test.topology.empty())
    reader_.error(value.place, "the test has no topology",
                  "add 'topology: FILE' to the file, or to the test; paths count from the test file's folder");
  if (auto* expected = value.find("expect_error")) {
    test.expect_error = reader_.text(*expected->value, "expect_error");
    test.expect_error_place = place_of(*expected->value);
  }
  const auto* steps = value.find("steps");
  if (steps != nullptr && steps->value->kind != YamlNode::Kind::list)
    reader_.error(steps->place, std::string("'steps' has to be a list, and is ") + kind_name(*steps->value),
                  "write below it '- send: {...}', '- expect: [...]' and so on");
  else if (steps != nullptr)
    for (const auto& step : steps->value->items) read_step(*step, test);
  if (value.find("expect_error") == nullptr && (steps == nullptr || steps->value->items.empty()))
    reader_.error(value.place, "the test has no steps, and would always pass",
                  "add steps:, or expect_error: for a topology that must be refused");
  file_.tests.push_back(std::move(test));
}

void TestReader::read_step(const YamlNode& value, TestCase& test) {
  if (value.kind != YamlNode::Kind::map || value.entries.size() != 1) {
    reader_.error(value.place,
                  value.kind == YamlNode::Kind::map && !value.entries.empty()
                      ? "a step does one thing, and this one has " + std::to_string(value.entries.size()) + " keys"
                      : std::string("a step has to be a map of one key, and is ") + kind_name(value),
                  "begin each step with '- ': steps are " + join_names(step_names));
    return;
  }
  reader_.duplicates(value);
  if (auto step = read_step(value.entries[0])) test.steps.push_back(std::move(*step));
}

std::optional<TestStep> TestReader::read_step(const YamlNode::Entry& entry) {
  TestStep step;
  step.place = {entry.place.line, entry.place.column};
  const auto& name = entry.key;
  if (name == "send") {
    step.what = SendStep{read_records(entry, *entry.value)};
  } else if (name == "expect") {
    step.what = read_expect(entry);
  } else if (name == "crash" || name == "commit") {
    reader_.map(*entry.value, entry.place, name, {});
    if (name == "crash")
      step.what = CrashStep{};
    else
      step.what = CommitStep{};
  } else if (name == "advance") {
    step.what = AdvanceStep{reader_.duration(*entry.value, name).value_or(std::chrono::milliseconds(0)).count()};
  } else if (name == "expect_store") {
    step.what = read_expect_store(entry);
  } else if (name == "expect_dropped") {
    step.what = read_expect_dropped(entry);
  } else if (name == "expect_nothing") {
    step.what = read_expect_nothing(entry);
  } else {
    reader_.error(entry.place, "unknown step '" + name + "'",
                  did_you_mean(name, step_names, "steps are " + join_names(step_names)));
    return std::nullopt;
  }
  return step;
}

// ---- Records

std::vector<TestRecord> TestReader::read_records(const YamlNode::Entry& entry, const YamlNode& value) {
  std::vector<TestRecord> records;
  auto take = [&](const YamlNode& item) {
    if (auto record = read_record(entry.key, item)) records.push_back(std::move(*record));
  };
  if (value.kind == YamlNode::Kind::list)
    for (const auto& item : value.items) take(*item);
  else
    take(value);
  if (value.kind == YamlNode::Kind::list && value.items.empty())
    reader_.error(entry.place, "'" + entry.key + "' has no records",
                  entry.key == "send" ? "write send: { topic: TOPIC, key: KEY, value: VALUE }"
                                      : "say expect_nothing: {} or { topics: [...] } when there must be none");
  return records;
}

std::optional<TestRecord> TestReader::read_record(const std::string& step, const YamlNode& value) {
  if (value.kind != YamlNode::Kind::map) {
    reader_.error(value.place, std::string("a record has to be a map, and is ") + kind_name(value),
                  "write { topic: TOPIC, key: KEY, value: VALUE, timestamp: MS }");
    return std::nullopt;
  }
  reader_.map(value, value.place, "record", {"topic", "key", "value", "timestamp", "partition", "headers"});
  TestRecord record;
  record.place = place_of(value);
  record.topic = required(value, "topic", "a record to " + step);
  record.key = this->value(value, "key");
  record.value = this->value(value, "value");
  record.timestamp = number(value, "timestamp", std::numeric_limits<int64_t>::min(), kMost);
  if (auto partition = number(value, "partition", 0, 10'000)) record.partition = static_cast<int32_t>(*partition);
  if (auto* headers = value.find("headers")) record.headers = read_headers(*headers);
  return record;
}

std::optional<std::vector<TestHeader>> TestReader::read_headers(const YamlNode::Entry& entry) {
  if (entry.value->kind != YamlNode::Kind::list) {
    reader_.error(entry.place, std::string("'headers' has to be a list, and is ") + kind_name(*entry.value),
                  "write headers: [ { key: NAME, value: TEXT }, ... ]; [] is none");
    return std::nullopt;
  }
  std::vector<TestHeader> headers;
  for (const auto& item : entry.value->items) {
    TestHeader header;
    if (item->kind != YamlNode::Kind::map) {
      reader_.error(item->place, std::string("a header has to be a map, and is ") + kind_name(*item),
                    "write { key: NAME, value: TEXT }");
      continue;
    }
    reader_.map(*item, item->place, "header", {"key", "value"});
    if (auto* key = item->find("key"); key != nullptr && key->value->kind == YamlNode::Kind::scalar)
      header.key = key->value->text;
    else
      reader_.error(item->place, "the header has no name", "write { key: NAME, value: TEXT }");
    const auto content = value(*item, "value");
    if (content && content->kind == TestValue::Kind::json)
      reader_.error(item->find("value")->place, "the value of a header is a text, null or { base64: ... }",
                    "put JSON in quotes");
    else if (content && content->kind != TestValue::Kind::null)
      header.value = content->text;
    headers.push_back(std::move(header));
  }
  return headers;
}

// ---- What is expected

ExpectStep TestReader::read_expect(const YamlNode::Entry& entry) {
  ExpectStep step;
  const auto& value = *entry.value;
  const auto* records = value.kind == YamlNode::Kind::map ? value.find("records") : nullptr;
  if (records == nullptr && (value.kind != YamlNode::Kind::map || value.find("unordered") == nullptr)) {
    step.records = read_records(entry, value);
    return step;
  }
  reader_.map(value, entry.place, "expect", {"unordered", "records"});
  if (auto* unordered = value.find("unordered"))
    step.unordered = reader_.boolean(*unordered->value, "unordered").value_or(false);
  if (records == nullptr)
    reader_.error(entry.place, "'expect' has no records", "write expect: { unordered: true, records: [...] }");
  else
    step.records = read_records(entry, *records->value);
  return step;
}

ExpectStoreStep TestReader::read_expect_store(const YamlNode::Entry& entry) {
  ExpectStoreStep step;
  const auto& map = *entry.value;
  if (!reader_.map(map, entry.place, entry.key, {"store", "key", "value", "timestamp", "rows"}) &&
      map.kind != YamlNode::Kind::map)
    return step;
  step.store = required(map, "store", entry.key);
  step.key = value(map, "key");
  step.value = value(map, "value");
  step.timestamp = number(map, "timestamp", std::numeric_limits<int64_t>::min(), kMost);
  step.rows = number(map, "rows", 0, kMost);
  const bool says_what = map.find("value") || map.find("timestamp");
  if (!map.find("key") && !map.find("rows") && !says_what)
    reader_.error(entry.place, "'expect_store' looks at nothing",
                  "add key: KEY with value: VALUE (null: no such row), or rows: NUMBER");
  if (map.find("key") && !says_what)
    reader_.error(entry.place, "'expect_store' names a key, and not what is expected there",
                  "add value: VALUE; null says that there is no such row");
  if (!map.find("key") && says_what)
    reader_.error(entry.place, "'expect_store' says what is expected, and not for which key", "add key: KEY");
  return step;
}

ExpectDroppedStep TestReader::read_expect_dropped(const YamlNode::Entry& entry) {
  ExpectDroppedStep step;
  const auto& map = *entry.value;
  if (!reader_.map(map, entry.place, entry.key, {"reason", "count", "node"}) && map.kind != YamlNode::Kind::map)
    return step;
  step.reason = required(map, "reason", entry.key);
  if (map.find("count") == nullptr) reader_.error(entry.place, "expect_dropped has no 'count'", "add count: NUMBER");
  step.count = number(map, "count", 0, kMost).value_or(0);
  step.node = text(map, "node");
  return step;
}

ExpectNothingStep TestReader::read_expect_nothing(const YamlNode::Entry& entry) {
  ExpectNothingStep step;
  reader_.map(*entry.value, entry.place, entry.key, {"topics"});
  if (entry.value->kind != YamlNode::Kind::map) return step;
  if (auto* topics = entry.value->find("topics")) {
    step.topics = reader_.texts(*topics->value, "topics").value_or(std::vector<std::string>{});
    if (topics->value->kind == YamlNode::Kind::list && topics->value->items.empty())
      reader_.error(topics->place, "'topics' is empty", "leave it out to mean all topics but internal ones");
  }
  return step;
}

// ---- Pieces

std::optional<int64_t> TestReader::number(const YamlNode& map, const char* key, int64_t least, int64_t most) {
  const auto* entry = map.find(key);
  return entry == nullptr ? std::nullopt : reader_.integer(*entry->value, key, least, most);
}

std::string TestReader::text(const YamlNode& map, const char* key) {
  const auto* entry = map.find(key);
  return entry == nullptr ? "" : reader_.text(*entry->value, key).value_or("");
}

std::string TestReader::required(const YamlNode& map, const char* key, const std::string& what) {
  if (map.find(key) == nullptr)
    reader_.error(map.place, what + " has no '" + key + "'", std::string("add ") + key + ": TEXT");
  return text(map, key);
}

std::optional<TestValue> TestReader::value(const YamlNode& map, const char* key) {
  const auto* entry = map.find(key);
  return entry == nullptr ? std::nullopt : read_test_value(*entry->value, key, reader_);
}

}  // namespace

TestFile read_test_file(const YamlNode& root, const std::string& path, Reader& reader) {
  return TestReader(path, reader).run(root);
}

}  // namespace kstreamd
