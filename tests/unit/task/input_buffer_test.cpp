#include "core/task/input_buffer.h"

#include <catch2/catch.hpp>

namespace kstreamd {
namespace {

// A batch of records at consecutive offsets with the given timestamps.
FetchedBatch batch(int64_t first_offset, std::vector<int64_t> timestamps, bool at_end = false, int64_t skipped = 0) {
  FetchedBatch made;
  for (int64_t timestamp : timestamps) {
    FetchedRecord record{};
    record.origin.offset = first_offset++;
    record.timestamp = timestamp;
    made.records.push_back(record);
  }
  made.next_offset = first_offset + skipped;
  made.at_end = at_end;
  return made;
}

TEST_CASE("records of one input come in offset order, up to the limit") {
  InputBuffer buffer(std::vector<int64_t>{10});
  buffer.add(0, batch(10, {5, 3, 4}));
  CHECK(buffer.next(2).records.size() == 2);
  buffer.consume(2);
  CHECK(buffer.position(0) == 12);
  CHECK(buffer.next(9).records.size() == 1);
  buffer.consume(1);
  CHECK(buffer.position(0) == 13);
  CHECK(buffer.next(9).records.empty());
}

TEST_CASE("the input with the earliest head goes first, and only as far as the others allow") {
  InputBuffer buffer(std::vector<int64_t>{0, 0});
  buffer.add(0, batch(0, {1, 2, 9}, true));
  buffer.add(1, batch(0, {4, 20}, true));
  auto run = buffer.next(100);
  CHECK(run.input == 0);
  CHECK(run.records.size() == 2);
  buffer.consume(2);
  run = buffer.next(100);
  CHECK(run.input == 1);
  CHECK(run.records.size() == 1);
  buffer.consume(1);
  CHECK(buffer.next(100).input == 0);
  buffer.consume(1);
  CHECK(buffer.next(100).input == 1);
}

TEST_CASE("of equal timestamps those of the first input go first, whatever the limit") {
  for (const size_t limit : {1, 2, 100}) {
    InputBuffer buffer(std::vector<int64_t>{0, 0});
    buffer.add(0, batch(0, {5, 7, 7, 9}, true));
    buffer.add(1, batch(0, {3, 5, 5, 7, 8}, true));
    std::string order;
    for (auto run = buffer.next(limit); !run.records.empty(); run = buffer.next(limit)) {
      for (const auto& record : run.records) order += (run.input == 0 ? " a" : " b") + std::to_string(record.timestamp);
      buffer.consume(run.records.size());
    }
    CHECK(order == " b3 a5 b5 b5 a7 a7 b7 b8 a9");
  }
}

TEST_CASE("an input that may still have earlier records holds the others back") {
  InputBuffer buffer(std::vector<int64_t>{0, 0});
  buffer.add(0, batch(0, {1}));
  CHECK(buffer.next(10).records.empty());
  buffer.add(1, batch(0, {}, true));
  CHECK(buffer.next(10).records.size() == 1);
}

TEST_CASE("an input at its end is waited for as long as max_task_idle says") {
  using std::chrono::milliseconds;
  InputBuffer buffer(std::vector<int64_t>{0, 0}, milliseconds(100));
  buffer.add(0, batch(0, {50}, true));
  // Not known to be at its end: for however long.
  CHECK(buffer.next(10, milliseconds(1'000)).records.empty());
  CHECK_FALSE(buffer.next_idle_end());
  buffer.add(1, batch(0, {}, true));
  CHECK(buffer.next(10, milliseconds(1'000)).records.empty());
  CHECK(buffer.next_idle_end() == Duration(milliseconds(1'100)));
  CHECK(buffer.next(10, milliseconds(1'099)).records.empty());
  CHECK(buffer.next(10, milliseconds(1'100)).records.size() == 1);
  buffer.consume(1);
  // The other has nothing either now, and there is nothing to wait with.
  CHECK(buffer.next(10, milliseconds(1'101)).records.empty());
  CHECK_FALSE(buffer.next_idle_end());
  // An input that has been idle for long enough holds up nothing, until something comes of it.
  buffer.add(0, batch(1, {60}, true));
  CHECK(buffer.next(10, milliseconds(5'000)).records.size() == 1);
  buffer.add(1, batch(0, {55}, true));
  const auto run = buffer.next(10, milliseconds(5'001));
  CHECK(run.input == 1);
  buffer.consume(1);
  CHECK(buffer.next(10, milliseconds(5'002)).records.empty());
  CHECK(buffer.next_idle_end() == Duration(milliseconds(5'102)));
  buffer.reset(std::vector<int64_t>{1, 1});
  CHECK_FALSE(buffer.next_idle_end());
}

TEST_CASE("control records move the position") {
  InputBuffer buffer(std::vector<int64_t>{0});
  buffer.add(0, batch(0, {1}, true, 1));
  buffer.next(1);
  buffer.consume(1);
  CHECK(buffer.position(0) == 2);
  buffer.add(0, batch(2, {}, true, 3));
  CHECK(buffer.position(0) == 5);
}

TEST_CASE("records that were taken up already are skipped") {
  InputBuffer buffer(std::vector<int64_t>{5});
  buffer.add(0, batch(3, {1, 2, 3}));
  CHECK(buffer.buffered() == 1);
  CHECK(buffer.next(10).records.front().origin.offset == 5);
}

TEST_CASE("a reset forgets what is buffered") {
  InputBuffer buffer(std::vector<int64_t>{0});
  buffer.add(0, batch(0, {1, 2}));
  buffer.next(1);
  buffer.consume(1);
  buffer.reset(std::vector<int64_t>{0});
  CHECK(buffer.position(0) == 0);
  CHECK(buffer.buffered() == 0);
  buffer.add(0, batch(0, {1, 2}));
  CHECK(buffer.next(10).records.size() == 2);
}

TEST_CASE("what batches take up counts until their last record is processed") {
  InputBuffer buffer(std::vector<int64_t>{0});
  FetchedBatch large = batch(0, {1, 2});
  large.bytes = 100'000;
  buffer.add(0, std::move(large));
  buffer.add(0, batch(2, {3}));
  CHECK(buffer.buffered_bytes(0) > 100'000);
  buffer.next(1);
  buffer.consume(1);
  CHECK(buffer.buffered_bytes(0) > 100'000);
  buffer.next(1);
  buffer.consume(1);
  CHECK(buffer.buffered_bytes(0) < 10'000);
  buffer.next(1);
  buffer.consume(1);
  CHECK(buffer.buffered_bytes(0) == 0);
  buffer.add(0, batch(3, {4}));
  buffer.reset(std::vector<int64_t>{0});
  CHECK(buffer.buffered_bytes(0) == 0);
}

TEST_CASE("a run of large records is short") {
  InputBuffer buffer(std::vector<int64_t>{0});
  FetchedBatch large = batch(0, {1, 2, 3, 4, 5, 6, 7, 8});
  large.bytes = 8 << 20;
  buffer.add(0, std::move(large));
  CHECK(buffer.next(8).records.size() == 1);
}

}  // namespace
}  // namespace kstreamd
