#include <algorithm>
#include <filesystem>

#include "core/spec/spec.h"

namespace kstreamd {
namespace {

bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

}  // namespace

Result<std::vector<std::string>> find_topology_files(const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code error;
  auto status = fs::status(path, error);
  if (!fs::exists(status))
    return Error{Recovery::stop_topology, "no such file or folder: '" + path + "'",
                 "name a topology file, or a folder with *.yaml files"};
  if (!fs::is_directory(status)) return std::vector<std::string>{path};
  std::vector<std::string> files;
  for (auto at = fs::directory_iterator(path, error); !error && at != fs::directory_iterator(); at.increment(error)) {
    auto name = at->path().filename().string();
    std::error_code ignored;  // what vanished meanwhile is no file
    if (ends_with(name, ".yaml") && !ends_with(name, ".test.yaml") && name[0] != '.' && at->is_regular_file(ignored))
      files.push_back(at->path().string());
  }
  if (error)
    return Error{Recovery::stop_topology, "cannot list the folder '" + path + "': " + error.message(),
                 "check its permissions"};
  if (files.empty())
    return Error{Recovery::stop_topology, "no topology in the folder '" + path + "'",
                 "topologies are its *.yaml files (*.test.yaml are tests)"};
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace kstreamd
