// The host's extensions, fetched when they are first used: a plugin runs on every host that has what it uses.
#pragma once
#include <kstreamd/abi/async.h>
#include <kstreamd/abi/log.h>
#include <kstreamd/abi/metrics.h>
#include <kstreamd/abi/plugin.h>
#include <kstreamd/abi/schedule.h>
#include <kstreamd/abi/session_store.h>
#include <kstreamd/abi/store.h>
#include <kstreamd/abi/task.h>
#include <kstreamd/abi/versioned_store.h>
#include <kstreamd/abi/window_store.h>
#include <kstreamd/sdk/errors.h>

#include <cstdint>
#include <string>

namespace kstreamd::sdk::detail {

// One extension of one host. Used by one thread at a time.
template <typename Table>
class Extension {
 public:
  constexpr Extension(const char* id, uint32_t revision) : id_(id), revision_(revision) {}

  // The table. Throws FatalError when the host does not have it in this revision.
  const Table& of(const kst_host& host) {
    if (!table_) [[unlikely]] {
      table_ = static_cast<const Table*>(host.extension(id_, revision_));
      if (!table_) missing(host);
    }
    return *table_;
  }

 private:
  [[noreturn]] void missing(const kst_host& host) const {
    constexpr uint32_t kAsked = 64;  // revisions are small numbers
    std::string has = "has none";
    for (uint32_t revision = kAsked; revision > 0; --revision)
      if (host.extension(id_, revision)) {
        has = "has revision " + std::to_string(revision);
        break;
      }
    throw FatalError("the plugin uses revision " + std::to_string(revision_) + " of the extension '" + id_ +
                     "', this kstreamd (ABI " + std::to_string(host.abi_major) + "." + std::to_string(host.abi_minor) +
                     ") " + has +
                     ": upgrade kstreamd, or build the plugin with the SDK of the kstreamd that is to run it");
  }

  const char* id_;
  uint32_t revision_;
  const Table* table_ = nullptr;
};

struct Extensions {
  Extension<kst_async_extension> async{KST_ASYNC_EXTENSION, KST_ASYNC_REVISION};
  Extension<kst_log_extension> log{KST_LOG_EXTENSION, KST_LOG_REVISION};
  Extension<kst_metrics_extension> metrics{KST_METRICS_EXTENSION, KST_METRICS_REVISION};
  Extension<kst_schedule_extension> schedule{KST_SCHEDULE_EXTENSION, KST_SCHEDULE_REVISION};
  Extension<kst_store_extension> store{KST_STORE_EXTENSION, KST_STORE_REVISION};
  Extension<kst_window_store_extension> window_store{KST_WINDOW_STORE_EXTENSION, KST_WINDOW_STORE_REVISION};
  Extension<kst_session_store_extension> session_store{KST_SESSION_STORE_EXTENSION, KST_SESSION_STORE_REVISION};
  Extension<kst_versioned_store_extension> versioned_store{KST_VERSIONED_STORE_EXTENSION, KST_VERSIONED_STORE_REVISION};
  Extension<kst_task_extension> task{KST_TASK_EXTENSION, KST_TASK_REVISION};
};

}  // namespace kstreamd::sdk::detail
