// State in memory alone, for tests and for `--embedded` without a folder.
#pragma once
#include <memory>

#include "core/ports/state.h"

namespace kstreamd {

// The same ports as a state folder, without files: a task that is opened again starts empty and is restored from its
// changelogs. Thread safety: see StateBackend.
std::unique_ptr<StateBackend> make_memory_state();

}  // namespace kstreamd
