// Window and session stores in the real runtime: their changelog topics, and counts that stay exact through crashes.
#include "tests/unit/runtime/harness.h"

namespace kstreamd::word_count_of_tests {
namespace {

using namespace std::chrono_literals;

// The word count, with the count of each word in the one window of its store, or in a session that ever grows.
kst_status count_in_window(const Record& record, ProcessorContext& context) {
  auto& counts = dynamic_cast<WindowAccess&>(*context.store(0));
  kst_window_row row{record.key, null_value(), 0, 0, 0};
  if (kst_status status = counts.get_many({&row, 1}); status != KST_OK) return status;
  row.value = int64_value((is_null(row.value) ? 0 : row.value.u.integer) + 1);
  row.timestamp = record.timestamp;
  if (kst_status status = counts.put_many({&row, 1}); status != KST_OK) return status;
  Record counted = record;
  counted.value = row.value;
  return context.forward(0, {&counted, 1});
}

kst_status count_in_session(const Record& record, ProcessorContext& context) {
  auto& counts = dynamic_cast<SessionAccess&>(*context.store(0));
  struct Found {
    int64_t count = 0;
    std::vector<kst_session_row> rows;
    static int take(void* self, size_t, const kst_session_row* row) {
      auto& found = *static_cast<Found*>(self);
      found.count += row->value.u.integer;
      found.rows.push_back({null_value(), null_value(), row->start, row->end, 0});
      return 0;
    }
  } found;
  const kst_session_range range{record.key, record.key, 0, record.timestamp};
  if (kst_status status = counts.scan({&range, 1}, false, &found, Found::take); status != KST_OK) return status;
  int64_t end = record.timestamp;
  for (auto& old : found.rows) {
    end = std::max(end, old.end);
    old.key = record.key;
    old.timestamp = record.timestamp;
  }
  found.rows.push_back({record.key, int64_value(found.count + 1), 0, end, record.timestamp});
  if (kst_status status = counts.put_many(found.rows); status != KST_OK) return status;
  Record counted = record;
  counted.value = found.rows.back().value;
  return context.forward(0, {&counted, 1});
}

void use_windows(Harness& h) {
  h.topology->stores[0].type = "window";
  h.topology->stores[0].size = 1h;
  h.topology->stores[0].retention = 1h;
  h.processors.steps["count"] = count_in_window;
}

void use_sessions(Harness& h) {
  h.topology->stores[0].type = "session";
  h.topology->stores[0].retention = 2h;
  h.processors.steps["count"] = count_in_session;
}

TEST_CASE("counts in windows and sessions are restored, and stay exact through a crash") {
  const bool windows = GENERATE(true, false);
  const int turns = GENERATE(3, 13, 21);
  CAPTURE(windows, turns);
  Harness h;
  windows ? use_windows(h) : use_sessions(h);
  h.send(100);
  Process a = h.start();
  REQUIRE(h.until({&a}, [&] { return h.running(a, 2 * partitions); }));
  h.send(100);
  h.turns({&a}, turns);
  a.instance.reset();  // gone without a word
  a.state = make_memory_state();
  h.launch(a);
  h.send(50);
  REQUIRE(h.until({&a}, [&] { return h.complete(); }));
}

TEST_CASE("the changelogs of windows and sessions are cut off some time after their rows have expired") {
  Harness h;
  int64_t retention = 0;
  std::string cleanup = "compact,delete";
  SECTION("windows") {
    use_windows(h);
    retention = std::chrono::milliseconds(25h).count();
  }
  SECTION("sessions") {
    use_sessions(h);
    retention = std::chrono::milliseconds(26h).count();
  }
  SECTION("what the file says comes first") {
    use_windows(h);
    h.topology->stores[0].changelog_configs = {{"retention.ms", "7"}, {"cleanup.policy", "delete"}};
    retention = 7;
    cleanup = "delete";
  }
  SECTION("others are kept for good") {
    retention = -1;
    cleanup = "compact";
  }
  Process a = h.start();
  const auto configs = h.cluster().admin().configs("wc-counts-changelog", Duration(0));
  REQUIRE(configs);
  CHECK(configs->at("cleanup.policy") == cleanup);
  CHECK(configs->at("retention.ms") == std::to_string(retention));
  CHECK(configs->at("message.timestamp.type") == "CreateTime");
}

}  // namespace
}  // namespace kstreamd::word_count_of_tests
