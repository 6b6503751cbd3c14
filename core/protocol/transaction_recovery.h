// What a worker does after a failed call, as a table. The adapter has classified the error (Recovery); where in the
// life of a transaction it struck decides the rest.
//
//   begin -> produce... -> send_offsets -> commit -> write the state
#pragma once
#include "core/base/result.h"

namespace kstreamd {

enum class TransactionPhase {
  idle,        // no transaction open
  open,        // records may have been produced
  committing,  // offsets sent or being sent, or the commit called: the outcome may be unknown
  committed,   // decided by the broker; the local state is not written yet
};

enum class WorkerAction {
  call_again,      // the same call, unchanged
  abort_rewind,    // abort, forget overlays, go back to the offsets last committed by this worker
  replace_reopen,  // destroy the producer, make and init a new one; hand all tasks back to be restored: the outcome is
                   // not known
  abort_reopen,    // abort, hand all tasks back to be restored: another member may have moved on with them
  reopen_rebuild,  // the state of the failing task is unusable: hand it back to be wiped and restored
  fail_topology,   // stop, with the error
};

WorkerAction after_failure(TransactionPhase phase, Recovery recovery);

}  // namespace kstreamd
