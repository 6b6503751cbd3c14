// Time zones without the process's TZ: from the system's zone database, or a fixed offset.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kstreamd::script {

// Seconds since 1970 of a date and time of day in UTC, in the proleptic Gregorian calendar.
int64_t seconds_of(int64_t year, int month, int day, int hour, int minute, int second);

// Immutable once loaded.
class TimeZone {
 public:
  struct Local {
    int32_t offset;  // seconds east of UTC
    bool daylight;
    std::string abbreviation;
  };

  // "UTC", "Z", "+02:00", "-0530", or a name such as "Europe/Berlin". False if there is no such zone.
  bool load(std::string_view name);
  Local at(int64_t seconds) const;
  // The instant of a local time given as if it were UTC; the earlier one when clocks are set back, and as if they had
  // not yet been set when they are set forward.
  int64_t to_utc(int64_t local_seconds) const;

 private:
  struct Rule {  // when a year's change happens: a weekday of a month, or a day of the year
    char kind = 'M';
    int month = 0, week = 0, day = 0;
    int32_t time = 7200;
  };

  bool parse_file(std::string_view bytes);
  bool parse_tail(std::string_view posix);
  Local by_tail(int64_t seconds) const;
  static int64_t change(const Rule& rule, int64_t year);

  std::vector<int64_t> changes_;  // ascending instants
  std::vector<uint8_t> after_;    // the type that holds from each on
  std::vector<Local> types_;
  bool has_tail_ = false;  // what holds after the last change, as POSIX writes it
  bool tail_has_daylight_ = false;
  Local standard_{0, false, "UTC"};
  Local summer_{0, true, ""};
  Rule begin_, end_;
};

}  // namespace kstreamd::script
