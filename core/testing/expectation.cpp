#include "core/testing/expectation.h"

#include <algorithm>
#include <functional>
#include <limits>

#include "core/base/base64.h"
#include "core/testing/test_values.h"
#include "core/topology/json_text.h"

namespace kstreamd {
namespace {

constexpr size_t kWidest = 76;      // of a column
constexpr size_t kShownNotes = 5;   // records whose differences are told field by field
constexpr size_t kShownAround = 3;  // equal records shown around those that differ

std::string header_text(const std::optional<std::string>& value) {
  return value ? quote_json(*value) : std::string("null");
}

std::string headers_text(const std::vector<LoggedHeader>& headers) {
  std::string out = "[";
  for (const auto& header : headers)
    out += (out.size() > 1 ? ", " : "") + header.name + "=" + header_text(header.value);
  return out + "]";
}

std::vector<LoggedHeader> headers_of(const TestRecord& record) {
  std::vector<LoggedHeader> headers;
  for (const auto& header : *record.headers) headers.push_back({header.key, header.value});
  return headers;
}

bool past_serde(const std::optional<TestValue>& value) { return value && value->kind == TestValue::Kind::bytes; }

void append_field(std::string& out, const std::string& name, const std::string& text) {
  out += (out.empty() ? "" : "  ") + name + " " + text;
}

std::string expected_text(const ExpectedRecord& expected, const TopicSerdes& serdes) {
  const TestRecord& record = *expected.record;
  std::string out;
  if (record.key) append_field(out, "key", shown(*serdes.key, expected.key, past_serde(record.key)));
  if (record.value) append_field(out, "value", shown(*serdes.value, expected.value, past_serde(record.value)));
  if (record.timestamp) append_field(out, "timestamp", std::to_string(*record.timestamp));
  if (record.partition) append_field(out, "partition", std::to_string(*record.partition));
  if (record.headers) append_field(out, "headers", headers_text(headers_of(record)));
  return out.empty() ? "(any record)" : out;
}

// With the fields that the expected record has; with all that say something where there is none.
std::string actual_text(const LoggedRecord& record, const TopicSerdes& serdes, const TestRecord* like) {
  std::string out;
  if (!like || like->key) append_field(out, "key", shown(*serdes.key, record.key, like && past_serde(like->key)));
  if (!like || like->value)
    append_field(out, "value", shown(*serdes.value, record.value, like && past_serde(like->value)));
  if (!like || like->timestamp) append_field(out, "timestamp", std::to_string(record.timestamp));
  if (like && like->partition) append_field(out, "partition", std::to_string(record.partition));
  if (like ? like->headers.has_value() : !record.headers.empty())
    append_field(out, "headers", headers_text(record.headers));
  return out.empty() ? "(a record)" : out;
}

// What fits nothing is held against what is most like it.
void pair_the_rest(const std::vector<ExpectedRecord>& expected, const std::vector<const LoggedRecord*>& actual,
                   const TopicSerdes& serdes, std::vector<int>& owner, std::vector<int>& match) {
  for (size_t i = 0; i < expected.size(); ++i) {
    if (match[i] >= 0) continue;
    int nearest = -1;
    size_t least = std::numeric_limits<size_t>::max();
    for (size_t k = 0; k < actual.size(); ++k) {
      if (owner[k] >= 0) continue;
      const size_t differing = differences(expected[i], *actual[k], serdes).size();
      if (differing >= least) continue;
      least = differing;
      nearest = static_cast<int>(k);
    }
    if (nearest < 0) return;
    match[i] = nearest;
    owner[static_cast<size_t>(nearest)] = static_cast<int>(i);
  }
}

// For each expected record the actual one that it is held against; -1: none. In order, or so that as many as possible
// are the same.
std::vector<int> matched(const std::vector<ExpectedRecord>& expected, const std::vector<const LoggedRecord*>& actual,
                         const TopicSerdes& serdes, bool unordered) {
  std::vector<int> match(expected.size(), -1);
  if (!unordered) {
    for (size_t i = 0; i < expected.size() && i < actual.size(); ++i) match[i] = static_cast<int>(i);
    return match;
  }
  std::vector<std::vector<bool>> fits(expected.size(), std::vector<bool>(actual.size()));
  for (size_t i = 0; i < expected.size(); ++i)
    for (size_t k = 0; k < actual.size(); ++k) fits[i][k] = differences(expected[i], *actual[k], serdes).empty();
  std::vector<int> owner(actual.size(), -1);
  std::vector<bool> tried;
  // Finds a record for i, moving others to another one where they have it (Kuhn's algorithm).
  const std::function<bool(size_t)> place = [&](size_t i) {
    for (size_t k = 0; k < actual.size(); ++k) {
      if (!fits[i][k] || tried[k]) continue;
      tried[k] = true;
      if (owner[k] >= 0 && !place(static_cast<size_t>(owner[k]))) continue;
      owner[k] = static_cast<int>(i);
      return true;
    }
    return false;
  };
  for (size_t i = 0; i < expected.size(); ++i) {
    tried.assign(actual.size(), false);
    place(i);
  }
  for (size_t k = 0; k < actual.size(); ++k)
    if (owner[k] >= 0) match[static_cast<size_t>(owner[k])] = static_cast<int>(k);
  pair_the_rest(expected, actual, serdes, owner, match);
  return match;
}

std::string shortened(const std::string& text) {
  if (text.size() <= kWidest) return text;
  size_t cut = kWidest - 3;
  while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xc0) == 0x80) --cut;
  return text.substr(0, cut) + "...";
}

// Characters, not bytes.
size_t width(const std::string& text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

std::string padded(std::string text, size_t to) {
  const size_t now = width(text);
  return now < to ? text + std::string(to - now, ' ') : text;
}

}  // namespace

Result<ExpectedRecord> expected_record(const TestRecord& record, const TopicSerdes& serdes) {
  ExpectedRecord expected{&record, {}, {}};
  const auto write = [&](const char* what, const std::optional<TestValue>& from, const Serde& serde,
                         std::optional<std::string>& to) -> Status {
    if (!from) return {};
    auto bytes = bytes_of(*from, serde);
    if (!bytes) return std::move(bytes).error().in(std::string("the ") + what + " " + as_written(*from));
    to = std::move(bytes).value();
    return {};
  };
  KSTREAMD_TRY(write("key", record.key, *serdes.key, expected.key));
  KSTREAMD_TRY(write("value", record.value, *serdes.value, expected.value));
  return expected;
}

std::vector<std::string> differences(const ExpectedRecord& expected, const LoggedRecord& actual,
                                     const TopicSerdes& serdes) {
  const TestRecord& record = *expected.record;
  std::vector<std::string> out;
  const auto differ = [&](const std::string& what, const std::string& wanted, const std::string& got) {
    out.push_back(what + ": expected " + wanted + ", got " + got);
  };
  const auto compare = [&](const char* what, const std::optional<TestValue>& given, const Serde& serde,
                           const std::optional<std::string>& wanted, const std::optional<std::string>& got) {
    const bool raw = past_serde(given);
    if (given && !(raw ? wanted == got : same_value(serde, wanted, got)))
      differ(what, shown(serde, wanted, raw), shown(serde, got, raw));
  };
  compare("key", record.key, *serdes.key, expected.key, actual.key);
  compare("value", record.value, *serdes.value, expected.value, actual.value);
  if (record.timestamp && *record.timestamp != actual.timestamp)
    differ("timestamp", std::to_string(*record.timestamp), std::to_string(actual.timestamp));
  if (record.partition && *record.partition != actual.partition)
    differ("partition", std::to_string(*record.partition), std::to_string(actual.partition));
  if (record.headers && headers_of(record) != actual.headers)
    differ("headers", headers_text(headers_of(record)), headers_text(actual.headers));
  return out;
}

bool all_there(const std::vector<ExpectedRecord>& expected, const std::vector<const LoggedRecord*>& actual,
               const TopicSerdes& serdes, bool unordered) {
  if (expected.size() != actual.size()) return false;
  const auto match = matched(expected, actual, serdes, unordered);
  for (size_t i = 0; i < expected.size(); ++i)
    if (match[i] < 0 || !differences(expected[i], *actual[static_cast<size_t>(match[i])], serdes).empty()) return false;
  return true;
}

std::string shown(const LoggedRecord& record, const TopicSerdes& serdes) {
  return actual_text(record, serdes, nullptr);
}

std::string compared(const std::vector<ExpectedRecord>& expected, const std::vector<const LoggedRecord*>& actual,
                     const TopicSerdes& serdes, bool unordered, const std::string& file) {
  SideBySide table;
  size_t notes = 0;
  const auto note = [&](const std::string& text) {
    if (++notes <= kShownNotes) table.note(text);
  };
  const auto place = [&](const ExpectedRecord& e) {
    return file + ":" + std::to_string(e.record->place.line) + ":" + std::to_string(e.record->place.column);
  };
  const auto match = matched(expected, actual, serdes, unordered);
  std::vector<bool> taken(actual.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    const auto* record = &expected[i];
    if (match[i] < 0) {
      table.add(expected_text(*record, serdes), "(nothing)", true);
      note(place(*record) + ": " +
           (unordered ? std::string("there is no such record") : "there is no record " + std::to_string(i + 1)));
      continue;
    }
    const auto& found = *actual[static_cast<size_t>(match[i])];
    taken[static_cast<size_t>(match[i])] = true;
    const auto differs = differences(*record, found, serdes);
    table.add(expected_text(*record, serdes), actual_text(found, serdes, record->record), !differs.empty());
    for (const auto& difference : differs) note(place(*record) + ": " + difference);
  }
  for (size_t k = 0; k < actual.size(); ++k)
    if (!taken[k]) {
      table.add("(nothing)", shown(*actual[k], serdes), true);
      note("not expected: " + shown(*actual[k], serdes));
    }
  if (notes > kShownNotes) table.note("and " + std::to_string(notes - kShownNotes) + " more");
  return table.text();
}

void SideBySide::add(std::string expected, std::string actual, bool differs) {
  rows_.push_back({shortened(expected), shortened(actual), differs});
}

std::string SideBySide::text() const {
  size_t left = width("expected");
  for (const auto& row : rows_) left = std::max(left, width(row.expected));
  std::string out = "      | " + padded("expected", left) + " | actual\n";
  size_t elided = 0;
  for (size_t i = 0; i < rows_.size(); ++i) {
    bool near = rows_.size() <= 2 * kShownAround + 4;
    for (size_t k = i < kShownAround ? 0 : i - kShownAround; k < rows_.size() && k <= i + kShownAround; ++k)
      near = near || rows_[k].differs;
    if (!near) {
      ++elided;
      continue;
    }
    if (elided > 0) out += "      | (" + std::to_string(elided) + " more that are as expected)\n";
    elided = 0;
    const std::string number = std::to_string(i + 1);
    out += (rows_[i].differs ? ">" : " ") + std::string(number.size() < 4 ? 4 - number.size() : 0, ' ') + number +
           " | " + padded(rows_[i].expected, left) + " | " + rows_[i].actual + "\n";
  }
  if (elided > 0) out += "      | (" + std::to_string(elided) + " more that are as expected)\n";
  for (const auto& note : notes_) out += note + "\n";
  if (!out.empty()) out.pop_back();
  return out;
}

}  // namespace kstreamd
