#include "core/record/store_keys.h"

#include <algorithm>

#include "kstreamd/sdk/big_endian.h"

namespace kstreamd {
namespace {

constexpr size_t time_size = 8;
constexpr size_t sequence_size = 4;
constexpr size_t window_suffix = time_size + sequence_size;
constexpr size_t session_suffix = 2 * time_size;

int64_t time_at(std::string_view bytes, size_t at) { return read_big_endian<int64_t>(bytes.data() + at); }

}  // namespace

void write_key(std::string& out, const WindowKey& key) {
  out.assign(key.key);
  append_big_endian(out, key.start);
  append_big_endian(out, key.sequence);
}

void write_key(std::string& out, const SessionKey& key) {
  out.assign(key.key);
  append_big_endian(out, key.end);
  append_big_endian(out, key.start);
}

std::optional<WindowKey> read_window_key(std::string_view bytes) {
  if (bytes.size() < window_suffix) return std::nullopt;
  const size_t size = bytes.size() - window_suffix;
  return WindowKey{bytes.substr(0, size), time_at(bytes, size),
                   read_big_endian<uint32_t>(bytes.data() + size + time_size)};
}

std::optional<SessionKey> read_session_key(std::string_view bytes) {
  if (bytes.size() < session_suffix) return std::nullopt;
  const size_t size = bytes.size() - session_suffix;
  return SessionKey{bytes.substr(0, size), time_at(bytes, size), time_at(bytes, size + time_size)};
}

std::optional<int64_t> time_of_key(KeyLayout layout, std::string_view bytes) {
  if (layout != KeyLayout::window && layout != KeyLayout::session) return std::nullopt;
  const size_t suffix = layout == KeyLayout::window ? window_suffix : session_suffix;
  if (bytes.size() < suffix) return std::nullopt;
  return time_at(bytes, bytes.size() - suffix);
}

std::string greatest_key(std::string_view to, std::string_view suffix) {
  // Only the beginnings of `to` are candidates: any other lesser key is less whatever follows it.
  size_t best = 0;
  std::string after_best;  // what candidate `next` has from position `best` on, as far as the comparison needs it
  for (size_t next = 1; next <= to.size(); ++next) {
    after_best.assign(to.substr(best, std::min(next - best, suffix.size())));
    after_best.append(suffix);
    if (std::string_view(after_best).substr(0, suffix.size()) >= suffix) best = next;
  }
  return std::string(to.substr(0, best)).append(suffix);
}

}  // namespace kstreamd
