#include "core/base/text_file.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace kstreamd {

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

}  // namespace kstreamd
