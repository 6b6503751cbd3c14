#include "plugins/builtin/change_buffer.h"

#include <kstreamd/sdk/big_endian.h>

#include <algorithm>

namespace kstreamd::builtin {
namespace {

constexpr int32_t kNull = -1, kSame = -2;

using Bytes = std::optional<std::string_view>;  // nothing: null

// What a row's value holds.
struct Held {
  int64_t timestamp = 0, offset = 0;
  std::string_view topic;
  int32_t partition = 0;
  std::span<const Header> headers;
  Bytes prior, before, now;
  int64_t time = 0;

  // What the buffer reckons for it besides the key and the time.
  int64_t size() const {
    size_t size = 8 + 8 + topic.size() + 4;
    for (const Header& header : headers) size += header.name_size + (header.value ? header.value_size : 0);
    size += (prior ? prior->size() : 0) + (before && before != prior ? before->size() : 0) + (now ? now->size() : 0);
    return static_cast<int64_t>(size);
  }
};

void append(std::string& out, const Bytes& bytes) {
  append_big_endian(out, bytes ? static_cast<int32_t>(bytes->size()) : kNull);
  if (bytes) out += *bytes;
}

std::string write(const Held& held) {
  std::string out;
  append_big_endian(out, held.timestamp);
  append_big_endian(out, held.offset);
  append(out, held.topic);
  append_big_endian(out, held.partition);
  append_big_endian(out, static_cast<int32_t>(held.headers.size()));
  for (const Header& header : held.headers) {
    append(out, std::string_view(header.name, header.name_size));
    append(out, header.value ? Bytes(std::string_view(static_cast<const char*>(header.value), header.value_size))
                             : std::nullopt);
  }
  append(out, held.prior);
  if (held.before && held.before == held.prior)
    append_big_endian(out, kSame);
  else
    append(out, held.before);
  append(out, held.now);
  append_big_endian(out, held.time);
  return out;
}

[[noreturn]] void damaged() {
  throw sdk::FatalError(
      "the buffer's store holds a row that was not written by a suppression: its changelog belongs to something "
      "else; give the node another name, or reset the topology");
}

Bytes take(BytesReader& in, int32_t size) { return size == kNull ? Bytes() : in.bytes(static_cast<size_t>(size)); }
Bytes take(BytesReader& in) { return take(in, in.number<int32_t>()); }
std::string_view take_text(BytesReader& in) { return take(in).value_or(std::string_view()); }

// The headers get their room from the context.
Held read(std::string_view row, sdk::Context& context) {
  BytesReader in(row);
  Held held;
  held.timestamp = in.number<int64_t>();
  held.offset = in.number<int64_t>();
  held.topic = take_text(in);
  held.partition = in.number<int32_t>();
  const auto count = in.number<int32_t>();
  if (count < 0 || static_cast<size_t>(count) > row.size() / 8) damaged();
  auto* headers = count > 0 ? context.scratch<Header>(static_cast<size_t>(count)) : nullptr;
  for (int32_t i = 0; i < count; ++i) {
    const auto name = take_text(in);
    const auto value = take(in);
    headers[i] = {name.data(), value ? value->data() : nullptr, static_cast<uint32_t>(name.size()),
                  static_cast<uint32_t>(value ? value->size() : 0)};
  }
  held.headers = {headers, static_cast<size_t>(count)};
  held.prior = take(in);
  const auto size = in.number<int32_t>();
  held.before = size == kSame ? held.prior : take(in, size);
  held.now = take(in);
  held.time = in.number<int64_t>();
  if (!in.ok() || !in.rest().empty()) damaged();
  return held;
}

int64_t size_of(std::string_view key, const Held& held) { return 8 + static_cast<int64_t>(key.size()) + held.size(); }

}  // namespace

std::optional<std::string_view> ChangeBuffer::prior(std::string_view row, sdk::Context& context) {
  return read(row, context).prior;
}

void ChangeBuffer::init() {
  rows_.all([this](const sdk::Row& row) {
    const auto key = data_of(row.key);
    const Held held = read(data_of(row.value), context_);
    const auto at = entries_.try_emplace(std::string(key), Entry{held.time, size_of(key, held)}).first;
    order_.emplace(held.time, at->first);
    bytes_held_ += at->second.size;
  });
}

void ChangeBuffer::put(const Record& record, const Change& change, int64_t time) {
  auto written = [this](const Value& value) {
    return is_null(value) ? Bytes() : Bytes(bytes_.write(StoreBytes::Part::value, value));
  };
  const auto key = bytes_.write(StoreBytes::Part::key, record.key);
  Held held;
  held.timestamp = record.timestamp;
  if (record.origin) {
    held.offset = record.origin->offset;
    held.topic = {record.origin->topic, record.origin->topic_size};
    held.partition = record.origin->partition;
  }
  held.headers = {record.headers, record.header_count};
  held.before = written(change.before);
  held.now = written(change.now);
  held.prior = held.before;
  held.time = time;
  auto at = entries_.find(key);
  if (at == entries_.end()) {
    at = entries_.try_emplace(std::string(key), Entry{time, 0}).first;
    order_.emplace(time, at->first);
  } else if (const auto row = rows_.get(bytes_value(key))) {
    const Held last = read(data_of(row->value), context_);
    held.prior = last.prior;
    held.time = at->second.time;
  }
  bytes_held_ -= at->second.size;
  at->second.size = size_of(key, held);
  bytes_held_ += at->second.size;
  rows_.put(bytes_value(key), bytes_value(write(held)), record.timestamp);
}

Record ChangeBuffer::first(Change& change) {
  const auto at = entries_.find(order_.begin()->second);
  const auto key = context_.copy(at->first);
  const auto row = rows_.get(bytes_value(key));
  if (!row) damaged();
  const Held held = read(data_of(row->value), context_);
  auto value = [this](const Bytes& bytes) {
    return bytes ? bytes_.read(StoreBytes::Part::value, *bytes) : null_value();
  };
  change = {value(held.now), value(held.before)};
  Record record{};
  record.key = bytes_.read(StoreBytes::Part::key, key);
  record.timestamp = held.timestamp;
  record.headers = held.headers.data();
  record.header_count = static_cast<uint32_t>(held.headers.size());
  auto* origin = context_.scratch<Origin>(1);
  *origin = {};
  origin->topic = held.topic.data();
  origin->topic_size = static_cast<uint32_t>(held.topic.size());
  origin->partition = held.partition;
  origin->offset = held.offset;
  record.origin = origin;
  return record;
}

void ChangeBuffer::drop_first(int64_t timestamp) {
  const auto at = entries_.find(order_.begin()->second);
  rows_.put(bytes_value(at->first), null_value(), timestamp);
  bytes_held_ -= at->second.size;
  order_.erase(order_.begin());
  entries_.erase(at);
}

}  // namespace kstreamd::builtin
