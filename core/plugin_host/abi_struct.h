// Reading structs of a plugin that may be older, or within one minor younger, than this host.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>

// The size of a struct whose last field is `field`: what a struct had in the minor version that ended with it.
#define KSTREAMD_SIZE_UP_TO(type, field) (offsetof(type, field) + sizeof(type::field))

namespace kstreamd {

// A copy with as many bytes as the plugin says that its struct has; the fields that it does not have are 0, and those
// that only it knows are left out.
template <typename T>
T read_struct(const T& from, size_t struct_size) {
  T copy{};
  std::memcpy(static_cast<void*>(&copy), &from, struct_size < sizeof(T) ? struct_size : sizeof(T));
  return copy;
}

}  // namespace kstreamd
