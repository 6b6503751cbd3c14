#include "core/protocol/input_start.h"

#include <algorithm>

#include "core/base/base64.h"

namespace kstreamd {
namespace {
// Base64 of a version and eight bytes, big-endian. Version 1 ends there; in version 2 more may follow.
constexpr char version = 2;
constexpr size_t size = 1 + sizeof(int64_t);
}  // namespace

std::string partition_time_text(int64_t time) {
  if (time < 0) return "";
  std::string bytes(1, version);
  for (int shift = 56; shift >= 0; shift -= 8) bytes += static_cast<char>(time >> shift & 0xff);
  return base64_encode(bytes);
}

int64_t partition_time_of(std::string_view metadata) {
  const auto bytes = base64_decode(metadata);
  if (!bytes || bytes->size() < size || (*bytes)[0] < 1 || (*bytes)[0] > version) return kUnknownTime;
  uint64_t time = 0;
  for (size_t i = 1; i < size; ++i) time = time << 8 | static_cast<unsigned char>((*bytes)[i]);
  return std::max(static_cast<int64_t>(time), kUnknownTime);
}

}  // namespace kstreamd
