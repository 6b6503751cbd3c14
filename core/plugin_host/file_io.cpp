#include "core/plugin_host/file_io.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace kstreamd {

Descriptor::~Descriptor() {
  if (number_ >= 0) ::close(number_);
}

Error system_error(const std::string& what, std::string hint) {
  return Error{Recovery::stop_topology, what + ": " + std::strerror(errno), std::move(hint)};
}

Result<std::string> read_all(int file, const std::string& what) {
  std::string out;
  char buffer[64 * 1024];
  for (;;) {
    const ssize_t n = ::read(file, buffer, sizeof buffer);
    if (n == 0) return out;
    if (n > 0)
      out.append(buffer, static_cast<size_t>(n));
    else if (errno != EINTR)
      return system_error(what + " cannot be read");
  }
}

Status write_all(int file, std::string_view bytes, const std::string& what) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(file, bytes.data(), bytes.size());
    if (n >= 0)
      bytes.remove_prefix(static_cast<size_t>(n));
    else if (errno != EINTR)
      return system_error(what + " cannot be written", "free space there, or name another folder");
  }
  return {};
}

}  // namespace kstreamd
