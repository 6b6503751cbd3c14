#include "core/spec/test_file.h"

#include <catch2/catch.hpp>

using namespace kstreamd;

namespace {

TestFile good(const std::string& text) {
  auto file = load_test_text(text, "folder/some.test.yaml");
  for (const auto& d : file.diagnostics) UNSCOPED_INFO(kstreamd::text(d));
  REQUIRE(file.ok());
  return *file.value;
}

TestStep step(const std::string& text) {
  auto file = good("topology: t.yaml\ntests:\n  - name: n\n    steps:\n      - " + text + "\n");
  REQUIRE(file.tests.at(0).steps.size() == 1);
  return file.tests[0].steps[0];
}

}  // namespace

TEST_CASE("a test takes what the file says, and may say otherwise") {
  const auto file = good(R"(
topology: ../t.yaml
partitions: { in: 2 }
commits: manual
start: 5000
tests:
  - name: first
    steps: [ { commit: {} } ]
  - name: second
    topology: other.yaml
    commits: automatic
    start: 0
    partitions: { in: 3 }
    expect_error: "unknown node"
)");
  REQUIRE(file.tests.size() == 2);
  const auto &first = file.tests[0], &second = file.tests[1];
  CHECK(first.topology == "t.yaml");
  CHECK(first.manual_commits);
  CHECK(first.start == 5000);
  CHECK(first.partitions.at("in") == 2);
  CHECK(first.place.line == 7);
  CHECK_FALSE(first.expect_error);
  CHECK(second.topology == "folder/other.yaml");
  CHECK_FALSE(second.manual_commits);
  CHECK(second.start == 0);
  CHECK(second.partitions.at("in") == 3);
  CHECK(second.expect_error == "unknown node");
}

TEST_CASE("an absolute path of a topology stays") {
  CHECK(good("topology: /etc/t.yaml\ntests: [ { name: n, expect_error: x } ]").tests[0].topology == "/etc/t.yaml");
}

TEST_CASE("records keep what is written and where") {
  const auto sent = step(
      "send: { topic: in, key: 007, value: \"5\", timestamp: -3, partition: 1, "
      "headers: [ { key: h, value: x }, { key: n } ] }");
  CHECK(sent.place.line == 5);
  CHECK(sent.place.column == 9);
  const auto& record = std::get<SendStep>(sent.what).records.at(0);
  CHECK(record.place.column == 15);
  CHECK(record.key->text == "007");
  CHECK_FALSE(record.key->quoted);
  CHECK(record.value->quoted);
  CHECK(record.timestamp == -3);
  CHECK(record.partition == 1);
  REQUIRE(record.headers->size() == 2);
  CHECK(record.headers->at(0).value == "x");
  CHECK_FALSE(record.headers->at(1).value);
}

TEST_CASE("keys and values have five forms") {
  const auto records = std::get<SendStep>(step("send: [ { topic: a, value: null }, { topic: a }, "
                                               "{ topic: a, value: { base64: AAH/ } }, "
                                               "{ topic: a, key: { key: k, start: 5, end: 9 } }, "
                                               "{ topic: a, value: [ 1, a, null, { b: 2.50, a: 1e5, c: 01 } ] } ]")
                                              .what)
                           .records;
  CHECK(records[0].value->kind == TestValue::Kind::null);
  CHECK_FALSE(records[1].value);
  CHECK(records[2].value->text == std::string("\0\1\xff", 3));
  REQUIRE(records[3].key->window);
  CHECK(records[3].key->window->key->text == "k");
  CHECK(records[3].key->window->start == 5);
  CHECK(records[3].key->window->end == 9);
  CHECK(records[4].value->text == R"([1,"a",null,{"b":2.50,"a":1e5,"c":"01"}])");
}

TEST_CASE("each kind of step is read") {
  CHECK(std::get<ExpectStep>(step("expect: [ { topic: out } ]").what).records.size() == 1);
  CHECK(std::get<ExpectStep>(step("expect: { topic: out, value: 1 }").what).records.size() == 1);
  CHECK(std::get<ExpectStep>(step("expect: { unordered: true, records: [ { topic: out } ] }").what).unordered);
  CHECK(std::holds_alternative<CrashStep>(step("crash: {}").what));
  CHECK(std::holds_alternative<CommitStep>(step("commit:").what));
  CHECK(std::get<AdvanceStep>(step("advance: 2m").what).milliseconds == 120'000);
  CHECK(std::get<ExpectStoreStep>(step("expect_store: { store: s, rows: 3 }").what).rows == 3);
  CHECK(std::get<ExpectStoreStep>(step("expect_store: { store: s, key: k, value: null }").what).value->kind ==
        TestValue::Kind::null);
  CHECK(std::get<ExpectDroppedStep>(step("expect_dropped: { reason: late, count: 2, node: n }").what).node == "n");
  CHECK(std::get<ExpectNothingStep>(step("expect_nothing: {}").what).topics.empty());
  CHECK(std::get<ExpectNothingStep>(step("expect_nothing: { topics: [ a, b ] }").what).topics.size() == 2);
}

TEST_CASE("bad files end in diagnostics") {
  for (const char* text :
       {"", "5", "- a", "tests: 5", "topology: t.yaml", "topology: t.yaml\ntests: []", "topology: t.yaml\ntests: [ 5 ]",
        "topology: t.yaml\ntests: [ { name: n, steps: 5 } ]",
        "topology: [ t ]\ntests: [ { name: n, steps: [ { commit: {} } ] } ]",
        "tests: [ { name: n, steps: [ { commit: {} } ] } ]",
        "topology: t.yaml\ntests: [ { name: n, steps: [ { send: 5 } ] } ]",
        "topology: t.yaml\ntests: [ { name: n, steps: [ { expect_dropped: 5 } ] } ]",
        "topology: t.yaml\ntests: [ { name: n, steps: [ { expect_nothing: x } ] } ]", "\x01\x02{["}) {
    const auto file = load_test_text(text, "f.test.yaml");
    INFO(text);
    CHECK_FALSE(file.ok());
    REQUIRE_FALSE(file.diagnostics.empty());
    CHECK_FALSE(file.diagnostics[0].message.empty());
  }
}
