// The shapes with joins whose results depend on who comes first: a stream with a global table, and two tables by a
// foreign key. They run the real operators, and have ids that say which rows were joined.
#pragma once
#include <memory>

#include "tests/sim/shapes.h"

namespace kstreamd::sim {

std::unique_ptr<Shape> make_global_shape(const Plan& plan);
std::unique_ptr<Shape> make_foreign_key_shape(const Plan& plan);

}  // namespace kstreamd::sim
