// What happened in a simulation, event by event, and a hash of it by which two runs are compared.
#pragma once
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>

#include "core/base/clock.h"

namespace kstreamd::sim {

// Keeps the last events, or hands each to `print`. Texts are hashed too, so nothing that differs from run to run (an
// address, a real time) may be in them. Not thread-safe.
class Trace {
 public:
  explicit Trace(const Clock& clock) : clock_(clock) {}

  // `who` is the number of a process, or world.
  static constexpr int world = -1;
  void add(int who, std::string_view what, std::string_view detail = {}, int64_t number = 0);
  // A remark for the reader: not part of the hash.
  void note(int who, std::string_view what, std::string_view detail);

  void print_to(std::function<void(const std::string&)> print) { print_ = std::move(print); }
  uint64_t hash() const { return hash_; }
  // The last events, a line each.
  std::string tail() const;

 private:
  void keep(int who, std::string_view what, std::string_view detail, int64_t number);
  void mix(std::string_view bytes);
  void mix(int64_t number);

  const Clock& clock_;
  std::function<void(const std::string&)> print_;
  uint64_t hash_ = 14695981039346656037u;
  std::deque<std::string> last_;
};

}  // namespace kstreamd::sim
