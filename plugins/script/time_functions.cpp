// parse_time(text, format, zone) and format_time(ms, format, zone). Formats are strftime's, with %f for microseconds
// (six digits written, one to nine read); without a format ISO 8601.
#include <climits>
#include <ctime>
#include <optional>

#include "plugins/script/state.h"
#include "plugins/script/time_zone.h"

namespace kstreamd::script {
namespace {

constexpr int64_t kFirst = -62135596800000, kLast = 253402300799999;  // the years 1 to 9999, ms
constexpr size_t kZones = 600;

int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b != 0 && (a < 0) != (b < 0)); }

const TimeZone& zone_at(lua_State* L, int at) {
  thread_local std::unordered_map<std::string, std::unique_ptr<TimeZone>> zones;
  const std::string name = luaL_optstring(L, at, "UTC");
  auto& zone = zones[name];
  if (zone) return *zone;
  if (zones.size() > kZones) zones.clear();
  auto loaded = std::make_unique<TimeZone>();
  if (!loaded->load(name)) {
    zones.erase(name);
    luaL_error(L, "unknown time zone '%s': name one such as Europe/Berlin, UTC or +02:00", name.c_str());
  }
  return *(zones[name] = std::move(loaded));
}

std::tm broken_down(int64_t ms, const TimeZone::Local& local) {
  const std::time_t shifted = floor_div(ms, 1000) + local.offset;
  std::tm out{};
  gmtime_r(&shifted, &out);
  out.tm_gmtoff = local.offset;
  out.tm_isdst = local.daylight;
  out.tm_zone = local.abbreviation.c_str();
  return out;
}

std::string format(int64_t ms, std::string_view pattern, const TimeZone& zone) {
  const TimeZone::Local local = zone.at(floor_div(ms, 1000));
  const std::tm tm = broken_down(ms, local);
  const auto fraction = static_cast<int>(ms - floor_div(ms, 1000) * 1000);
  std::string out;
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != '%' || i + 1 == pattern.size()) {
      out += pattern[i];
      continue;
    }
    const char letter = pattern[++i];
    char text[128];
    size_t size = 0;
    if (letter == 'f') {
      size = static_cast<size_t>(std::snprintf(text, sizeof text, "%06d", fraction * 1000));
    } else if (letter == 's') {
      size = static_cast<size_t>(std::snprintf(text, sizeof text, "%lld", (long long)floor_div(ms, 1000)));
    } else if (letter == 'Y') {  // strftime writes the year 33 in two digits
      size = static_cast<size_t>(std::snprintf(text, sizeof text, "%04d", tm.tm_year + 1900));
    } else {
      const char one[] = {'%', letter, '\0'};
      size = std::strftime(text, sizeof text, one, &tm);
    }
    out.append(text, size);
  }
  return out;
}

int format_time(lua_State* L) {
  if (is_absent(L, 1)) {
    lua_pushnil(L);
    return 1;
  }
  const int64_t ms = luaL_checkinteger(L, 1);
  if (ms < kFirst || ms > kLast) luaL_argerror(L, 1, "a time outside the years 1 to 9999");
  const TimeZone& zone = zone_at(L, 3);
  std::string out;
  if (lua_isnoneornil(L, 2)) {
    out = format(ms, "%Y-%m-%dT%H:%M:%S", zone);
    char rest[16];
    std::snprintf(rest, sizeof rest, ".%03d", static_cast<int>(ms - floor_div(ms, 1000) * 1000));
    out += rest;
    const int32_t offset = zone.at(floor_div(ms, 1000)).offset;
    if (offset != 0)
      std::snprintf(rest, sizeof rest, "%c%02d:%02d", offset < 0 ? '-' : '+', std::abs(offset) / 3600,
                    std::abs(offset) / 60 % 60);
    out += offset == 0 ? "Z" : rest;
  } else {
    size_t size = 0;
    const char* pattern = luaL_checklstring(L, 2, &size);
    out = format(ms, {pattern, size}, zone);
  }
  lua_pushlstring(L, out.data(), out.size());
  return 1;
}

// ---- Reading

struct Parsed {
  std::tm tm{};
  int64_t nanoseconds = 0;
  std::optional<int64_t> offset;
  std::optional<int64_t> seconds;  // given as such
};

// Digits after a point; false when there are none or more than nine.
bool read_fraction(const char*& at, int64_t& nanoseconds) {
  int digits = 0;
  nanoseconds = 0;
  for (; *at >= '0' && *at <= '9'; ++at, ++digits) nanoseconds = digits < 9 ? nanoseconds * 10 + (*at - '0') : -1;
  for (int i = digits; i < 9; ++i) nanoseconds *= 10;
  return digits > 0 && digits <= 9;
}

// Reads by a format; what follows the text does not fit.
bool read(const char* text, const char* pattern, Parsed& out) {
  constexpr long kNone = LONG_MIN;
  out.tm.tm_mday = 1;
  out.tm.tm_year = 70;
  out.tm.tm_gmtoff = kNone;
  std::string part;
  const auto flush = [&] {
    if (text && !part.empty()) text = strptime(text, part.c_str(), &out.tm);
    part.clear();
  };
  for (; *pattern && text; ++pattern) {
    if (*pattern == '%' && (pattern[1] == 'f' || pattern[1] == 's')) {
      flush();
      if (!text) break;
      if (*++pattern == 'f') {
        if (!read_fraction(text, out.nanoseconds)) return false;
      } else {
        char* end = nullptr;
        out.seconds = std::strtoll(text, &end, 10);
        if (end == text) return false;
        text = end;
      }
      continue;
    }
    part += *pattern;
    if (*pattern == '%' && pattern[1]) part += *++pattern;
  }
  flush();
  if (out.tm.tm_gmtoff != kNone) out.offset = out.tm.tm_gmtoff;
  return text && *text == '\0';
}

// 2024-01-02, with T or a blank 03:04, :05, .678 (or ,678), and Z or +01:00.
bool read_iso(const char* text, Parsed& out) {
  const char* at = strptime(text, "%Y-%m-%d", &out.tm);
  if (!at) return false;
  if (*at == '\0') return true;
  if (*at != 'T' && *at != 't' && *at != ' ') return false;
  at = strptime(at + 1, "%H:%M", &out.tm);
  if (at && *at == ':') at = strptime(at + 1, "%S", &out.tm);
  if (!at) return false;
  if ((*at == '.' || *at == ',') && !read_fraction(++at, out.nanoseconds)) return false;
  if (*at == 'Z' || *at == 'z') {
    out.offset = 0;
    return at[1] == '\0';
  }
  if (*at == '\0') return true;
  TimeZone fixed;
  if ((*at != '+' && *at != '-') || !fixed.load(at)) return false;
  out.offset = fixed.at(0).offset;
  return true;
}

int parse_time(lua_State* L) {
  lua_settop(L, 3);
  const TimeZone& zone = zone_at(L, 3);
  const char* format = lua_isnil(L, 2) ? nullptr : luaL_checkstring(L, 2);
  lua_pushnil(L);
  if (is_absent(L, 1)) return 1;
  size_t size = 0;
  const char* text = luaL_checklstring(L, 1, &size);
  Parsed parsed;
  if (std::char_traits<char>::length(text) != size) return 1;
  if (!(format ? read(text, format, parsed) : read_iso(text, parsed))) return 1;
  const std::tm& tm = parsed.tm;
  int64_t seconds = 0;
  if (parsed.seconds) {
    seconds = *parsed.seconds;
    if (seconds < kFirst / 1000 || seconds > kLast / 1000) return 1;
  } else {
    seconds = seconds_of(tm.tm_year + int64_t{1900}, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
    const std::time_t check = seconds_of(tm.tm_year + int64_t{1900}, tm.tm_mon + 1, tm.tm_mday, 0, 0, 0);
    std::tm real{};
    gmtime_r(&check, &real);
    if (real.tm_mday != tm.tm_mday) return 1;  // the 31st of a shorter month
    seconds = parsed.offset ? seconds - *parsed.offset : zone.to_utc(seconds);
  }
  lua_pushinteger(L, seconds * 1000 + parsed.nanoseconds / 1'000'000);
  return 1;
}

}  // namespace

void add_time_functions(lua_State* L) {
  constexpr luaL_Reg functions[] = {{"parse_time", parse_time}, {"format_time", format_time}, {nullptr, nullptr}};
  luaL_setfuncs(L, functions, 0);
}

}  // namespace kstreamd::script
