#include "daemon/address.h"

#include <charconv>

namespace kstreamd {

std::string Address::text() const {
  const bool ipv6 = host.find(':') != std::string::npos;
  return (ipv6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

bool Address::loopback() const { return host == "localhost" || host == "::1" || host.starts_with("127."); }

Result<Address> parse_address(const std::string& text) {
  const auto wrong = [&](const std::string& why) {
    return Error{Recovery::stop_topology, "'" + text + "' is not an address: " + why,
                 "write HOST:PORT, e.g. 127.0.0.1:8910"};
  };
  Address address;
  std::string port;
  if (text.starts_with("[")) {
    const size_t end = text.find(']');
    if (end == std::string::npos) return wrong("the ] is missing");
    address.host = text.substr(1, end - 1);
    if (end + 1 < text.size() && text[end + 1] != ':') return wrong("a colon must follow the ]");
    if (end + 1 < text.size()) port = text.substr(end + 2);
    if (end + 2 == text.size()) return wrong("the port is missing");
  } else {
    const size_t colon = text.find(':');
    if (colon != std::string::npos && text.find(':', colon + 1) != std::string::npos)
      return wrong("an IPv6 address goes in brackets");
    address.host = text.substr(0, colon);
    if (colon != std::string::npos) {
      port = text.substr(colon + 1);
      if (port.empty()) return wrong("the port is missing");
    }
  }
  if (address.host.empty()) {
    if (port.empty()) return wrong("it is empty");
    address.host = "127.0.0.1";
  }
  address.port = kDefaultPort;
  if (!port.empty()) {
    const auto [end, failed] = std::from_chars(port.data(), port.data() + port.size(), address.port);
    if (failed != std::errc() || end != port.data() + port.size()) return wrong("the port must be 0 to 65535");
  }
  return address;
}

}  // namespace kstreamd
