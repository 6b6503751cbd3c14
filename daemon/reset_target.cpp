#include "daemon/reset_target.h"

#include <algorithm>
#include <chrono>
#include <cstdio>

namespace kstreamd {
namespace {

int64_t shifted(const OffsetFacts& facts, int64_t by, std::string& note) {
  int64_t from = facts.committed;
  if (from < 0) {
    from = facts.reset == OffsetReset::latest ? facts.high : facts.low;
    note = "nothing was committed";
  }
  if (by > 0 && from > facts.high - std::min(by, facts.high)) return facts.high + 1;
  if (by < 0 && by < -from) return facts.low - 1;
  return from + by;
}

}  // namespace

NewOffset new_offset(const ResetTarget& target, const OffsetFacts& facts) {
  NewOffset result;
  switch (target.kind) {
    case ResetTarget::Kind::earliest:
      result.offset = facts.low;
      break;
    case ResetTarget::Kind::latest:
      result.offset = facts.high;
      break;
    case ResetTarget::Kind::offset:
      result.offset = target.number;
      break;
    case ResetTarget::Kind::shift:
      result.offset = shifted(facts, target.number, result.note);
      break;
    case ResetTarget::Kind::time:
      if (!facts.at_time) result.note = "all records are older";
      result.offset = facts.at_time.value_or(facts.high);
      break;
  }
  if (result.offset >= facts.low && result.offset <= facts.high) return result;
  const bool low = result.offset < facts.low;
  result.offset = low ? facts.low : facts.high;
  result.note = low ? "the partition begins here" : "the partition ends here";
  return result;
}

std::optional<int64_t> parse_datetime(std::string_view text) {
  const std::string whole(text);
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, used = 0;
  if (std::sscanf(whole.c_str(), "%4d-%2d-%2dT%2d:%2d:%2d%n", &year, &month, &day, &hour, &minute, &second, &used) !=
          6 ||
      used != 19)
    return std::nullopt;
  std::string_view rest = text.substr(19);
  int64_t millis = 0;
  if (rest.starts_with('.')) {
    rest.remove_prefix(1);
    int64_t unit = 100;
    if (rest.empty() || rest.front() < '0' || rest.front() > '9') return std::nullopt;
    for (; !rest.empty() && rest.front() >= '0' && rest.front() <= '9'; rest.remove_prefix(1), unit /= 10)
      millis += (rest.front() - '0') * unit;
  }
  int64_t zone_minutes = 0;
  if (rest.starts_with('+') || rest.starts_with('-')) {
    int hours = 0, minutes = 0;
    const std::string zone(rest.substr(1));
    if (std::sscanf(zone.c_str(), "%2d:%2d%n", &hours, &minutes, &used) != 2 || used != 5 || zone.size() != 5 ||
        hours > 14 || minutes > 59)
      return std::nullopt;
    zone_minutes = (rest.front() == '-' ? -1 : 1) * (hours * 60 + minutes);
  } else if (!rest.empty() && rest != "Z") {
    return std::nullopt;
  }
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok() || month < 0 || day < 0 || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 ||
      second > 60)
    return std::nullopt;
  const int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  return ((days * 24 + hour) * 60 + minute - zone_minutes) * 60'000 + second * 1000 + millis;
}

}  // namespace kstreamd
