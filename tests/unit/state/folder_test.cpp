// State folders: locks, identity, permissions, and what is kept across openings.
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <fstream>
#include <thread>

#include "tests/unit/state/state_fixture.h"

namespace kstreamd {
namespace {

namespace fs = std::filesystem;
using Strings = std::vector<std::string>;

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// Waits for a condition that background threads bring about.
bool eventually(const std::function<bool()>& condition) {
  auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

TEST_CASE("a clean close keeps everything that was committed") {
  TempFolder folder;
  ManualClock clock;
  auto backend = open_folder(folder.path(), clock);
  {
    auto state = open_task(*backend);
    put(state->store(0), "a", "1", 10);
    commit(*state, {5});
    put(state->store(0), "b", "2", 20);  // never committed
  }
  backend.reset();
  backend = open_folder(folder.path(), clock);
  auto state = open_task(*backend);
  CHECK(rows(state->store(0)) == Strings{"a=1@10"});
  CHECK(state->changelog_offset(0) == 5);
  REQUIRE(state->changelog_mark(0));
  CHECK(state->changelog_mark(0)->offset == 4);
  CHECK(state->changelog_mark(0)->fingerprint == changelog_fingerprint("a", {true, "1", 0}));
}

TEST_CASE("a folder in use names the process that holds it") {
  TempFolder folder;
  ManualClock clock;
  auto backend = open_folder(folder.path(), clock);
  auto second = open_state_folder({.folder = folder.path()}, clock);
  REQUIRE(!second.ok());
  CHECK(second.error().recovery == Recovery::stop_topology);
  CHECK(contains(second.error().message, "in use by process " + std::to_string(::getpid())));
  CHECK(contains(second.error().message, folder.path()));
  CHECK(!second.error().hint.empty());
  backend.reset();
  CHECK(open_state_folder({.folder = folder.path()}, clock).ok());
}

TEST_CASE("a state outlives its backend, and holds the lock as long") {
  TempFolder folder;
  ManualClock clock;
  auto backend = open_folder(folder.path(), clock);
  auto state = open_task(*backend);
  backend.reset();
  put(state->store(0), "a", "1");
  commit(*state, {1});
  CHECK(!open_state_folder({.folder = folder.path()}, clock).ok());
  state.reset();
  CHECK(open_state_folder({.folder = folder.path()}, clock).ok());
}

TEST_CASE("a task is opened once at a time, and wiped only when closed") {
  TempFolder folder;
  ManualClock clock;
  auto backend = open_folder(folder.path(), clock);
  auto config = task_config({store_config("counts")});
  auto state = open_task(*backend, config);
  put(state->store(0), "a", "1");
  commit(*state, {1});
  auto again = backend->open(config);
  REQUIRE(!again.ok());
  CHECK(again.error().recovery == Recovery::stop_topology);
  CHECK(!backend->wipe(config.topology, config.task).ok());
  state.reset();
  REQUIRE(backend->wipe(config.topology, config.task).ok());
  REQUIRE(backend->wipe(config.topology, config.task).ok());
  state = open_task(*backend, config);
  CHECK(rows(state->store(0)).empty());
  CHECK(!state->changelog_offset(0));
}

TEST_CASE("files and folders are private to the user") {
  TempFolder folder;
  ManualClock clock;
  auto umask_before = ::umask(0);
  {
    auto backend = open_folder(folder.path() + "/deep/state", clock);
    REQUIRE(backend->instance_id("words").ok());
    auto state = open_task(*backend);
    put(state->store(0), "a", "1");
    commit(*state, {1});
    REQUIRE(state->flush().ok());
  }
  ::umask(umask_before);
  int seen = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder.path())) {
    INFO(entry.path().string());
    struct stat info {};
    REQUIRE(::stat(entry.path().c_str(), &info) == 0);
    CHECK((info.st_mode & 0777) == (entry.is_directory() ? 0700u : 0600u));
    ++seen;
  }
  CHECK(seen > 8);
  CHECK(folder.files("LOG").empty());
}

TEST_CASE("a task without persistent stores makes no database") {
  TempFolder folder;
  ManualClock clock;
  auto backend = open_folder(folder.path(), clock);
  auto state = open_task(*backend, task_config({{.name = "volatile", .persistent = false}}));
  put(state->store(0), "a", "1");
  commit(*state, {1});
  CHECK(get(state->store(0), "a") == "1@0");
  CHECK(folder.files("CURRENT").empty());
}

TEST_CASE("odd names make folders of their own") {
  TempFolder folder;
  ManualClock clock;
  auto backend = open_folder(folder.path(), clock);
  for (std::string name : {"../up", ".lock", "a/b", "ü", ".."}) {
    auto config = task_config({store_config("counts")});
    config.topology = name;
    auto state = open_task(*backend, config);
    put(state->store(0), "a", name);
    commit(*state, {1});
  }
  CHECK(!fs::exists(fs::path(folder.path()).parent_path() / "up"));
  CHECK(folder.files("CURRENT").size() == 5);
}

TEST_CASE("the instance id survives a restart, and damage") {
  TempFolder folder;
  ManualClock clock;
  auto backend = open_folder(folder.path(), clock);
  std::string id = *backend->instance_id("words");
  backend.reset();
  backend = open_folder(folder.path(), clock);
  CHECK(*backend->instance_id("words") == id);
  std::ofstream(folder.path() + "/words/instance") << "??";
  std::string other = *backend->instance_id("words");
  CHECK(other.size() == 36);
  CHECK(other != id);
  CHECK(*backend->instance_id("words") == other);
}

TEST_CASE("state of another cluster is refused, and kept") {
  TempFolder folder;
  ManualClock clock;
  auto backend = open_folder(folder.path(), clock);
  {
    auto state = open_task(*backend);
    put(state->store(0), "a", "1", 1);
    commit(*state, {1});
  }
  auto config = task_config({store_config("counts")});
  config.cluster_id = "cluster-b";
  auto other = backend->open(config);
  REQUIRE(!other.ok());
  CHECK(other.error().recovery == Recovery::stop_topology);
  CHECK(contains(other.error().message, "cluster-a"));
  CHECK(contains(other.error().message, "cluster-b"));
  CHECK(contains(other.error().hint, "state_dir"));
  CHECK(get(open_task(*backend)->store(0), "a") == "1@1");
}

TEST_CASE("a newer folder format is refused") {
  TempFolder folder;
  ManualClock clock;
  open_folder(folder.path(), clock).reset();
  std::ofstream(folder.path() + "/.format") << "2\n";
  auto backend = open_state_folder({.folder = folder.path()}, clock);
  REQUIRE(!backend.ok());
  CHECK(backend.error().recovery == Recovery::stop_topology);
  CHECK(contains(backend.error().message, "format 2"));
  CHECK(contains(backend.error().hint, "newer kstreamd"));
}

TEST_CASE("stores come and go") {
  TempFolder folder;
  ManualClock clock;
  auto backend = open_folder(folder.path(), clock);
  {
    auto state = open_task(*backend, task_config({store_config("one"), store_config("two")}));
    put(state->store(0), "a", "1", 1);
    put(state->store(1), "a", "2", 2);
    commit(*state, {10, 20});
  }
  {
    auto state = open_task(*backend, task_config({store_config("three"), store_config("one")}));
    CHECK(!state->changelog_offset(0));
    CHECK(state->changelog_offset(1) == 10);
    CHECK(rows(state->store(0)).empty());
    CHECK(rows(state->store(1)) == Strings{"a=1@1"});
  }
  {  // "two" is back: its rows were dropped, and with them its position
    auto state = open_task(*backend, task_config({store_config("one"), store_config("two")}));
    CHECK(state->changelog_offset(0) == 10);
    CHECK(!state->changelog_offset(1));
    CHECK(rows(state->store(1)).empty());
  }
  {
    auto volatile_one = store_config("one");
    volatile_one.persistent = false;
    auto state = open_task(*backend, task_config({volatile_one, store_config("two")}));
    CHECK(!state->changelog_offset(0));
  }
}

TEST_CASE("a store whose kind changed is rebuilt") {
  TempFolder folder;
  ManualClock clock;
  auto backend = open_folder(folder.path(), clock);
  {
    auto state = open_task(*backend);
    put(state->store(0), "a", "1", 1);
    commit(*state, {1});
  }
  auto config = task_config({{.name = "counts", .timestamped = false}});
  auto state = backend->open(config);
  REQUIRE(!state.ok());
  CHECK(state.error().recovery == Recovery::rebuild_state);
  CHECK(contains(state.error().message, "counts"));
  REQUIRE(backend->wipe(config.topology, config.task).ok());
  CHECK(!open_task(*backend, config)->changelog_offset(0));
}

TEST_CASE("state becomes durable by itself after a time or a number of changes") {
  TempFolder folder;
  ManualClock clock;
  auto backend = open_folder(folder.path(), clock, 1000);
  auto state = open_task(*backend);
  auto flushed = [&] { return !folder.files(".sst").empty(); };
  SECTION("time") {
    put(state->store(0), "a", "1");
    clock.advance(std::chrono::seconds(29));
    commit(*state, {1});
    CHECK(!flushed());
    clock.advance(std::chrono::seconds(1));
    put(state->store(0), "b", "1");
    commit(*state, {2});
  }
  SECTION("changes") {
    for (int i = 0; i < 900; ++i) put(state->store(0), std::to_string(i), "1");
    commit(*state, {900});
    CHECK(!flushed());
    for (int i = 0; i < 200; ++i) put(state->store(0), std::to_string(i), "2");
    commit(*state, {1100});
  }
  CHECK(eventually(flushed));
}

}  // namespace
}  // namespace kstreamd
