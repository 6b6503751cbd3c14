// The key of a windowed result: (key, window). In YAML's words `key`, `window.start` and `window["end"]`.
#pragma once
#include <kstreamd/sdk/memory.h>
#include <kstreamd/sdk/value.h>

#include <cstdint>
#include <cstring>
#include <string_view>

namespace kstreamd {

struct Windowed {
  Value key;          // null, a scalar, string, bytes or json; the data of the last three is borrowed
  int64_t start = 0;  // ms since 1970, inclusive
  int64_t end = 0;    // ms; exclusive, but of a session inclusive
};

inline bool is_windowed(const Value& v) { return v.type == KST_WINDOWED; }

// The parts of a value for which is_windowed is true. They borrow from what it borrows from.
inline Windowed windowed_of(const Value& v) {
  kst_windowed head;
  std::memcpy(&head, v.u.data, sizeof head);
  Windowed out{{head.key_type, head.key_size, {.integer = head.key.integer}}, head.start, head.end};
  if (has_data(out.key)) out.key.u.data = v.u.data + sizeof head;
  return out;
}

// A windowed key in `memory` (anything with `allocate(size)`); no object can be the key of a window.
template <typename Memory>
Value windowed_value(const Windowed& windowed, Memory& memory) {
  kst_windowed head{windowed.start, windowed.end, windowed.key.type, windowed.key.size, {windowed.key.u.integer}};
  const std::string_view data = data_of(windowed.key);
  if (has_data(windowed.key)) head.key.integer = 0;  // the same key is the same bytes
  auto* to = static_cast<char*>(memory.allocate(sizeof head + data.size()));
  std::memcpy(to, &head, sizeof head);
  if (!data.empty()) std::memcpy(to + sizeof head, data.data(), data.size());
  return {KST_WINDOWED, static_cast<uint32_t>(sizeof head + data.size()), {.data = to}};
}

}  // namespace kstreamd
