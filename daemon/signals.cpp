#include "daemon/signals.h"

#include <signal.h>

#include <atomic>
#include <chrono>

namespace kstreamd {
namespace {

sigset_t taken() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, number);
  return set;
}

std::atomic<int> came{0};

}  // namespace

SignalQueue::SignalQueue() {
  const sigset_t set = taken();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  ::signal(SIGPIPE, SIG_IGN);  // a client that hangs up is no reason to end
}

std::optional<int> SignalQueue::wait(Duration timeout) {
  const sigset_t set = taken();
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(timeout);
  const timespec wait{
      seconds.count(),
      static_cast<long>(std::chrono::duration_cast<std::chrono::nanoseconds>(timeout - seconds).count())};
  const int number = sigtimedwait(&set, nullptr, &wait);
  return number > 0 ? std::optional(number) : std::nullopt;
}

Interruption::Interruption() {
  struct sigaction action {};
  // The second time the default applies. Without SA_RESTART: a read from a terminal is to end.
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  action.sa_handler = [](int number) { came = number; };
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

int Interruption::signal() { return came; }

}  // namespace kstreamd
