#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <cstdlib>

#include "daemon/drain_progress.h"
#include "daemon/heap_trimmer.h"
#include "daemon/sd_notify.h"
#include "daemon/signals.h"

namespace kstreamd {
namespace {

using Catch::Matchers::Contains;
using std::chrono::seconds;

TopologyStatus at(int64_t position, int64_t lag) {
  TopologyStatus topology;
  topology.name = "t";
  topology.phase = TopologyPhase::running;
  topology.tasks.push_back({"in-0", TaskPhase::running, 0, {{"in", 0, position, position, lag}}, {}});
  return topology;
}

TEST_CASE("drain progress counts what was done and what is left") {
  DrainProgress progress(false, seconds(0));
  CHECK(progress.update({at(1000, 3000)}, seconds(0)).empty());
  CHECK(progress.update({at(2000, 2000)}, seconds(1)).empty());
  CHECK(progress.update({at(2500, 1500)}, seconds(2)) == "drain: 50% 1,500 records, 1,500 left, 750/s\n");
  auto end = at(4000, 0);
  end.drained = true;
  end.phase = TopologyPhase::stopped;
  end.tasks.clear();
  CHECK(progress.update({end}, seconds(4)) == "drain: 100% 1,500 records, 0 left, 375/s\n");
  CHECK(progress.summary(seconds(5)) == "drained: 1,500 records in 5.0 s\n");
}

TEST_CASE("drain progress says what it waits for, and draws a bar on a terminal") {
  TopologyStatus waiting;
  waiting.name = "t";
  waiting.detail = "broker 127.0.0.1:1 cannot be reached";
  DrainProgress bar(true, seconds(0));
  CHECK_THAT(bar.update({waiting}, seconds(1)), Contains("waiting for t: broker 127.0.0.1:1 cannot be reached"));
  bar.update({at(0, 4)}, seconds(1));
  CHECK_THAT(bar.update({at(1, 3)}, seconds(1)), Contains("[#####...............] 25% 1 records, 3 left, 1/s\r"));
  CHECK(grouped(0) == "0");
  CHECK(grouped(-1234567) == "-1,234,567");
}

TEST_CASE("systemd is told what it asked for") {
  const std::string path = "/tmp/kstreamd-notify-" + std::to_string(getpid());
  const int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  REQUIRE(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  setenv("NOTIFY_SOCKET", path.c_str(), 1);
  setenv("WATCHDOG_USEC", "4000000", 1);
  const SdNotify systemd;
  systemd.send("READY=1");
  char message[64];
  const ssize_t size = recv(fd, message, sizeof message, MSG_DONTWAIT);
  REQUIRE(size > 0);
  CHECK(std::string(message, static_cast<size_t>(size)) == "READY=1");
  CHECK(systemd.watchdog_interval() == seconds(2));
  setenv("WATCHDOG_PID", "1", 1);
  CHECK_FALSE(SdNotify().watchdog_interval());
  unsetenv("NOTIFY_SOCKET");
  unsetenv("WATCHDOG_USEC");
  unsetenv("WATCHDOG_PID");
  SdNotify().send("READY=1");
  CHECK(recv(fd, message, sizeof message, MSG_DONTWAIT) < 0);
  close(fd);
  unlink(path.c_str());
}

TEST_CASE("signals are taken one by one") {
  SignalQueue signals;
  CHECK_FALSE(signals.wait(Duration(0)));
  raise(SIGHUP);
  raise(SIGTERM);
  CHECK(signals.wait(seconds(1)) == SIGHUP);
  CHECK(signals.wait(seconds(1)) == SIGTERM);
  CHECK_FALSE(signals.wait(Duration(0)));
}

}  // namespace
TEST_CASE("the heap is trimmed near the limit, and ever more rarely while that does not help") {
  uint64_t resident = 900, given_back = 200;
  int trims = 0;
  HeapTrimmer trimmer(1600, {[&] { return resident; },
                             [&] {
                               ++trims;
                               resident -= given_back;
                             }});
  Duration now{0};
  const auto look_for = [&](std::chrono::seconds time) {
    const int before = trims;
    for (const Duration end = now + time; now < end; now += std::chrono::milliseconds(100)) trimmer.look(now);
    return trims - before;
  };
  CHECK(look_for(std::chrono::seconds(5)) == 0);
  resident = 1600;
  CHECK(look_for(std::chrono::seconds(5)) == 1);
  CHECK(resident == 1400);
  resident = 1600;
  given_back = 0;
  CHECK(look_for(std::chrono::seconds(63)) == 6);  // after 0, 2, 6, 14, 30, 62 seconds
  resident = 1500;
  given_back = 200;
  CHECK(look_for(std::chrono::seconds(61)) == 1);
  for (int i = 0; i < 3; ++i) {
    resident = 1600;
    CHECK(look_for(std::chrono::seconds(2)) == 1);
  }
}

}  // namespace kstreamd
