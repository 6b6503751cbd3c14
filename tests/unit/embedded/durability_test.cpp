#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdio>
#include <fstream>

#include "tests/unit/embedded/bed.h"

namespace kstreamd {
namespace {

EmbeddedOptions in(const TemporaryFolder& folder) {
  EmbeddedOptions options;
  options.folder = folder.path();
  return options;
}

// Runs the victim until it has said `lines` lines, kills it, and gives the last transaction and the last plain record
// that it claimed.
struct Claimed {
  int64_t transaction = -1;
  int64_t plain = -1;
};
Claimed run_and_kill(const std::string& folder, int lines, Claimed claimed) {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  pid_t pid = ::fork();
  if (pid == 0) {
    ::dup2(ends[1], 1);
    ::close(ends[0]);
    ::close(ends[1]);
    ::execl(VICTIM, VICTIM, folder.c_str(), nullptr);
    ::_exit(127);
  }
  ::close(ends[1]);
  std::FILE* from = ::fdopen(ends[0], "r");
  char line[64];
  while (lines-- > 0 && std::fgets(line, sizeof line, from)) {
    if (line[0] == 'p')
      claimed.plain = std::atoll(line + 2);
    else
      claimed.transaction = std::atoll(line);
  }
  CHECK(lines == -1);
  ::kill(pid, SIGKILL);
  while (std::fgets(line, sizeof line, from)) {  // what it claimed meanwhile counts as well
    if (line[0] == 'p')
      claimed.plain = std::atoll(line + 2);
    else
      claimed.transaction = std::atoll(line);
  }
  std::fclose(from);
  int status = 0;
  ::waitpid(pid, &status, 0);
  CHECK(WIFSIGNALED(status));
  return claimed;
}

}  // namespace

TEST_CASE("after kill -9 all that was committed is there, whole, and nothing else") {
  TemporaryFolder folder;
  Claimed claimed;
  for (int lines : {1, 40, 173, 12}) {
    claimed = run_and_kill(folder.path(), lines, claimed);
    Bed bed(in(folder));
    auto member = bed.member("i");
    std::map<GroupMember*, std::vector<int32_t>> owned;
    settle({member.get()}, owned);
    TopicPartition input{"in", 0};
    auto offset = member->committed(std::span(&input, 1), kNow)->at(0);
    CHECK(offset.offset >= claimed.transaction);
    CHECK(offset.offset <= claimed.transaction + 1);  // committed, and killed before it could say so
    CHECK(offset.metadata == "m");
    claimed.transaction = offset.offset;
    for (int32_t p = 0; p < 3; ++p) {
      auto records = bed.read("out", p);
      REQUIRE(records.size() == static_cast<size_t>(3 * (offset.offset + 1)));
      int64_t last = -1;
      for (size_t i = 0; i < records.size(); ++i) {
        REQUIRE(*records[i].value == std::to_string(i / 3));
        REQUIRE(records[i].offset > last);
        last = records[i].offset;
      }
      CHECK(bed.watermarks("out", p).high > last);
    }
    int64_t plain = -1;
    for (const Read& record : bed.read("plain")) plain = std::max<int64_t>(plain, std::atoll(record.value->c_str()));
    CHECK(plain >= claimed.plain);
  }
}

TEST_CASE("everything is as it was after closing and opening") {
  TemporaryFolder folder;
  std::string id;
  {
    Bed bed(in(folder));
    id = *bed.cluster().admin().cluster_id(kNow);
    bed.topic("kept", 2, {{"cleanup.policy", "compact"}, {"x", "y"}});
    bed.topic("gone");
    bed.topic("tasks");
    auto plain = bed.producer();
    REQUIRE(put(*plain, "kept", "k", "1", 1).ok());  // never flushed: closing does it, after the abort of what is open
    REQUIRE(put(*plain, "gone", "k", "1").ok());
    auto open = bed.producer("open");
    REQUIRE(open->begin().ok());
    REQUIRE(put(*open, "kept", "k", "open", 1).ok());
    REQUIRE(open->flush(kNow).ok());
    auto member = bed.member("i");
    std::map<GroupMember*, std::vector<int32_t>> owned;
    settle({member.get()}, owned);
    auto offset = at("kept", 1, 7);
    REQUIRE(member->commit(std::span(&offset, 1), *member->token()).ok());
    std::string name = "gone";
    REQUIRE(bed.cluster().admin().remove(std::span(&name, 1), kNow).ok());
  }
  Bed bed(in(folder));
  CHECK(*bed.cluster().admin().cluster_id(kNow) == id);
  CHECK(bed.cluster().admin().list(kNow)->size() == 2);
  auto configs = *bed.cluster().admin().configs("kept", kNow);
  CHECK(configs["cleanup.policy"] == "compact");
  CHECK(configs["x"] == "y");
  CHECK(bed.text("kept", 1) == "2:k=1");
  auto member = bed.member("i");
  TopicPartition kept{"kept", 1};
  CHECK(member->committed(std::span(&kept, 1), kNow)->at(0).offset == 7);
  bed.topic("gone");
  CHECK(bed.text("gone").empty());
}

TEST_CASE("a folder in use is refused with the pid of its holder") {
  TemporaryFolder folder;
  Bed bed(in(folder));
  auto second = make_embedded_cluster(in(folder));
  REQUIRE_FALSE(second.ok());
  CHECK(second.error().message.find(std::to_string(::getpid())) != std::string::npos);
  bed.close();
  CHECK(make_embedded_cluster(in(folder)).ok());
}

TEST_CASE("memory does not grow with the log, and old records are read back") {
  TemporaryFolder folder;
  auto options = in(folder);
  options.cache_bytes = 256 << 10;
  Bed bed(options);
  bed.topic("t", 2);
  auto transactional = bed.producer("p");
  auto plain = bed.producer();
  std::string value(1000, 'v');
  constexpr int kRounds = 40, kRecords = 100;  // 8 MB
  for (int round = 0; round < kRounds; ++round) {
    REQUIRE(transactional->begin().ok());
    for (int i = 0; i < kRecords; ++i) {
      REQUIRE(put(*transactional, "t", std::to_string(round * kRecords + i), value, 0).ok());
      REQUIRE(put(*plain, "t", std::to_string(round * kRecords + i), value, 1).ok());
    }
    REQUIRE(transactional->commit().ok());
    REQUIRE(plain->flush(kNow).ok());
    CHECK(bed.levers().cached_bytes() < size_t{600} << 10);
  }
  for (int32_t p = 0; p < 2; ++p) {
    auto records = bed.read("t", p);
    REQUIRE(records.size() == kRounds * kRecords);
    for (size_t i = 0; i < records.size(); ++i) {
      REQUIRE(*records[i].key == std::to_string(i));
      REQUIRE(records[i].offset == static_cast<int64_t>(p == 1 ? i : i + i / kRecords));
    }
    CHECK(bed.read("t", p, true, 2345).front().offset == 2345);
  }
}

TEST_CASE("an aborted transaction stays aborted, and its offsets used") {
  TemporaryFolder folder;
  {
    Bed bed(in(folder));
    bed.topic("t");
    auto producer = bed.producer("p");
    REQUIRE(producer->begin().ok());
    REQUIRE(put(*producer, "t", "k", "aborted").ok());
    REQUIRE(producer->flush(kNow).ok());
    REQUIRE(producer->abort().ok());
    CHECK(bed.watermarks("t").high == 2);
  }
  Bed bed(in(folder));
  CHECK(bed.watermarks("t").high == 2);
  CHECK(bed.text("t").empty());
  CHECK(bed.text("t", 0, false) == "0:k=aborted");
}

TEST_CASE("a full disk refuses the commit and everything after it, and loses nothing") {
  TemporaryFolder folder;
  {
    Bed bed(in(folder));
    bed.topic("t");
    auto producer = bed.producer("p");
    std::string value(100'000, 'v');
    auto commit = [&] {
      auto status = producer->begin();
      if (status) status = put(*producer, "t", "k", value);
      return status ? producer->commit() : status;
    };
    REQUIRE(commit().ok());
    // A file-size limit stands for the full disk: the write-ahead log cannot grow past it.
    struct rlimit before {};
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
    auto on_limit = ::signal(SIGXFSZ, SIG_IGN);
    struct rlimit limited = before;
    limited.rlim_cur = 150'000;
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &limited) == 0);
    auto refused = commit();
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &before) == 0);
    ::signal(SIGXFSZ, on_limit);
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().recovery == Recovery::stop_topology);
    CHECK(refused.error().message.find(folder.path()) != std::string::npos);
    CHECK(bed.read("t").size() == 1);  // undecided, and so unseen
    REQUIRE(producer->abort().ok());
    // There is room again; but what is on disk is known only after opening it anew.
    CHECK_FALSE(commit().ok());
    CHECK(bed.read("t").size() == 1);
  }
  Bed bed(in(folder));
  CHECK(bed.read("t").size() == 1);
  auto producer = bed.producer("p");
  REQUIRE(producer->begin().ok());
  REQUIRE(put(*producer, "t", "k", "v").ok());
  REQUIRE(producer->commit().ok());
  CHECK(bed.read("t").size() == 2);
}

TEST_CASE("a damaged or unknown log is an error that says what to do") {
  TemporaryFolder folder;
  {
    Bed bed(in(folder));
    bed.topic("t");
  }
  std::ofstream(folder.path() + "/log/CURRENT") << "nonsense\n";
  auto opened = make_embedded_cluster(in(folder));
  REQUIRE_FALSE(opened.ok());
  CHECK(opened.error().message.find(folder.path()) != std::string::npos);
  CHECK_FALSE(opened.error().hint.empty());
  EmbeddedOptions nowhere;
  nowhere.folder = "/proc/none";
  CHECK_FALSE(make_embedded_cluster(nowhere).ok());
}

}  // namespace kstreamd
