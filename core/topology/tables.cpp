#include "core/topology/checker.h"

namespace kstreamd {

// A table keeps its rows where the file names a store.
void Checker::plan_tables() {}

}  // namespace kstreamd
