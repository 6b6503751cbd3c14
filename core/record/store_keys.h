// The keys of window and session stores as Kafka Streams lays them out, in the stores and in their changelogs:
//   window   key, start (8), sequence number (4)
//   session  key, end (8), start (8)
// Numbers are big-endian, times are ms, never negative. So the rows of one key lie in the order of their times.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace kstreamd {

// `versioned`: plain in the changelog, where the record's timestamp tells versions apart.
enum class KeyLayout { plain, window, session, versioned };

inline constexpr uint32_t last_sequence = 0x7fffffff;

struct WindowKey {
  std::string_view key;
  int64_t start = 0;
  uint32_t sequence = 0;
};

struct SessionKey {
  std::string_view key;
  int64_t end = 0;
  int64_t start = 0;
};

// Both replace the content of `out`, whose memory is used again.
void write_key(std::string& out, const WindowKey& key);
void write_key(std::string& out, const SessionKey& key);

// nullopt: too short. The result borrows `bytes`.
std::optional<WindowKey> read_window_key(std::string_view bytes);
std::optional<SessionKey> read_session_key(std::string_view bytes);

// By what a row expires: the start of its window, the end of its session. nullopt: too short, or a key without times.
std::optional<int64_t> time_of_key(KeyLayout layout, std::string_view bytes);

// The greatest bytes that key + suffix can be for any key <= `to` and any suffix of that length <= `suffix`. More than
// `to` + `suffix`, because a shorter key may be followed by a suffix that is greater than what `to` has there.
std::string greatest_key(std::string_view to, std::string_view suffix);

// How far a store has come in which rows expire: the greatest time ever put (starts of windows, ends of sessions, else
// timestamps of values), -1 without any; and of window stores the last sequence number.
struct StoreClock {
  int64_t time = -1;
  uint32_t sequence = 0;

  bool operator==(const StoreClock&) const = default;
};

}  // namespace kstreamd
