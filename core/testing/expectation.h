// Records that a test expects, held against those that appeared: what differs, and both side by side.
#pragma once
#include <string>
#include <vector>

#include "core/spec/test_file.h"
#include "core/testing/driver_log.h"
#include "core/testing/topology_test_driver.h"

namespace kstreamd {

// An expected record of one topic with its key and value as bytes.
struct ExpectedRecord {
  const TestRecord* record = nullptr;
  std::optional<std::string> key;  // nothing: null; looked at only where `record` has one
  std::optional<std::string> value;
};

// The bytes of what a test expects on a topic. The error names the field that does not fit the topic's serde.
Result<ExpectedRecord> expected_record(const TestRecord& record, const TopicSerdes& serdes);

// What differs, field by field: "value: expected 3, got 2". Empty: nothing.
std::vector<std::string> differences(const ExpectedRecord& expected, const LoggedRecord& actual,
                                     const TopicSerdes& serdes);

// What a step expected and what there was instead. `file` is named in front of places.
std::string compared(const std::vector<ExpectedRecord>& expected, const std::vector<const LoggedRecord*>& actual,
                     const TopicSerdes& serdes, bool unordered, const std::string& file);

// Whether each expected record is there, and nothing else: in order, or in any.
bool all_there(const std::vector<ExpectedRecord>& expected, const std::vector<const LoggedRecord*>& actual,
               const TopicSerdes& serdes, bool unordered);

// "key "a"  value 1  timestamp 5"
std::string shown(const LoggedRecord& record, const TopicSerdes& serdes);

// Two columns and what differs between them.
class SideBySide {
 public:
  void add(std::string expected, std::string actual, bool differs);
  void note(std::string text) { notes_.push_back(std::move(text)); }
  std::string text() const;

 private:
  struct Row {
    std::string expected;
    std::string actual;
    bool differs = false;
  };
  std::vector<Row> rows_;
  std::vector<std::string> notes_;
};

}  // namespace kstreamd
