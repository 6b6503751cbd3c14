// How far `run --drain` has come, for people.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "core/base/clock.h"
#include "core/runtime/status.h"

namespace kstreamd {

// One thread.
class DrainProgress {
 public:
  // `terminal`: a bar that is drawn over itself; else a line every two seconds.
  DrainProgress(bool terminal, Duration now) : terminal_(terminal), begun_(now) {}

  // Takes in what the topologies show; gives what to write to standard error now, perhaps nothing.
  std::string update(const std::vector<TopologyStatus>& topologies, Duration now);
  // The last line: how much was done, in what time.
  std::string summary(Duration now) const;

  int64_t done() const;
  int64_t left() const;

 private:
  struct Input {
    int64_t first = -1;  // position when first seen
    int64_t position = -1;
    int64_t lag = 0;
  };
  std::string bar(Duration now) const;

  const bool terminal_;
  const Duration begun_;
  std::map<std::tuple<std::string, std::string, int32_t>, Input> inputs_;
  std::string waiting_;  // what a topology says it waits for
  Duration last_line_{-1};
};

// 1234567 as "1,234,567".
std::string grouped(int64_t number);

}  // namespace kstreamd
