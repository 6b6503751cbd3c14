#include "core/runtime/rebuild.h"

#include "core/base/log.h"

namespace kstreamd {

void say_rebuild(Metrics& metrics, const std::string& topology, const TaskId& task, const Error& cause,
                 const RebuildPlace* place) {
  const char* what = "local state is wiped and rebuilt from the changelog";
  if (place)
    log(LogLevel::warn, what,
        {{"topology", topology},
         {"task", task.text()},
         {"store", place->store},
         {"changelog", place->changelog.text()},
         {"offset", place->offset},
         {"cause", cause.text()}});
  else
    log(LogLevel::warn, what, {{"topology", topology}, {"task", task.text()}, {"cause", cause.text()}});
  metrics.counter("kstreamd_state_rebuilds_total", {{"topology", topology}, {"task", task.text()}})->add(1);
}

}  // namespace kstreamd
