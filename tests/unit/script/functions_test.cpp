// The functions that expressions may call.
#include <chrono>
#include <filesystem>

#include "tests/unit/script/records.h"

using namespace kstreamd;
using namespace kstreamd::script;
using Catch::Contains;

TEST_CASE("split keeps empty parts, whatever the pattern") {
  Asker ask(string_value("Hello hello, WORLD"));
  CHECK(ask.values("split(lower(value), '[^%w]+')") == "string hello | string hello | string world");
  CHECK(ask.values("split('a,,b,', ',')") == "string a | string  | string b | string ");
  CHECK(ask.values("split('a,,b', ',+')") == "string a | string b");
  CHECK(ask.values("split('', ',')") == "string ");
  CHECK(ask.values("split('abc', '%d')") == "string abc");
  CHECK(ask.values("split('a, b,c', ', ')") == "string a | string b,c");
  CHECK(ask.values("split('a1b22c', '%d+')") == "string a | string b | string c");
  CHECK(ask.values("split('a]b-c', '[]-]')") == "string a | string b | string c");
  CHECK(ask.values("split('a.b', '.')") == "string  | string  | string  | string ");
  CHECK(ask.values("split('abc', 'x*')") == "string abc");
  CHECK(ask.values("split('a--b', '%-%-')") == "string a | string b");
  CHECK(ask.values("split('axb', '[w-y]')") == "string a | string b");
  CHECK_THAT(ask.error("split('a', '')"), Contains("empty pattern"));
  CHECK_THAT(ask.error("split('a', '[a')"), Contains("missing ']'"));
  CHECK_THAT(ask.error("split(nil, ',')"), Contains("string expected"));
}

TEST_CASE("text") {
  Asker ask;
  CHECK(ask.value("lower('ABC xyz 1') .. upper('ABC xyz 1')") == "string abc xyz 1ABC XYZ 1");
  CHECK(ask.value("'[' .. trim('  a b\\n') .. trim(' ') .. ']'") == "string [a b]");
  CHECK(ask.value("hash('hello')") == "int64 " + std::to_string(int32_t{2132663229}));
  CHECK(ask.value("string.format('%5.2f|%s|%d|%q', 1.5, 'x', 3, 'q')") == "string  1.50|x|3|\"q\"");
  CHECK(ask.value("string.format('%s', { a = 1 })") == R"(string {"a":1})");
  CHECK_THAT(ask.error("string.format('%-10p', 'x')"), Contains("addresses"));
  CHECK(ask.value("('x'):rep(3, ',')") == "string x,x,x");
  CHECK(ask.value("utf8.len('\xc3\xa9')") == "int64 1");
  CHECK(ask.value("tostring(nil) .. tostring(1.0) .. tostring(true) .. tostring(lower)") ==
        "string nil1.0truefunction");
  CHECK(ask.value("tonumber('0x10') + select(2, 1, 2)") == "int64 18");
}

TEST_CASE("patterns do what Lua's do") {
  Asker ask;
  const std::pair<const char*, const char*> cases[] = {
      {"string.find('hello world', 'o w')", "int64 5"},
      {"select(2, string.find('hello', 'l+'))", "int64 4"},
      {"string.find('a.b', '.', 2, true)", "int64 2"},
      {"string.find('abc', 'b', -1)", "null"},
      {"string.find('abc', '', 10)", "null"},
      {"string.find('abc', '', 4)", "int64 4"},
      {"string.match('key = value', '^(%w+)%s*=%s*(%w+)$')", "string key"},
      {"select(2, string.match('key = value', '^(%w+)%s*=%s*(%w+)$'))", "string value"},
      {"string.match('2024-01-02', '%d+', 6)", "string 01"},
      {"string.match('  x', '^%s*$')", "null"},
      {"string.match('f(a(b)c)d', '%b()')", "string (a(b)c)"},
      {"string.match('THE (quick) fox', '%f[%a]%a+%f[%A]', 5)", "string quick"},
      {"string.match([[say \"hi\"]], [[([\"'])(.-)%1]])", "string \""},
      {"string.match('hello', '()ll()')", "int64 3"},
      {"string.match('aaa', 'a-$')", "string aaa"},
      {"string.match('abc', 'a?b?x?c')", "string abc"},
      {"string.match('a-b]', '[%-%]]')", "string -"},
      {"string.match('x^', '[%^]')", "string ^"},
      {"string.gsub('hello world', 'o', '0')", "string hell0 w0rld"},
      {"select(2, string.gsub('hello world', 'o', '0'))", "int64 2"},
      {"string.gsub('hello', '', '-')", "string -h-e-l-l-o-"},
      {"string.gsub('abc', '%w', '%0%0')", "string aabbcc"},
      {"string.gsub('abc', '(a)(b)', '%2%1')", "string bac"},
      {"string.gsub('a b', '%w', { a = 'x' })", "string x b"},
      {"string.gsub('abc', '%w', function(c) return c == 'b' and upper(c) or nil end)", "string aBc"},
      {"string.gsub('aaa', 'a', 'b', 2)", "string bba"},
      {"string.gsub('aaa', '^a', 'b')", "string baa"},
      {"string.gsub('abc', 'b*', 'x')", "string xaxcx"},
      {"string.gsub('100%', '%%', '%%%%')", "string 100%%"},
  };
  for (const auto& [text, expected] : cases) {
    INFO(text);
    const bool chunk = std::string(text).find("return") != std::string::npos;
    CHECK(ask.value(chunk ? "return " + std::string(text) : text) == expected);
  }
  CHECK(
      ask.value("local s = '' for k, v in string.gmatch('a=1, b=2', '(%w+)=(%w+)') do s = s .. k .. v end return s") ==
      "string a1b2");
  CHECK(ask.value("local n = 0 for w in ('one two'):gmatch('%a+') do n = n + #w end return n") == "int64 6");
  CHECK_THAT(ask.error("string.find('a', '%')"), Contains("ends with '%'"));
  CHECK_THAT(ask.error("string.find('a', '(a')"), Contains("unfinished capture"));
  CHECK_THAT(ask.error("string.match('a', 'a)')"), Contains("invalid pattern capture"));
  CHECK_THAT(ask.error("string.find('a', '%1')"), Contains("invalid capture index"));
  CHECK_THAT(ask.error("string.gsub('a', 'a', '%2')"), Contains("invalid capture index"));
}

TEST_CASE("pairs walks in the order of the names") {
  Asker ask(json_value(R"({"zoe":1,"adam":2,"mia":3})"));
  const std::string walk = "local s = '' for k, v in pairs(%) do s = s .. k .. v end return s";
  const auto over = [&](const std::string& what) { return std::string(walk).replace(walk.find('%'), 1, what); };
  CHECK(ask.value(over("value")) == "string adam2mia3zoe1");
  CHECK(ask.value(over("{ c = 1, b = 2, a = 3, 7 }")) == "string 17a3b2c1");
  CHECK(ask.value(over("{}")) == "string ");
  CHECK_THAT(ask.error(over("5")), Contains("pairs wants a table, got number"));
}

TEST_CASE("times are written") {
  Asker ask(int64_value(1704164645678));  // 2024-01-02T03:04:05.678Z
  CHECK(ask.value("format_time(value)") == "string 2024-01-02T03:04:05.678Z");
  CHECK(ask.value("format_time(value, nil, '+05:30')") == "string 2024-01-02T08:34:05.678+05:30");
  CHECK(ask.value("format_time(value, '%Y/%m/%d %H:%M:%S.%f %z %Z %a %j %%')") ==
        "string 2024/01/02 03:04:05.678000 +0000 UTC Tue 002 %");
  CHECK(ask.value("format_time(-1)") == "string 1969-12-31T23:59:59.999Z");
  CHECK(ask.value("format_time(value, '%s')") == "string 1704164645");
  CHECK(ask.value("format_time(nil)") == "null");
  CHECK_THAT(ask.error("format_time(value, nil, 'Mars/Olympus')"), Contains("unknown time zone 'Mars/Olympus'"));
  CHECK_THAT(ask.error("format_time(value, nil, '../../../etc/passwd')"), Contains("unknown time zone"));
  CHECK_THAT(ask.error("format_time(1 << 62)"), Contains("outside the years"));
}

TEST_CASE("times are read") {
  Asker ask;
  const std::pair<const char*, const char*> cases[] = {
      {"parse_time('2024-01-02T03:04:05.678Z')", "int64 1704164645678"},
      {"parse_time('2024-01-02T03:04:05+01:00')", "int64 1704161045000"},
      {"parse_time('2024-01-02 03:04')", "int64 1704164640000"},
      {"parse_time('2024-01-02')", "int64 1704153600000"},
      {"parse_time('2024-02-30')", "null"},
      {"parse_time('2024-01-02T03:04:05Zjunk')", "null"},
      {"parse_time('yesterday')", "null"},
      {"parse_time(nil)", "null"},
      {"parse_time('02.01.2024 03:04:05,25', '%d.%m.%Y %H:%M:%S,%f')", "int64 1704164645250"},
      {"parse_time('1704164645', '%s')", "int64 1704164645000"},
      {"parse_time('2024-01-02 03:04 -0200', '%Y-%m-%d %H:%M %z')", "int64 1704171840000"},
      {"parse_time('31/02/2024', '%d/%m/%Y')", "null"},
      {"parse_time('1/2', '%d/%m/%Y')", "null"},
      {"parse_time('1969-12-31T23:59:59.999Z')", "int64 -1"},
  };
  for (const auto& [text, expected] : cases) {
    INFO(text);
    CHECK(ask.value(text) == expected);
  }
}

TEST_CASE("zones of the system, summer time included") {
  if (!std::filesystem::exists("/usr/share/zoneinfo/Europe/Berlin")) {
    WARN("skipped: this system has no zone database");
    return;
  }
  Asker ask;
  const std::pair<const char*, const char*> cases[] = {
      {"format_time(1704164645000, '%H:%M %Z', 'Europe/Berlin')", "string 04:04 CET"},
      {"format_time(1719800000000, '%H:%M %Z', 'Europe/Berlin')", "string 04:13 CEST"},
      {"format_time(1719800000000, '%Y %z', 'America/New_York')", "string 2024 -0400"},
      {"format_time(4087000000000, '%Z %z', 'Europe/Berlin')", "string CEST +0200"},  // 2099-07-06: by rule
      {"format_time(4070908800000, '%Z', 'Europe/Berlin')", "string CET"},            // 2099-01-01
      {"format_time(1719800000000, '%Z', 'Australia/Sydney')", "string AEST"},
      {"format_time(4070908800000, '%Z', 'Australia/Sydney')", "string AEDT"},
      {"parse_time('2024-07-01 04:13', '%Y-%m-%d %H:%M', 'Europe/Berlin')", "int64 1719799980000"},
      {"parse_time('2024-10-27 02:30', '%Y-%m-%d %H:%M', 'Europe/Berlin')", "int64 1729989000000"},  // the earlier
      {"parse_time('2024-03-31 02:30', '%Y-%m-%d %H:%M', 'Europe/Berlin')", "int64 1711848600000"},  // does not exist
      {"parse_time('2024-07-01', nil, 'Europe/Berlin')", "int64 1719784800000"},
      {"format_time(-3000000000000, '%Z', 'Europe/Berlin')", "string LMT"},
  };
  for (const auto& [text, expected] : cases) {
    INFO(text);
    CHECK(ask.value(text) == expected);
  }
}
