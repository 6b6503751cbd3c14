// A running daemon, as the commands reach it over HTTP.
#pragma once
#include <memory>
#include <string>

#include "core/base/clock.h"
#include "core/base/result.h"
#include "daemon/address.h"
#include "daemon/topic_client.h"

namespace kstreamd {

// One thread. Errors with Recovery::retry_topology: the daemon cannot be reached.
class DaemonClient {
 public:
  DaemonClient(const Address& daemon, const std::string& token);
  ~DaemonClient();
  // The body of a 2xx answer. Any other is an error with the daemon's own message and hint; `status` is set if given.
  Result<std::string> get(const std::string& path, int* status = nullptr);
  Result<std::string> post(const std::string& path, const std::string& json);

 private:
  class Impl;
  const std::unique_ptr<Impl> impl_;
};

// The embedded log's topics behind a daemon.
std::unique_ptr<TopicClient> make_daemon_topic_client(const Address& daemon, const std::string& token,
                                                      const Clock& clock);

}  // namespace kstreamd
