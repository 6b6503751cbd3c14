// Whether internal topics that exist will do, and which local state may go.
#include <catch2/catch.hpp>

#include "core/protocol/state_cleanup.h"
#include "core/protocol/topic_check.h"

namespace kstreamd {
namespace {

using Strings = std::vector<std::string>;
constexpr int64_t kHour = 3'600'000;

WantedTopic rows() { return {.configs = {{"cleanup.policy", "compact"}, {"message.timestamp.type", "CreateTime"}}}; }
WantedTopic windows() {
  WantedTopic wanted = rows();
  wanted.configs["cleanup.policy"] = "compact,delete";
  wanted.configs["retention.ms"] = std::to_string(25 * kHour);
  wanted.needed = std::chrono::hours(1);
  return wanted;
}
WantedTopic versions() {
  WantedTopic wanted = rows();
  wanted.configs["min.compaction.lag.ms"] = "600000";
  return wanted;
}
WantedTopic repartition() {
  WantedTopic wanted{.kind = WantedTopic::Kind::repartition};
  wanted.configs = {{"cleanup.policy", "delete"}, {"retention.ms", "-1"}, {"message.timestamp.type", "CreateTime"}};
  return wanted;
}
WantedTopic asked(WantedTopic wanted, const TopicConfigs& configs) {
  for (const auto& [name, value] : configs) {
    wanted.configs[name] = value;
    wanted.asked.insert(name);
  }
  return wanted;
}

// "loses SETTING" or "warns SETTING" for each difference.
Strings compared(const WantedTopic& wanted, const TopicConfigs& found) {
  Strings texts;
  for (const auto& d : compare_topic(wanted, found)) texts.push_back((d.loses ? "loses " : "warns ") + d.setting);
  return texts;
}

TEST_CASE("an internal topic that exists is held against what the topology needs") {
  const std::string day = std::to_string(24 * kHour), week = std::to_string(7 * 24 * kHour);
  struct Case {
    const char* name;
    WantedTopic wanted;
    TopicConfigs found;
    Strings differences;
  };
  // A broker shows its defaults too, so that retention.ms is there when nothing is deleted by it.
  const Case cases[] = {
      {"as made", rows(), {{"cleanup.policy", "compact"}, {"retention.ms", week}, {"retention.bytes", "-1"}}, {}},
      {"nothing known", rows(), {}, {}},
      {"delete", rows(), {{"cleanup.policy", "delete"}, {"retention.ms", week}}, {"loses cleanup.policy"}},
      {"both", rows(), {{"cleanup.policy", "compact,delete"}, {"retention.ms", week}}, {"loses cleanup.policy"}},
      {"delete by size", rows(), {{"cleanup.policy", "delete"}, {"retention.bytes", "99"}}, {"loses cleanup.policy"}},
      {"delete without limits",
       rows(),
       {{"cleanup.policy", "delete"}, {"retention.ms", "-1"}},
       {"warns cleanup.policy"}},
      {"both without limits", rows(), {{"cleanup.policy", "delete,compact"}, {"retention.ms", "-1"}}, {}},
      {"the broker's time",
       rows(),
       {{"cleanup.policy", "compact"}, {"message.timestamp.type", "LogAppendTime"}},
       {"loses message.timestamp.type"}},
      {"delete as asked",
       asked(rows(), {{"cleanup.policy", "delete"}}),
       {{"cleanup.policy", "delete"}, {"retention.ms", week}},
       {}},
      {"as asked, in another order",
       asked(rows(), {{"cleanup.policy", "compact,delete"}}),
       {{"cleanup.policy", "delete, compact"}, {"retention.ms", week}},
       {}},
      {"delete, another asked",
       asked(rows(), {{"segment.bytes", "99"}}),
       {{"cleanup.policy", "delete"}, {"retention.ms", week}, {"segment.bytes", "99"}},
       {"loses cleanup.policy"}},
      {"not as asked",
       asked(rows(), {{"min.insync.replicas", "2"}}),
       {{"cleanup.policy", "compact"}, {"min.insync.replicas", "1"}},
       {"warns min.insync.replicas"}},
      {"asked and not set",
       asked(rows(), {{"min.insync.replicas", "2"}}),
       {{"cleanup.policy", "compact"}},
       {"warns min.insync.replicas"}},
      {"as made", windows(), {{"cleanup.policy", "compact,delete"}, {"retention.ms", std::to_string(25 * kHour)}}, {}},
      {"longer", windows(), {{"cleanup.policy", "compact,delete"}, {"retention.ms", week}}, {}},
      {"for ever", windows(), {{"cleanup.policy", "compact,delete"}, {"retention.ms", "-1"}}, {}},
      {"a little short",
       windows(),
       {{"cleanup.policy", "compact,delete"}, {"retention.ms", day}},
       {"warns retention.ms"}},
      {"just enough",
       windows(),
       {{"cleanup.policy", "compact,delete"}, {"retention.ms", std::to_string(kHour)}},
       {"warns retention.ms"}},
      {"too short",
       windows(),
       {{"cleanup.policy", "compact,delete"}, {"retention.ms", std::to_string(kHour - 1)}},
       {"loses retention.ms"}},
      {"too short as asked",
       asked(windows(), {{"retention.ms", "7"}}),
       {{"cleanup.policy", "compact,delete"}, {"retention.ms", "7"}},
       {}},
      {"too short, another asked",
       asked(windows(), {{"retention.ms", "7"}}),
       {{"cleanup.policy", "compact,delete"}, {"retention.ms", "6"}},
       {"loses retention.ms"}},
      {"by size",
       windows(),
       {{"cleanup.policy", "compact,delete"}, {"retention.ms", week}, {"retention.bytes", "9"}},
       {"loses retention.bytes"}},
      {"never deleted", windows(), {{"cleanup.policy", "compact"}, {"retention.ms", "5"}}, {"warns cleanup.policy"}},
      {"never compacted", windows(), {{"cleanup.policy", "delete"}, {"retention.ms", week}}, {"warns cleanup.policy"}},
      {"as made", versions(), {{"cleanup.policy", "compact"}, {"min.compaction.lag.ms", "600000"}}, {}},
      {"longer", versions(), {{"cleanup.policy", "compact"}, {"min.compaction.lag.ms", "600001"}}, {}},
      {"no lag",
       versions(),
       {{"cleanup.policy", "compact"}, {"min.compaction.lag.ms", "0"}},
       {"loses min.compaction.lag.ms"}},
      {"as made", repartition(), {{"cleanup.policy", "delete"}, {"retention.ms", "-1"}, {"retention.bytes", "-1"}}, {}},
      {"compact", repartition(), {{"cleanup.policy", "compact"}, {"retention.ms", week}}, {"loses cleanup.policy"}},
      {"both",
       repartition(),
       {{"cleanup.policy", "compact,delete"}, {"retention.ms", week}},
       {"loses cleanup.policy", "warns retention.ms"}},
      {"a week", repartition(), {{"cleanup.policy", "delete"}, {"retention.ms", week}}, {"warns retention.ms"}},
      {"by size",
       repartition(),
       {{"cleanup.policy", "delete"}, {"retention.ms", "-1"}, {"retention.bytes", "9"}},
       {"warns retention.bytes"}},
      {"the broker's time",
       repartition(),
       {{"cleanup.policy", "delete"}, {"message.timestamp.type", "LogAppendTime"}},
       {"loses message.timestamp.type"}},
  };
  for (const auto& c : cases) {
    INFO(c.name << (c.wanted.kind == WantedTopic::Kind::repartition ? " (repartition)" : "")
                << (c.wanted.needed.count() ? " (windows)" : ""));
    CHECK(compared(c.wanted, c.found) == c.differences);
  }
}

TEST_CASE("a difference says what was found and what it should be") {
  const auto differences =
      compare_topic(windows(), {{"cleanup.policy", "compact,delete"}, {"retention.ms", std::to_string(kHour - 1)}});
  REQUIRE(differences.size() == 1);
  CHECK(differences[0].found == "3599999");
  CHECK(differences[0].wanted == "90000000");
  CHECK(differences[0].reason == "rows would be deleted that the store still has");
  CHECK(compare_topic(asked(rows(), {{"min.insync.replicas", "2"}}), {})[0].found == "not set");
}

TEST_CASE("the state of a task may go when nobody has owned it for the whole of the delay") {
  const TaskId a{"in", 0}, b{"in", 1};
  using Tasks = std::vector<TaskId>;
  const auto at = [](int minutes) { return Duration(std::chrono::minutes(minutes)); };
  StateCleanup cleanup(at(10));
  CHECK(cleanup.due({a, b}, {a}, at(0)).empty());
  CHECK(cleanup.due({a, b}, {a}, at(9)).empty());
  CHECK(cleanup.due({a, b}, {a}, at(10)) == Tasks{b});
  CHECK(cleanup.due({a, b}, {a}, at(11)) == Tasks{b});  // it could not be removed
  // It comes back, and goes again: the time begins anew.
  CHECK(cleanup.due({a, b}, {a, b}, at(12)).empty());
  CHECK(cleanup.due({a, b}, {a}, at(13)).empty());
  CHECK(cleanup.due({a, b}, {a}, at(22)).empty());
  CHECK(cleanup.due({a, b}, {a}, at(23)) == Tasks{b});
  // A state that was removed and made again is another one.
  CHECK(cleanup.due({a}, {a}, at(24)).empty());
  CHECK(cleanup.due({a, b}, {a}, at(25)).empty());
  cleanup.forget();
  CHECK(cleanup.due({a, b}, {a}, at(35)).empty());
  CHECK(cleanup.due({a, b}, {a}, at(45)) == Tasks{b});
}

TEST_CASE("a task is read back from its text") {
  CHECK(TaskId::parse("in-0") == TaskId{"in", 0});
  CHECK(TaskId::parse("a-b-12") == TaskId{"a-b", 12});
  for (const char* none : {"", "in", "-1", "in-", "in-x", "in-1x", "in--1x", "in-99999999999"}) {
    INFO(none);
    CHECK_FALSE(TaskId::parse(none));
  }
}

}  // namespace
}  // namespace kstreamd
