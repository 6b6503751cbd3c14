#include "daemon/memory_plan.h"

#include <catch2/catch.hpp>

namespace kstreamd {
namespace {

constexpr uint64_t kMiB = 1 << 20;
constexpr uint64_t kGiB = 1024 * kMiB;

MemoryNeeds needs(int workers, int topologies, bool embedded) {
  MemoryNeeds needs;
  needs.workers = workers;
  needs.topologies = topologies;
  needs.embedded = embedded;
  return needs;
}

uint64_t share(const MemoryPlan& plan, const std::string& part) {
  for (const auto& [name, bytes] : plan.shares)
    if (name == part) return bytes;
  FAIL("no part " << part);
  return 0;
}

}  // namespace

TEST_CASE("the shares add up to the limit, whatever is asked") {
  const bool embedded = GENERATE(true, false);
  const int workers = GENERATE(1, 2, 16, 64);
  const int topologies = GENERATE(1, 3);
  CAPTURE(embedded, workers, topologies);
  const MemoryNeeds all = needs(workers, topologies, embedded);
  const uint64_t least = least_memory(all);
  for (const uint64_t limit : {least, least + 1, least * 3 / 2, 2 * kGiB, 64 * kGiB}) {
    if (limit < least) continue;
    CAPTURE(limit);
    const auto plan = plan_memory(limit, all);
    REQUIRE(plan);
    uint64_t sum = 0;
    for (const auto& [name, bytes] : plan->shares) sum += bytes;
    CHECK(sum <= limit);
    CHECK(sum > limit - limit / 50 - kMiB);  // rounding, and nothing more, is left over
    CHECK(plan->uncommitted >= kMiB);
    CHECK(plan->state >= 16 * kMiB);
  }
}

TEST_CASE("more memory gives no part less") {
  const bool embedded = GENERATE(true, false);
  const MemoryNeeds all = needs(2, 1, embedded);
  auto before = plan_memory(least_memory(all), all);
  REQUIRE(before);
  for (uint64_t limit = least_memory(all); limit < 8 * kGiB; limit += 97 * kMiB) {
    const auto plan = plan_memory(limit, all);
    REQUIRE(plan);
    CHECK(plan->uncommitted + 1024 >= before->uncommitted);
    CHECK(plan->state + 1024 >= before->state);
    CHECK(plan->kafka.source + 1024 >= before->kafka.source);
    before = plan;
  }
}

TEST_CASE("a limit too small to work is refused with one that does") {
  const MemoryNeeds all = needs(2, 1, false);
  const uint64_t least = least_memory(all);
  CHECK(least < 112 * kMiB);
  const auto plan = plan_memory(40 * kMiB, all);
  REQUIRE_FALSE(plan);
  CHECK(plan.error().message == "memory.limit: 40MiB is too little for 1 topology of 2 workers");
  CHECK_THAT(plan.error().hint, Catch::StartsWith("set it to " + memory_text(least)));
  CHECK(plan_memory(least, all));
  CHECK_FALSE(plan_memory(least - kMiB, all));
}

TEST_CASE("the user's own limits of librdkafka are counted in") {
  MemoryNeeds all = needs(1, 1, false);
  const uint64_t before = least_memory(all);
  all.kafka = {{"queued.max.messages.kbytes", "102400"}};
  const uint64_t after = least_memory(all);
  CHECK(after >= before + 2 * 98 * kMiB);  // of a worker's consumer, and of restoration's
  const auto plan = plan_memory(kGiB, all);
  REQUIRE(plan);
  CHECK(share(*plan, "fetch_queues") >= 100 * kMiB);
}

TEST_CASE("without a limit a quarter of the memory is taken, 2 GiB at most, and what is needed at least") {
  const MemoryNeeds all = needs(2, 1, false);
  CHECK(default_memory_limit(4 * kGiB, all) == kGiB);
  CHECK(default_memory_limit(64 * kGiB, all) == 2 * kGiB);
  const uint64_t little = default_memory_limit(128 * kMiB, all);
  CHECK(plan_memory(little, all));
  CHECK(plan_memory(default_memory_limit(64 * kGiB, needs(64, 5, false)), needs(64, 5, false)));
}

TEST_CASE("one worker's fetch queue is as large as ever at the default limit") {
  const auto plan = plan_memory(2 * kGiB, needs(1, 1, false));
  REQUIRE(plan);
  CHECK(plan->kafka.source > 500 * kMiB);
  CHECK(plan->state > 256 * kMiB);
}

}  // namespace kstreamd
