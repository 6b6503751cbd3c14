// Serdes as classes: named conversions between the bytes of a topic or store and a value, for `key:` and `value:` in
// YAML, for produce, consume and test.
//
//   struct OrderSerde {
//     static constexpr const char* kName = "acme_order";             // [a-z][a-z0-9_]*, none of the built-in names
//     static constexpr const char* kDescription = "one line";
//     static sdk::Object<Order> read(std::string_view bytes, sdk::Memory& memory);
//     static std::string_view write(const sdk::Object<Order>& order, sdk::Memory& memory);
//   };
//
// read gives anything that has a codec (codec.h), kstreamd::Value too; it may borrow from the bytes and the memory.
// write takes anything that has a codec, and gives a std::string, or a std::string_view into the value or the memory. A
// raw value of an object that read gives is handed over with one owner. What they throw is an error of the record.
// Any thread calls them, several at once. Nulls never get here.
#pragma once
#include <kstreamd/abi/serde.h>
#include <kstreamd/sdk/codec.h>
#include <kstreamd/sdk/memory.h>

#include <exception>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace kstreamd::sdk {

namespace detail {

template <typename F>
struct SerdeFunction {};
template <typename R, typename A>
struct SerdeFunction<R (*)(A, Memory&)> {
  using Result = R;
  using Argument = std::remove_cvref_t<A>;
};
template <typename R, typename A>
struct SerdeFunction<R (*)(A, Memory&) noexcept> : SerdeFunction<R (*)(A, Memory&)> {};

template <typename S>
concept Reads = requires {
  typename SerdeFunction<decltype(&S::read)>::Result;
}
&&std::is_same_v<typename SerdeFunction<decltype(&S::read)>::Argument, std::string_view>;
template <typename S>
concept Writes = requires {
  typename SerdeFunction<decltype(&S::write)>::Result;
}
&&std::is_convertible_v<typename SerdeFunction<decltype(&S::write)>::Result, std::string_view>;

template <typename S>
class SerdeOf {
  static_assert(
      requires { std::string_view(S::kName); },
      "a serde needs `static constexpr const char* kName = \"...\";`: what `key:` and `value:` in a topology say");
  static_assert(
      requires { std::string_view(S::kDescription); },
      "a serde needs `static constexpr const char* kDescription = \"...\";`: one line for `kstreamd plugins`");
  static_assert(Reads<S>, "a serde needs `static T read(std::string_view bytes, sdk::Memory& memory)`");
  static_assert(Writes<S>, "a serde needs `static std::string_view write(const T& value, sdk::Memory& memory)`");

  using Made = std::remove_cvref_t<typename SerdeFunction<decltype(&S::read)>::Result>;
  using Taken = typename SerdeFunction<decltype(&S::write)>::Argument;

  template <typename Body>
  static kst_status guard(const kst_memory* memory, Body&& body) noexcept {
    std::string_view message;
    try {
      body();
      return KST_OK;
    } catch (const std::exception& error) {
      message = error.what();
      memory->fail(memory, message.data(), message.size());
    } catch (...) {
      message = "the serde threw something that is no std::exception";
      memory->fail(memory, message.data(), message.size());
    }
    return KST_RECORD_ERROR;
  }

  static kst_status read(const void* bytes, size_t size, const kst_memory* memory, kst_value* value) noexcept {
    return guard(memory, [&] {
      BorrowedMemory room(memory);
      *value = give(S::read({static_cast<const char*>(bytes), size}, room), room);
    });
  }
  static kst_status write(const kst_value* value, const kst_memory* memory, const void** bytes, size_t* size) noexcept {
    return guard(memory, [&] {
      BorrowedMemory room(memory);
      if (!Codec<Taken>::accepts(*value))
        throw RecordError(std::string("the serde ") + S::kName + " writes " + Codec<Taken>::kTakes + ", not " +
                          article(type_name(*value)));
      const Taken taken = Codec<Taken>::read(*value, room);
      auto written = S::write(taken, room);
      std::string_view out = written;
      // A string of its own, or of an object that only `taken` may keep alive, would be gone when this returns.
      if constexpr (!std::is_same_v<decltype(written), std::string_view> || !borrows<Taken>) out = room.copy(out);
      *bytes = out.data();
      *size = out.size();
    });
  }

  // Types whose text lies in the value or the memory.
  template <typename T>
  static constexpr bool borrows = std::is_trivially_destructible_v<T>;

  static kst_value give(Made&& made, Memory& memory) {
    require_codec<Made>();
    if constexpr (requires { std::move(made).release_value(); }) {
      return std::move(made).release_value();
    } else {
      Value value = Codec<Made>::write(made, memory);
      if constexpr (!std::is_trivially_destructible_v<Made>)  // the text goes with `made`
        if (has_data(value)) value.u.data = memory.copy(data_of(value)).data();
      return value;
    }
  }

 public:
  static const kst_serde_type* descriptor() {
    static const kst_serde_type type = {sizeof(kst_serde_type), S::kName, S::kDescription, &SerdeOf::read,
                                        &SerdeOf::write};
    return &type;
  }
};

}  // namespace detail

// The descriptor of one serde class: static.
template <typename S>
const kst_serde_type* serde_type() {
  detail::require_codec<typename detail::SerdeFunction<decltype(&S::write)>::Argument>();
  return detail::SerdeOf<S>::descriptor();
}

}  // namespace kstreamd::sdk
