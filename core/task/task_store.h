// The stores of a node as its processor uses them: values through the store's serdes, over the bytes of state.h.
// Life-cycle: made and destroyed with the node. Threads: the task's worker.
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "core/base/arena.h"
#include "core/base/result.h"
#include "core/ports/processor_store.h"
#include "core/ports/state.h"
#include "core/serde/serde.h"
#include "core/topology/topology.h"

namespace kstreamd {

// What a store tells its node, and where it puts what it reads: memory that lasts until the call into the processor
// returns.
class StoreUser {
 public:
  virtual ~StoreUser() = default;
  virtual Arena& arena() = 0;
  // Notes why one record failed; KST_RECORD_ERROR.
  virtual kst_status record_error(std::string message) = 0;
  // Notes why the task has to stop; KST_STOP.
  virtual kst_status stop(Error error) = 0;
  virtual void drop(std::string_view reason, size_t count) = 0;
};

struct StoreBinding {
  KeyValueStore& store;
  const Serde& key;
  const Serde& value;
  const Store& declared;
};

// What core/state has to know about a store of a topology.
StoreConfig store_config(const Store& declared);

// The store as one of the classes of processor_store.h, by its type. Everything in the binding, and the user, outlive
// it.
std::unique_ptr<ProcessorStore> make_store_access(const StoreBinding& binding, StoreUser& user);

}  // namespace kstreamd
