#include "core/testing/test_case.h"

#include <algorithm>
#include <map>

#include "core/base/base64.h"
#include "core/record/store_keys.h"
#include "core/testing/expectation.h"
#include "core/testing/test_values.h"
#include "core/topology/suggest.h"

namespace kstreamd {
namespace {

using Outcome = std::optional<TestFailure>;

// Runs the steps of one test, up to the first that fails.
class CaseRun {
 public:
  CaseRun(const TestCase& test, const std::string& file, TopologyTestDriver& driver)
      : test_(test), file_(file), driver_(driver) {}

  Outcome run() {
    for (const auto& step : test_.steps) {
      place_ = step.place;
      if (auto failed = std::visit([this](const auto& what) { return this->step(what); }, step.what)) return failed;
    }
    place_ = test_.place;
    if (auto failed = left_over()) return failed;
    if (test_.expect_error && !error_seen_)
      return failure_at(test_.expect_error_place,
                        "the topology did not fail, and should have: \"" + *test_.expect_error + "\"");
    return std::nullopt;
  }

 private:
  Outcome step(const SendStep& step);
  Outcome step(const ExpectStep& step);
  Outcome step(const CrashStep&) { return done(driver_.crash()); }
  Outcome step(const CommitStep&) { return done(driver_.commit()); }
  Outcome step(const AdvanceStep& step) { return done(driver_.advance(std::chrono::milliseconds(step.milliseconds))); }
  Outcome step(const ExpectStoreStep& step);
  Outcome step(const ExpectDroppedStep& step);
  Outcome step(const ExpectNothingStep& step);
  Outcome expect_row(const ExpectStoreStep& step, const Store& store);
  Outcome left_over();
  // The outcome of a step that makes things happen: its error may be the one that is expected.
  Outcome done(const Status& status);
  Result<std::optional<std::string>> store_key(const TestValue& key, const Store& store) const;

  TestFailure failure(std::string message, std::string detail = "") const {
    return {place_, std::move(message), std::move(detail)};
  }
  static TestFailure failure_at(FilePlace place, std::string message, std::string detail = "") {
    return {place, std::move(message), std::move(detail)};
  }
  TestFailure unknown_topic(FilePlace place, const std::string& topic, bool input) const;
  std::string listed(const std::vector<std::string>& topics) const;

  const TestCase& test_;
  const std::string& file_;
  TopologyTestDriver& driver_;
  FilePlace place_;  // of the step at hand
  bool error_seen_ = false;
};

Outcome CaseRun::done(const Status& status) {
  if (status) return std::nullopt;
  const Error& error = status.error();
  if (test_.expect_error && !error_seen_ && error.text().find(*test_.expect_error) != std::string::npos) {
    error_seen_ = true;
    return std::nullopt;
  }
  std::string detail = error.hint.empty() ? "" : "hint: " + error.hint;
  if (test_.expect_error && !error_seen_)
    detail += (detail.empty() ? "" : "\n") + std::string("expected was an error with \"") + *test_.expect_error + "\"";
  return failure(error.message, std::move(detail));
}

TestFailure CaseRun::unknown_topic(FilePlace place, const std::string& topic, bool input) const {
  auto names = input ? driver_.topology().source_topics() : driver_.topology().sink_topics();
  const std::string what = input ? "no source of the topology reads topic '" : "the topology writes no topic '";
  return failure_at(
      place, what + topic + "'",
      "hint: " + did_you_mean(
                     topic, names,
                     names.empty() ? "it has none" : (input ? "its sources read " : "it writes ") + join_names(names)));
}

Outcome CaseRun::step(const SendStep& step) {
  std::vector<InputRecord> records;
  for (const auto& given : step.records) {
    const auto serdes = driver_.input_serdes(given.topic);
    if (!serdes) return unknown_topic(given.place, given.topic, true);
    auto written = expected_record(given, *serdes);
    if (!written)
      return failure_at(given.place, "the record cannot be sent to '" + given.topic + "': " + written.error().message,
                        written.error().hint.empty() ? "" : "hint: " + written.error().hint);
    InputRecord record;
    record.topic = given.topic;
    record.key = std::move(written->key);
    record.value = std::move(written->value);
    record.timestamp = given.timestamp;
    record.partition = given.partition;
    if (given.headers)
      for (const auto& header : *given.headers) record.headers.push_back({header.key, header.value});
    records.push_back(std::move(record));
  }
  return done(driver_.send(records));
}

Outcome CaseRun::step(const ExpectStep& step) {
  std::vector<std::string> topics;  // in the order of the step
  std::map<std::string, std::vector<ExpectedRecord>> expected;
  for (const auto& record : step.records) {
    const auto serdes = driver_.output_serdes(record.topic);
    if (!serdes) return unknown_topic(record.place, record.topic, false);
    auto bytes = expected_record(record, *serdes);
    if (!bytes)
      return failure_at(record.place, "no record of '" + record.topic + "' can be like this: " + bytes.error().message,
                        bytes.error().hint.empty() ? "" : "hint: " + bytes.error().hint);
    auto& of_topic = expected[record.topic];
    if (of_topic.empty()) topics.push_back(record.topic);
    of_topic.push_back(std::move(*bytes));
  }
  for (const auto& topic : topics) {
    const auto serdes = driver_.output_serdes(topic);
    const auto actual = driver_.read(topic);
    if (!all_there(expected[topic], actual, *serdes, step.unordered))
      return failure("topic '" + topic + "' is not as expected",
                     compared(expected[topic], actual, *serdes, step.unordered, file_));
  }
  return std::nullopt;
}

// ---- Stores

Result<std::optional<std::string>> CaseRun::store_key(const TestValue& key, const Store& store) const {
  const Serde& serde = *driver_.processors().serde(store.key_serde);
  const bool windowed = store.type == "window" || store.type == "session";
  if (!windowed || key.kind == TestValue::Kind::bytes) return bytes_of(key, serde);
  if (!key.window)
    return Error{Recovery::stop_topology, "the store's keys have windows",
                 "write key: { key: KEY, start: MS, end: MS }"};
  auto inner = bytes_of(*key.window->key, serde);
  if (!inner || !*inner) return inner;
  std::string bytes;
  if (store.type == "session")
    write_key(bytes, SessionKey{**inner, key.window->end, key.window->start});
  else
    write_key(bytes, WindowKey{**inner, key.window->start});
  return std::optional(std::move(bytes));
}

Outcome CaseRun::step(const ExpectStoreStep& step) {
  const Store* store = driver_.find_store(step.store);
  if (store == nullptr) {
    std::vector<std::string> names;
    for (const auto& known : driver_.topology().stores) names.push_back(known.name);
    return failure("the topology has no store '" + step.store + "'",
                   "hint: " + did_you_mean(step.store, names,
                                           names.empty() ? "it has none" : "its stores are " + join_names(names)));
  }
  if (step.rows) {
    const auto rows = driver_.store_rows(step.store);
    if (!rows) return failure(rows.error().text());
    if (*rows != static_cast<uint64_t>(*step.rows))
      return failure("store '" + step.store + "' has " + std::to_string(*rows) + (*rows == 1 ? " row" : " rows") +
                     ", expected " + std::to_string(*step.rows));
  }
  return step.key ? expect_row(step, *store) : std::nullopt;
}

Outcome CaseRun::expect_row(const ExpectStoreStep& step, const Store& store) {
  const std::string where = "store '" + step.store + "', key " + as_written(*step.key);
  const auto key = store_key(*step.key, store);
  if (!key)
    return failure(where + ": " + key.error().message, key.error().hint.empty() ? "" : "hint: " + key.error().hint);
  if (!*key) return failure(where + ": no store has a null key");
  const auto row = driver_.store_row(step.store, **key);
  if (!row) return failure(where + ": " + row.error().text());
  // Held against a record, so that what differs looks as it does on topics.
  TestRecord wanted;
  wanted.place = place_;
  wanted.value = step.value;
  wanted.timestamp = step.timestamp;
  const TopicSerdes serdes{driver_.processors().serde(store.key_serde), driver_.processors().serde(store.value_serde)};
  auto expected = expected_record(wanted, serdes);
  if (!expected)
    return failure(where + ": no row can be like this: " + expected.error().message,
                   expected.error().hint.empty() ? "" : "hint: " + expected.error().hint);
  const bool none_wanted = step.value && step.value->kind == TestValue::Kind::null;
  if (!*row) return none_wanted ? std::nullopt : Outcome(failure(where + ": there is no such row"));
  LoggedRecord found;
  found.value = (*row)->value;
  found.timestamp = (*row)->timestamp;
  if (none_wanted)
    return failure(
        where + ": there is such a row, and should be none",
        "it has value " + shown(*serdes.value, found.value) + ", timestamp " + std::to_string(found.timestamp));
  if (differences(*expected, found, serdes).empty()) return std::nullopt;
  return failure(where + " is not as expected", compared({*expected}, {&found}, serdes, false, file_));
}

// ---- What is not there

Outcome CaseRun::step(const ExpectDroppedStep& step) {
  if (!step.node.empty()) {
    std::vector<std::string> names;
    for (const auto& node : driver_.topology().nodes) names.push_back(node.name);
    if (std::find(names.begin(), names.end(), step.node) == names.end())
      return failure("the topology has no node '" + step.node + "'",
                     "hint: " + did_you_mean(step.node, names, "its nodes are " + join_names(names)));
  }
  const auto count = driver_.dropped(step.reason, step.node);
  if (count == static_cast<uint64_t>(step.count)) return std::nullopt;
  std::string all;
  for (const auto& [reason, n] : driver_.dropped())
    all += (all.empty() ? "" : ", ") + std::to_string(n) + " for " + reason;
  return failure("dropped for the reason '" + step.reason + "'" +
                     (step.node.empty() ? "" : " by node '" + step.node + "'") + ": expected " +
                     std::to_string(step.count) + ", got " + std::to_string(count),
                 "dropped in all: " + (all.empty() ? "nothing" : all));
}

Outcome CaseRun::step(const ExpectNothingStep& step) {
  for (const auto& topic : step.topics)
    if (!driver_.output_serdes(topic)) return unknown_topic(place_, topic, false);
  const auto topics = step.topics.empty() ? driver_.topics_with_unread() : step.topics;
  for (const auto& topic : topics)
    if (const auto actual = driver_.unread(topic); !actual.empty())
      return failure("topic '" + topic + "' has records, and should have none",
                     compared({}, actual, *driver_.output_serdes(topic), false, file_));
  return std::nullopt;
}

std::string CaseRun::listed(const std::vector<std::string>& topics) const {
  std::string out;
  for (const auto& topic : topics) {
    const auto serdes = driver_.output_serdes(topic);
    out += (out.empty() ? "" : "\n") + std::string("topic '") + topic + "'\n" +
           compared({}, driver_.unread(topic), *serdes, false, file_);
  }
  return out;
}

Outcome CaseRun::left_over() {
  const auto topics = driver_.topics_with_unread();
  if (topics.empty()) return std::nullopt;
  return failure("the test ends with records that no step has looked at", listed(topics));
}

// A topic that is given partitions has to be one that the topology reads or writes.
Outcome check_partitions(const TestCase& test, const Topology& topology) {
  if (test.partitions_of_file) return std::nullopt;
  auto names = topology.source_topics();
  for (const auto& name : topology.sink_topics()) names.push_back(name);
  if (topology.has_patterns() || topology.has_named_topics()) return std::nullopt;
  for (const auto& [topic, count] : test.partitions)
    if (std::find(names.begin(), names.end(), topic) == names.end())
      return TestFailure{test.partitions_place, "'partitions' names topic '" + topic + "', and no node does",
                         "hint: " + did_you_mean(topic, names,
                                                 "the topology's topics are " + join_names(names) +
                                                     "; internal ones follow from these")};
  return std::nullopt;
}

}  // namespace

std::optional<TestFailure> run_test_case(const TestCase& test, const std::string& file, const LoadedTopology& loaded,
                                         const ProcessorCatalog& processors, const CaseOptions& options) {
  const auto expected_in = [&](const std::string& text) {
    return test.expect_error && text.find(*test.expect_error) != std::string::npos;
  };
  if (!loaded.topology) {
    std::string all;
    for (const auto& diagnostic : loaded.diagnostics) {
      if (diagnostic.severity != Severity::error) continue;
      if (expected_in(text(diagnostic))) return std::nullopt;
      all += (all.empty() ? "" : "\n") + text(diagnostic);
    }
    if (test.expect_error)
      return TestFailure{test.expect_error_place,
                         "the topology is refused, but not with \"" + *test.expect_error + "\"", all};
    return TestFailure{test.topology_place, "the topology is refused", all};
  }
  if (auto wrong = check_partitions(test, *loaded.topology)) return wrong;
  DriverOptions driver_options;
  driver_options.partitions = test.partitions;
  for (const auto& step : test.steps)
    if (const auto* send = std::get_if<SendStep>(&step.what))
      for (const auto& record : send->records) driver_options.topics.push_back(record.topic);
  driver_options.start_ms = test.start;
  driver_options.manual_commits = test.manual_commits;
  driver_options.seed = options.seed;
  driver_options.completion_deadline = options.completion_deadline;
  auto driver = TopologyTestDriver::make(loaded.topology, processors, std::move(driver_options));
  if (!driver) {
    if (expected_in(driver.error().text()) && test.steps.empty()) return std::nullopt;
    return TestFailure{test.topology_place, "the topology does not start: " + driver.error().message,
                       driver.error().hint.empty() ? "" : "hint: " + driver.error().hint};
  }
  return CaseRun(test, file, **driver).run();
}

}  // namespace kstreamd
