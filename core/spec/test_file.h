// Test files (*.test.yaml): what they say, step by step, each with its place. Knows no topology: which serde a value
// goes through, and whether topics and stores exist, is found out where the test runs (core/testing).
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/base/result.h"
#include "core/spec/diagnostic.h"

namespace kstreamd {

struct FilePlace {
  int line = 0;  // from 1
  int column = 0;
};

// A key or value as written.
struct TestValue {
  enum class Kind {
    null,
    bytes,   // {base64: ...}: `text` is the bytes, past any serde
    scalar,  // `text` as it stands; a number or a text, as the serde will have it, unless `quoted`
    json,    // a list or a map: `text` is its JSON, fields in the order of the file
  };
  // {key:, start:, end:}: also kept as json, for a key that really is such a map.
  struct Window {
    std::shared_ptr<const TestValue> key;
    int64_t start = 0;  // ms
    int64_t end = 0;
  };

  Kind kind = Kind::null;
  std::string text;
  bool quoted = false;  // always a text
  std::optional<Window> window;
  FilePlace place;
};

struct TestHeader {
  std::string key;
  std::optional<std::string> value;  // bytes; nothing: null
};

// A record to send, or one that is expected. What is left out is a default there, and not compared here.
struct TestRecord {
  FilePlace place;
  std::string topic;
  std::optional<TestValue> key;
  std::optional<TestValue> value;
  std::optional<int64_t> timestamp;  // ms
  std::optional<int32_t> partition;
  std::optional<std::vector<TestHeader>> headers;
};

struct SendStep {
  std::vector<TestRecord> records;
};
struct ExpectStep {
  bool unordered = false;
  std::vector<TestRecord> records;  // at least one
};
struct CrashStep {};
struct CommitStep {};
struct AdvanceStep {
  int64_t milliseconds = 0;
};
struct ExpectStoreStep {
  std::string store;
  std::optional<TestValue> key;
  std::optional<TestValue> value;  // null: no such row
  std::optional<int64_t> timestamp;
  std::optional<int64_t> rows;
};
struct ExpectDroppedStep {
  std::string reason;
  int64_t count = 0;
  std::string node;  // empty: of all nodes
};
struct ExpectNothingStep {
  std::vector<std::string> topics;  // empty: all but internal ones
};

struct TestStep {
  FilePlace place;
  std::variant<SendStep, ExpectStep, CrashStep, CommitStep, AdvanceStep, ExpectStoreStep, ExpectDroppedStep,
               ExpectNothingStep>
      what;
};

struct TestCase {
  std::string name;
  FilePlace place;
  std::string topology;  // a path, as it can be opened
  FilePlace topology_place;
  std::map<std::string, int32_t> partitions;  // by topic; others have one
  FilePlace partitions_place;
  bool partitions_of_file = false;  // the test has another topology than the file, which the partitions are meant for
  bool manual_commits = false;
  int64_t start = 0;                        // the wall clock at the beginning, ms
  std::optional<std::string> expect_error;  // a part of the message with which the topology is refused, or stops
  FilePlace expect_error_place;
  std::vector<TestStep> steps;
};

struct TestFile {
  std::string path;
  std::vector<TestCase> tests;
};

// Paths of topologies are taken from the test file's folder. All mistakes of the file are reported at once.
SpecResult<TestFile> load_test_file(const std::string& path);
// The same of a text; `filename` is for the diagnostics and for the folder.
SpecResult<TestFile> load_test_text(std::string_view text, const std::string& filename);

// A file itself; of a folder every *.test.yaml in it and below, sorted, perhaps none. Hidden ones are passed over.
Result<std::vector<std::string>> find_test_files(const std::string& path);

}  // namespace kstreamd
