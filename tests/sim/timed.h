// Windows and sessions: the processors that keep them, and a model of what they make of their input.
//
// A chain's links per window or session of a key. Late records find windows that have expired; records between two
// sessions merge them. All of a key's records come from one partition, and so do all that move a store's time: what
// must come of each record follows from the order of its partition alone.
#pragma once
#include <memory>
#include <string>

#include "core/ports/processor.h"
#include "tests/sim/chaos.h"
#include "tests/sim/shapes.h"

namespace kstreamd::sim {

std::unique_ptr<Shape> make_windowed_shape(const Plan& plan);
std::unique_ptr<Shape> make_sessions_shape(const Plan& plan);

kst_status add_to_window(const Record& record, ProcessorContext& context, Chaos& chaos);
kst_status add_to_session(const Record& record, ProcessorContext& context, Chaos& chaos);

}  // namespace kstreamd::sim
