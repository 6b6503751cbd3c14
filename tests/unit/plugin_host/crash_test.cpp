// Crashes within plugins: what the process leaves behind, and what the next one makes of it.
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstring>
#include <fstream>
#include <functional>
#include <iterator>
#include <sstream>
#include <thread>

#include "core/plugin_host/crash_file.h"
#include "core/plugin_host/crash_guard.h"
#include "core/plugin_host/current_call.h"
#include "core/ports/serde_use.h"
#include "tests/unit/plugin_host/fixture.h"

using namespace kstreamd;
namespace fs = std::filesystem;

namespace {

constexpr int64_t kDay = 24 * 3600 * 1000;

int64_t wall_now() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<int64_t>(now.tv_sec) * 1000 + now.tv_nsec / 1'000'000;
}

std::string content_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

std::unique_ptr<CrashFile> open_file(const std::string& path, int limit = 3, int64_t now_ms = wall_now()) {
  auto opened = CrashFile::open(path, limit, now_ms);
  if (!opened.ok()) FAIL(opened.error().text());
  return std::move(opened).value();
}

kst_origin origin_of(const char* topic, int32_t partition, int64_t offset) {
  return {topic, nullptr, nullptr, static_cast<uint32_t>(std::strlen(topic)), 0, 0, partition, offset, 0};
}

// How a process ended, and what it wrote to standard error.
struct Ended {
  int signal = 0;
  int code = 0;
  std::string said;
};

// Runs `body` in a process of its own, as a daemon is: no handlers but the crash guard's. The child must not come back.
Ended in_child(const std::function<void()>& body, const std::function<void(pid_t)>& meanwhile = {}) {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    for (const int number : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTERM}) ::signal(number, SIG_DFL);
    const rlimit none{0, 0};
    ::setrlimit(RLIMIT_CORE, &none);
    ::alarm(60);
    ::dup2(ends[1], STDERR_FILENO);
    body();
    ::_exit(0);
  }
  ::close(ends[1]);
  if (meanwhile) meanwhile(child);
  Ended ended;
  char part[4096];
  for (ssize_t n; (n = ::read(ends[0], part, sizeof part)) > 0;) ended.said.append(part, static_cast<size_t>(n));
  ::close(ends[0]);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  ended.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  ended.code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
  return ended;
}

// A daemon that runs a processor of this plugin: `work` gets it after its init.
Ended in_daemon(const std::string& path, const std::string& type,
                const std::function<void(Processor&, FakeContext&)>& work) {
  return in_child([&] {
    auto file = open_file(path);
    PluginHost host;
    if (!host.load_file(bad_plugin(type)).ok()) return;
    arm_crash_guard(file->descriptor());
    FakeContext context;
    auto processor = host.create(type, "{}", context);
    if (!processor.ok() || (*processor)->init() != KST_OK) return;
    work(**processor, context);
  });
}

// Records of in-0 from an offset on, one batch.
void process_batch(Processor& processor, int64_t offset, const std::vector<std::string>& values) {
  std::vector<kst_origin> origins;
  for (size_t i = 0; i < values.size(); ++i) origins.push_back(origin_of("in", 0, offset + static_cast<int64_t>(i)));
  std::vector<Record> records;
  for (size_t i = 0; i < values.size(); ++i) {
    records.push_back(text_record("k", values[i]));
    records.back().origin = &origins[i];
  }
  size_t done = 0;
  (void)processor.process(records, done);
}

// The words of a line after its time, which is checked.
std::string without_time(const std::string& line) {
  std::istringstream words(line);
  int version = 0;
  int64_t at = 0;
  words >> version >> at;
  CHECK(version == 1);
  CHECK(std::abs(wall_now() - at) < 60'000);
  std::string rest;
  std::getline(words >> std::ws, rest, '\0');
  return rest;
}

// A sanitizer may have said something before.
bool ends_with(const std::string& text, const std::string& end) { return text.ends_with(end); }

std::string content_of_type(const std::string& type) {
  PluginHost host;
  REQUIRE(host.load_file(bad_plugin(type)).ok());
  return host.find(type)->content;
}

// A processor of this program, which does what a test says.
std::function<void()> act;
kst_status create_acting(const kst_host*, kst_context*, const char*, size_t, void**) { return KST_OK; }
kst_status process_acting(void*, const kst_record*, size_t, size_t*) {
  act();
  return KST_OK;
}
void check_acting(const char*, size_t, void*, kst_problem_sink) { act(); }
const kst_processor_type acting = {sizeof(kst_processor_type),
                                   "acting",
                                   "does what a test says",
                                   nullptr,
                                   nullptr,
                                   nullptr,
                                   0,
                                   1,
                                   0,
                                   0,
                                   check_acting,
                                   create_acting,
                                   nullptr,
                                   process_acting,
                                   nullptr,
                                   [](void*) {}};
const kst_processor_type* const acting_types[] = {&acting, nullptr};
const kst_plugin acting_plugin = {KST_PLUGIN_MAGIC, KST_ABI_MAJOR, KST_ABI_MINOR, sizeof(kst_plugin),
                                  "acting",         "1",           acting_types,  nullptr};

// A daemon in which `doing` happens within process of a record without origin.
Ended in_acting_daemon(const std::string& path, const std::function<void()>& doing,
                       const std::function<void(pid_t)>& meanwhile = {}) {
  return in_child(
      [&] {
        auto file = open_file(path);
        PluginHost host;
        if (!host.add_builtin(&acting_plugin).ok()) return;
        arm_crash_guard(file->descriptor());
        act = doing;
        FakeContext context;
        auto processor = host.create("acting", "{}", context);
        const std::vector<Record> records = {text_record("k", "v")};
        size_t done = 0;
        (void)(*processor)->process(records, done);
      },
      meanwhile);
}

// Goes deeper than any stack; volatile, so that no compiler makes a loop of it.
__attribute__((noinline)) int go_down(volatile int* depth) {
  volatile char frame[4096];
  frame[0] = 1;
  *depth = *depth + 1;
  return *depth < 0 ? 0 : go_down(depth) + frame[0];
}

}  // namespace

// ---- The crash file

TEST_CASE("a crash on one record counts for that record, one on several makes them suspects") {
  const TemporaryFolder folder;
  const std::string path = folder.path(".crashes");
  const std::string now = std::to_string(wall_now());
  const std::string alone = "1 " + now + " SIGSEGV process 1 0 7 7 in app work crashes abc\n";
  const std::string among = "1 " + now + " SIGSEGV process 5 0 5 9 in app work crashes abc\n";
  const auto verdict = [](const CrashFile& file, int64_t offset) {
    return file.verdict("app", "work", origin_of("in", 0, offset));
  };

  CHECK(open_file(path)->empty());
  write(path, among + among + among);
  {
    const auto file = open_file(path);
    CHECK_FALSE(file->empty());
    CHECK(verdict(*file, 4) == CrashVerdict::none);
    for (int64_t offset = 5; offset <= 9; ++offset) CHECK(verdict(*file, offset) == CrashVerdict::alone);
    CHECK(verdict(*file, 10) == CrashVerdict::none);
    CHECK(file->verdict("app", "work", origin_of("in", 1, 7)) == CrashVerdict::none);
    CHECK(file->verdict("app", "work", origin_of("inn", 0, 7)) == CrashVerdict::none);
    CHECK(file->verdict("app", "other", origin_of("in", 0, 7)) == CrashVerdict::none);
    CHECK(file->verdict("other", "work", origin_of("in", 0, 7)) == CrashVerdict::none);
  }
  write(path, among + alone + alone);
  CHECK(verdict(*open_file(path), 7) == CrashVerdict::alone);
  write(path, among + alone + alone + alone);
  CHECK(verdict(*open_file(path), 7) == CrashVerdict::refuse);
  CHECK(verdict(*open_file(path), 8) == CrashVerdict::alone);
  CHECK(verdict(*open_file(path, 4), 7) == CrashVerdict::alone);
  // A record of each of two partitions: neither is known to be the one.
  write(path, "1 " + now + " SIGSEGV process 2 0 7 7 in app work crashes abc\n");
  CHECK(verdict(*open_file(path, 1), 7) == CrashVerdict::alone);
}

TEST_CASE("crashes outside of records are counted by node") {
  const TemporaryFolder folder;
  const std::string path = folder.path(".crashes");
  const std::string now = std::to_string(wall_now());
  const std::string content = content_of_type("crashes_in_init");
  std::string text;
  for (const char* call : {"create", "init", "punctuate"})
    text += "1 " + now + " SIGABRT " + call + " 0 -1 -1 -1 - app node crashes_in_init " + content + "\n";
  write(path, text);
  const auto file = open_file(path);
  CHECK(file->crashes_without_record("app", "node") == 3);
  CHECK(file->crashes_without_record("app", "other") == 0);
  CHECK(file->verdict("app", "node", origin_of("-", -1, -1)) == CrashVerdict::alone);  // no record comes from there

  PluginHost host;
  host.heed_crashes(file.get());
  REQUIRE(host.load_file(bad_plugin("crashes_in_init")).ok());
  FakeContext context;
  const auto refused = host.create("crashes_in_init", "{}", context);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().text() ==
        "processor 'crashes_in_init' of node 'node' crashed kstreamd 3 times outside of any record, and is not started "
        "again (replace its plugin, or remove " +
            path + " to try it again)");

  const auto patient = open_file(path, 4);
  PluginHost other;
  other.heed_crashes(patient.get());
  REQUIRE(other.load_file(bad_plugin("crashes_in_init")).ok());
  CHECK(other.create("crashes_in_init", "{}", context).ok());
}

TEST_CASE("what is a day old is forgotten, and so are lines that are none") {
  const TemporaryFolder folder;
  const std::string path = folder.path(".crashes");
  const auto line = [](int64_t at, const char* node) {
    return "1 " + std::to_string(at) + " SIGSEGV process 1 0 7 7 in app " + node + " crashes abc\n";
  };
  const int64_t now = 5 * kDay;
  write(path, line(now - kDay, "old") + line(now - kDay + 1, "young") + "cut off\n\n" + "2" +
                  line(now, "later").substr(1) + "1 x SIGSEGV process 1 0 7 7 in app bad crashes abc\n" +
                  line(now, "new"));
  const auto file = open_file(path, 1, now);
  const auto verdict = [&](const char* node) { return file->verdict("app", node, origin_of("in", 0, 7)); };
  CHECK(verdict("old") == CrashVerdict::none);
  CHECK(verdict("young") == CrashVerdict::refuse);
  CHECK(verdict("later") == CrashVerdict::none);
  CHECK(verdict("bad") == CrashVerdict::none);
  CHECK(verdict("new") == CrashVerdict::refuse);
  CHECK(content_of(path) == line(now - kDay + 1, "young") + line(now, "new"));
  // What the guard adds comes behind.
  REQUIRE(::write(file->descriptor(), "more\n", 5) == 5);
  CHECK(ends_with(content_of(path), "new crashes abc\nmore\n"));
}

TEST_CASE("the last thousand crashes are kept") {
  const TemporaryFolder folder;
  const std::string path = folder.path(".crashes");
  const std::string now = std::to_string(wall_now());
  std::string text;
  for (int i = 0; i < 1010; ++i)
    text += "1 " + now + " SIGSEGV process 1 0 " + std::to_string(i) + " " + std::to_string(i) + " in app work c abc\n";
  write(path, text);
  const auto file = open_file(path, 1);
  CHECK(file->verdict("app", "work", origin_of("in", 0, 9)) == CrashVerdict::none);
  CHECK(file->verdict("app", "work", origin_of("in", 0, 10)) == CrashVerdict::refuse);
  CHECK(file->verdict("app", "work", origin_of("in", 0, 1009)) == CrashVerdict::refuse);
}

TEST_CASE("what another content of the plugin did is forgotten") {
  const TemporaryFolder folder;
  const std::string path = folder.path(".crashes");
  const std::string now = std::to_string(wall_now());
  std::string text;
  for (const char* type : {"same", "changed", "gone"})
    text += "1 " + now + " SIGSEGV process 1 0 7 7 in app " + type + " " + type + " abc\n";
  write(path, text);
  const auto file = open_file(path, 1);
  file->keep_of([](const std::string& type) { return type == "same" ? "abc" : type == "changed" ? "def" : ""; });
  const auto verdict = [&](const char* node) { return file->verdict("app", node, origin_of("in", 0, 7)); };
  CHECK(verdict("same") == CrashVerdict::refuse);
  CHECK(verdict("changed") == CrashVerdict::none);
  CHECK(verdict("gone") == CrashVerdict::refuse);
  file->keep_of([](const std::string&) { return "new"; });
  CHECK(file->empty());
}

TEST_CASE("the crash file is private, and no link to another file") {
  const TemporaryFolder folder;
  const std::string path = folder.path(".crashes");
  write(path, "");
  ::chmod(path.c_str(), 0666);
  (void)open_file(path);
  CHECK((fs::status(path).permissions() & fs::perms::all) == (fs::perms::owner_read | fs::perms::owner_write));
  fs::create_symlink(path, folder.path("link"));
  const auto refused = CrashFile::open(folder.path("link"), 3, 0);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().text() == "the crash file " + folder.path("link") +
                                      " cannot be opened: Too many levels of symbolic links (it belongs to the state "
                                      "folder)");
}

// ---- The crash guard

TEST_CASE("a crash within process names its records, and the next process deals with them") {
  const TemporaryFolder folder;
  const std::string path = folder.path(".crashes");
  const std::string content = content_of_type("crashes");
  const std::string said =
      "kstreamd: the plugin's processor 'crashes' (bad 1.0.0) crashed in process with signal 11 "
      "(SIGSEGV): topology 'app', task lines-0, node 'node', ";
  auto ended = in_daemon(path, "crashes", [](Processor& processor, FakeContext&) {
    process_batch(processor, 5, {"a", "crash", "b"});
  });
  CHECK(ended.signal == SIGSEGV);
  INFO(ended.said);
  CHECK(ends_with(ended.said, said + "records in-0@5..7\n"));
  CHECK(without_time(content_of(path)) == "SIGSEGV process 3 0 5 7 in app node crashes " + content + "\n");

  const auto verdict = [&](int64_t offset) {
    return open_file(path)->verdict("app", "node", origin_of("in", 0, offset));
  };
  for (int time = 1; time <= 3; ++time) {
    CHECK(verdict(5) == CrashVerdict::alone);
    CHECK(verdict(6) == CrashVerdict::alone);
    fs::remove(folder.path("done"));
    ended = in_daemon(path, "crashes", [&](Processor& processor, FakeContext&) {
      process_batch(processor, 5, {"a"});
      write(folder.path("done"), "5");
      process_batch(processor, 6, {"crash"});
      write(folder.path("done"), "6");
    });
    CHECK(ended.signal == SIGSEGV);
    INFO(ended.said);
    CHECK(ends_with(ended.said, said + "record in-0@6\n"));
    CHECK(content_of(folder.path("done")) == "5");
  }
  CHECK(verdict(4) == CrashVerdict::none);
  CHECK(verdict(5) == CrashVerdict::alone);
  CHECK(verdict(6) == CrashVerdict::refuse);
  CHECK(verdict(7) == CrashVerdict::alone);
  CHECK(verdict(8) == CrashVerdict::none);
}

TEST_CASE("records of several partitions in one call are each named, and none is blamed") {
  const TemporaryFolder folder;
  const std::string path = folder.path(".crashes");
  const auto ended = in_daemon(path, "crashes", [](Processor& processor, FakeContext&) {
    const kst_origin left = origin_of("in", 0, 5), right = origin_of("in", 1, 9);
    std::vector<Record> records = {text_record("k", "a"), text_record("k", "crash")};
    records[0].origin = &left;
    records[1].origin = &right;
    size_t done = 0;
    (void)processor.process(records, done);
  });
  CHECK(ended.signal == SIGSEGV);
  INFO(ended.said);
  CHECK(ends_with(ended.said, ", record in-0@5 and others\n"));
  const auto file = open_file(path, 1);
  CHECK(file->verdict("app", "node", origin_of("in", 0, 5)) == CrashVerdict::alone);
  CHECK(file->verdict("app", "node", origin_of("in", 1, 9)) == CrashVerdict::alone);
}

TEST_CASE("several records that came of one count for that one") {
  const TemporaryFolder folder;
  const std::string path = folder.path(".crashes");
  (void)in_daemon(path, "crashes", [](Processor& processor, FakeContext&) {
    const kst_origin one = origin_of("in", 0, 5);
    std::vector<Record> records = {text_record("k", "a"), text_record("k", "crash")};
    for (auto& record : records) record.origin = &one;
    size_t done = 0;
    (void)processor.process(records, done);
  });
  CHECK(open_file(path, 1)->verdict("app", "node", origin_of("in", 0, 5)) == CrashVerdict::refuse);
}

TEST_CASE("a crash on the third record names the third record") {
  const TemporaryFolder folder;
  const std::string path = folder.path(".crashes");
  const auto ended = in_daemon(path, "crashes_on_third", [](Processor& processor, FakeContext&) {
    for (int64_t offset = 20; offset < 30; ++offset) process_batch(processor, offset, {"x"});
  });
  CHECK(ended.signal == SIGSEGV);
  INFO(ended.said);
  CHECK(ends_with(ended.said,
                  "kstreamd: the plugin's processor 'crashes_on_third' (bad 1.0.0) crashed in process with signal 11 "
                  "(SIGSEGV): topology 'app', task lines-0, node 'node', record in-0@22\n"));
  CHECK(open_file(path, 1)->verdict("app", "node", origin_of("in", 0, 22)) == CrashVerdict::refuse);
}

TEST_CASE("a crash in init counts for the node") {
  const TemporaryFolder folder;
  const std::string path = folder.path(".crashes");
  const std::string content = content_of_type("crashes_in_init");
  const auto ended = in_daemon(path, "crashes_in_init", [](Processor&, FakeContext&) {});
  CHECK(ended.signal == SIGABRT);
  INFO(ended.said);
  CHECK(ends_with(ended.said,
                  "kstreamd: the plugin's processor 'crashes_in_init' (bad 1.0.0) crashed in init with signal 6 "
                  "(SIGABRT): topology 'app', task lines-0, node 'node'\n"));
  CHECK(without_time(content_of(path)) == "SIGABRT init 0 -1 -1 -1 - app node crashes_in_init " + content + "\n");
  CHECK(open_file(path)->crashes_without_record("app", "node") == 1);
}

TEST_CASE("every signal of a crash is written down") {
  const TemporaryFolder folder;
  const std::string path = folder.path(".crashes");
  const std::pair<int, const char*> signals[] = {
      {SIGSEGV, "SIGSEGV"}, {SIGBUS, "SIGBUS"}, {SIGILL, "SIGILL"}, {SIGFPE, "SIGFPE"}, {SIGABRT, "SIGABRT"}};
  for (const auto& [number, name] : signals) {
    fs::remove(path);
    const auto ended = in_acting_daemon(path, [number = number] { ::raise(number); });
    CHECK(ended.signal == number);
    CHECK(without_time(content_of(path)) == std::string(name) + " process 1 -1 -1 -1 - app node acting builtin\n");
  }
}

TEST_CASE("a stack that overflows is a crash like any other") {
  const TemporaryFolder folder;
  const std::string path = folder.path(".crashes");
  const auto ended = in_acting_daemon(path, [] {
    std::thread([] {
      const PluginCall call(CallKind::serde, "deep");
      volatile int depth = 0;
      (void)go_down(&depth);
    }).join();
  });
  CHECK(ended.signal == SIGSEGV);
  INFO(ended.said);
  CHECK(ends_with(ended.said, "kstreamd: the plugin's serde 'deep' crashed with signal 11 (SIGSEGV)\n"));
}

TEST_CASE("a crash that is no plugin's leaves nothing, nor does a signal that somebody sent") {
  const TemporaryFolder folder;
  const std::string path = folder.path(".crashes");
  SECTION("outside of calls") {
    const auto ended = in_daemon(path, "crashes", [](Processor&, FakeContext&) { ::raise(SIGSEGV); });
    CHECK(ended.signal == SIGSEGV);
    CHECK(ended.said.empty());
  }
  SECTION("on a thread that is in no call") {
    const auto ended = in_acting_daemon(path, [] { std::thread([] { ::raise(SIGSEGV); }).join(); });
    CHECK(ended.signal == SIGSEGV);
    CHECK(ended.said.empty());
  }
  SECTION("sent from outside") {
    int ready[2];
    REQUIRE(::pipe(ready) == 0);
    const auto ended = in_acting_daemon(
        path,
        [&] {
          if (::write(ready[1], "x", 1) == 1)
            while (true) ::pause();
        },
        [&](pid_t child) {
          char in_the_call = 0;
          REQUIRE(::read(ready[0], &in_the_call, 1) == 1);
          ::kill(child, SIGABRT);
        });
    ::close(ready[0]);
    ::close(ready[1]);
    CHECK(ended.signal == SIGABRT);
    CHECK(ended.said.empty());
  }
  CHECK(content_of(path).empty());
}

TEST_CASE("a serde's crash counts for the record that a source or sink has at hand, or its processor") {
  const TemporaryFolder folder;
  const std::string path = folder.path(".crashes");
  const kst_origin at_hand = origin_of("in", 2, 5);
  const UsedSerde used{"app", "first", &at_hand}, made{"app", "last", nullptr};
  // `around` is used before, within a process of in-0@7 and in-0@8 where that is asked for.
  const auto crash = [&](const UsedSerde* around, bool in_process) {
    fs::remove(path);
    const auto ended = in_child([&] {
      auto file = open_file(path);
      PluginHost host;
      if (!host.add_builtin(&acting_plugin).ok() || !host.load_file(bad_plugin("crashing_serdes")).ok()) return;
      arm_crash_guard(file->descriptor());
      act = [&] {
        const UsedSerde nobody{"", "", nullptr};
        const SerdeUse use(around ? *around : nobody);
        if (!around) used_serde = nullptr;
        Arena arena;
        (void)host.serde("crashes_reading")->read("crash", arena);
      };
      if (!in_process) return act();
      FakeContext context;
      auto processor = host.create("acting", "{}", context);
      process_batch(**processor, 7, {"a", "b"});
    });
    CHECK(ended.signal == SIGSEGV);
    return ended.said;
  };
  PluginHost host;
  REQUIRE(host.load_file(bad_plugin("crashing_serdes")).ok());
  const std::string content = host.serdes().back().content;
  REQUIRE_FALSE(content.empty());
  const std::string said = "kstreamd: the plugin's serde 'crashes_reading' crashed with signal 11 (SIGSEGV)";
  const std::string key = " serde:crashes_reading " + content + "\n";

  for (const bool in_process : {false, true}) {
    CHECK(ends_with(crash(&used, in_process), said + ": topology 'app', node 'first', record in-2@5\n"));
    CHECK(without_time(content_of(path)) == "SIGSEGV serde 1 2 5 5 in app first" + key);
  }
  CHECK(open_file(path, 1)->verdict("app", "first", at_hand) == CrashVerdict::refuse);
  // What a punctuation has forwarded comes of no record, and a store's serde is not told of one.
  for (const UsedSerde* around : {&made, static_cast<const UsedSerde*>(nullptr)}) {
    CHECK(ends_with(crash(around, true), said + ": topology 'app', node 'node', records in-0@7..8\n"));
    CHECK(without_time(content_of(path)) == "SIGSEGV serde 2 0 7 8 in app node" + key);
    CHECK(ends_with(crash(around, false), said + "\n"));
    CHECK(content_of(path).empty());
  }
}

TEST_CASE("a crash of a call that has no node is said, and not written down") {
  const TemporaryFolder folder;
  const std::string path = folder.path(".crashes"), note = folder.path("note");
  write(note, "sound");
  const auto crash_in = [&](CallKind kind, const char* subject, bool noted) {
    const auto ended = in_child([&] {
      auto file = open_file(path);
      arm_crash_guard(file->descriptor());
      const PluginCall call(kind, subject);
      if (!noted) ::abort();
      const UnlinkOnCrash unlink(note.c_str());
      ::abort();
    });
    CHECK(ended.signal == SIGABRT);
    return ended.said;
  };
  CHECK(crash_in(CallKind::serde, "celsius", false) ==
        "kstreamd: the plugin's serde 'celsius' crashed with signal 6 (SIGABRT)\n");
  CHECK(crash_in(CallKind::check, "sampling", false) ==
        "kstreamd: the check of the plugin's processor 'sampling' crashed with signal 6 (SIGABRT)\n");
  CHECK(fs::exists(note));
  CHECK(crash_in(CallKind::load, "/p/a.so", true) == "kstreamd: plugin '/p/a.so' crashed with signal 6 (SIGABRT)\n");
  CHECK_FALSE(fs::exists(note));
  CHECK(content_of(path).empty());
}

TEST_CASE("without a crash file a crash is said all the same") {
  const auto ended = in_child([] {
    arm_crash_guard(-1);
    PluginHost host;
    if (!host.load_file(bad_plugin("crashes")).ok()) return;
    FakeContext context;
    auto processor = host.create("crashes", "{}", context);
    process_batch(**processor, 0, {"crash"});
  });
  CHECK(ended.signal == SIGSEGV);
  CHECK(ended.said.find("node 'node', record in-0@0\n") != std::string::npos);
}
