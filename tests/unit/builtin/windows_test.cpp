// Windowed aggregations: batches must not be seen in the results, and what closes comes once.
#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "internal_host.h"
#include "kstreamd/sdk/change.h"
#include "kstreamd/sdk/windowed.h"

using namespace kstreamd;
using kstreamd::sdk::testing::record;
using kstreamd::sdk::testing::Task;
using kstreamd::testing::InternalHost;

namespace {

struct Input {
  std::string key;  // empty: null
  int64_t timestamp;
};

std::vector<Input> random_input(uint32_t seed, size_t count) {
  std::mt19937 random(seed);
  std::vector<Input> input;
  int64_t time = 0;
  for (size_t i = 0; i < count; ++i) {
    time += random() % 50 == 0 ? 5000 : random() % 400;  // sometimes a leap over all that is kept
    const int64_t back = random() % 3 == 0 ? static_cast<int64_t>(random() % 2500) : 0;
    input.push_back({random() % 20 == 0 ? "" : std::string(1, static_cast<char>('a' + random() % 4)),
                     std::max<int64_t>(0, time - back)});
  }
  return input;
}

std::string text(const sdk::testing::OwnedRecord& r) {
  const Windowed at = windowed_of(r.key.get());
  const Value given = r.value.get();
  const Value value = new_value(given);
  return std::string(data_of(at.key)) + "[" + std::to_string(at.start) + "," + std::to_string(at.end) +
         ")=" + (is_null(value) ? "null" : std::to_string(value.u.integer)) + "@" + std::to_string(r.timestamp);
}

// What comes out, and what is dropped, of batches of a size; with new processors after every so many batches.
std::vector<std::string> run(const std::string& type, const std::string& config, const std::vector<Input>& input,
                             size_t batch, int64_t retention, size_t restarts = SIZE_MAX) {
  InternalHost host(type);
  sdk::testing::TaskOptions options;
  options.stores[0] = {1000, retention, false};
  Task task(host.type(), config, options);
  std::vector<std::string> out;
  for (size_t at = 0; at < input.size(); at += batch) {
    std::vector<Record> records;
    for (size_t i = at; i < std::min(input.size(), at + batch); ++i)
      records.push_back(record(input[i].key.empty() ? null_value() : string_value(input[i].key), string_value("x"),
                               input[i].timestamp));
    REQUIRE(task.pipe(records) == KST_OK);
    if ((at / batch + 1) % restarts == 0) task.restart();
  }
  for (const auto& r : task.take_output()) out.push_back(text(r));
  for (const char* reason : {"late", "null_key"}) out.push_back(reason + std::to_string(task.dropped(reason)));
  out.push_back("time " + std::to_string(host.progress["t"]) + ", sent " + std::to_string(host.progress["store 0"]));
  CHECK(task.dropped("expired") == 0);
  return out;
}

}  // namespace

TEST_CASE("counts by windows come out the same in batches of any size") {
  const auto on_close = GENERATE(std::string(), std::string(R"("emit":"on_window_close",)"));
  const auto advance = GENERATE(1000, 300);
  const std::string config = "{" + on_close +
                             R"("operation":"count","window":{"kind":"hopping","size":1000,"advance":)" +
                             std::to_string(advance) + R"(,"grace":500,"retention":1500}})";
  for (uint32_t seed = 1; seed <= 8; ++seed) {
    const auto input = random_input(seed, 600);
    const auto singly = run("kstreamd.time_windows", config, input, 1, 1500);
    CHECK(singly.size() > 200);
    for (const size_t batch : {2, 7, 100, 600}) {
      INFO("seed " << seed << ", batches of " << batch);
      const auto together = run("kstreamd.time_windows", config, input, batch, 1500);
      const auto [one, other] = std::mismatch(singly.begin(), singly.end(), together.begin(), together.end());
      CHECK((one == singly.end() ? "nothing" : *one) == (other == together.end() ? "nothing" : *other));
    }
  }
}

TEST_CASE("every window that closes is put out once, with what the updates came to") {
  struct Kind {
    std::string type, window;
    int64_t retention;
  };
  const auto kind = GENERATE(
      Kind{"kstreamd.time_windows", R"({"kind":"tumbling","size":1000,"grace":500,"retention":1500})", 1500},
      Kind{"kstreamd.sliding_windows", R"({"kind":"sliding","size":1000,"grace":500,"retention":2500})", 2500});
  const std::string head = R"({"operation":"count","window":)" + kind.window;
  for (uint32_t seed = 1; seed <= 8; ++seed) {
    INFO(kind.type << ", seed " << seed);
    auto input = random_input(seed, 400);
    input.push_back({"z", 10'000'000});
    const auto updates = run(kind.type, head + "}", input, 1, kind.retention);
    std::map<std::string, std::string> last;  // by key and window
    for (const auto& update : updates)
      if (const auto end = update.find(")="); end != std::string::npos && update[0] != 'z')
        last[update.substr(0, end)] = update;
    std::vector<std::string> expected;
    for (const auto& [window, update] : last) expected.push_back(update);
    auto closed = run(kind.type, head + R"(,"emit":"on_window_close"})", input, 1, kind.retention);
    std::erase_if(closed, [](const std::string& line) { return line.find(")=") == std::string::npos; });
    auto restarted = run(kind.type, head + R"(,"emit":"on_window_close"})", input, 1, kind.retention, 3);
    std::erase_if(restarted, [](const std::string& line) { return line.find(")=") == std::string::npos; });
    CHECK(restarted == closed);
    std::sort(closed.begin(), closed.end());
    std::sort(expected.begin(), expected.end());
    CHECK(closed == expected);
  }
}

TEST_CASE("windows go on from where Kafka Streams has put them out, and leave behind what it goes on from") {
  struct Kind {
    std::string type, window;
    int64_t closed;  // the window close time that Kafka Streams kept, when it put out what had ended before 3000
    std::string again, next, left;
  };
  const auto kind =
      GENERATE(Kind{"kstreamd.time_windows", R"({"kind":"tumbling","size":1000,"grace":500,"retention":9000})", 3000,
                    "late1", "a[3000,4000)=1@3400", "store 8500"},
               Kind{"kstreamd.sliding_windows", R"({"kind":"sliding","size":400,"grace":500,"retention":9000})", 3000,
                    "late1", "a[3000,3400)=1@3400", "store 8500"},
               Kind{"kstreamd.session_windows", R"({"kind":"session","size":400,"grace":500,"retention":9000})", 3000,
                    "late1", "a[3400,3400)=1@3400", "store 8100"});
  INFO(kind.type);
  InternalHost host(kind.type);
  host.progress["store 0"] = kind.closed;
  sdk::testing::TaskOptions options;
  options.stores[0] = {1000, 9000, false};
  Task task(host.type(), R"({"operation":"count","emit":"on_window_close","window":)" + kind.window + "}", options);
  for (const Input& in : {Input{"a", 2000}, Input{"a", 3400}, Input{"b", 9000}})
    REQUIRE(task.pipe(std::vector{record(string_value(in.key), string_value("x"), in.timestamp)}) == KST_OK);
  std::vector<std::string> out;
  for (const auto& r : task.take_output()) out.push_back(text(r));
  out.push_back("late" + std::to_string(task.dropped("late")));
  out.push_back("store " + std::to_string(host.progress["store 0"]));
  CHECK(out == std::vector<std::string>{kind.next, kind.again, kind.left});
}

TEST_CASE("nothing is left for Kafka Streams to go on from before a window can have closed") {
  InternalHost host("kstreamd.time_windows");
  sdk::testing::TaskOptions options;
  options.stores[0] = {1000, 9000, false};
  const std::string config =
      R"({"operation":"count","emit":"on_window_close","window":{"kind":"tumbling","size":1000,"grace":500,"retention":9000}})";
  Task task(host.type(), config, options);
  REQUIRE(task.pipe(std::vector{record(string_value("a"), string_value("x"), 1499)}) == KST_OK);
  CHECK(host.progress["store 0"] == -1);
  REQUIRE(task.pipe(std::vector{record(string_value("a"), string_value("x"), 1500)}) == KST_OK);
  CHECK(host.progress["store 0"] == 1000);
}
