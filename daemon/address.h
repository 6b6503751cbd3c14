// HOST:PORT as options and the daemon file say it.
#pragma once
#include <cstdint>
#include <string>

#include "core/base/result.h"

namespace kstreamd {

inline constexpr uint16_t kDefaultPort = 8910;
inline constexpr const char* kDefaultAddress = "127.0.0.1:8910";

struct Address {
  std::string host;
  uint16_t port = 0;
  // "127.0.0.1:8910", "[::1]:8910"
  std::string text() const;
  // Nobody outside this machine can reach it.
  bool loopback() const;
};

// "HOST:PORT", "HOST" (the default port), ":PORT" (127.0.0.1), "[IPV6]:PORT". Port 0: any free one.
Result<Address> parse_address(const std::string& text);

}  // namespace kstreamd
