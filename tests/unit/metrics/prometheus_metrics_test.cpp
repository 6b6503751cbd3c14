#include "core/metrics/prometheus_metrics.h"

#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <thread>
#include <vector>

#include "core/metrics/process_metrics.h"

namespace kstreamd {
namespace {

using Catch::Matchers::Contains;

bool shows(const PrometheusMetrics& metrics, const std::string& line) {
  return ("\n" + metrics.expose()).find("\n" + line + "\n") != std::string::npos;
}

TEST_CASE("what was counted is shown with its labels, type and help") {
  auto metrics = make_prometheus_metrics();
  auto consumed =
      metrics->counter("kstreamd_records_consumed_total", {{"topology", "t"}, {"task", "in-0"}, {"node", "in"}});
  consumed->add(2);
  consumed->add(3);
  auto tasks = metrics->gauge("kstreamd_tasks", {{"topology", "t"}, {"state", "running"}});
  tasks->set(7);
  tasks->set(4);
  auto duration = metrics->histogram("kstreamd_commit_duration_seconds", {{"topology", "t"}});
  duration->observe(0.02);

  CHECK(shows(*metrics, "# TYPE kstreamd_records_consumed_total counter"));
  CHECK(shows(*metrics, "# HELP kstreamd_records_consumed_total Records that a source took."));
  CHECK(shows(*metrics, R"(kstreamd_records_consumed_total{node="in",task="in-0",topology="t"} 5)"));
  CHECK(shows(*metrics, R"(kstreamd_tasks{state="running",topology="t"} 4)"));
  CHECK(shows(*metrics, R"(kstreamd_commit_duration_seconds_count{topology="t"} 1)"));
  CHECK(shows(*metrics, R"(kstreamd_commit_duration_seconds_bucket{topology="t",le="0.01"} 0)"));
  CHECK(shows(*metrics, R"(kstreamd_commit_duration_seconds_bucket{topology="t",le="0.025"} 1)"));
}

TEST_CASE("the same name and labels give the same series, until the last handle is gone") {
  auto metrics = make_prometheus_metrics();
  const Labels labels{{"topology", "t"}};
  auto first = metrics->counter("kstreamd_commits_total", labels);
  auto second = metrics->counter("kstreamd_commits_total", labels);
  first->add(1);
  second->add(1);
  CHECK(shows(*metrics, R"(kstreamd_commits_total{topology="t"} 2)"));
  first.reset();
  CHECK(shows(*metrics, R"(kstreamd_commits_total{topology="t"} 2)"));
  second.reset();
  CHECK_THAT(metrics->expose(), !Contains("kstreamd_commits_total{"));
  auto third = metrics->counter("kstreamd_commits_total", labels);
  CHECK(shows(*metrics, R"(kstreamd_commits_total{topology="t"} 0)"));
}

TEST_CASE("counts of passing events stay") {
  auto metrics = make_prometheus_metrics();
  for (int i = 0; i < 2; ++i) metrics->counter("kstreamd_topology_restarts_total", {{"topology", "t"}})->add(1);
  metrics->histogram("kstreamd_restore_duration_seconds", {{"topology", "t"}})->observe(1);
  CHECK(shows(*metrics, R"(kstreamd_topology_restarts_total{topology="t"} 2)"));
  CHECK(shows(*metrics, R"(kstreamd_restore_duration_seconds_count{topology="t"} 1)"));
}

TEST_CASE("a handle may outlive the metrics") {
  auto metrics = make_prometheus_metrics();
  auto handle = metrics->gauge("kstreamd_tasks", {{"topology", "t"}, {"state", "running"}});
  metrics.reset();
  handle->set(1);
}

TEST_CASE("handles come and go in several threads while others look") {
  auto metrics = make_prometheus_metrics();
  auto kept = metrics->counter("kstreamd_commits_total", {{"topology", "t"}});
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (int n = 0; n < 500; ++n) {
        metrics->counter("kstreamd_commits_total", {{"topology", "t"}})->add(1);
        metrics->counter("kstreamd_commits_total", {{"topology", "other"}})->add(1);
        if (n % 100 == 0) metrics->expose();
      }
    });
  for (auto& thread : threads) thread.join();
  CHECK(shows(*metrics, R"(kstreamd_commits_total{topology="t"} 2000)"));
  CHECK_THAT(metrics->expose(), !Contains("other"));
}

TEST_CASE("label values are escaped") {
  auto metrics = make_prometheus_metrics();
  auto handle = metrics->counter("kstreamd_rebalances_total", {{"topology", "a\"b\\c\nd"}});
  CHECK(shows(*metrics, R"(kstreamd_rebalances_total{topology="a\"b\\c\nd"} 0)"));
}

template <typename Act>
int signal_of(Act act) {
  const pid_t child = fork();
  if (child == 0) {
    std::signal(SIGABRT, SIG_DFL);  // Catch2 would report it
    act();
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

TEST_CASE("a name, type or label outside the catalogue ends the process") {
  auto metrics = make_prometheus_metrics();
  CHECK(signal_of([&] { metrics->counter("kstreamd_commits_total", {}); }) == 0);
  CHECK(signal_of([&] { metrics->counter("kstreamd_nonsense_total", {}); }) == SIGABRT);
  CHECK(signal_of([&] { metrics->gauge("kstreamd_commits_total", {}); }) == SIGABRT);
  CHECK(signal_of([&] { metrics->counter("kstreamd_commits_total", {{"colour", "red"}}); }) == SIGABRT);
}

TEST_CASE("process metrics say something true") {
  auto metrics = make_prometheus_metrics();
  ProcessMetrics process(*metrics, "1.2.3");
  process.update();
  CHECK(shows(*metrics, R"(kstreamd_build_info{version="1.2.3"} 1)"));
  auto value = [&](const std::string& name) {
    const std::string text = metrics->expose();
    const size_t at = text.find("\n" + name + " ");
    REQUIRE(at != std::string::npos);
    return std::stod(text.substr(at + name.size() + 2));
  };
  CHECK(value("kstreamd_process_resident_memory_bytes") > 1e6);
  CHECK(value("kstreamd_process_start_time_seconds") > 1.6e9);
  CHECK(value("kstreamd_process_threads") >= 1);
  CHECK(value("kstreamd_process_open_fds") >= 3);
  const double before = value("kstreamd_process_cpu_seconds_total");
  process.update();
  CHECK(value("kstreamd_process_cpu_seconds_total") >= before);
}

}  // namespace
}  // namespace kstreamd
