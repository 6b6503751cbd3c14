// Bounds on what a worker holds in memory between commits.
#include "tests/unit/runtime/harness.h"

namespace kstreamd::word_count_of_tests {
namespace {

using namespace std::chrono_literals;

constexpr size_t kKiB = 1024;

// Lines of a single word of about 1 KiB that no other has.
void send_large_words(Harness& h, int words) {
  auto producer = h.cluster().make_producer({});
  REQUIRE(producer);
  auto text = (*producer)->open_topic("text", Duration(0));
  REQUIRE(text);
  for (int i = 0; i < words; ++i) {
    const std::string key = std::to_string(i);
    const std::string word = key + std::string(1000, 'x');
    OutgoingRecord record;
    record.topic = *text;
    record.partition = i % partitions;
    record.key_null = record.value_null = false;
    record.key = key;
    record.value = word;
    record.timestamp = 1000 + i;
    REQUIRE((*producer)->produce(record));
  }
  REQUIRE((*producer)->flush(Duration(0)));
}

// The counting step, which looks at what the state holds before each record.
struct Watch {
  size_t most = 0;  // uncommitted
  size_t last = 0;
  int commits = 0;  // that it saw the effect of

  void install(Harness& h, Process& process) {
    h.processors.steps["count"] = [this, &process](const Record& record, ProcessorContext& context) {
      const size_t now = process.state->memory().uncommitted;
      commits += now < last;
      last = now;
      most = std::max(most, now);
      return count(record, context);
    };
  }
};

}  // namespace

TEST_CASE("uncommitted rows beyond their share are committed early, and are never much more") {
  Harness h;
  h.topology->commit_interval = 24h;
  Process a;
  Watch watch;
  watch.install(h, a);
  h.launch(a, {.workers = 1, .uncommitted_bytes = 512 * kKiB});
  REQUIRE(h.until({&a}, [&] { return h.running(a, 2 * partitions); }));
  constexpr int words = 4000;
  send_large_words(h, words);
  REQUIRE(h.until({&a}, [&] { return h.output().size() > words - 1500; }));
  CHECK(watch.commits > 4);
  // The share, what is processed before anybody looks again, and what the store had not told of.
  CHECK(watch.most < 512 * kKiB + 512 * kKiB + 64 * kKiB);
  CHECK(watch.most > 64 * kKiB);
}

TEST_CASE("without such a bound they wait for the commit interval") {
  Harness h;
  h.topology->commit_interval = 24h;
  Process a;
  Watch watch;
  watch.install(h, a);
  h.launch(a, {.workers = 1});
  REQUIRE(h.until({&a}, [&] { return h.running(a, 2 * partitions); }));
  h.turns({&a}, 5);  // a new task commits where it starts
  send_large_words(h, 4000);
  h.turns({&a}, 50);
  CHECK(h.output().empty());
}

}  // namespace kstreamd::word_count_of_tests
