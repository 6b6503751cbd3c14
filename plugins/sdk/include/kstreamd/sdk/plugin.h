// Everything a plugin in C++ needs: include this, write classes (processor.h, serde.h), say KSTREAMD_PLUGIN.
#pragma once
#include <kstreamd/sdk/codec.h>
#include <kstreamd/sdk/config.h>
#include <kstreamd/sdk/context.h>
#include <kstreamd/sdk/errors.h>
#include <kstreamd/sdk/held.h>
#include <kstreamd/sdk/object.h>
#include <kstreamd/sdk/processor.h>
#include <kstreamd/sdk/serde.h>
#include <kstreamd/sdk/session_store.h>
#include <kstreamd/sdk/store.h>
#include <kstreamd/sdk/typed.h>
#include <kstreamd/sdk/value.h>
#include <kstreamd/sdk/versioned_store.h>
#include <kstreamd/sdk/window_store.h>

#include <array>
#include <cstddef>

namespace kstreamd::sdk {

namespace detail {

// A class with read and write, and no process, is a serde; any other is meant as a processor.
template <typename T>
inline constexpr bool is_serde = requires {
  &T::read;
  &T::write;
}
&&!OneProcess<T>;

template <typename T>
void list(const kst_processor_type**& processors, const kst_serde_type**& serdes) {
  if constexpr (is_serde<T>)
    *serdes++ = serde_type<T>();
  else
    *processors++ = processor_type<T>();
}

template <typename... Classes>
struct Lists {
  std::array<const kst_processor_type*, sizeof...(Classes) + 1> processors{};
  std::array<const kst_serde_type*, sizeof...(Classes) + 1> serdes{};
  Lists() {
    auto** processor = processors.data();
    auto** serde = serdes.data();
    (list<Classes>(processor, serde), ...);
  }
};

}  // namespace detail

// The descriptor of a plugin with these processors and serdes: static. One per list of classes.
template <typename... Classes>
const kst_plugin* plugin(const char* name, const char* version) {
  static const detail::Lists<Classes...> lists;
  static const kst_plugin descriptor = {
      KST_PLUGIN_MAGIC, KST_ABI_MAJOR,           KST_ABI_MINOR,      sizeof(kst_plugin), name,
      version,          lists.processors.data(), lists.serdes.data()};
  return &descriptor;
}

}  // namespace kstreamd::sdk

// Makes the shared object a plugin: KSTREAMD_PLUGIN("dedup", "1.0.0", Dedup, OrderSerde). Once, outside any namespace.
#define KSTREAMD_PLUGIN(plugin_name, plugin_version, ...)                                  \
  extern "C" KST_EXPORT const kst_plugin* kst_plugin_entry(const kst_host* kstreamd_host); \
  extern "C" KST_EXPORT const kst_plugin* kst_plugin_entry(const kst_host*) {              \
    return ::kstreamd::sdk::plugin<__VA_ARGS__>(plugin_name, plugin_version);              \
  }                                                                                        \
  static_assert(true, "a semicolon follows")
