// State whose changelog has become another one, on the log inside the process and on a real broker.
#include "tests/contract/contract.h"
#include "tests/unit/runtime/restorer_bed.h"

namespace kstreamd::word_count_of_tests {
namespace {

TEST_CASE("state of a changelog that was truncated or made anew is rebuilt") {
  const auto fixture = contract::make_contract_fixture();
  Bed bed(fixture->cluster(), fixture->fresh_name() + "-", contract::kPatience);
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
    const std::vector<PartitionOffset> before = {{{bed.changelog, 0}, 1100}};
    REQUIRE(bed.cluster.admin().delete_records(before, bed.patience));
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

}  // namespace
}  // namespace kstreamd::word_count_of_tests
