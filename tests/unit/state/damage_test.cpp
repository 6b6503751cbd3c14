// A bit changed in any of the files of a state folder: what is read afterwards is what was written, or it is an error
// that asks for a rebuild.
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <mutex>
#include <set>

#include "core/base/log.h"
#include "tests/unit/state/state_fixture.h"

namespace kstreamd {
namespace {

namespace fs = std::filesystem;
using Strings = std::vector<std::string>;

constexpr int kSkipped = 77;
constexpr int64_t kMinute = 60'000;

TaskStateConfig stores() {
  return task_config(
      {store_config("counts"), {.name = "visits", .layout = KeyLayout::window, .retention = 60 * kMinute}});
}

std::string window_key(const std::string& key, int64_t start) {
  std::string bytes;
  write_key(bytes, WindowKey{key, start, 0});
  return bytes;
}

std::string numbered(int i) { return "key " + std::to_string(1000 + i); }

// Everything that a state answers.
struct Picture {
  std::vector<Strings> rows;
  std::vector<int64_t> positions;
  std::vector<uint64_t> fingerprints;
  int64_t clock = 0;
  bool operator==(const Picture&) const = default;
};

Status look(TaskState& state, Picture& picture) {
  for (size_t s = 0; s < state.store_count(); ++s) {
    KeyValueStore& store = state.store(s);
    Strings rows, reversed;
    const auto into = [](Strings& list) {
      return [&list](std::string_view key, const StoreValue& value) {
        list.push_back(std::string(key) + "=" + std::string(value.value) + "@" + std::to_string(value.timestamp));
        return true;
      };
    };
    KSTREAMD_TRY(store.range({}, {}, false, into(rows)));
    KSTREAMD_TRY(store.range({}, {}, true, into(reversed)));
    for (auto row = reversed.rbegin(); row != reversed.rend(); ++row) rows.push_back(*row);
    for (int i = 0; s == 0 && i < 60; ++i) {
      auto value = store.get(numbered(i));
      if (!value) return std::move(value).error();
      rows.push_back(value->present ? std::string(value->value) : "-");
    }
    picture.rows.push_back(std::move(rows));
    picture.positions.push_back(state.changelog_offset(s).value_or(-1));
    picture.fingerprints.push_back(state.changelog_mark(s) ? state.changelog_mark(s)->fingerprint : 0);
    picture.clock = store.clock().time;
  }
  return {};
}

// What opening and reading everything gives: a picture, or the error.
Result<Picture> seen(const std::string& folder) {
  ManualClock clock;
  auto backend = open_state_folder({.folder = folder}, clock);
  if (!backend) return std::move(backend).error();
  auto state = (*backend)->open(stores());
  if (!state) return std::move(state).error();
  Picture picture;
  KSTREAMD_TRY(look(**state, picture));
  return picture;
}

// Rounds of rows, each in files of its own: pictures[n] is what n rounds show.
std::vector<Picture> fill(const std::string& folder) {
  ManualClock clock;
  std::vector<Picture> pictures(1);
  auto backend = open_folder(folder, clock);
  auto state = open_task(*backend, stores());
  REQUIRE(look(*state, pictures[0]).ok());
  for (int round = 1; round <= 2; ++round) {
    for (int i = 0; i < 30; ++i) {
      put(state->store(0), numbered(i * round), std::string(20, static_cast<char>('a' + i)), round);
      put(state->store(1), window_key(numbered(i), i * kMinute), std::to_string(round), i * kMinute);
    }
    commit(*state, {round * 100, round * 200});
    REQUIRE(state->flush().ok());
    pictures.emplace_back();
    REQUIRE(look(*state, pictures.back()).ok());
  }
  return pictures;
}

void flip(const fs::path& file, uint64_t at, int bits) {
  std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
  stream.seekg(static_cast<std::streamoff>(at));
  const int byte = stream.get();
  stream.seekp(static_cast<std::streamoff>(at));
  stream.put(static_cast<char>(byte ^ bits));
}

// All of the ends of a file, where headers and footers are, and about `most` bytes between.
std::set<uint64_t> places(uint64_t size, uint64_t most) {
  std::set<uint64_t> chosen;
  for (uint64_t at = 0; at < size; at += std::max<uint64_t>(1, size / most)) chosen.insert(at);
  for (uint64_t i = 0; i < std::min<uint64_t>(size, 20); ++i) chosen.insert(size - 1 - i);
  return chosen;
}

TEST_CASE("a bit changed in a file of a task's state changes no answer") {
  TempFolder pristine, folder;
  const auto pictures = fill(pristine.path());
  REQUIRE(*seen(pristine.path()) == pictures.back());
  struct Kind {
    const char* name;
    uint64_t most;    // places that are tried in each file
    bool older;       // it may show what was there before the last rounds, with the position of then
    bool harmless;    // whatever is in it
    bool is_noticed;  // often enough that this test would see nothing if it looked at the wrong files
  };
  // The blocks of an SST, rows, index, filter, properties and footer, have checksums, and so have the manifest's
  // records; a record that seems cut off at the manifest's end is taken for one whose writing was interrupted.
  const Kind kind = GENERATE(Kind{".sst", 25, false, false, true}, Kind{"MANIFEST", 120, true, false, true},
                             Kind{"CURRENT", 20, false, false, true}, Kind{"OPTIONS", 10, false, true, false},
                             Kind{"IDENTITY", 10, false, true, false}, Kind{"LOCK", 1, false, true, false});
  INFO(kind.name);
  const auto files = pristine.files(kind.name);
  REQUIRE_FALSE(files.empty());
  int noticed = 0, tried = 0;
  for (const auto& file : files)
    for (const uint64_t at : places(fs::file_size(file), kind.most)) {
      fs::remove_all(folder.path() + "/words");
      fs::copy(pristine.path(), folder.path(), fs::copy_options::recursive | fs::copy_options::overwrite_existing);
      flip(folder.path() / fs::relative(file, pristine.path()), at, at % 2 ? 0x40 : 0x01);
      auto now = seen(folder.path());
      ++tried;
      INFO(file.filename().string() << " at " << at << ": " << (now ? "an answer" : now.error().text()));
      if (!now) {
        ++noticed;
        CHECK_FALSE(kind.harmless);
        CHECK(now.error().recovery == Recovery::rebuild_state);
        CHECK(now.error().message.starts_with("the state in " + folder.path() + "/words/lines-0 is damaged ("));
        CHECK(now.error().hint == "it is rebuilt from the changelog; if this comes again, check the disk");
      } else if (kind.older) {
        CHECK(std::find(pictures.begin(), pictures.end(), *now) != pictures.end());
      } else {
        CHECK(*now == pictures.back());
      }
    }
  CHECK((noticed > tried / 3) == kind.is_noticed);
}

// ---- The log of a store without a changelog

TaskStateConfig with_unlogged() {
  return task_config({store_config("counts"), {.name = "notes", .changelogged = false}});
}

// What each round shows; none of it is flushed.
std::vector<Picture> write_rounds(TaskState& state) {
  std::vector<Picture> pictures(1);
  REQUIRE(look(state, pictures[0]).ok());
  for (int round = 1; round <= 4; ++round) {
    for (int i = 0; i < 5; ++i) {
      put(state.store(0), numbered(i * round), std::to_string(round), round);
      put(state.store(1), numbered(i), std::string(20, static_cast<char>('a' + round)), round);
    }
    commit(state, {round * 100, -1});
    pictures.emplace_back();
    REQUIRE(look(state, pictures.back()).ok());
  }
  return pictures;
}

TEST_CASE("child: writes to a store without a changelog and is killed", "[.]") {
  ManualClock clock;
  auto backend = open_folder(child_folder(), clock);
  auto state = open_task(*backend, with_unlogged());
  write_rounds(*state);
  ::raise(SIGKILL);
}

// Lines that were logged while it lives.
class Logged {
 public:
  Logged() {
    set_log_writer([this](LogLevel level, std::string_view message, std::initializer_list<LogField> fields) {
      std::lock_guard lock(mutex_);
      std::string line = level == LogLevel::error ? "error: " : "";
      line += message;
      for (const auto& field : fields) line.append(" ").append(field.name).append("=").append(field.value);
      lines_.push_back(std::move(line));
    });
  }
  ~Logged() { set_log_writer({}); }
  // Whether there is such a line.
  bool has(const std::string& beginning) {
    std::lock_guard lock(mutex_);
    return std::any_of(lines_.begin(), lines_.end(), [&](const auto& line) { return line.starts_with(beginning); });
  }

 private:
  std::mutex mutex_;
  Strings lines_;  // guarded by mutex_
};

TEST_CASE("a bit changed in the log of a store without a changelog costs what comes after it, and that is said") {
  TempFolder pristine, folder, model;
  ManualClock clock;
  const auto pictures = write_rounds(*open_task(*open_folder(model.path(), clock), with_unlogged()));
  const int killed = run_child("child: writes to a store without a changelog and is killed", pristine.path());
  REQUIRE((WIFSIGNALED(killed) && WTERMSIG(killed) == SIGKILL));
  const auto logs = pristine.files(".log");
  REQUIRE(logs.size() == 1);
  const uint64_t size = fs::file_size(logs[0]);
  REQUIRE(size > 500);
  const auto reopened = [&] {
    fs::remove_all(folder.path() + "/words");
    fs::copy(pristine.path(), folder.path(), fs::copy_options::recursive | fs::copy_options::overwrite_existing);
    return folder.path() / fs::relative(logs[0], pristine.path());
  };
  const std::string lost =
      "error: the log of a task's state is damaged: what was written last to its stores without a changelog is lost "
      "folder=" +
      folder.path() + "/words/lines-0 cause=Corruption: ";
  const auto picture = [&] {
    auto backend = open_folder(folder.path(), clock);
    auto state = open_task(*backend, with_unlogged());
    Picture picture;
    REQUIRE(look(*state, picture).ok());
    return picture;
  };
  SECTION("nothing changed") {
    reopened();
    Logged logged;
    CHECK(picture() == pictures.back());
    CHECK_FALSE(logged.has("error: "));
  }
  SECTION("cut off, as by a power cut") {
    const auto log = reopened();
    fs::resize_file(log, size - 10);
    Logged logged;
    CHECK(picture() == pictures[pictures.size() - 2]);
    CHECK_FALSE(logged.has("error: "));
  }
  SECTION("a bit") {
    std::set<size_t> kept;
    int silent = 0;
    for (const uint64_t at : places(size, 150)) {
      const auto log = reopened();
      flip(log, at, at % 2 ? 0x40 : 0x01);
      Logged logged;
      const Picture now = picture();
      const auto known = std::find(pictures.begin(), pictures.end(), now);
      CAPTURE(at, size);
      REQUIRE(known != pictures.end());
      kept.insert(static_cast<size_t>(known - pictures.begin()));
      CHECK(known != std::prev(pictures.end()));
      if (logged.has(lost)) continue;
      // The length of the last record, which then seems cut off.
      ++silent;
      CHECK(now == pictures[pictures.size() - 2]);
    }
    CHECK(kept == std::set<size_t>{0, 1, 2, 3});
    CHECK(silent <= 2);
  }
}

TEST_CASE("a changed format is refused, and an identity is made anew") {
  TempFolder folder;
  ManualClock clock;
  std::string id;
  {
    auto backend = open_folder(folder.path(), clock);
    id = *backend->instance_id("words");
  }
  const std::string format = folder.path() + "/.format";
  SECTION("format") {
    for (uint64_t at : {0, 1})
      for (int bit = 0; bit < 8; ++bit) {
        flip(format, at, 1 << bit);
        auto backend = open_state_folder({.folder = folder.path()}, clock);
        INFO(at << " " << bit);
        REQUIRE_FALSE(backend.ok());
        CHECK(backend.error().recovery == Recovery::stop_topology);
        CHECK(
            (backend.error().message.starts_with("state folder " + folder.path() + " has format ") ||
             backend.error().message == "the file " + format + " is damaged: it names the format of the state folder"));
        flip(format, at, 1 << bit);
      }
    CHECK(open_state_folder({.folder = folder.path()}, clock).ok());
  }
  SECTION("instance") {
    const std::string file = folder.path() + "/words/instance";
    for (uint64_t at = 0; at < 37; ++at) {
      flip(file, at, at % 2 ? 0x40 : 0x01);
      auto backend = open_folder(folder.path(), clock);
      auto now = backend->instance_id("words");
      INFO(at);
      REQUIRE(now.ok());
      CHECK(now->size() == 36);
      CHECK(now->find_first_not_of("0123456789abcdef-") == std::string::npos);
      CHECK(*backend->instance_id("words") == *now);
    }
  }
  SECTION("lock") {
    std::ofstream(folder.path() + "/.lock") << "\x80garbage\n";
    auto backend = open_folder(folder.path(), clock);
    auto second = open_state_folder({.folder = folder.path()}, clock);
    REQUIRE_FALSE(second.ok());
    CHECK(second.error().message ==
          "state folder " + folder.path() + " is in use by process " + std::to_string(::getpid()));
  }
}

TEST_CASE("each mismatch of a state folder has its message and its way out") {
  TempFolder folder;
  ManualClock clock;
  fill(folder.path());
  const std::string task = folder.path() + "/words/lines-0";
  const auto error_of = [&](const TaskStateConfig& config) {
    auto backend = open_folder(folder.path(), clock);
    auto state = backend->open(config);
    REQUIRE_FALSE(state.ok());
    return state.error();
  };
  SECTION("another cluster") {
    auto config = stores();
    config.cluster_id = "cluster-b";
    const Error error = error_of(config);
    CHECK(error.recovery == Recovery::stop_topology);
    CHECK(error.message ==
          "the state in " + task + " belongs to the Kafka cluster cluster-a, but this is the cluster cluster-b");
    CHECK(error.hint ==
          "connect to that cluster, set another state_dir, or remove the folder to rebuild its state from this "
          "cluster's changelogs");
  }
  SECTION("another topology") {
    fs::rename(folder.path() + "/words", folder.path() + "/letters");
    auto config = stores();
    config.topology = "letters";
    const Error error = error_of(config);
    CHECK(error.recovery == Recovery::rebuild_state);
    CHECK(error.message == "the state in " + folder.path() + "/letters/lines-0 is that of words/lines-0");
    CHECK(error.hint == "it is rebuilt from the changelog");
  }
  SECTION("another kind of store") {
    auto config = stores();
    config.stores[0].timestamped = false;
    const Error error = error_of(config);
    CHECK(error.recovery == Recovery::rebuild_state);
    CHECK(error.message == "the store counts in " + task + " was made as 'timestamped 1' and is now 'key_value 1'");
    CHECK(error.hint == "it is rebuilt from the changelog");
  }
  SECTION("a newer layout") {
    std::ofstream(folder.path() + "/.format") << "2\n";
    auto backend = open_state_folder({.folder = folder.path()}, clock);
    REQUIRE_FALSE(backend.ok());
    CHECK(backend.error().message == "state folder " + folder.path() + " has format 2; this kstreamd knows format 1");
    CHECK(backend.error().hint ==
          "run the newer kstreamd that made it, or set another state_dir, which is restored from the changelogs");
  }
}

TEST_CASE("the states that are kept are listed, open or not") {
  TempFolder folder;
  ManualClock clock;
  auto backend = open_folder(folder.path(), clock);
  CHECK(backend->kept("words")->empty());
  REQUIRE(backend->instance_id("words").ok());
  auto config = stores();
  config.task = {"b.c/d", 12};
  auto open = open_task(*backend, config);
  config.task = {"a", 0};
  open_task(*backend, config).reset();
  fs::create_directory(folder.path() + "/words/lost+found");
  auto kept = backend->kept("words");
  REQUIRE(kept.ok());
  REQUIRE(kept->size() == 2);
  CHECK((*kept)[0].task == TaskId{"a", 0});
  CHECK((*kept)[0].bytes > 0);
  CHECK((*kept)[1].task == TaskId{"b.c/d", 12});
  for (const auto& state : *kept) CHECK(backend->wipe("words", state.task).ok() == (state.task == TaskId{"a", 0}));
  CHECK(backend->kept("words")->size() == 1);
}

TEST_CASE("a wall clock that is set back changes nothing") {
  TempFolder folder;
  ManualClock clock;
  clock.set_wall_ms(1'800'000'000'000);
  auto backend = open_folder(folder.path(), clock);
  auto state = open_task(*backend, stores());
  put(state->store(1), window_key("a", 5 * kMinute), "1", 5 * kMinute);
  commit(*state, {1, 1});
  clock.set_wall_ms(-1);
  put(state->store(1), window_key("a", 50 * kMinute), "2", 50 * kMinute);
  clock.advance(std::chrono::minutes(1));
  commit(*state, {2, 2});
  REQUIRE(state->flush().ok());
  state.reset();
  state = open_task(*backend, stores());
  CHECK(rows(state->store(1)).size() == 2);
  CHECK(state->store(1).clock().time == 50 * kMinute);
  CHECK(state->changelog_offset(1) == 2);
}

// A file system of its own at the child's folder, which goes with the process.
void mount_own(const char* options, unsigned long flags = 0) {
  if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      ::mount("tmpfs", child_folder().c_str(), "tmpfs", flags, options) != 0)
    ::_exit(kSkipped);
}

TEST_CASE("child: a folder that may only be read", "[.]") {
  mount_own("size=8m");
  fill(child_folder());
  if (::mount("none", child_folder().c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr) != 0) ::_exit(kSkipped);
  ManualClock clock;
  auto backend = open_state_folder({.folder = child_folder()}, clock);
  REQUIRE_FALSE(backend.ok());
  CHECK(backend.error().recovery == Recovery::stop_topology);
  CHECK(backend.error().message == "cannot open " + child_folder() + "/.lock: Read-only file system");
  CHECK(backend.error().hint == "give the daemon's user write access to it, or set another state_dir");
}

// A restoration of rows of 64 KiB that do not compress, on a disk of 8 MiB. `each`: after so many records they are
// written.
void fill_by_restoration(uint64_t buffer_bytes, int64_t each, const std::string& cause) {
  mount_own("size=8m");
  ManualClock clock;
  auto backend = open_state_folder(
      {.folder = child_folder(), .memory_limit_bytes = 16 << 20, .restore_buffer_bytes = buffer_bytes}, clock);
  REQUIRE(backend.ok());
  auto state = open_task(**backend);
  const std::string folder = child_folder() + "/words/lines-0";
  Status status;
  std::string value(64 << 10, '\0');
  uint64_t random = 88172645463325252u;
  int64_t offset = 0;
  for (; status && offset < 5000; ++offset) {
    for (char& c : value)
      c = static_cast<char>((random ^= random << 13, random ^= random >> 7, random ^= random << 17));
    const std::string key = std::to_string(offset);
    FetchedRecord record{};
    record.origin.raw_key = key.data();
    record.origin.raw_key_size = static_cast<uint32_t>(key.size());
    record.origin.raw_value = value.data();
    record.origin.raw_value_size = static_cast<uint32_t>(value.size());
    record.origin.offset = offset;
    status = state->restore(0, {&record, 1}, offset + 1);
    if (status && offset % each == each - 1) status = state->finish_restore(0);
    if (status && offset % each == each - 1) status = state->flush();
  }
  REQUIRE_FALSE(status.ok());
  INFO(status.error().text());
  CHECK(offset > 16);
  CHECK(status.error().recovery == Recovery::stop_topology);
  CHECK(status.error().message.starts_with("cannot write the state in " + folder + ": " + cause));
  CHECK(status.error().hint ==
        "free space below " + folder +
            " and start the topology again; nothing is lost: what was not written here is replayed from the changelog");
  CHECK(state->restore(0, {}, offset).error().message == status.error().message);
  CHECK(state->store(0).get("0").error().message == status.error().message);
  CHECK(state->flush().error().message == status.error().message);
  state.reset();
  REQUIRE(::mount("none", child_folder().c_str(), nullptr, MS_REMOUNT, "size=64m") == 0);
  // It goes on from where it is: rows and position agree.
  state = open_task(**backend);
  CHECK_FALSE(fs::exists(folder + "/bulk"));
  const int64_t next = state->changelog_offset(0).value_or(0);
  CHECK((next > 0) == (each < offset));
  if (next > 0) CHECK(state->store(0).get(std::to_string(next - 1))->present);
  CHECK_FALSE(state->store(0).get(std::to_string(next))->present);
}

TEST_CASE("child: a disk that a restoration fills by commits", "[.]") {
  fill_by_restoration(32 << 20, 16, "IO error: No space left on device");
}
TEST_CASE("child: a disk that a restoration fills by what it sets aside", "[.]") {
  fill_by_restoration(1 << 20, 5000, "IO error: No space left on device: rows set aside for restoration");
}
TEST_CASE("child: a disk that a restoration fills by sorted files", "[.]") {
  fill_by_restoration(32 << 20, 80, "IO error: No space left on device");
}

void check_child(const std::string& name) {
  TempFolder folder;
  const int status = run_child(name, folder.path());
  REQUIRE(WIFEXITED(status));
  if (WEXITSTATUS(status) == kSkipped) {
    WARN("skipped: this user may not mount a tmpfs");
    return;
  }
  CHECK(WEXITSTATUS(status) == 0);
}

TEST_CASE("a folder that may only be read is refused, and says so") {
  check_child("child: a folder that may only be read");
}
TEST_CASE("a disk that a restoration fills stops it, and it goes on once there is space") {
  check_child("child: a disk that a restoration fills by " +
              GENERATE(as<std::string>(), "commits", "what it sets aside", "sorted files"));
}

TEST_CASE("child: opens a folder that its parent has open", "[.]") {
  ManualClock clock;
  auto backend = open_state_folder({.folder = child_folder()}, clock);
  REQUIRE_FALSE(backend.ok());
  CHECK(backend.error().recovery == Recovery::stop_topology);
  CHECK(backend.error().message ==
        "state folder " + child_folder() + " is in use by process " + std::to_string(::getppid()));
  CHECK(backend.error().hint == "stop that process, or give this one a state_dir of its own");
}

TEST_CASE("a folder that another process has open is refused, and says which") {
  TempFolder folder;
  ManualClock clock;
  auto backend = open_folder(folder.path(), clock);
  const int status = run_child("child: opens a folder that its parent has open", folder.path());
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
}

}  // namespace
}  // namespace kstreamd
