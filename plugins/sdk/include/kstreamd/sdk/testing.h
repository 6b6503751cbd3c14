// A task in miniature, for unit tests of one processor without a daemon: pipe records in, look at what comes out.
//
//   sdk::testing::TestTask<Dedup> task(R"({"within": "1h"})");
//   task.pipe("key", int64_t{5}, 1000);                                    // one record, or
//   task.pipe({testing::record(string_value("k"), string_value("v"), 5)}); // a batch
//   CHECK(task.read<std::string_view, int64_t>().value == 6);              // the first that came out
//   CHECK(task.output("late").empty());
//   CHECK(task.dropped("duplicate") == 0);
//   task.advance_wall_clock(std::chrono::minutes(5));                      // fires schedules
//   CHECK(task.finish());                                                  // waits for what is held
//   CHECK(task.close().empty());                                           // nothing was left behind
#pragma once
#include <kstreamd/sdk/plugin.h>
#include <kstreamd/sdk/testing/task.h>
#include <kstreamd/sdk/testing/values.h>

#include <string>
#include <string_view>
#include <vector>

namespace kstreamd::sdk::testing {

// The problems that a processor class finds in a configuration.
inline std::vector<ConfigProblem> check(const kst_processor_type* type, std::string_view config) {
  std::vector<ConfigProblem> out;
  if (!type->check) return out;
  type->check(config.data(), config.size(), &out, [](void* sink, const kst_problem* p) {
    static_cast<std::vector<ConfigProblem>*>(sink)->push_back(
        {p->pointer, p->message, p->hint ? p->hint : "", p->line, p->column, p->severity == KST_PROBLEM_WARNING});
  });
  return out;
}

// What a serde class reads from bytes, and the bytes that it writes for a value. They throw std::runtime_error with the
// message of a serde that refuses.
inline OwnedValue read(const kst_serde_type* serde, std::string_view bytes) {
  OwnMemory memory;
  Value value = null_value();
  if (serde->read(bytes.data(), bytes.size(), memory.raw(), &value) != KST_OK)
    throw std::runtime_error(memory.take_message());
  OwnedValue owned(value);
  if (value.type == KST_OBJECT) value.u.object->type->release(value.u.object);  // the reader's owner
  return owned;
}
inline std::string write(const kst_serde_type* serde, const Value& value) {
  OwnMemory memory;
  const void* bytes = nullptr;
  size_t size = 0;
  if (serde->write(&value, memory.raw(), &bytes, &size) != KST_OK) throw std::runtime_error(memory.take_message());
  return std::string(static_cast<const char*>(bytes), size);
}

}  // namespace kstreamd::sdk::testing
