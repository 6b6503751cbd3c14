// Reading, with a network that fails and a changelog that is slow.
#pragma once
#include <memory>

#include "tests/sim/cluster.h"

namespace kstreamd::sim {

// `restores`: the source is the restorer's.
std::unique_ptr<RecordSource> make_sim_source(Chaos& chaos, int process, bool restores,
                                              std::unique_ptr<RecordSource> real);

}  // namespace kstreamd::sim
