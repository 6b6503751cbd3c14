#include "plugins/builtin/join_buffer.h"

#include <kstreamd/sdk/big_endian.h>

#include <algorithm>

namespace kstreamd::builtin {
namespace {

// Of a row's key: a byte that is 0, the timestamp, the record's key, the number of its arrival.
constexpr size_t kTimeSize = 1 + 8;
constexpr size_t kNumberSize = 4;
constexpr uint32_t kNumbers = 0x7fffffff;  // then they begin again
constexpr int32_t kNull = -1;

sdk::FatalError unreadable() {
  return sdk::FatalError(
      "the buffer of waiting records holds a row that is none of a join's: something else has written to its "
      "changelog; reset the topology, or give the node another name");
}

}  // namespace

JoinBuffer::JoinBuffer(sdk::Context& context, const sdk::Config& config)
    : context_(context),
      store_(context.store(0)),
      grace_(config.integer("grace")),
      keys_(context, config.string("key_serde")),
      values_(context, config.string("value_serde")) {}

void JoinBuffer::check(const sdk::Config& config) {
  if (!config.has("grace")) return;
  config.integer("grace");
  for (const char* serde : {"key_serde", "value_serde"}) config.string(serde);
}

void JoinBuffer::restore() {
  store_.all([&](const sdk::Row& row) {
    BytesReader key(data_of(row.key));
    key.bytes(1);
    const auto timestamp = key.number<int64_t>();
    if (!key.ok() || key.rest().size() < kNumberSize) throw unreadable();
    const auto arrived = BytesReader(key.rest().substr(key.rest().size() - kNumberSize)).number<uint32_t>();
    oldest_ = std::min(oldest_, timestamp);
    time_ = std::max(time_, timestamp);
    arrived_ = std::max(arrived_, arrived);
  });
}

bool JoinBuffer::put(const Record& record) {
  if (time_ - grace_ > record.timestamp) return false;
  store_.put(bytes_value(row_key(record)), bytes_value(row_value(record)), record.timestamp);
  arrived_ = (arrived_ + 1) & kNumbers;
  time_ = std::max(time_, record.timestamp);
  oldest_ = std::min(oldest_, record.timestamp);
  return true;
}

std::string_view JoinBuffer::row_key(const Record& record) {
  const std::string_view key = keys_.write(record.key);
  return BytesWriter(context_.scratch<char>(kTimeSize + key.size() + kNumberSize))
      .number(int8_t{0})
      .number(record.timestamp)
      .bytes(key)
      .number((arrived_ + 1) & kNumbers)
      .written();
}

// Timestamp, offset, topic, partition and headers; two values that only a table's updates have; the value; and a time
// that is always 0.
std::string_view JoinBuffer::row_value(const Record& record) {
  const std::string_view value = values_.write(record.value);
  const Origin none{};
  const Origin& origin = record.origin ? *record.origin : none;
  size_t size = 8 + 8 + 4 + origin.topic_size + 4 + 4 + 4 + 4 + 4 + value.size() + 8;
  const std::span<const Header> headers(record.headers, record.header_count);
  for (const Header& header : headers) size += 4 + header.name_size + 4 + header.value_size;
  BytesWriter out(context_.scratch<char>(size));
  out.number(record.timestamp).number(origin.offset).sized({origin.topic, origin.topic_size});
  out.number(origin.partition).number(static_cast<int32_t>(headers.size()));
  for (const Header& header : headers) {
    out.sized({header.name, header.name_size});
    if (header.value)
      out.sized({static_cast<const char*>(header.value), header.value_size});
    else
      out.number(kNull);
  }
  return out.number(kNull).number(kNull).sized(value).number(int64_t{0}).written();
}

std::span<const JoinBuffer::Row> JoinBuffer::find_due(int64_t until) {
  due_.clear();
  const std::string_view from =
      BytesWriter(context_.scratch<char>(kTimeSize)).number(int8_t{0}).number(std::max<int64_t>(oldest_, 0)).written();
  store_.range(bytes_value(from), null_value(), [&](const sdk::Row& row) {
    const std::string_view key = data_of(row.key);
    if (BytesReader(key.substr(1)).number<int64_t>() > until) return false;
    due_.push_back({context_.copy(key), context_.copy(data_of(row.value))});
    return true;
  });
  return due_;
}

Record JoinBuffer::record_of(const Row& row) {
  Record record{};
  if (row.key.size() < kTimeSize + kNumberSize) throw unreadable();
  record.key = keys_.read(row.key.substr(kTimeSize, row.key.size() - kTimeSize - kNumberSize));
  BytesReader in(row.value);
  bool present = true;
  record.timestamp = in.number<int64_t>();
  in.number<int64_t>();
  in.sized(present);
  in.number<int32_t>();
  const auto count = in.number<uint32_t>();
  if (count > row.value.size()) throw unreadable();
  auto* headers = context_.scratch<Header>(count);
  for (uint32_t i = 0; i < count; ++i) {
    const std::string_view name = in.sized(present);
    const std::string_view value = in.sized(present);
    headers[i] = {name.data(), present ? value.data() : nullptr, static_cast<uint32_t>(name.size()),
                  static_cast<uint32_t>(value.size())};
  }
  record.headers = headers;
  record.header_count = count;
  in.sized(present);
  in.sized(present);
  const std::string_view value = in.sized(present);
  if (!in.ok() || !present) throw unreadable();
  record.value = values_.read(value);
  return record;
}

}  // namespace kstreamd::builtin
