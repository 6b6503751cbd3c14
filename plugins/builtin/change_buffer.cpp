#include "plugins/builtin/change_buffer.h"

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

class Writer {
 public:
  template <typename Number>
  void number(Number number) {
    for (int shift = 8 * sizeof number - 8; shift >= 0; shift -= 8) out_ += static_cast<char>(number >> shift & 0xff);
  }
  void bytes(const Bytes& bytes) {
    number(bytes ? static_cast<int32_t>(bytes->size()) : kNull);
    if (bytes) out_ += *bytes;
  }
  const std::string& text() const { return out_; }

 private:
  std::string out_;
};

std::string write(const Held& held) {
  Writer out;
  out.number(held.timestamp);
  out.number(held.offset);
  out.bytes(held.topic);
  out.number(held.partition);
  out.number(static_cast<int32_t>(held.headers.size()));
  for (const Header& header : held.headers) {
    out.bytes(std::string_view(header.name, header.name_size));
    out.bytes(header.value ? Bytes(std::string_view(static_cast<const char*>(header.value), header.value_size))
                           : std::nullopt);
  }
  out.bytes(held.prior);
  if (held.before && held.before == held.prior)
    out.number(kSame);
  else
    out.bytes(held.before);
  out.bytes(held.now);
  out.number(held.time);
  return out.text();
}

class Reader {
 public:
  explicit Reader(std::string_view in) : in_(in) {}
  template <typename Number>
  Number number() {
    uint64_t number = 0;
    for (const char c : take(sizeof(Number))) number = number << 8 | static_cast<unsigned char>(c);
    return static_cast<Number>(number);
  }
  Bytes bytes() { return bytes(number<int32_t>()); }
  Bytes bytes(int32_t size) {
    if (size == kNull) return std::nullopt;
    if (size < 0) damaged();
    return take(static_cast<size_t>(size));
  }
  std::string_view text() { return bytes().value_or(std::string_view()); }
  void end() const {
    if (!in_.empty()) damaged();
  }
  [[noreturn]] static void damaged() {
    throw sdk::FatalError(
        "the buffer's store holds a row that was not written by a suppression: its changelog belongs to something "
        "else; give the node another name, or reset the topology");
  }

 private:
  std::string_view take(size_t size) {
    if (size > in_.size()) damaged();
    const auto taken = in_.substr(0, size);
    in_.remove_prefix(size);
    return taken;
  }

  std::string_view in_;
};

// The headers get their room from the context.
Held read(std::string_view row, sdk::Context& context) {
  Reader in(row);
  Held held;
  held.timestamp = in.number<int64_t>();
  held.offset = in.number<int64_t>();
  held.topic = in.text();
  held.partition = in.number<int32_t>();
  const auto count = in.number<int32_t>();
  if (count < 0 || static_cast<size_t>(count) > row.size() / 8) Reader::damaged();
  auto* headers = count > 0 ? context.scratch<Header>(static_cast<size_t>(count)) : nullptr;
  for (int32_t i = 0; i < count; ++i) {
    const auto name = in.text();
    const auto value = in.bytes();
    headers[i] = {name.data(), value ? value->data() : nullptr, static_cast<uint32_t>(name.size()),
                  static_cast<uint32_t>(value ? value->size() : 0)};
  }
  held.headers = {headers, static_cast<size_t>(count)};
  held.prior = in.bytes();
  const auto size = in.number<int32_t>();
  held.before = size == kSame ? held.prior : in.bytes(size);
  held.now = in.bytes();
  held.time = in.number<int64_t>();
  in.end();
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
  if (!row) Reader::damaged();
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
