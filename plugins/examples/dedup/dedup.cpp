#include "dedup.h"

#include <kstreamd/sdk/big_endian.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <vector>

namespace dedup {

using kstreamd::data_of;
using kstreamd::Record;
using kstreamd::Value;
using kstreamd::sdk::Context;
using kstreamd::sdk::Row;

namespace {

constexpr size_t kForgetAtOnce = 64;

// FNV-1a with 128 bits: two contents that meet by chance are not to be expected in any number of records.
class Hash {
 public:
  void add(std::string_view bytes) {
    for (const char c : bytes) state_ = (state_ ^ static_cast<unsigned char>(c)) * kPrime;
  }
  void add(uint64_t number) { add({reinterpret_cast<const char*>(&number), sizeof number}); }
  // The type and the size go in too: "a" + "bc" is not "ab" + "c", and "1" is not 1.
  void add(const Value& value) {
    add(uint64_t{value.type} << 32 | value.size);
    if (kstreamd::has_data(value))
      add(data_of(value));
    else if (!kstreamd::is_null(value))
      add(static_cast<uint64_t>(value.u.integer));
  }
  std::string_view bytes() const { return {reinterpret_cast<const char*>(&state_), sizeof state_}; }

 private:
  using Wide = unsigned __int128;
  static constexpr Wide kPrime = (Wide{1} << 88) + 0x13b;
  Wide state_ = (Wide{0x6c62272e07bb0142} << 64) + 0x62b821756295c58d;
};

// Keys of the store in memory of their own. Timestamps are big-endian and biased, so that the bytes sort as they do.
class Key {
 public:
  explicit Key(std::string_view hash) : text_("h") { text_ += hash; }
  Key(int64_t timestamp, std::string_view hash) : text_("t") {
    const uint64_t biased = static_cast<uint64_t>(timestamp) ^ (uint64_t{1} << 63);
    kstreamd::append_big_endian(text_, biased);
    text_ += hash;
  }
  Value value() const { return kstreamd::bytes_value(text_); }

 private:
  std::string text_;
};

constexpr size_t kHashAt = 1 + sizeof(int64_t);  // in a 't' row's key

// What is compared, as a hash; nothing: the record has no such header.
std::optional<Hash> hash_of(const Record& record, const Options& options) {
  Hash hash;
  if (options.by == "header") {
    for (uint32_t i = record.header_count; i-- > 0;) {
      const kstreamd::Header& header = record.headers[i];
      if (std::string_view(header.name, header.name_size) != options.header) continue;
      hash.add({static_cast<const char*>(header.value), header.value_size});
      return hash;
    }
    return std::nullopt;
  }
  if (options.by != "value") hash.add(record.key);
  if (options.by != "key") hash.add(record.value);
  return hash;
}

}  // namespace

void Dedup::process(const Record& record, Context& context) {
  const auto hash = hash_of(record, options_);
  if (!hash) return context.forward(record);
  const Key key(hash->bytes());
  const auto before = seen_.get(key.value());
  const int64_t last = before ? before->value.u.integer : 0;
  // A difference of timestamps in unsigned arithmetic: it may exceed 64 signed bits.
  const uint64_t apart = before ? (record.timestamp > last ? uint64_t(record.timestamp) - uint64_t(last)
                                                           : uint64_t(last) - uint64_t(record.timestamp))
                                : 0;
  if (before && apart <= static_cast<uint64_t>(options_.within_ms)) return context.drop("duplicate");
  // A record from long before the last one is new, and leaves what is known of later ones.
  if (!before || record.timestamp > last) {
    if (before) seen_.erase(Key(last, hash->bytes()).value());
    seen_.put(key.value(), kstreamd::int64_value(record.timestamp), record.timestamp);
    seen_.put(Key(record.timestamp, hash->bytes()).value(), kstreamd::int64_value(0), record.timestamp);
  }
  context.forward(record);
  forget(context.stream_time(), context);
}

void Dedup::forget(int64_t stream_time, Context& context) {
  int64_t until;
  if (__builtin_sub_overflow(stream_time, options_.within_ms, &until) ||
      __builtin_sub_overflow(until, options_.grace_ms, &until))
    return;
  // A scan has its price: rows may stay a little longer than they must.
  const int64_t step = options_.within_ms / 16;
  if (forgotten_until_ != INT64_MIN && until <= forgotten_until_ + step) return;
  std::vector<Value> old;
  seen_.range(Key(INT64_MIN, {}).value(), Key(until, {}).value(), [&](const Row& row) {
    old.push_back(kstreamd::bytes_value(context.copy(data_of(row.key))));
    return old.size() < kForgetAtOnce;
  });
  for (const Value& key : old) {
    seen_.erase(Key(data_of(key).substr(kHashAt)).value());
    seen_.erase(key);
  }
  if (old.size() < kForgetAtOnce) forgotten_until_ = until;
}

}  // namespace dedup

KSTREAMD_PLUGIN("dedup", "1.0.0", dedup::Dedup);
