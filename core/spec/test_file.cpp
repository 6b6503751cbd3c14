#include "core/spec/test_file.h"

#include <algorithm>
#include <filesystem>

#include "core/base/text_file.h"
#include "core/spec/test_reader.h"

namespace kstreamd {
namespace {

namespace fs = std::filesystem;
constexpr size_t max_file = 4 << 20;

}  // namespace

SpecResult<TestFile> load_test_text(std::string_view text, const std::string& filename) {
  if (text.substr(0, 3) == "\xEF\xBB\xBF") text.remove_prefix(3);
  SpecResult<TestFile> result;
  auto root = parse_yaml(text, filename, result.diagnostics);
  if (!root) return result;
  Reader reader(filename, result.diagnostics);
  auto file = read_test_file(*root, filename, reader);
  if (reader.errors() == 0) result.value = std::move(file);
  std::stable_sort(result.diagnostics.begin(), result.diagnostics.end(), [](const auto& a, const auto& b) {
    return std::pair(a.line, a.column) < std::pair(b.line, b.column);
  });
  return result;
}

SpecResult<TestFile> load_test_file(const std::string& path) {
  auto content = read_text_file(path, max_file);
  if (content) return load_test_text(*content, path);
  SpecResult<TestFile> result;
  result.diagnostics.push_back({path, 0, 0, Severity::error, "", content.error().message, content.error().hint});
  return result;
}

Result<std::vector<std::string>> find_test_files(const std::string& path) {
  std::error_code error;
  const auto status = fs::status(path, error);
  if (!fs::exists(status))
    return Error{Recovery::stop_topology, "no such file or folder: '" + path + "'",
                 "name a test file, or a folder with *.test.yaml files in it or below"};
  if (!fs::is_directory(status)) return std::vector<std::string>{path};
  std::vector<std::string> files;
  for (auto at = fs::recursive_directory_iterator(path, error); !error && at != fs::recursive_directory_iterator();
       at.increment(error)) {
    std::error_code ignored;  // what vanished meanwhile is no file
    const std::string name = at->path().filename().string();
    if (name.starts_with(".")) {
      at.disable_recursion_pending();  // .git, and the copies that Kubernetes keeps of mounted files
      continue;
    }
    if (name.ends_with(".test.yaml") && at->is_regular_file(ignored))
      files.push_back(at->path().lexically_normal().string());
  }
  if (error)
    return Error{Recovery::stop_topology, "cannot list the folder '" + path + "': " + error.message(),
                 "check its permissions"};
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace kstreamd
