// How schema registries are reached: HTTP is the business of who starts the process (daemon/wiring.cpp).
#pragma once
#include <memory>
#include <string>

#include "core/base/result.h"

namespace kstreamd {

struct HttpRequest {
  std::string server;  // scheme://host:port
  std::string method;  // GET or POST
  std::string path;
  std::string body;      // JSON; empty: none
  std::string user;      // empty: without authentication
  std::string password;  // not for logs
  std::string ca_file;   // certificates to trust in place of the system's; empty: the system's
};

struct HttpReply {
  int status = 0;
  std::string body;
};

class HttpTransport {
 public:
  virtual ~HttpTransport() = default;
  // One request, within a few seconds. An error is one of the way there, and says what the matter is; without
  // a hint nobody answers. [any thread]
  virtual Result<HttpReply> send(const HttpRequest& request) = 0;
};

// Sets what all serdes of the process use from now on; nothing: they reach no registry. [any thread]
void set_http_transport(std::shared_ptr<HttpTransport> transport);
std::shared_ptr<HttpTransport> http_transport();

}  // namespace kstreamd
