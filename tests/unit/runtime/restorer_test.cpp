// The restorer alone, on the embedded log and real state folders: what it reads, when it goes on, and when it begins
// anew.
#include "core/runtime/restorer.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>

#include "core/embedded/embedded_cluster.h"
#include "core/state/rocksdb_state.h"
#include "core/testing/counting_metrics.h"
#include "tests/fakes/fake_processors.h"
#include "tests/unit/runtime/word_count.h"

namespace kstreamd::word_count_of_tests {
namespace {

using namespace std::chrono_literals;

constexpr const char* changelog = "wc-counts-changelog";
constexpr int counts_0 = 1;  // the task with the store

class Bed {
 public:
  Bed() {
    std::string name = (std::filesystem::temp_directory_path() / "kstreamd-restorer-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    folder_ = name;
    auto made = make_embedded_cluster({.folder = "", .clock = &clock, .maintenance_thread = false});
    REQUIRE(made);
    cluster = std::move(*made);
    for (const char* topic : {"text", "word-counts", "wc-counts-repartition", "wc-kstreamd-tasks"})
      REQUIRE(cluster->admin().create(std::vector<TopicSpec>{{topic, 1, -1, {}}}, Duration(0)));
    make_changelog();
    auto planned = plan_tasks(*topology, {{"text", 1}});
    REQUIRE(planned);
    plan = std::move(*planned);
    auto joined = cluster->join({"wc", "i", "wc-kstreamd-tasks"});
    REQUIRE(joined);
    member = std::move(*joined);
    open();
  }
  ~Bed() {
    close();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  void open() {
    auto opened = open_state_folder({.folder = folder_, .restore_buffer_bytes = 64 << 10}, clock);
    REQUIRE(opened);
    state = std::move(*opened);
    restorer = std::make_unique<Restorer>(*topology, plan, "c",
                                          RuntimePorts{*cluster, *state, processors, *metrics, clock}, *member, events);
  }
  void close() {
    restorer.reset();
    state.reset();
  }
  // As a new process finds it.
  void reopen() {
    close();
    open();
  }

  void make_changelog() {
    const std::vector<TopicSpec> spec = {{changelog, 1, -1, {{"cleanup.policy", "compact"}}}};
    REQUIRE(cluster->admin().create(spec, Duration(0)));
  }
  void remove_changelog() {
    const std::vector<std::string> topics = {changelog};
    REQUIRE(cluster->admin().remove(topics, Duration(0)));
  }
  // Records from .. to - 1: key n % keys, value `prefix` n.
  void produce(int from, int to, const std::string& prefix = "v", int keys = 1'000'000) {
    auto producer = cluster->make_producer({});
    REQUIRE(producer);
    auto topic = (*producer)->open_topic(changelog, Duration(0));
    REQUIRE(topic);
    for (int n = from; n < to; ++n) {
      const std::string key = "k" + std::to_string(n % keys);
      const std::string value = prefix + std::to_string(n);
      OutgoingRecord record;
      record.topic = *topic;
      record.partition = 0;
      record.key_null = record.value_null = false;
      record.key = key;
      record.value = value;
      record.timestamp = n;
      REQUIRE((*producer)->produce(record));
    }
    REQUIRE((*producer)->flush(Duration(0)));
  }

  void step(int times = 1) {
    for (int i = 0; i < times; ++i) {
      restorer->step(Duration(0));
      clock.advance(10ms);
      for (auto& event : events.take()) seen.push_back(std::move(event));
    }
  }
  TaskRestored* restored() {
    for (auto& event : seen) {
      if (auto* failed = std::get_if<Failed>(&event)) FAIL(failed->error.text());
      if (auto* done = std::get_if<TaskRestored>(&event)) return done;
    }
    return nullptr;
  }
  // The task's state, restored.
  std::unique_ptr<TaskState> restore(std::unique_ptr<TaskState> from = nullptr) {
    restorer->commands().push(RestoreTask{counts_0, std::move(from), false});
    for (int i = 0; i < 1000 && !restored(); ++i) step();
    REQUIRE(restored());
    auto state_of_task = std::move(restored()->state);
    seen.clear();
    return state_of_task;
  }
  double metric(const std::string& name) { return metrics->sum(name, {}); }

  ManualClock clock;
  std::unique_ptr<Cluster> cluster;
  std::shared_ptr<Topology> topology = word_count();
  TaskPlan plan;
  std::unique_ptr<GroupMember> member;
  FakeProcessors processors;
  std::unique_ptr<CountingMetrics> metrics = std::make_unique<CountingMetrics>();
  Mailbox<ControlEvent> events;
  std::unique_ptr<StateBackend> state;
  std::unique_ptr<Restorer> restorer;
  std::vector<ControlEvent> seen;

 private:
  std::string folder_;
};

std::string get(TaskState& state, const std::string& key) {
  auto row = state.store(0).get(key);
  REQUIRE(row);
  return row->present ? std::string(row->value) : "-";
}

size_t count_rows(TaskState& state) {
  size_t rows = 0;
  REQUIRE(state.store(0).range({}, {}, false, [&](std::string_view, const StoreValue&) { return ++rows > 0; }));
  return rows;
}

TEST_CASE("a changelog is restored whole, then only what is new") {
  Bed bed;
  bed.produce(0, 30'000);
  auto state = bed.restore();
  CHECK(count_rows(*state) == 30'000);
  CHECK(bed.metric("kstreamd_restore_records_total") == 30'000);
  CHECK(bed.metric("kstreamd_restore_bytes_total") > 30'000);
  state.reset();
  bed.produce(30'000, 30'100);
  bed.reopen();
  state = bed.restore();
  CHECK(count_rows(*state) == 30'100);
  CHECK(bed.metric("kstreamd_restore_records_total") == 30'100);
  state.reset();
  bed.reopen();
  state = bed.restore();
  CHECK(count_rows(*state) == 30'100);
  CHECK(bed.metric("kstreamd_restore_records_total") == 30'100);
  CHECK(bed.metric("kstreamd_state_rebuilds_total") == 0);
}

TEST_CASE("a restoration that was cancelled goes on where it was") {
  Bed bed;
  bed.produce(0, 30'000);
  bed.restorer->commands().push(RestoreTask{counts_0, nullptr, false});
  for (int i = 0; i < 100 && bed.metric("kstreamd_restore_records_total") == 0; ++i) bed.step();
  const auto progress = bed.restorer->progress();
  REQUIRE(progress.contains(counts_0));
  const RestoreStatus status = progress.at(counts_0).at(0);
  CHECK(status.store == "counts");
  CHECK(status.restored > 0);
  REQUIRE(status.remaining > 0);
  CHECK(status.restored + status.remaining == 30'000);
  bed.restorer->commands().push(CancelRestore{counts_0});
  bed.step();
  REQUIRE(bed.seen.size() == 1);
  CHECK(std::holds_alternative<RestoreCancelled>(bed.seen[0]));
  bed.seen.clear();
  auto state = bed.restore();
  CHECK(count_rows(*state) == 30'000);
  CHECK(bed.metric("kstreamd_restore_records_total") == 30'000);
}

TEST_CASE("state of a changelog that was truncated or made anew is rebuilt") {
  Bed bed;
  bed.produce(0, 1000);
  bed.restore().reset();
  int first = 0, size = 0;
  SECTION("shorter") {
    bed.remove_changelog();
    bed.make_changelog();
    bed.produce(0, size = 500, "other");
  }
  SECTION("as long") {
    bed.remove_changelog();
    bed.make_changelog();
    bed.produce(0, size = 1000, "other");
  }
  SECTION("longer") {
    bed.remove_changelog();
    bed.make_changelog();
    bed.produce(0, size = 2500, "other");
  }
  SECTION("its beginning deleted past what was applied") {
    bed.produce(1000, 1200, "other");
    const std::vector<PartitionOffset> before = {{{changelog, 0}, 1100}};
    REQUIRE(bed.cluster->admin().delete_records(before, Duration(0)));
    first = 1100;
    size = 1200;
  }
  bed.reopen();
  auto state = bed.restore();
  CHECK(bed.metric("kstreamd_state_rebuilds_total") == 1);
  CHECK(count_rows(*state) == static_cast<size_t>(size - first));
  CHECK(get(*state, "k" + std::to_string(size - 1)) == "other" + std::to_string(size - 1));
  // Once is enough.
  state.reset();
  bed.reopen();
  bed.restore().reset();
  CHECK(bed.metric("kstreamd_state_rebuilds_total") == 1);
}

TEST_CASE("compaction of the last record applied is no reason to rebuild") {
  Bed bed;
  bed.produce(0, 1000, "v", 10);
  bed.restore().reset();
  bed.produce(1000, 2000, "v", 10);
  REQUIRE(embedded_levers(*bed.cluster)->clean(changelog));
  bed.reopen();
  auto state = bed.restore();
  CHECK(bed.metric("kstreamd_state_rebuilds_total") == 0);
  CHECK(get(*state, "k9") == "v1999");
  CHECK(count_rows(*state) == 10);
}

TEST_CASE("a rebuild in the middle of a restoration begins anew") {
  Bed bed;
  bed.produce(0, 30'000);
  auto state = bed.restore();
  bed.produce(30'000, 60'000);
  bed.restorer->commands().push(RestoreTask{counts_0, std::move(state), true});
  for (int i = 0; i < 1000 && !bed.restored(); ++i) bed.step();
  REQUIRE(bed.restored());
  CHECK(count_rows(*bed.restored()->state) == 60'000);
  CHECK(bed.metric("kstreamd_restore_records_total") == 90'000);
  bed.seen.clear();
}

TEST_CASE("a followed task is up to date when it is to run") {
  Bed bed;
  bed.produce(0, 20'000);
  bed.restorer->commands().push(FollowTask{counts_0});
  bed.step(50);
  CHECK(bed.metric("kstreamd_restore_records_total") == 20'000);
  bed.produce(20'000, 20'500);
  bed.step(50);
  CHECK(bed.metric("kstreamd_restore_records_total") == 20'500);
  CHECK_FALSE(bed.restored());
  SECTION("and only what is new is read then") {
    bed.produce(20'500, 20'600);
    auto state = bed.restore();
    CHECK(count_rows(*state) == 20'600);
    CHECK(bed.metric("kstreamd_restore_records_total") == 20'600);
  }
  SECTION("and keeps its place when it is given up") {
    bed.restorer->commands().push(CancelRestore{counts_0});
    bed.step();
    bed.seen.clear();
    auto state = bed.restore();
    CHECK(count_rows(*state) == 20'500);
    CHECK(bed.metric("kstreamd_restore_records_total") == 20'500);
  }
}

}  // namespace
}  // namespace kstreamd::word_count_of_tests
