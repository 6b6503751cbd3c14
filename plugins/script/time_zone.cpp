#include "plugins/script/time_zone.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "kstreamd/sdk/big_endian.h"

namespace kstreamd::script {
namespace {

constexpr int64_t kDay = 86400;
constexpr size_t kHeader = 44, kLargestFile = 1 << 20;

int64_t days_of(int64_t year, int month, int day) {
  year -= month <= 2;
  const int64_t era = (year >= 0 ? year : year - 399) / 400;
  const int64_t year_of_era = year - era * 400;
  const int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

bool leap(int64_t year) { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0; }

int64_t year_of(int64_t seconds) {
  int64_t year = 1970 + seconds / 31556952;
  while (days_of(year, 1, 1) * kDay > seconds) --year;
  while (days_of(year + 1, 1, 1) * kDay <= seconds) ++year;
  return year;
}

// Reads the pieces of a POSIX TZ text.
struct PosixReader {
  std::string_view text;
  bool ok = true;

  bool at(char c) const { return !text.empty() && text[0] == c; }
  bool accept(char c) {
    if (!at(c)) return false;
    text.remove_prefix(1);
    return true;
  }
  int number() {
    if (text.empty() || text[0] < '0' || text[0] > '9') ok = false;
    int out = 0;
    while (!text.empty() && text[0] >= '0' && text[0] <= '9' && out < 100000) {
      out = out * 10 + (text[0] - '0');
      text.remove_prefix(1);
    }
    return out;
  }
  std::string name() {
    size_t size = 0;
    const bool quoted = accept('<');
    while (size < text.size() && (quoted ? text[size] != '>' : (text[size] | 32) >= 'a' && (text[size] | 32) <= 'z'))
      ++size;
    std::string out(text.substr(0, size));
    text.remove_prefix(size);
    if (quoted && !accept('>')) ok = false;
    return out;
  }
  int32_t time() {
    const int sign = accept('-') ? -1 : (accept('+'), 1);
    int32_t out = number() * 3600;
    if (accept(':')) out += number() * 60;
    if (accept(':')) out += number();
    return sign * out;
  }
};

}  // namespace

int64_t seconds_of(int64_t year, int month, int day, int hour, int minute, int second) {
  return days_of(year, month, day) * kDay + hour * 3600 + minute * 60 + second;
}

bool TimeZone::load(std::string_view name) {
  if (name.empty() || name == "UTC" || name == "Z" || name == "GMT") return true;
  if (name[0] == '+' || name[0] == '-') {
    std::string digits;
    for (const char c : name.substr(1))
      if (c != ':') digits += c;
    if (digits.size() != 2 && digits.size() != 4) return false;
    if (digits.find_first_not_of("0123456789") != digits.npos) return false;
    const int value = std::atoi(digits.c_str()) * (digits.size() == 2 ? 100 : 1);
    const int32_t offset = value / 100 * 3600 + value % 100 * 60;
    standard_ = {name[0] == '-' ? -offset : offset, false, std::string(name)};
    return value / 100 < 24 && value % 100 < 60;
  }
  for (const char c : name)
    if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' || c == '_' ||
          c == '-' || c == '+'))
      return false;
  if (name[0] == '/') return false;
  std::ifstream file("/usr/share/zoneinfo/" + std::string(name), std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(file), {}};
  return bytes.size() <= kLargestFile && parse_file(bytes);
}

// RFC 8536: a first block with 32-bit times, a second with 64-bit ones, and a POSIX text for what follows.
bool TimeZone::parse_file(std::string_view bytes) {
  size_t time_size = 4;
  for (int block = 0; block < 2; ++block, time_size = 8) {
    if (bytes.size() < kHeader || bytes.substr(0, 4) != "TZif" || bytes[4] < '2') return false;
    const auto count = [&](size_t i) { return read_big_endian<uint32_t>(bytes.data() + 20 + 4 * i); };
    const size_t utc = count(0), standard = count(1), leaps = count(2), times = count(3), types = count(4),
                 letters = count(5);
    for (const size_t n : {utc, standard, leaps, times, types, letters})
      if (n > bytes.size()) return false;
    const size_t at = kHeader, kinds = at + times * time_size, infos = kinds + times, names = infos + types * 6,
                 end = names + letters + leaps * (time_size + 4) + standard + utc;
    if (end > bytes.size()) return false;
    if (block == 0) {
      bytes.remove_prefix(end);
      continue;
    }
    for (size_t i = 0; i < types; ++i) {
      const size_t name = static_cast<unsigned char>(bytes[infos + i * 6 + 5]);
      if (name >= letters) return false;
      types_.push_back({read_big_endian<int32_t>(bytes.data() + infos + i * 6), bytes[infos + i * 6 + 4] != 0,
                        std::string(bytes.data() + names + name)});
    }
    for (size_t i = 0; i < times; ++i) {
      changes_.push_back(read_big_endian<int64_t>(bytes.data() + at + i * 8));
      after_.push_back(static_cast<uint8_t>(bytes[kinds + i]));
      if (after_.back() >= types_.size()) return false;
    }
    if (types_.empty()) return false;
    auto tail = bytes.substr(end);
    if (!tail.empty() && tail[0] == '\n') tail.remove_prefix(1);
    tail = tail.substr(0, tail.find('\n'));
    return tail.empty() || parse_tail(tail);
  }
  return false;
}

// "CET-1CEST,M3.5.0,M10.5.0/3": offsets count westwards.
bool TimeZone::parse_tail(std::string_view posix) {
  PosixReader in{posix};
  standard_.abbreviation = in.name();
  standard_.offset = -in.time();
  has_tail_ = true;
  if (in.text.empty()) return in.ok;
  tail_has_daylight_ = true;
  summer_.abbreviation = in.name();
  summer_.offset = in.text.empty() || in.at(',') ? standard_.offset + 3600 : -in.time();
  for (Rule* rule : {&begin_, &end_}) {
    if (!in.accept(',')) return false;
    rule->kind = in.accept('M') ? 'M' : in.accept('J') ? 'J' : '0';
    if (rule->kind == 'M') {
      rule->month = in.number();
      in.ok &= in.accept('.');
      rule->week = in.number();
      in.ok &= in.accept('.') && rule->month >= 1 && rule->month <= 12;
    }
    rule->day = in.number();
    if (in.accept('/')) rule->time = in.time();
  }
  return in.ok && in.text.empty();
}

// In local time of before the change, as seconds.
int64_t TimeZone::change(const Rule& rule, int64_t year) {
  int64_t day = days_of(year, 1, 1);
  if (rule.kind == '0') {
    day += rule.day;
  } else if (rule.kind == 'J') {
    day += rule.day - 1 + (leap(year) && rule.day >= 60);
  } else {
    day = days_of(year, rule.month, 1);
    const int64_t next = rule.month == 12 ? days_of(year + 1, 1, 1) : days_of(year, rule.month + 1, 1);
    const int64_t weekday = ((day + 4) % 7 + 7) % 7;
    day += (rule.day - weekday + 7) % 7 + 7 * (rule.week - 1);
    while (day >= next) day -= 7;
  }
  return day * kDay + rule.time;
}

TimeZone::Local TimeZone::by_tail(int64_t seconds) const {
  if (!tail_has_daylight_) return standard_;
  const int64_t year = year_of(seconds + standard_.offset);
  const int64_t begin = change(begin_, year) - standard_.offset, end = change(end_, year) - summer_.offset;
  const bool daylight = begin < end ? seconds >= begin && seconds < end : seconds >= begin || seconds < end;
  return daylight ? summer_ : standard_;
}

TimeZone::Local TimeZone::at(int64_t seconds) const {
  if (types_.empty()) return standard_;
  if (changes_.empty() || seconds < changes_.front())
    return has_tail_ && changes_.empty() ? by_tail(seconds) : types_[0];
  if (seconds >= changes_.back() && has_tail_) return by_tail(seconds);
  const auto next = std::upper_bound(changes_.begin(), changes_.end(), seconds);
  return types_[after_[static_cast<size_t>(next - changes_.begin()) - 1]];
}

int64_t TimeZone::to_utc(int64_t local_seconds) const {
  const int32_t before = at(local_seconds - kDay).offset, after = at(local_seconds + kDay).offset;
  const int64_t first = local_seconds - before, second = local_seconds - after;
  if (before == after || at(first).offset == before) return first;
  return at(second).offset == after ? second : first;
}

}  // namespace kstreamd::script
