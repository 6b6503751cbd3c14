#include "plugins/builtin/waiting_records.h"

#include <kstreamd/sdk/big_endian.h>

#include <algorithm>
#include <limits>

namespace kstreamd::builtin {
namespace {

constexpr size_t kKeyAt = 9;  // after timestamp and side
constexpr char kListMark = 1;
constexpr int64_t kNone = std::numeric_limits<int64_t>::max();

char byte_of(Side side) { return side == kLeft ? 1 : 0; }

[[noreturn]] void unreadable() {
  throw sdk::FatalError(
      "the store of records that wait for a partner holds something else: its changelog was written by another "
      "program; reset the application (kstreamd reset)");
}

// What a list begins with; then come as many values.
uint32_t take_count(std::string_view& list) {
  if (list.size() < 5 || list[0] != kListMark) unreadable();
  const auto count = read_big_endian<uint32_t>(list.data() + 1);
  list.remove_prefix(5);
  return count;
}

std::string_view take_value(std::string_view& list) {
  const size_t size = list.size() < 5 ? 0 : read_big_endian<uint32_t>(list.data());
  if (size < 1 || list.size() - 4 < size) unreadable();
  const std::string_view value = list.substr(5, size - 1);
  list.remove_prefix(4 + size);
  return value;
}

}  // namespace

std::string_view WaitingRecords::row_of(Side side, int64_t timestamp, std::string_view key) {
  row_.clear();
  append_big_endian(row_, timestamp);
  row_.push_back(byte_of(side));
  row_.append(key);
  return row_;
}

void WaitingRecords::add(Side side, int64_t timestamp, std::string_view key, std::string_view value) {
  const Value row = bytes_value(row_of(side, timestamp, key));
  const auto there = store_.get(row);
  uint32_t count = 1;
  list_.clear();
  list_.push_back(kListMark);
  if (there) {
    std::string_view old = data_of(there->value);
    count += take_count(old);
    append_big_endian(list_, count);
    list_.append(old);
  } else {
    append_big_endian(list_, count);
  }
  append_big_endian(list_, static_cast<uint32_t>(value.size() + 1));
  list_.push_back(byte_of(side));
  list_.append(value);
  store_.put(row, bytes_value(list_), timestamp);
  oldest_[side] = std::min(oldest_[side], timestamp);
}

void WaitingRecords::remove(Side side, int64_t timestamp, std::string_view key, int64_t now) {
  if (timestamp < oldest_[side]) return;
  const Value row = bytes_value(row_of(side, timestamp, key));
  if (store_.get(row)) store_.put(row, null_value(), now);
}

std::optional<std::string_view> WaitingRecords::take(Waiting& entry, int64_t now) {
  std::string_view rest = entry.list;
  const uint32_t count = take_count(rest);
  if (count == 0) return std::nullopt;
  const std::string_view value = take_value(rest);
  list_.assign(1, kListMark);
  append_big_endian(list_, count - 1);
  list_.append(rest);
  entry.list = context_.copy(list_);
  store_.put(bytes_value(entry.row), count > 1 ? bytes_value(list_) : null_value(), now);
  return value;
}

WaitingRecords::Oldest WaitingRecords::closed(const Oldest& closes_before, std::vector<Waiting>& out) {
  constexpr int64_t never = std::numeric_limits<int64_t>::min();
  bool open[2] = {closes_before[kLeft] == never, closes_before[kRight] == never};
  Oldest oldest{kNone, kNone};
  // Not from the beginning: what is older was removed, and a database steps over what was removed one by one.
  std::string from;
  append_big_endian(from, std::min(oldest_[kLeft], oldest_[kRight]));
  store_.range(bytes_value(from), null_value(), [&](const sdk::Row& row) {
    const std::string_view bytes = data_of(row.key);
    if (bytes.size() < kKeyAt) unreadable();
    const auto timestamp = read_big_endian<int64_t>(bytes.data());
    const Side side = bytes[kKeyAt - 1] != 0 ? kLeft : kRight;
    const bool closes = timestamp < closes_before[side];
    if (closes && out.size() == kAtOnce) {  // nobody has looked at what comes now
      for (int64_t& of_side : oldest) of_side = std::min(of_side, timestamp);
      return false;
    }
    if (closes) {
      const std::string_view kept = context_.copy(bytes);
      out.push_back({timestamp, side, kept.substr(kKeyAt), kept, context_.copy(data_of(row.value))});
      return true;
    }
    oldest[side] = std::min(oldest[side], timestamp);
    open[side] = true;
    return !(open[kLeft] && open[kRight]);
  });
  return oldest;
}

}  // namespace kstreamd::builtin
