#include "core/testing/test_run.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <thread>

#include "core/spec/spec.h"
#include "core/testing/log_capture.h"

namespace kstreamd {
namespace {

using SteadyClock = std::chrono::steady_clock;

double seconds_since(SteadyClock::time_point begin) {
  return std::chrono::duration<double>(SteadyClock::now() - begin).count();
}

// Whether `pattern` with * and ? matches the whole text.
bool matches_glob(std::string_view pattern, std::string_view text) {
  size_t p = 0, t = 0, star = std::string_view::npos, from = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      from = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++from;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

struct Job {
  const TestFile* file = nullptr;
  const TestCase* test = nullptr;
};

// Hands jobs to threads, and their results to the calling thread.
//
// Threads: the workers take jobs; what they share is guarded by mutex_.
class JobRunner {
 public:
  JobRunner(const std::vector<Job>& jobs, const ProcessorCatalog& processors, const TestRunOptions& options)
      : jobs_(jobs),
        processors_(processors),
        options_(options),
        cache_(processors, options.plugin_folder),
        results_(jobs.size()) {}

  std::vector<TestResult> run(const std::function<void(const TestResult&)>& done,
                              const std::function<void(const std::string&)>& slow) {
    if (options_.take_leaks) return run_here(done);
    const auto count = std::min<size_t>(static_cast<size_t>(std::max(options_.jobs, 1)), jobs_.size());
    std::vector<std::thread> workers;
    for (size_t i = 0; i < count; ++i) workers.emplace_back([this] { work(); });
    std::vector<TestResult> results;
    while (results.size() < jobs_.size()) {
      for (auto& result : next(results.size(), slow)) {
        done(result);
        results.push_back(std::move(result));
      }
    }
    for (auto& worker : workers) worker.join();
    return results;
  }

 private:
  std::vector<TestResult> run_here(const std::function<void(const TestResult&)>& done) {
    std::vector<TestResult> results;
    for (const auto& job : jobs_) {
      (void)run_job(job);  // what code allocates once for the process is no leak
      results.push_back(run_job(job));
      done(results.back());
    }
    return results;
  }

  void work() {
    for (size_t i = next_++; i < jobs_.size(); i = next_++) {
      {
        std::lock_guard lock(mutex_);
        running_[i] = SteadyClock::now();
      }
      auto result = run_job(jobs_[i]);
      std::lock_guard lock(mutex_);
      running_.erase(i);
      results_[i] = std::move(result);
      if (i == wanted_) finished_.notify_one();
    }
  }

  TestResult run_job(const Job& job) {
    TestResult result{job.file->path, job.test->name, job.test->place, 0, {}, {}};
    LogCapture capture;
    const auto begin = SteadyClock::now();
    const auto topology = cache_.load(job.test->topology);
    CaseOptions options;
    options.seed = options_.seed;
    result.failure = run_test_case(*job.test, job.file->path, *topology, processors_, options);
    result.seconds = seconds_since(begin);
    if (options_.take_leaks) fail_for_leaks(result);
    result.log = capture.take();
    return result;
  }

  void fail_for_leaks(TestResult& result) const {
    std::string all;
    for (const auto& leak : options_.take_leaks()) all += (all.empty() ? "" : "\n") + leak;
    if (all.empty()) return;
    if (result.failure)
      result.failure->detail += (result.failure->detail.empty() ? "" : "\n") + all;
    else
      result.failure = TestFailure{result.place, "memory was left behind", all};
  }

  // The results that follow the first `from`, once there are some.
  std::vector<TestResult> next(size_t from, const std::function<void(const std::string&)>& slow) {
    std::vector<TestResult> taken;
    std::unique_lock lock(mutex_);
    wanted_ = from;
    while (!finished_.wait_for(lock, options_.notice_after, [&] { return results_[from].has_value(); })) {
      std::vector<std::string> late;
      for (const auto& [i, since] : running_)
        if (SteadyClock::now() - since >= options_.notice_after)
          late.push_back(jobs_[i].file->path + ": " + jobs_[i].test->name);
      lock.unlock();
      for (const auto& name : late) slow(name);
      lock.lock();
    }
    for (; from < results_.size() && results_[from]; ++from) taken.push_back(std::move(*results_[from]));
    return taken;
  }

  const std::vector<Job>& jobs_;
  const ProcessorCatalog& processors_;
  const TestRunOptions& options_;
  TopologyCache cache_;
  std::atomic<size_t> next_ = 0;

  std::mutex mutex_;
  std::condition_variable finished_;
  size_t wanted_ = 0;  // the result that run() waits for
  std::map<size_t, SteadyClock::time_point> running_;
  std::vector<std::optional<TestResult>> results_;
};

}  // namespace

bool matches_filter(const std::string& filter, const std::string& file, const std::string& name) {
  if (filter.empty()) return true;
  const bool pattern = filter.find_first_of("*?") != std::string::npos;
  for (const auto& text : {name, file, file + ": " + name})
    if (pattern ? matches_glob(filter, text) : text.find(filter) != std::string::npos) return true;
  return false;
}

std::shared_ptr<const LoadedTopology> TopologyCache::load(const std::string& path) {
  std::lock_guard lock(mutex_);
  auto& entry = loaded_[path];
  if (entry) return entry;
  auto result = load_topology(path, processors_, plugin_folder_);
  auto loaded = std::make_shared<LoadedTopology>();
  if (result.ok()) loaded->topology = std::make_shared<const Topology>(std::move(*result.value));
  loaded->diagnostics = std::move(result.diagnostics);
  entry = std::move(loaded);
  return entry;
}

TestRunResult run_test_files(const std::vector<std::string>& paths, const ProcessorCatalog& processors,
                             const TestRunOptions& options, const std::function<void(const TestResult&)>& done,
                             const std::function<void(const std::string& test)>& slow) {
  const auto begin = SteadyClock::now();
  TestRunResult result;
  std::vector<TestFile> files;
  for (const auto& path : paths) {
    auto file = load_test_file(path);
    result.diagnostics.insert(result.diagnostics.end(), file.diagnostics.begin(), file.diagnostics.end());
    if (file.ok()) files.push_back(std::move(*file.value));
  }
  std::vector<Job> jobs;
  for (const auto& file : files)
    for (const auto& test : file.tests) {
      if (matches_filter(options.filter, file.path, test.name))
        jobs.push_back({&file, &test});
      else
        ++result.filtered_out;
    }
  result.tests = JobRunner(jobs, processors, options).run(done, slow);
  result.seconds = seconds_since(begin);
  return result;
}

}  // namespace kstreamd
