#include "plugins/builtin/builtin.h"

#include "plugins/builtin/operators.h"
#include "plugins/builtin/suppress.h"
#include "plugins/builtin/windows.h"

namespace kstreamd {

const kst_plugin* builtin_plugin() {
  using namespace builtin;
  return sdk::plugin<Filter, FilterNot, Map, MapValues, FlatMap, FlatMapValues, SelectKey, Merge, Branch, Peek, Count,
                     ToStream, TimeWindows, SlidingWindows, SessionWindows, Suppress>("builtin", KSTREAMD_VERSION);
}

}  // namespace kstreamd
