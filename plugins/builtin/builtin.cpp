#include "plugins/builtin/builtin.h"

#include "plugins/builtin/fields.h"
#include "plugins/builtin/operators.h"
#include "plugins/builtin/stream_join.h"

namespace kstreamd {

const kst_plugin* builtin_plugin() {
  using namespace builtin;
  return sdk::plugin<Filter, FilterNot, Map, MapValues, FlatMap, FlatMapValues, SelectKey, Merge, Branch, Peek, Count,
                     ToStream, StreamJoin, SourceTimestamp, SinkFields>("builtin", KSTREAMD_VERSION);
}

}  // namespace kstreamd
