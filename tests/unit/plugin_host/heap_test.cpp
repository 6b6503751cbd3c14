// Memory that a processor does not give back.
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdio>

#include "core/plugin_host/heap_meter.h"
#include "tests/unit/plugin_host/fixture.h"

using namespace kstreamd;

namespace {

using Lines = std::vector<std::string>;

// What is said of a processor of the type after it has had so many records, one by one.
Lines left_by(const std::string& type, int records) {
  PluginHost host;
  Lines said;
  REQUIRE(host.meter_heap([&](const std::string& message) { said.push_back(message); }));
  REQUIRE(host.load_file(bad_plugin(type == "bad" ? "sound" : type)).ok());
  FakeContext context;
  auto processor = host.create(type, "{}", context);
  REQUIRE(processor.ok());
  const std::vector<Record> batch = {text_record("k", "v")};
  size_t done = 0;
  for (int i = 0; i < records; ++i) REQUIRE((*processor)->process(batch, done) == KST_OK);
  CHECK(said.empty());
  processor->reset();
  return said;
}

}  // namespace

// The allocator counts to the byte only when the process is started so: the case below is run in a process of its own.
TEST_CASE("what a processor leaves on the heap", "[.counting]") {
  REQUIRE(HeapMeter::exact());
  // A block of 1000 bytes takes 1008 with its head.
  CHECK(left_by("leaks", 3) ==
        Lines{"processor 'leaks' of node 'node' did not give back 3024 bytes between create and close"});
  CHECK(left_by("leaks", 1).empty());  // less than is worth saying
  CHECK(left_by("bad", 3).empty());
  // What the host keeps of the calls (FakeContext::forwarded) is not the plugin's.
  CHECK(left_by("throws", 100).empty());
}

TEST_CASE("memory that a processor does not give back is counted to the byte") {
  if (!HeapMeter::exact()) {
    PluginHost host;
    const auto refused = host.meter_heap([](const std::string&) {});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().text() ==
          "the allocator of this process does not count to the byte (start it with "
          "GLIBC_TUNABLES=glibc.malloc.tcache_count=0, and without a sanitizer)");
  }
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  WARN("a sanitizer's allocator does not count");
#else
  FILE* child = ::popen("exec env GLIBC_TUNABLES=glibc.malloc.tcache_count=0 /proc/$PPID/exe '[.counting]' 2>&1", "r");
  REQUIRE(child);
  std::string output;
  for (char line[1000]; std::fgets(line, sizeof line, child);) output += line;
  const int status = ::pclose(child);
  INFO(output);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
  CHECK(output.find("All tests passed") != std::string::npos);
#endif
}
