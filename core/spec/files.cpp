#include "core/spec/files.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "core/spec/spec.h"

namespace kstreamd {
namespace {

bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

}  // namespace

Result<std::string> read_text_file(const std::string& path, size_t limit) {
  auto failed = [&](const std::string& why) {
    return Error{Recovery::stop_topology, "cannot read '" + path + "': " + why, "check the path and its permissions"};
  };
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) return failed("it is a folder");
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  if (!in) return failed(errno != 0 ? std::strerror(errno) : "it cannot be opened");
  std::string content(limit + 1, '\0');
  in.read(content.data(), static_cast<std::streamsize>(content.size()));
  content.resize(static_cast<size_t>(in.gcount()));
  if (in.bad()) return failed("reading it failed");
  if (content.size() > limit) return failed("it has more than " + std::to_string(limit >> 20) + " MiB");
  return content;
}

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
