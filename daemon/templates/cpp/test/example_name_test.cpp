// The processor alone, on a task in miniature: no daemon, no files.
#include "../src/example_name.h"

#include <kstreamd/sdk/testing.h>

#include <iostream>

using kstreamd::sdk::testing::TestTask;

static int failures = 0;

#define EXPECT(condition)                                                             \
  do {                                                                                \
    if (!(condition)) {                                                               \
      ++failures;                                                                     \
      std::cerr << __FILE__ << ":" << __LINE__ << ": not so: " << #condition << "\n"; \
    }                                                                                 \
  } while (false)

static void passes_every_second_record_of_a_key() {
  TestTask<ExampleName> task(R"({"every": 2})");
  task.pipe("a", "one");
  task.pipe("b", "one");
  EXPECT(task.output().empty());
  task.pipe("a", "two", 1000);
  EXPECT(task.output().size() == 1);
  const auto record = task.read<std::string_view, std::string_view>();
  EXPECT(record.key == "a");
  EXPECT(record.value == "two #2");
  EXPECT(record.timestamp == 1000);
  EXPECT(task.rows(0) == 2);
  EXPECT(task.close().empty());
}

static void drops_what_has_no_key() {
  TestTask<ExampleName> task;
  task.pipe(nullptr, "one");
  EXPECT(task.dropped("null_key") == 1);
  EXPECT(task.output().empty());
}

static void refuses_what_it_cannot_do() {
  bool refused = false;
  try {
    TestTask<ExampleName> task(R"({"every": 0})");
  } catch (const std::invalid_argument& why) {
    refused = std::string(why.what()).find("must be 1 or more") != std::string::npos;
  }
  EXPECT(refused);
}

int main() {
  passes_every_second_record_of_a_key();
  drops_what_has_no_key();
  refuses_what_it_cannot_do();
  if (failures == 0) std::cout << "all tests passed\n";
  return failures == 0 ? 0 : 1;
}
