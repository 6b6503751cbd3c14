#include "core/task/key_bytes.h"

#include "core/serde/objects.h"

namespace kstreamd {

void write_key_bytes(std::string& out, const Value& key) {
  const uint32_t type = is_integer(key) ? uint32_t{KST_INT64} : key.type;
  out.assign(1, static_cast<char>(type));
  if (has_data(key) || key.type == KST_WINDOWED) {
    out.append(key.u.data, key.size);
  } else if (key.type == KST_OBJECT) {
    Arena arena;
    const auto plain = plain_value(key, true, arena);
    // An object that has no bytes is in order with its like.
    if (plain) out.append(data_of(*plain));
  } else if (key.type != KST_NULL) {
    out.append(reinterpret_cast<const char*>(&key.u), sizeof key.u);
  }
}

}  // namespace kstreamd
