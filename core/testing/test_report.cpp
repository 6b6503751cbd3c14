#include "core/testing/test_report.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "core/base/utf8.h"

namespace kstreamd {
namespace {

using nlohmann::json;
constexpr const char* kRed = "\033[31m";
constexpr const char* kGreen = "\033[32m";
constexpr const char* kPlain = "\033[0m";

std::string painted(const std::string& text, const char* colour, bool wanted) {
  return wanted ? colour + text + kPlain : text;
}

std::string place_text(const TestResult& result) {
  const FilePlace place = result.failure ? result.failure->place : result.place;
  return result.file + ":" + std::to_string(place.line) + ":" + std::to_string(place.column);
}

std::string indented(const std::string& text, bool colour) {
  std::string out;
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const std::string line = text.substr(at, end - at);
    out += "  " + painted(line, kRed, colour && line.starts_with(">")) + "\n";
    at = end + 1;
  }
  return out;
}

size_t failed_count(const TestRunResult& run) {
  return static_cast<size_t>(
      std::count_if(run.tests.begin(), run.tests.end(), [](const auto& t) { return t.failure.has_value(); }));
}

std::string decimal(double number, int digits) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, number);
  return text;
}

// Text and attributes of XML: what XML 1.0 cannot hold becomes a replacement character.
std::string xml(std::string_view text) {
  static constexpr const char* kReplacement = "\xef\xbf\xbd";
  std::string out;
  while (!text.empty()) {
    size_t bad = text.size();
    valid_utf8(text, &bad);
    for (const char c : text.substr(0, bad)) {
      if (c == '&')
        out += "&amp;";
      else if (c == '<')
        out += "&lt;";
      else if (c == '>')
        out += "&gt;";
      else if (c == '"')
        out += "&quot;";
      else if (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t')
        out += kReplacement;
      else
        out += c;
    }
    if (bad < text.size()) out += kReplacement;
    text.remove_prefix(std::min(bad + 1, text.size()));
  }
  return out;
}

std::string junit_case(const TestResult& result) {
  std::string out = "    <testcase classname=\"" + xml(result.file) + "\" name=\"" + xml(result.name) + "\" file=\"" +
                    xml(result.file) + "\" line=\"" + std::to_string(result.place.line) + "\" time=\"" +
                    decimal(result.seconds, 6) + "\"";
  if (!result.failure) return out + "/>\n";
  return out + ">\n      <failure message=\"" + xml(result.failure->message) + "\">" +
         xml(place_text(result) + ": " + result.failure->message + "\n" + result.failure->detail) +
         "</failure>\n    </testcase>\n";
}

std::string junit_suite(const std::string& name, const std::string& cases, size_t tests, size_t failures, size_t errors,
                        double seconds) {
  return "  <testsuite name=\"" + xml(name) + "\" tests=\"" + std::to_string(tests) + "\" failures=\"" +
         std::to_string(failures) + "\" errors=\"" + std::to_string(errors) + "\" time=\"" + decimal(seconds, 6) +
         "\">\n" + cases + "  </testsuite>\n";
}

}  // namespace

std::string failure_text(const TestResult& result, bool colour) {
  std::string out = painted("FAILED", kRed, colour) + " " + result.file + ": " + result.name + "\n";
  out += indented(place_text(result) + ": " + result.failure->message, false);
  if (!result.failure->detail.empty()) out += indented(result.failure->detail, colour);
  if (!result.log.empty()) out += "  log of the test:\n";
  for (const auto& line : result.log) out += "    " + line + "\n";
  return out;
}

std::string summary_text(const TestRunResult& run, bool colour) {
  const size_t failed = failed_count(run);
  const double seconds = std::max(run.seconds, 1e-6);
  std::string out = painted(std::to_string(run.tests.size() - failed) + " passed", kGreen, colour) + ", " +
                    painted(std::to_string(failed) + " failed", kRed, colour && failed > 0) + " in " +
                    decimal(run.seconds, run.seconds < 10 ? 3 : 1) + " s (" +
                    decimal(std::floor(static_cast<double>(run.tests.size()) / seconds), 0) + " tests a second)";
  if (run.filtered_out > 0) out += ", " + std::to_string(run.filtered_out) + " left out by the filter";
  return out;
}

std::string report_json(const TestRunResult& run) {
  json tests = json::array();
  for (const auto& result : run.tests) {
    json test{{"file", result.file},
              {"name", result.name},
              {"line", result.place.line},
              {"passed", !result.failure},
              {"seconds", result.seconds}};
    if (result.failure)
      test["failure"] = {{"line", result.failure->place.line},
                         {"column", result.failure->place.column},
                         {"message", result.failure->message},
                         {"detail", result.failure->detail}};
    if (result.failure && !result.log.empty()) test["log"] = result.log;
    tests.push_back(std::move(test));
  }
  json errors = json::array();
  for (const auto& d : run.diagnostics)
    errors.push_back(
        {{"file", d.file}, {"line", d.line}, {"column", d.column}, {"message", d.message}, {"hint", d.hint}});
  const size_t failed = failed_count(run);
  return json{{"passed", run.tests.size() - failed},
              {"failed", failed},
              {"seconds", run.seconds},
              {"tests", std::move(tests)},
              {"diagnostics", std::move(errors)}}
      .dump(2, ' ', false, json::error_handler_t::replace);
}

std::string junit_xml(const TestRunResult& run) {
  std::string suites;
  size_t errors = 0;
  for (size_t i = 0; i < run.tests.size();) {
    std::string cases;
    size_t tests = 0, failures = 0;
    double seconds = 0;
    const std::string& file = run.tests[i].file;
    for (; i < run.tests.size() && run.tests[i].file == file; ++i, ++tests) {
      cases += junit_case(run.tests[i]);
      failures += run.tests[i].failure ? 1 : 0;
      seconds += run.tests[i].seconds;
    }
    suites += junit_suite(file, cases, tests, failures, 0, seconds);
  }
  for (size_t i = 0; i < run.diagnostics.size();) {
    const std::string& file = run.diagnostics[i].file;
    std::string all;
    for (; i < run.diagnostics.size() && run.diagnostics[i].file == file; ++i)
      all += (all.empty() ? "" : "\n") + text(run.diagnostics[i]);
    ++errors;
    suites += junit_suite(file,
                          "    <testcase classname=\"" + xml(file) + "\" name=\"(the file)\" file=\"" + xml(file) +
                              "\">\n      <error message=\"the test file cannot be read\">" + xml(all) +
                              "</error>\n    </testcase>\n",
                          1, 0, 1, 0);
  }
  return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"kstreamd test\" tests=\"" +
         std::to_string(run.tests.size() + errors) + "\" failures=\"" + std::to_string(failed_count(run)) +
         "\" errors=\"" + std::to_string(errors) + "\" time=\"" + decimal(run.seconds, 6) + "\">\n" + suites +
         "</testsuites>\n";
}

}  // namespace kstreamd
