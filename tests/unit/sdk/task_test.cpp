// What a processor asks of its task: schedules, times, names, metrics, outputs by name, extensions that are missing.
#include <kstreamd/sdk/plugin.h>
#include <kstreamd/sdk/testing.h>

#include <catch2/catch.hpp>
#include <string>
#include <vector>

using namespace kstreamd;
using namespace std::chrono_literals;
using sdk::Config;
using sdk::Context;
using sdk::Schedule;
using sdk::Typed;
using sdk::testing::record;
using sdk::testing::TestTask;
using Texts = std::vector<std::string>;
using Times = std::vector<int64_t>;

namespace {

// Two schedules; each punctuation forwards its time.
class Ticker {
 public:
  static constexpr const char* kName = "ticker";
  static constexpr const char* kDescription = "for tests";
  static constexpr const char* kOutputs[] = {"stream", "wall"};
  Ticker(Context&, const Config& config) : once_(config.boolean("once", false)), fail_(config.boolean("fail", false)) {}
  void init(Context& context) {
    stream_ = context.every(sdk::Clock::stream_time, 10ms);
    wall_ = context.every(sdk::Clock::wall_clock, 1s, 5000);
    context.log(sdk::Log::info, context.application_id());
  }
  void process(const Record&, Context& context) { stream_times.push_back(context.stream_time()); }
  void punctuate(const Schedule& schedule, int64_t timestamp, Context& context) {
    if (fail_) throw std::runtime_error("cannot tick");
    context.forward(Typed{timestamp, context.wall_time(), timestamp}, schedule == wall_ ? 1 : 0);
    if (once_) schedule.cancel();
  }
  static inline Times stream_times;

 private:
  const bool once_, fail_;
  Schedule stream_, wall_;
};

struct Everything {
  static constexpr const char* kName = "everything";
  static constexpr const char* kDescription = "for tests";
  static constexpr const char* kOutputs[] = {"good", "late"};
  Everything(Context& context, const Config&)
      : late(context.output("late")),
        audit(context.output("audit")),
        seen(context.counter("records", "records seen")),
        size(context.gauge("bytes", "of the last one")),
        spread(context.histogram("seconds", "of each")) {}
  void process(const Record& record, Context& context) {
    seen.add();
    size.set(record.value.size);
    spread.observe(0.5);
    context.forward(record, late);
    context.forward(record, audit);
    context.request_commit();
    sdk::Counter().add();  // counts nothing, harms nothing
  }
  const sdk::Output late, audit;
  const sdk::Counter seen;
  const sdk::Gauge size;
  const sdk::Histogram spread;
};

struct EarlyBird {
  static constexpr const char* kName = "early";
  static constexpr const char* kDescription = "for tests";
  EarlyBird(Context& context, const Config&) { context.every(sdk::Clock::stream_time, 1s); }
  void process(const Record&, Context&) {}
};
struct Deaf {
  static constexpr const char* kName = "deaf";
  static constexpr const char* kDescription = "for tests";
  Deaf(Context&, const Config&) {}
  void init(Context& context) { context.every(sdk::Clock::stream_time, 1s); }
  void process(const Record&, Context&) {}
};
struct Lost {
  static constexpr const char* kName = "lost";
  static constexpr const char* kDescription = "for tests";
  static constexpr const char* kOutputs[] = {"good"};
  Lost(Context& context, const Config&) { context.output("goof"); }
  void process(const Record&, Context&) {}
};
struct Counting {
  static constexpr const char* kName = "counting";
  static constexpr const char* kDescription = "for tests";
  Counting(Context& context, const Config& config) {
    if (config.boolean("count", false)) context.counter("x", "y");
    if (config.boolean("bad", false)) context.counter("Bad-name", "y");
  }
  void process(const Record& record, Context& context) { context.forward(record); }
};
struct Warns {
  static constexpr const char* kName = "warns";
  static constexpr const char* kDescription = "for tests";
  Warns(Context&, const Config& config) { check(config); }
  static void check(const Config& config) {
    if (config.integer("size", 1) > 100) config.warning("size", "is large", "100 will do");
  }
  void process(const Record&, Context&) {}
};

Record at(int64_t timestamp) { return record(null_value(), null_value(), timestamp); }

Times times(const std::vector<sdk::testing::OwnedRecord>& records) {
  Times out;
  for (const auto& r : records) out.push_back(r.timestamp);
  return out;
}

// A host whose extensions are of another time.
kst_host old_host(const void* (*extension)(const char*, uint32_t)) {
  return {sizeof(kst_host),
          1,
          0,
          nullptr,
          nullptr,
          [](kst_context* context, const char* text, size_t size) {
            reinterpret_cast<std::string*>(context)->assign(text, size);
          },
          nullptr,
          nullptr,
          extension};
}
std::string create_on(const kst_host& host, const char* config) {
  std::string message = "made";
  void* instance = nullptr;
  const auto* type = sdk::processor_type<Counting>();
  const std::string_view text = config;
  if (type->create(&host, reinterpret_cast<kst_context*>(&message), text.data(), text.size(), &instance) == KST_OK)
    type->close(instance);
  return message;
}

}  // namespace

TEST_CASE("stream time fires after the record that moved it, once for what was missed") {
  for (const bool batch : {false, true}) {
    TestTask<Ticker> task;
    const std::vector<Record> records = {at(5), at(9), at(10), at(11), at(45), at(41), at(50)};
    if (batch)
      task.pipe(records);
    else
      for (const Record& r : records) task.pipe({r});
    // The first at once: stream time counts from 0.
    CHECK(times(task.output("stream")) == Times{5, 10, 45, 50});
    CHECK(task.output("wall").empty());
    CHECK_FALSE(task.output("stream")[0].has_origin);
    CHECK(task.log_lines() == Texts{"test"});
  }
}

TEST_CASE("the wall clock fires from its start on, without records, and may be cancelled from within") {
  TestTask<Ticker> task("{}", {.wall_time = 4500});
  task.advance_wall_clock(499ms);
  CHECK(task.output("wall").empty());
  task.advance_wall_clock(1ms);
  task.advance_wall_clock(3600ms);
  CHECK(times(task.output("wall")) == Times{5000, 8600});
  task.advance_wall_clock(400ms);
  CHECK(times(task.take_output("wall")) == Times{5000, 8600, 9000});
  TestTask<Ticker> once(R"({"once":true})");
  CHECK(once.schedules() == 2);
  once.advance_wall_clock(10s);
  once.advance_wall_clock(10s);
  CHECK(times(once.output("wall")) == Times{10'000});
  CHECK(once.schedules() == 1);
}

TEST_CASE("a start that the wall clock has passed counts on to the next step") {
  TestTask<Ticker> task("{}", {.wall_time = 7500});
  task.advance_wall_clock(499ms);
  CHECK(task.output("wall").empty());
  task.advance_wall_clock(1ms);
  CHECK(times(task.output("wall")) == Times{8000});
}

TEST_CASE("stream time at a record does not depend on the batch") {
  for (const size_t batch : {1, 4}) {
    Ticker::stream_times.clear();
    TestTask<Ticker> task;
    const std::vector<Record> records = {at(5), at(2), at(9), at(7)};
    for (size_t i = 0; i < records.size(); i += batch) task.pipe(std::span(records).subspan(i, batch));
    CHECK(Ticker::stream_times == Times{5, 5, 9, 9});
  }
}

TEST_CASE("a failure of a punctuation stops the processor") {
  TestTask<Ticker> task(R"({"fail":true})");
  CHECK(task.pipe({at(1)}) == KST_FATAL);
  CHECK(task.errors() == Texts{"cannot tick"});
}

TEST_CASE("schedules in the constructor, or without a punctuate, are refused with what to do") {
  CHECK_THROWS_WITH(TestTask<EarlyBird>(), "schedules are made in init(Context&) or later, not in the constructor");
  CHECK_THROWS_WITH(TestTask<Deaf>(), Catch::Contains("its class has no public `void punctuate("));
}

TEST_CASE("outputs and children are found by name, metrics are counted") {
  TestTask<Everything> task("{}", {.children = {"audit"}});
  task.pipe({record(null_value(), string_value("abc")), record(null_value(), string_value("ab"))});
  CHECK(task.output("good").empty());
  CHECK(task.output("late").size() == 2);
  CHECK(task.output("audit").size() == 2);
  CHECK(task.metric("records") == 2);
  CHECK(task.metric("bytes") == 2);
  CHECK(task.observations("seconds") == std::vector<double>{0.5, 0.5});
  CHECK(task.commit_requested());
  CHECK_THROWS_WITH(task.output("lost"), "there is no output and no child 'lost'; there is: good late audit");
  CHECK_THROWS_WITH(TestTask<Lost>(), "there is no output and no child 'goof'; there is: good");
  CHECK_THROWS_WITH(TestTask<Counting>(R"({"bad":true})"), "'Bad-name' is no name of a metric: [a-z][a-z0-9_]*");
}

TEST_CASE("a restart closes the instance and makes a new one, with its schedules") {
  TestTask<Ticker> task;
  task.pipe({at(5)});
  task.restart();
  CHECK(task.schedules() == 2);
  task.pipe({at(6)});
  CHECK(times(task.output("stream")) == Times{5, 6});
}

TEST_CASE("a plugin runs on a host without the extensions that it does not use") {
  const kst_host none = old_host([](const char*, uint32_t) -> const void* { return nullptr; });
  CHECK(create_on(none, "{}") == "made");
  CHECK(create_on(none, R"({"count":true})") ==
        "the plugin uses revision 1 of the extension 'kstreamd.metrics', this kstreamd (ABI 1.0) has none: upgrade "
        "kstreamd, or build the plugin with the SDK of the kstreamd that is to run it");
  const kst_host newer =
      old_host([](const char* id, uint32_t revision) -> const void* { return revision == 3 ? id : nullptr; });
  CHECK(create_on(newer, R"({"count":true})").find("(ABI 1.0) has revision 3:") != std::string::npos);
}

TEST_CASE("warnings of a configuration are shown, and keep nothing from starting") {
  const auto problems = sdk::testing::check(sdk::processor_type<Warns>(), R"({"size":101})");
  REQUIRE(problems.size() == 1);
  CHECK(problems[0].warning);
  CHECK(problems[0].message == "'size' is large");
  TestTask<Warns> task(R"({"size":101})");
  CHECK(task.errors().empty());
  CHECK_FALSE(sdk::testing::check(sdk::processor_type<Warns>(), R"({"size":"x"})")[0].warning);
}
