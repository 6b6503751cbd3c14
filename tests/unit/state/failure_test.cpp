// kill -9, damage and full disks.
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <thread>

#include "tests/unit/state/state_fixture.h"

namespace kstreamd {
namespace {

namespace fs = std::filesystem;

constexpr int kSkipped = 77;

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// Commit `n` writes n to three keys of two stores, with offset n.
void write_round(TaskState& state, int64_t n) {
  for (size_t store = 0; store < 2; ++store)
    for (const char* key : {"a", "b", "c"}) put(state.store(store), key, std::to_string(n), n);
  commit(state, {n, n});
}

TaskStateConfig two_stores() { return task_config({store_config("one"), store_config("two")}); }

std::string random_bytes(size_t size) {
  static std::mt19937_64 random(3);
  std::string bytes;
  while (bytes.size() < size) {
    uint64_t word = random();
    bytes.append(reinterpret_cast<const char*>(&word), sizeof word);
  }
  return bytes;
}

TEST_CASE("child: flushes half of its commits and is killed", "[.]") {
  ManualClock clock;
  auto backend = open_folder(child_folder(), clock);
  auto state = open_task(*backend, two_stores());
  for (int64_t n = 1; n <= 10; ++n) write_round(*state, n);
  REQUIRE(state->flush().ok());
  for (int64_t n = 11; n <= 20; ++n) write_round(*state, n);
  ::raise(SIGKILL);
}

TEST_CASE("child: commits with background flushes and is killed", "[.]") {
  ManualClock clock;
  auto backend = open_folder(child_folder(), clock, 50);
  auto state = open_task(*backend, two_stores());
  int64_t last = 200 + ::getpid() % 500;
  for (int64_t n = 1; n <= last; ++n) write_round(*state, n);
  ::raise(SIGKILL);
}

TEST_CASE("child: goes idle after its commits and is killed", "[.]") {
  ManualClock clock;
  auto backend = open_folder(child_folder(), clock);
  auto state = open_task(*backend, two_stores());
  for (int64_t n = 1; n <= 10; ++n) write_round(*state, n);
  clock.advance(std::chrono::minutes(1));
  REQUIRE(state->upkeep().ok());
  const auto flushed = [] {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(child_folder()))
      if (entry.path().extension() == ".sst") return true;
    return false;
  };
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!flushed() && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  REQUIRE(flushed());            // begun by itself; without, this child ends otherwise than its parent expects
  REQUIRE(state->flush().ok());  // waits for what is under way, so that the kill does not meet it
  ::raise(SIGKILL);
}

TEST_CASE("child: an unlogged store is killed", "[.]") {
  ManualClock clock;
  auto backend = open_folder(child_folder(), clock);
  auto state = open_task(*backend, task_config({{.name = "one"}, {.name = "two", .changelogged = false}}));
  for (int64_t n = 1; n <= 10; ++n) write_round(*state, n);
  ::raise(SIGKILL);
}

// Rows and positions of both stores are those of one and the same commit, which is the result.
int64_t agreed_round(const std::string& folder) {
  ManualClock clock;
  auto backend = open_folder(folder, clock);
  auto state = open_task(*backend, two_stores());
  auto offset = state->changelog_offset(0);
  REQUIRE(offset);
  CHECK(state->changelog_offset(1) == offset);
  std::string n = std::to_string(*offset);
  for (size_t store = 0; store < 2; ++store)
    for (const char* key : {"a", "b", "c"}) CHECK(get(state->store(store), key) == n + "@" + n);
  return *offset;
}

TEST_CASE("after kill -9 rows and positions agree, at least as of the last flush") {
  TempFolder folder;
  int status = run_child("child: flushes half of its commits and is killed", folder.path());
  REQUIRE((WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL));
  CHECK(agreed_round(folder.path()) >= 10);
}

TEST_CASE("what an idle task has committed is flushed by time") {
  TempFolder folder;
  int status = run_child("child: goes idle after its commits and is killed", folder.path());
  REQUIRE((WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL));
  CHECK(agreed_round(folder.path()) == 10);
}

TEST_CASE("kill -9 among background flushes leaves rows and positions in agreement") {
  for (int i = 0; i < 3; ++i) {
    TempFolder folder;
    int status = run_child("child: commits with background flushes and is killed", folder.path());
    REQUIRE((WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL));
    agreed_round(folder.path());
  }
}

TEST_CASE("a store without a changelog loses nothing to kill -9") {
  TempFolder folder;
  int status = run_child("child: an unlogged store is killed", folder.path());
  REQUIRE((WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL));
  ManualClock clock;
  auto backend = open_folder(folder.path(), clock);
  auto state = open_task(*backend, task_config({{.name = "one"}, {.name = "two", .changelogged = false}}));
  CHECK(get(state->store(0), "b") == "10@10");
  CHECK(get(state->store(1), "b") == "10@10");
  CHECK(state->changelog_offset(0) == 10);
}

// A closed database with a few hundred rows in `folder`.
void fill(const std::string& folder) {
  ManualClock clock;
  auto backend = open_folder(folder, clock);
  auto state = open_task(*backend);
  for (int i = 0; i < 500; ++i) put(state->store(0), std::to_string(i), random_bytes(100));
  commit(*state, {500});
}

void flip_byte(const fs::path& file, std::streamoff at) {
  std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
  stream.seekg(at);
  int byte = stream.get();
  stream.seekp(at);
  stream.put(static_cast<char>(byte ^ 0x40));
}

// What opening, reading everything and writing gives: nothing, or the error.
std::optional<Error> use_all(StateBackend& backend) {
  auto state = backend.open(task_config({store_config("counts")}));
  if (!state) return state.error();
  auto status = (*state)->store(0).range({}, {}, false, [](std::string_view, const StoreValue&) { return true; });
  if (!status) return status.error();
  for (int i = 0; i < 500; ++i) {
    auto row = (*state)->store(0).get(std::to_string(i));
    if (!row) return row.error();
  }
  return std::nullopt;
}

TEST_CASE("a damaged folder asks to be rebuilt, and can be") {
  TempFolder folder;
  fill(folder.path());
  ManualClock clock;
  SECTION("an SST cut short") { fs::resize_file(folder.files(".sst").back(), 100); }
  SECTION("an SST missing") { fs::remove(folder.files(".sst").front()); }
  SECTION("an SST emptied") { fs::resize_file(folder.files(".sst").front(), 0); }
  SECTION("CURRENT emptied") { fs::resize_file(folder.files("CURRENT").front(), 0); }
  SECTION("CURRENT missing") { fs::remove(folder.files("CURRENT").front()); }
  SECTION("the manifest cut short") { fs::resize_file(folder.files("MANIFEST").front(), 20); }
  SECTION("the manifest missing") { fs::remove(folder.files("MANIFEST").front()); }
  SECTION("a byte changed in the rows") {
    for (const auto& sst : folder.files(".sst")) flip_byte(sst, 50);
  }
  auto backend = open_folder(folder.path(), clock);
  auto error = use_all(*backend);
  REQUIRE(error);
  INFO(error->text());
  CHECK(error->recovery == Recovery::rebuild_state);
  CHECK(contains(error->message, folder.path()));
  CHECK(contains(error->message, "damaged"));
  CHECK(contains(error->hint, "rebuilt from the changelog"));
  auto config = task_config({store_config("counts")});
  REQUIRE(backend->wipe(config.topology, config.task).ok());
  auto state = open_task(*backend, config);
  CHECK(!state->changelog_offset(0));
  put(state->store(0), "a", "1");
  commit(*state, {1});
}

TEST_CASE("a byte changed anywhere is harmless or asks for a rebuild") {
  std::mt19937 random(11);
  for (int round = 0; round < 40; ++round) {
    TempFolder folder;
    fill(folder.path());
    auto files = folder.files("");
    auto file = files[random() % files.size()];
    auto size = fs::file_size(file);
    if (size == 0 || contains(file.string(), "/.")) continue;
    auto at = static_cast<std::streamoff>(random() % size);
    flip_byte(file, at);
    ManualClock clock;
    auto backend = open_folder(folder.path(), clock);
    auto error = use_all(*backend);
    INFO(file.string() << " at " << at << ": " << (error ? error->text() : "fine"));
    if (error) CHECK(error->recovery == Recovery::rebuild_state);
  }
}

// Writes until the disk is full; the error that this gives.
Error fill_disk(TaskState& state) {
  for (int64_t n = 2;; ++n) {
    REQUIRE(n < 10'000);
    put(state.store(0), "filler " + std::to_string(n), random_bytes(64 << 10), n);
    auto status = state.commit(std::vector<int64_t>{n});
    if (status && n % 16 == 0) status = state.flush();
    if (!status) return status.error();
  }
}

void check_full(TaskState& state, const std::string& folder, const std::string& cause, const std::string& hint) {
  put(state.store(0), "first", "1", 1);
  commit(state, {1});
  REQUIRE(state.flush().ok());
  Error error = fill_disk(state);
  INFO(error.text());
  CHECK(error.recovery == Recovery::stop_topology);
  CHECK(error.message.starts_with("cannot write the state in " + folder + "/words/lines-0: IO error: " + cause));
  CHECK(error.hint == hint + "nothing is lost: what was not written here is replayed from the changelog");
  // Nothing works until it is opened again.
  CHECK(!state.store(0).get("first").ok());
  CHECK(!state.store(0).put("x", {true, "y", 0}).ok());
  CHECK(!state.commit(std::vector<int64_t>{-1}).ok());
  CHECK(!state.flush().ok());
  CHECK(!state.changes([](size_t, std::string_view, const StoreValue&) { return Status(); }).ok());
}

TEST_CASE("child: a file grows too large", "[.]") {
  ManualClock clock;
  auto backend = open_folder(child_folder(), clock);
  auto state = open_task(*backend);
  ::signal(SIGXFSZ, SIG_IGN);
  rlimit limit{512 << 10, 512 << 10};
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &limit) == 0);
  const std::string path = child_folder() + "/words/lines-0";
  check_full(*state, child_folder(), "While appending to file: " + path,
             "check the disk, its quota and the permissions of " + path + ", and start the topology again; ");
}

TEST_CASE("child: a small disk is full", "[.]") {
  // A disk of its own, which goes with the process. What is freed later suffices for compacting all that fitted.
  if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      ::mount("tmpfs", child_folder().c_str(), "tmpfs", 0, "size=40m") != 0)
    ::_exit(kSkipped);
  std::string ballast = child_folder() + "/ballast";
  std::ofstream(ballast, std::ios::binary) << random_bytes(28 << 20);
  ManualClock clock;
  auto backend = open_folder(child_folder(), clock);
  auto state = open_task(*backend);
  check_full(*state, child_folder(), "No space left on device",
             "free space below " + child_folder() + "/words/lines-0 and start the topology again; ");
  state.reset();
  fs::remove(ballast);
  state = open_task(*backend);
  auto offset = state->changelog_offset(0);
  REQUIRE(offset);
  CHECK(get(state->store(0), "first") == "1@1");
  // Rows and position agree.
  if (*offset > 1) CHECK(get(state->store(0), "filler " + std::to_string(*offset)) != "-");
  CHECK(get(state->store(0), "filler " + std::to_string(*offset + 1)) == "-");
  put(state->store(0), "more", "2");
  commit(*state, {*offset + 1});
  CHECK(state->flush().ok());
}

TEST_CASE("a failing write stops the topology and says what to do") {
  TempFolder folder;
  int status = run_child("child: a file grows too large", folder.path());
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
  ManualClock clock;
  auto backend = open_folder(folder.path(), clock);
  CHECK(get(open_task(*backend)->store(0), "first") == "1@1");
}

TEST_CASE("a full disk stops the topology, and goes on once there is space") {
  TempFolder folder;
  int status = run_child("child: a small disk is full", folder.path());
  REQUIRE(WIFEXITED(status));
  if (WEXITSTATUS(status) == kSkipped) {
    WARN("skipped: this user may not mount a tmpfs");
    return;
  }
  CHECK(WEXITSTATUS(status) == 0);
}

}  // namespace
}  // namespace kstreamd
