// Several versions of a plugin in one process, and the copies that they are loaded from.
#include <catch2/catch.hpp>
#include <fstream>

#include "tests/unit/plugin_host/fixture.h"

using namespace kstreamd;
namespace fs = std::filesystem;

namespace {

std::string versioned(int version) { return bad_plugin("v" + std::to_string(version) + "/versioned"); }

void put(const std::string& from, const std::string& to) {
  fs::remove(to);
  fs::copy_file(from, to);
}

std::string processed(Processor& processor, FakeContext& context) {
  context.forwarded.clear();
  const std::vector<Record> records = {text_record("k", "v")};
  size_t done = 0;
  if (processor.process(records, done) != KST_OK || context.forwarded.size() != 1) return "failed: " + context.failure;
  return context.forwarded[0].second;
}

size_t files_in(const std::string& folder, const std::string& extension) {
  size_t count = 0;
  for (const auto& entry : fs::directory_iterator(folder)) count += entry.path().extension() == extension;
  return count;
}

}  // namespace

TEST_CASE("a new version serves new processors while old ones go on with theirs") {
  const TemporaryFolder folder;
  const std::string path = folder.path("versioned.so");
  put(versioned(1), path);
  PluginHost host;
  REQUIRE(host.load_folder(folder.path()).empty());
  const std::string first = host.content_of(path);
  FakeContext context;
  auto old = host.create("versioned", "{}", context);
  REQUIRE(old.ok());
  CHECK(processed(**old, context) == "v1");

  put(versioned(2), path);
  const ProcessorInfo* known = host.find("versioned");
  auto reading = host.read_folder(folder.path());
  CHECK(reading.problems.empty());
  CHECK(reading.set->find("versioned")->plugin == "versioned 2.0.0");
  CHECK(host.find("versioned")->plugin == "versioned 1.0.0");  // not in use yet
  host.use(reading.set);
  CHECK(host.find("versioned")->plugin == "versioned 2.0.0");
  CHECK(host.content_of(path) != first);
  CHECK(known->plugin == "versioned 1.0.0");  // what was handed out stays

  FakeContext other;
  auto fresh = host.create("versioned", "{}", other);
  REQUIRE(fresh.ok());
  // Each has its own symbols, although both export the same names.
  CHECK(processed(**fresh, other) == "v2");
  CHECK(processed(**old, context) == "v1");

  // Back again: the first content is still loaded.
  put(versioned(1), path);
  REQUIRE(host.load_folder(folder.path()).empty());
  CHECK(host.content_of(path) == first);
  FakeContext third;
  auto back = host.create("versioned", "{}", third);
  REQUIRE(back.ok());
  CHECK(processed(**back, third) == "v1");
  CHECK(processed(**fresh, other) == "v2");
}

TEST_CASE("a new version that is refused leaves the old one, and a file that is gone takes its types with it") {
  const TemporaryFolder folder;
  const std::string path = folder.path("versioned.so");
  put(versioned(1), path);
  put(bad_plugin("sound"), folder.path("sound.so"));
  PluginHost host;
  REQUIRE(host.load_folder(folder.path()).empty());
  put(bad_plugin("newer_major"), path);
  fs::remove(folder.path("sound.so"));
  const auto problems = host.load_folder(folder.path());
  REQUIRE(problems.size() == 1);
  CHECK(problems[0].path == path);
  REQUIRE(host.find("versioned"));
  CHECK(host.find("versioned")->plugin == "versioned 1.0.0");
  CHECK(host.find("bad") == nullptr);
}

TEST_CASE("a processor may move from one file to another") {
  const TemporaryFolder folder;
  put(versioned(1), folder.path("b.so"));
  PluginHost host;
  REQUIRE(host.load_folder(folder.path()).empty());
  put(versioned(2), folder.path("a.so"));
  put(bad_plugin("sound"), folder.path("b.so"));
  CHECK(host.load_folder(folder.path()).empty());
  CHECK(host.find("versioned")->plugin == "versioned 2.0.0");
  CHECK(host.find("bad") != nullptr);
}

TEST_CASE("copies that nobody has loaded are removed, and no others") {
  const TemporaryFolder folder;
  const std::string copies = folder.path("copies");
  PluginHost host(copies);
  REQUIRE(host.load_file(bad_plugin("sound")).ok());
  REQUIRE(fs::exists(copies));
  std::ofstream(copies + "/0123.so") << "an old one";
  std::ofstream(copies + "/0123.loads") << "1";
  std::ofstream(copies + "/.new-abc") << "being written";
  CHECK(files_in(copies, ".so") == 2);
  host.remove_unused_copies();
  CHECK(files_in(copies, ".so") == 1);
  CHECK_FALSE(fs::exists(copies + "/0123.so"));
  CHECK_FALSE(fs::exists(copies + "/0123.loads"));
  CHECK(fs::exists(copies + "/.new-abc"));
  fs::last_write_time(copies + "/.new-abc", fs::file_time_type::clock::now() - std::chrono::hours(2));
  host.remove_unused_copies();
  CHECK_FALSE(fs::exists(copies + "/.new-abc"));
  // Another host of another process would see the lock; this one's own counts as well.
  PluginHost other(copies);
  other.remove_unused_copies();
  CHECK(files_in(copies, ".so") == 1);
}
