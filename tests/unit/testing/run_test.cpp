#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "core/testing/log_capture.h"
#include "core/testing/test_report.h"
#include "core/testing/test_run.h"
#include "tests/unit/testing/driver_fixture.h"

using namespace kstreamd;
using namespace kstreamd::testing;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

namespace {

// A folder with a topology, removed at the end.
class Folder {
 public:
  Folder() : path_(fs::temp_directory_path() / ("kstreamd-run-" + std::to_string(getpid()))) {
    fs::create_directories(path_ / "below");
    write("t.yaml",
          "kstreamd: 1\nname: t\nnodes:\n  in: { source: { topic: in, key: string, value: string } }\n"
          "  seen: { from: in, peek: { log: \"'saw ' .. value\" } }\n"
          "  out: { from: seen, sink: { topic: out, key: string, value: string } }\n");
  }
  ~Folder() { fs::remove_all(path_); }
  std::string write(const std::string& name, const std::string& text) {
    std::ofstream(path_ / name) << text;
    return (path_ / name).string();
  }
  std::string tests(const std::string& name, const std::string& topology, std::initializer_list<const char*> values) {
    std::string text = "topology: " + topology + "\ntests:\n";
    for (const char* value : values)
      text += "  - name: sends " + std::string(value) +
              "\n    steps:\n      - send: { topic: in, key: k, value: " + value +
              " }\n      - expect: [ { topic: out, value: good } ]\n";
    return write(name, text);
  }
  const fs::path& path() const { return path_; }

 private:
  const fs::path path_;
};

TestRunResult run(const std::vector<std::string>& files, TestRunOptions options = {},
                  std::vector<std::string>* order = nullptr) {
  return run_test_files(
      files, builtin_host(), options,
      [&](const TestResult& r) {
        if (order) order->push_back(r.name);
      },
      [](const std::string&) {});
}

}  // namespace

TEST_CASE("test files are found below folders, in order") {
  Folder folder;
  folder.tests("b.test.yaml", "t.yaml", {"good"});
  folder.tests("below/a.test.yaml", "../t.yaml", {"good"});
  folder.write(".hidden.test.yaml", "");
  fs::create_directories(folder.path() / "..data");
  folder.write("..data/c.test.yaml", "");
  const auto found = find_test_files(folder.path().string());
  REQUIRE(found);
  REQUIRE(found->size() == 2);
  CHECK((*found)[0] == (folder.path() / "b.test.yaml").string());
  CHECK(find_test_files((folder.path() / "t.yaml").string())->size() == 1);
  CHECK_FALSE(find_test_files((folder.path() / "none").string()));
  CHECK(run(*found).tests.size() == 2);
}

TEST_CASE("results come in the order of the files with any number of jobs") {
  Folder folder;
  const auto a = folder.tests("a.test.yaml", "t.yaml", {"good", "bad", "good1", "good2"});
  const auto b = folder.tests("b.test.yaml", "t.yaml", {"b1", "b2", "b3"});
  for (int jobs : {1, 4}) {
    TestRunOptions options;
    options.jobs = jobs;
    std::vector<std::string> order;
    const auto result = run({b, a}, options, &order);
    CHECK(order == std::vector<std::string>{"sends b1", "sends b2", "sends b3", "sends good", "sends bad",
                                            "sends good1", "sends good2"});
    CHECK_FALSE(result.tests[3].failure);
    CHECK(result.tests[4].failure);
    CHECK_THAT(summary_text(result, false), Contains("1 passed, 6 failed in "));
  }
}

TEST_CASE("a failed test shows what its processors logged") {
  Folder folder;
  capture_logs();
  const auto result = run({folder.tests("a.test.yaml", "t.yaml", {"bad"})});
  set_log_writer({});
  REQUIRE(result.tests[0].failure);
  CHECK_THAT(failure_text(result.tests[0], false), Contains("log of the test:\n    info: saw bad"));
}

TEST_CASE("a file that cannot be read does not keep others from running") {
  Folder folder;
  const auto bad = folder.write("a.test.yaml", "topology: t.yaml\ntests: 5\n");
  const auto result = run({bad, folder.tests("b.test.yaml", "t.yaml", {"good"})});
  CHECK(result.diagnostics.size() == 1);
  CHECK(result.tests.size() == 1);
  const std::string report = junit_xml(result);
  CHECK_THAT(report, Contains("tests=\"2\" failures=\"0\" errors=\"1\""));
  CHECK_THAT(report, Contains("<error message=\"the test file cannot be read\">"));
}

TEST_CASE("filters are parts of names, or patterns") {
  CHECK(matches_filter("", "a.test.yaml", "x"));
  CHECK(matches_filter("unts", "a.test.yaml", "counts words"));
  CHECK(matches_filter("a.test", "a.test.yaml", "counts words"));
  CHECK(matches_filter("a.test.yaml: counts", "a.test.yaml", "counts words"));
  CHECK(matches_filter("counts*", "a.test.yaml", "counts words"));
  CHECK(matches_filter("*w?rds", "a.test.yaml", "counts words"));
  CHECK_FALSE(matches_filter("words*", "a.test.yaml", "counts words"));
  CHECK_FALSE(matches_filter("word?s", "a.test.yaml", "counts words"));
  CHECK_FALSE(matches_filter("Counts", "a.test.yaml", "counts words"));
}

TEST_CASE("reports hold anything") {
  TestRunResult result;
  TestResult test;
  test.file = "a&b.test.yaml";
  test.name = "<\"\x01\xff>";
  test.failure = TestFailure{{3, 4}, "a < b", "one\ntwo"};
  result.tests.push_back(test);
  CHECK_THAT(junit_xml(result), Contains("name=\"&lt;&quot;\xef\xbf\xbd\xef\xbf\xbd&gt;\"") &&
                                    Contains("a&amp;b.test.yaml:3:4: a &lt; b\none\ntwo"));
  CHECK_THAT(report_json(result), Contains("\"line\": 3"));
}
