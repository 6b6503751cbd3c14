// Records that are finished later, by other threads.
#include <kstreamd/sdk/plugin.h>
#include <kstreamd/sdk/testing.h>

#include <catch2/catch.hpp>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

using namespace kstreamd;
using sdk::Config;
using sdk::Context;
using sdk::Held;
using sdk::Typed;
using sdk::testing::record;
using sdk::testing::TestTask;
using Texts = std::vector<std::string>;
using Text = Typed<std::string_view, std::string_view>;

namespace {

// Holds everything, for the test to finish; at "throw" it throws after that, at "early" before, at "now" it is done.
class Holder {
 public:
  static constexpr const char* kName = "holder";
  static constexpr const char* kDescription = "for tests";
  static constexpr const char* kOutputs[] = {"done", "odd"};
  static constexpr uint32_t kMaxInFlight = 8;
  static constexpr std::chrono::seconds kCompletionTimeout{5};
  Holder(Context& context, const Config&) : odd_(context.output("odd")) {}
  ~Holder() { held.clear(); }
  void process(const Text& record, Context& context) {
    if (record.value == "early") throw std::runtime_error("before");
    Held mine = context.hold(record);
    if (record.value == "throw") throw std::runtime_error("after");
    if (record.value == "stop") throw sdk::FatalError("no more");
    if (record.value == "now") return mine.complete(record.with_value("at once"), odd_);
    if (record.value == "let go") return;
    if (record.value == "kept") {
      held.push_back(std::move(mine));
      throw std::runtime_error("too late");
    }
    held.push_back(std::move(mine));
  }
  static inline std::vector<Held> held;

 private:
  const sdk::Output odd_;
};

// The same with a batch: at "throw" all are held already.
class BatchHolder {
 public:
  static constexpr const char* kName = "batch_holder";
  static constexpr const char* kDescription = "for tests";
  static constexpr uint32_t kMaxInFlight = 100;
  BatchHolder(Context&, const Config&) {}
  void process(std::span<const Text> records, Context& context) {
    // What comes before "early" is held together; "early" itself is not.
    size_t count = 0;
    while (count < records.size() && records[count].value != "early") ++count;
    auto held = context.hold_all(records.first(count));
    for (size_t i = 0; i < records.size(); ++i) {
      context.processing(i);
      if (records[i].value == "throw" || records[i].value == "early")
        throw std::runtime_error(std::string(records[i].value));
    }
    for (auto& one : held) one.complete(one.as<std::string_view, std::string_view>());
  }
};

class Forwards {
 public:
  static constexpr const char* kName = "forwards";
  static constexpr const char* kDescription = "for tests";
  static constexpr uint32_t kMaxInFlight = 1;
  Forwards(Context&, const Config&) {}
  void process(const Record& record, Context& context) { context.forward(record); }
};

Record text(std::string_view key, std::string_view value) { return record(string_value(key), string_value(value)); }

Texts values(const std::vector<sdk::testing::OwnedRecord>& records) {
  Texts out;
  for (const auto& r : records) out.push_back(r.value.text());
  return out;
}

}  // namespace

TEST_CASE("the descriptor says how many records may be held and for how long") {
  CHECK(sdk::processor_type<Holder>()->max_in_flight == 8);
  CHECK(sdk::processor_type<Holder>()->completion_timeout_ms == 5000);
}

TEST_CASE("held records are finished in any order and leave in order per key") {
  TestTask<Holder> task;
  CHECK(task.pipe({text("a", "1"), text("b", "2"), text("a", "3")}) == KST_OK);
  REQUIRE(Holder::held.size() == 3);
  CHECK(task.held() == 3);
  {
    Held last = std::move(Holder::held[2]);
    const auto typed = last.as<std::string_view, std::string_view>();
    last.complete(typed.with_value(std::string(typed.value) + "!"));
    CHECK_FALSE(last);
  }
  Holder::held[1].drop("missing");
  CHECK_FALSE(task.finish(std::chrono::milliseconds(0)));
  CHECK(task.output().empty());
  CHECK(task.dropped("missing") == 1);
  Held& first = Holder::held[0];
  first.add(first.record(), 1);
  std::string gone = "first";
  first.add(first.as<std::string_view, std::string_view>().with_value(sdk::Bytes{first.memory().copy(gone)}));
  gone = "#####";
  first.complete();
  CHECK(task.finish());
  CHECK(values(task.output()) == Texts{"first", "3!"});
  CHECK(values(task.output("odd")) == Texts{"1"});
  CHECK(task.output()[0].has_origin);
  CHECK(task.close().empty());
}

TEST_CASE("a record may be finished from within process") {
  TestTask<Holder> task;
  task.pipe({text("a", "now"), text("a", "now")});
  CHECK(values(task.output("odd")) == Texts{"at once", "at once"});
  CHECK(task.held() == 0);
}

TEST_CASE("what is destroyed unfinished fails its record, by name of the exception if there is one") {
  TestTask<Holder> task;
  CHECK(task.pipe({text("a", "let go"), text("b", "throw"), text("c", "early"), text("d", "now"), text("e", "kept")}) ==
        KST_OK);
  // Those that threw failed by what they threw, though they were held.
  CHECK(task.errors() == Texts{"after", "before", "too late",
                               "the processor let go of the record that it held, without completing, failing or "
                               "dropping it"});
  CHECK(values(task.output("odd")) == Texts{"at once"});
  REQUIRE(Holder::held.size() == 1);
  Holder::held[0].complete();  // ignored: its record has failed
  CHECK(task.finish());
  CHECK(task.output().empty());
  CHECK(task.close().empty());
}

TEST_CASE("a batch fails at the record that it says, what it held of the rest comes again") {
  TestTask<BatchHolder> task;
  CHECK(task.pipe({text("a", "1"), text("b", "throw"), text("c", "3")}) == KST_OK);
  // The first was let go of before its result was there; the second threw; the third came again.
  CHECK(task.errors() ==
        Texts{"throw", "the processor let go of the record that it held, without completing, failing or dropping it"});
  CHECK(values(task.take_output()) == Texts{"3"});
  CHECK(task.pipe({text("a", "1"), text("b", "early"), text("c", "3")}) == KST_OK);
  CHECK(values(task.output()) == Texts{"3"});
  CHECK(task.held() == 0);
  CHECK(task.close().empty());
}

TEST_CASE("a fatal error leaves what is held to the end of the instance") {
  TestTask<Holder> task;
  CHECK(task.pipe({text("a", "stop")}) == KST_FATAL);
  REQUIRE(task.errors().size() >= 1);
  CHECK(task.errors()[0] == "no more");
  CHECK(task.close().empty());
}

TEST_CASE("a processor that holds records forwards nothing in process") {
  TestTask<Forwards> task;
  CHECK(task.pipe({text("a", "1")}) == KST_FATAL);
  CHECK(task.errors()[0].find("completes them") != std::string::npos);
}

TEST_CASE("what is never completed is reported, and what comes too late is ignored") {
  Held late;
  {
    TestTask<Holder> task;
    task.pipe({text("a", "1"), text("b", "2")});
    late = std::move(Holder::held[0]);
    CHECK(task.close() == Texts{"2 records are still held: never completed, failed or dropped"});
  }
  late.complete(text("a", "late"));
  CHECK_FALSE(late);
  TestTask<Holder> timed;
  timed.pipe({text("a", "1")});
  timed.time_out();
  CHECK(timed.errors() == Texts{"the record was held for too long"});
  Holder::held[0].complete();
  CHECK(timed.close().empty());
}

TEST_CASE("no more records are held than may be") {
  TestTask<Holder> task;
  std::vector<std::string> names;
  for (int i = 0; i < 100; ++i) names.push_back(std::to_string(i));
  std::vector<Record> records;
  for (const auto& name : names) records.push_back(text(name, "x"));
  std::mutex mutex;
  // Fewer than the limit wait in the processor: another thread finishes them while pipe waits.
  std::vector<Record> first(records.begin(), records.begin() + 8);
  task.pipe(first);
  CHECK(task.held() == 8);
  auto waiting = std::move(Holder::held);
  Holder::held.clear();
  std::thread finisher([&] {
    for (auto& one : waiting) one.complete(one.record());
  });
  task.pipe({records[8]});
  finisher.join();
  REQUIRE(Holder::held.size() == 1);
  Holder::held[0].complete();
  CHECK(task.finish());
  CHECK(task.output().size() == 8);
}
