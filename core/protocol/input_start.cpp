#include "core/protocol/input_start.h"

#include <algorithm>

#include "core/base/base64.h"
#include "core/base/fnv1a.h"
#include "kstreamd/sdk/big_endian.h"

namespace kstreamd {
namespace {

// Base64 of a version and the time. Version 1 ends there; in version 2 the number of entries may follow, and for each
// the length of its name, the name and the value. Numbers are big-endian.
constexpr char version = 2;

constexpr size_t most_text = 4096;
// The name of the one entry that packs all: this and, for each, the bytes of its short name behind the mark and those
// of its value. Its own value means nothing.
constexpr char mark = '#';
constexpr size_t hash_bytes = 5;
constexpr size_t value_bytes = 7;
constexpr size_t packed_bytes = hash_bytes + value_bytes;
constexpr int64_t greatest_packed = (int64_t{1} << 8 * value_bytes) - 1;  // ms: in the third million of years

// The lowest `size` bytes of a number.
std::string lowest(uint64_t number, size_t size) {
  std::string bytes;
  append_big_endian(bytes, number);
  return bytes.substr(sizeof number - size);
}

std::string pack(const Progress& progress) {
  std::string packed(1, mark);
  for (const auto& [name, value] : progress) {
    packed += short_name(name).substr(1);
    packed += lowest(static_cast<uint64_t>(std::clamp<int64_t>(value, 0, greatest_packed)), value_bytes);
  }
  return packed;
}

void unpack(std::string_view entries, Progress& progress) {
  for (; entries.size() >= packed_bytes; entries.remove_prefix(packed_bytes)) {
    std::string value(sizeof(int64_t) - value_bytes, '\0');
    value += entries.substr(hash_bytes, value_bytes);
    progress[mark + std::string(entries.substr(0, hash_bytes))] = read_big_endian<int64_t>(value.data());
  }
}

Progress read_progress(BytesReader& bytes) {
  Progress progress;
  const auto entries = bytes.number<int32_t>();
  for (int32_t i = 0; i < entries; ++i) {
    bool present = false;
    const std::string name(bytes.sized(present));
    const auto value = bytes.number<int64_t>();
    if (!present || !bytes.ok()) return {};
    if (name.size() > hash_bytes + 1 && name[0] == mark)
      unpack(std::string_view(name).substr(1), progress);
    else
      progress[name] = value;
  }
  return progress;
}

std::string in_full(int64_t time, const Progress& progress) {
  std::string bytes(1, version);
  append_big_endian(bytes, time);
  if (!progress.empty()) append_big_endian(bytes, static_cast<int32_t>(progress.size()));
  for (const auto& [name, value] : progress) {
    append_big_endian(bytes, static_cast<int32_t>(name.size()));
    bytes += name;
    append_big_endian(bytes, value);
  }
  return base64_encode(bytes);
}

}  // namespace

std::string short_name(std::string_view name) {
  if (name.size() == hash_bytes + 1 && name[0] == mark) return std::string(name);
  const uint64_t hash = fnv1a(name);
  return mark + lowest(hash ^ hash >> 8 * hash_bytes, hash_bytes);
}

std::string input_metadata(int64_t time, const Progress& progress) {
  if (time < 0 && progress.empty()) return "";
  std::string text = in_full(time, progress);
  return text.size() <= most_text ? text : in_full(time, {{pack(progress), 0}});
}

InputStart input_start(int64_t offset, std::string_view metadata) {
  InputStart start{offset, kUnknownTime, {}};
  const auto decoded = base64_decode(metadata);
  if (!decoded || decoded->empty() || decoded->front() < 1 || decoded->front() > version) return start;
  BytesReader bytes(std::string_view(*decoded).substr(1));
  const auto time = bytes.number<int64_t>();
  if (!bytes.ok()) return start;
  start.time = std::max(time, kUnknownTime);
  if (decoded->front() == version) start.progress = read_progress(bytes);
  return start;
}

void merge_progress(Progress& into, const Progress& other) {
  for (const auto& [name, value] : other) {
    const auto [at, added] = into.try_emplace(name, value);
    if (!added) at->second = std::max(at->second, value);
  }
}

}  // namespace kstreamd
