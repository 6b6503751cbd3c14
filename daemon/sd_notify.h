// systemd's notification protocol: one datagram per message to the socket that NOTIFY_SOCKET names.
#pragma once
#include <optional>
#include <string>

#include "core/base/clock.h"

namespace kstreamd {

// Life-cycle: made from the environment; without NOTIFY_SOCKET everything is a no-op. One thread.
class SdNotify {
 public:
  SdNotify();
  // E.g. "READY=1", "STOPPING=1", "WATCHDOG=1", "STATUS=...".
  void send(const std::string& message) const;
  // How often systemd wants a WATCHDOG=1 (half its time-out); nothing: it does not.
  std::optional<Duration> watchdog_interval() const { return watchdog_interval_; }

 private:
  std::string socket_;
  std::optional<Duration> watchdog_interval_;
};

}  // namespace kstreamd
