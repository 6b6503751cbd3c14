#include "core/metrics/process_metrics.h"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

namespace kstreamd {
namespace {

// The fields of /proc/self/stat after the command's name, which may hold spaces: the first is field 3 of proc(5).
std::vector<std::string> stat_fields() {
  std::ifstream file("/proc/self/stat");
  std::string line;
  std::getline(file, line);
  const size_t end = line.rfind(')');
  if (end == std::string::npos) return {};
  std::istringstream rest(line.substr(end + 1));
  return {std::istream_iterator<std::string>(rest), {}};
}

double boot_time_seconds() {
  std::ifstream file("/proc/stat");
  std::string word;
  while (file >> word)
    if (double seconds = 0; word == "btime" && file >> seconds) return seconds;
  return 0;
}

double cpu_seconds() {
  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) != 0) return 0;
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

}  // namespace

ProcessMetrics::ProcessMetrics(Metrics& metrics, const std::string& version)
    : build_info_(metrics.gauge("kstreamd_build_info", {{"version", version}})),
      resident_(metrics.gauge("kstreamd_process_resident_memory_bytes", {})),
      cpu_(metrics.counter("kstreamd_process_cpu_seconds_total", {})),
      threads_(metrics.gauge("kstreamd_process_threads", {})),
      open_fds_(metrics.gauge("kstreamd_process_open_fds", {})),
      start_time_(metrics.gauge("kstreamd_process_start_time_seconds", {})) {
  build_info_->set(1);
}

void ProcessMetrics::update() {
  std::lock_guard lock(mutex_);
  const double cpu = cpu_seconds();
  if (cpu > cpu_seconds_) cpu_->add(cpu - cpu_seconds_);
  cpu_seconds_ = cpu;

  const auto fields = stat_fields();
  constexpr size_t kThreads = 17, kStartTicks = 19, kResidentPages = 21;  // fields 20, 22 and 24 of proc(5)
  if (fields.size() > kResidentPages) {
    threads_->set(std::stod(fields[kThreads]));
    start_time_->set(boot_time_seconds() + std::stod(fields[kStartTicks]) / static_cast<double>(sysconf(_SC_CLK_TCK)));
    resident_->set(std::stod(fields[kResidentPages]) * static_cast<double>(sysconf(_SC_PAGESIZE)));
  }
  std::error_code ignored;
  std::filesystem::directory_iterator fds("/proc/self/fd", ignored);
  open_fds_->set(static_cast<double>(std::distance(begin(fds), end(fds))));
}

}  // namespace kstreamd
