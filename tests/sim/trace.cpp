#include "tests/sim/trace.h"

#include <cstdio>

namespace kstreamd::sim {
namespace {
constexpr size_t kept = 60;
}

void Trace::mix(std::string_view bytes) {
  for (char c : bytes) hash_ = (hash_ ^ static_cast<uint8_t>(c)) * 1099511628211u;
  mix(static_cast<int64_t>(bytes.size()));
}

void Trace::mix(int64_t number) {
  hash_ = (hash_ ^ static_cast<uint64_t>(number)) * 1099511628211u;
  hash_ ^= hash_ >> 29;
}

void Trace::add(int who, std::string_view what, std::string_view detail, int64_t number) {
  mix(clock_.now().count());
  mix(who);
  mix(what);
  mix(detail);
  mix(number);
  keep(who, what, detail, number);
}

void Trace::note(int who, std::string_view what, std::string_view detail) { keep(who, what, detail, 0); }

void Trace::keep(int who, std::string_view what, std::string_view detail, int64_t number) {
  char place[48];
  const double seconds = static_cast<double>(clock_.now().count()) / 1e6;
  if (who == world)
    std::snprintf(place, sizeof place, "%12.6f  --  ", seconds);
  else
    std::snprintf(place, sizeof place, "%12.6f  i%-2d ", seconds, who);
  std::string line = place;
  line += what;
  if (!detail.empty()) line.append(" ").append(detail);
  if (number != 0) line.append(" ").append(std::to_string(number));
  if (print_) return print_(line);
  last_.push_back(std::move(line));
  if (last_.size() > kept) last_.pop_front();
}

std::string Trace::tail() const {
  std::string text;
  for (const auto& line : last_) text.append(line).append("\n");
  return text;
}

}  // namespace kstreamd::sim
