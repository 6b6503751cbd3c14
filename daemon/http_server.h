// The HTTP port: sockets and threads around an HttpApi.
#pragma once
#include <cstdint>
#include <memory>

#include "core/base/result.h"
#include "daemon/address.h"
#include "daemon/http_api.h"

namespace kstreamd {

// Life-cycle: start binds the port and answers from then on; the destructor stops. Threads: one accepts; up to eight
// answer, made when they are needed.
class HttpServer {
 public:
  static Result<std::unique_ptr<HttpServer>> start(const Address& listen, HttpApi& api);
  ~HttpServer();
  // With the port that was taken.
  const Address& address() const;

 private:
  class Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  const std::unique_ptr<Impl> impl_;
};

}  // namespace kstreamd
