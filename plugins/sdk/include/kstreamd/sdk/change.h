// An update of a table on its way between the operators of tables: what a key has now, and what it had before. Only
// where an operator below needs the old value does a table send changes; else it sends the new values alone. The engine
// gives every other node the new value.
#pragma once
#include <kstreamd/sdk/value.h>

namespace kstreamd {

struct Change {
  Value now = null_value();     // null: the row was deleted
  Value before = null_value();  // null: there was none
  bool latest = true;           // false: of a versioned table, older than the latest row of its key
};

inline bool is_change(const Value& v) { return v.type == KST_CHANGE; }
// Borrows `change` and whatever its values borrow.
inline Value change_value(const Change& change) {
  return {KST_CHANGE, sizeof change, {.data = reinterpret_cast<const char*>(&change)}};
}
inline const Change& change_of(const Value& v) { return *reinterpret_cast<const Change*>(v.u.data); }
// What a table's update says the key has now.
inline const Value& new_value(const Value& v) { return is_change(v) ? change_of(v).now : v; }

}  // namespace kstreamd
