#include "plugins/builtin/builtin.h"

#include "plugins/builtin/aggregations.h"
#include "plugins/builtin/operators.h"
#include "plugins/builtin/suppress.h"
#include "plugins/builtin/tables.h"
#include "plugins/builtin/windows.h"

namespace kstreamd {

const kst_plugin* builtin_plugin() {
  using namespace builtin;
  return sdk::plugin<Filter, FilterNot, Map, MapValues, FlatMap, FlatMapValues, SelectKey, Merge, Branch, Peek, Count,
                     ToStream, Reduce, Aggregate, Cogroup, Table, TableFilter, TableFilterNot, TableMapValues,
                     TableGroupBy, TableCount, TableReduce, TableAggregate, TimeWindows, SlidingWindows, SessionWindows,
                     Suppress>("builtin", KSTREAMD_VERSION);
}

}  // namespace kstreamd
