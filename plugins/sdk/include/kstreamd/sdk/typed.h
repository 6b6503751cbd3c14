// Records whose key and value are types of C++: see codec.h for which there are.
#pragma once
#include <kstreamd/sdk/codec.h>
#include <kstreamd/sdk/headers.h>
#include <kstreamd/sdk/value.h>

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

namespace kstreamd::sdk {

// A record with a typed key and value. What a processor is given borrows from the record that came, until the call into
// the processor returns; a new one is made from it, or from nothing:
//
//   context.forward(record.with_value(record.value + 1));
//   context.forward(sdk::Typed{std::string_view("total"), sum, record.timestamp});
template <typename K = kstreamd::Value, typename V = kstreamd::Value>
struct Typed {
  K key;
  V value;
  int64_t timestamp = 0;  // ms since 1970
  Headers headers{};
  const Origin* origin = nullptr;            // where it came from; null for what a punctuation made
  const kstreamd::Record* source = nullptr;  // the record as it came; null for what did not come

  // The same record with another part; the part is copied, or for literals and views borrowed.
  template <typename K2>
  Typed<detail::Plain<K2>, V> with_key(K2&& other) const {
    return {detail::Plain<K2>(std::forward<K2>(other)), value, timestamp, headers, origin, source};
  }
  template <typename V2>
  Typed<K, detail::Plain<V2>> with_value(V2&& other) const {
    return {key, detail::Plain<V2>(std::forward<V2>(other)), timestamp, headers, origin, source};
  }
  Typed with_timestamp(int64_t ms) const { return {key, value, ms, headers, origin, source}; }
  Typed with_headers(const Headers& others) const { return {key, value, timestamp, others, origin, source}; }
  // One header more, or none of the name any more; the list lies in `memory`: context.memory(), held.memory().
  Typed with_header(std::string_view name, std::optional<std::string_view> header, Memory& memory) const {
    return with_headers(headers.with(name, header, memory));
  }
  Typed without_header(std::string_view name, Memory& memory) const {
    return with_headers(headers.without(name, memory));
  }
};

template <typename K, typename V>
Typed(K, V, int64_t = 0) -> Typed<K, V>;

namespace detail {

template <typename K, typename V>
Typed<K, V> decode_record(const kstreamd::Record& record, Memory& memory) {
  return {decode<K>(record.key, memory, "the key"),
          decode<V>(record.value, memory, "the value"),
          record.timestamp,
          Headers(record),
          record.origin,
          &record};
}

// Borrows from the typed record and `memory`.
template <typename K, typename V>
kstreamd::Record encode_record(const Typed<K, V>& typed, Memory& memory) {
  return {encode(typed.key, memory),
          encode(typed.value, memory),
          typed.timestamp,
          typed.headers.data(),
          typed.origin,
          static_cast<uint32_t>(typed.headers.size()),
          0};
}

}  // namespace detail
}  // namespace kstreamd::sdk
