#include "plugins/builtin/builtin.h"

#include "plugins/builtin/aggregations.h"
#include "plugins/builtin/foreign_key.h"
#include "plugins/builtin/operators.h"
#include "plugins/builtin/suppress.h"
#include "plugins/builtin/table_joins.h"
#include "plugins/builtin/tables.h"
#include "plugins/builtin/windows.h"

namespace kstreamd {

const kst_plugin* builtin_plugin() {
  using namespace builtin;
  return sdk::plugin<Filter, FilterNot, Map, MapValues, FlatMap, FlatMapValues, SelectKey, Merge, Branch, Peek, Count,
                     ToStream, Reduce, Aggregate, Cogroup, Table, TableFilter, TableFilterNot, TableMapValues,
                     TableGroupBy, TableCount, TableReduce, TableAggregate, TimeWindows, SlidingWindows, SessionWindows,
                     Suppress, StreamTableJoin, GlobalJoin, TableJoin, ForeignKeySubscribe, ForeignKeyLookup,
                     ForeignKeyUpdate, ForeignKeyJoin>("builtin", KSTREAMD_VERSION);
}

}  // namespace kstreamd
