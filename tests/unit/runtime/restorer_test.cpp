// The restorer alone, on the log inside the process: what it reads, and when it goes on.
#include "core/embedded/embedded_cluster.h"
#include "tests/unit/runtime/restorer_bed.h"

namespace kstreamd::word_count_of_tests {
namespace {

// The log keeps a clock of its own, which stands still.
std::unique_ptr<Cluster> make_log() {
  static const ManualClock clock;
  auto made = make_embedded_cluster({.folder = "", .clock = &clock, .maintenance_thread = false});
  REQUIRE(made);
  return std::move(*made);
}

struct Log {
  std::unique_ptr<Cluster> log = make_log();
};
struct EmbeddedBed : Log, Bed {
  EmbeddedBed() : Bed(*log, "", Duration(0)) {}
};

TEST_CASE("a changelog is restored whole, then only what is new") {
  EmbeddedBed bed;
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
  EmbeddedBed bed;
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

TEST_CASE("compaction of the last record applied is no reason to rebuild") {
  EmbeddedBed bed;
  bed.produce(0, 1000, "v", 10);
  bed.restore().reset();
  bed.produce(1000, 2000, "v", 10);
  REQUIRE(embedded_levers(bed.cluster)->clean(bed.changelog));
  bed.reopen();
  auto state = bed.restore();
  CHECK(bed.metric("kstreamd_state_rebuilds_total") == 0);
  CHECK(get(*state, "k9") == "v1999");
  CHECK(count_rows(*state) == 10);
}

TEST_CASE("a rebuild in the middle of a restoration begins anew") {
  EmbeddedBed bed;
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
  EmbeddedBed bed;
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
