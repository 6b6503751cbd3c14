#include "core/protocol/transaction_recovery.h"

namespace kstreamd {

WorkerAction after_failure(TransactionPhase phase, Recovery recovery) {
  switch (recovery) {
    case Recovery::retry:
      return WorkerAction::call_again;
    case Recovery::abort_transaction:
      // After the broker's decision there is nothing left to abort; what failed is unknown to us.
      return phase == TransactionPhase::committed ? WorkerAction::replace_reopen : WorkerAction::abort_rewind;
    case Recovery::recreate_producer:
      return WorkerAction::replace_reopen;
    case Recovery::rejoin:
      return WorkerAction::abort_reopen;
    case Recovery::rebuild_state:
      return WorkerAction::reopen_rebuild;
    case Recovery::retry_topology:
    case Recovery::stop_topology:
      return WorkerAction::fail_topology;
  }
  return WorkerAction::fail_topology;
}

}  // namespace kstreamd
