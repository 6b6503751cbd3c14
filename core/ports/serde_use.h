// For which record a serde is used at this moment: what a crash of a plugin's serde is put down to.
//
// The engine says it where a serde is a plugin's, once per key or value that a source reads or a sink writes. What
// stores do needs none: it happens within a call of a processor, whose records are known.
#pragma once
#include "kstreamd/abi/record.h"

namespace kstreamd {

struct UsedSerde {
  const char* topology;
  const char* node;
  const kst_origin* origin;  // null: the record comes from a punctuation
};

// Of this thread; null outside of such uses. Read by the handler of a signal.
inline constinit thread_local const UsedSerde* used_serde __attribute__((tls_model("initial-exec"))) = nullptr;

// Says it for as long as it lives. Uses do not nest.
class SerdeUse {
 public:
  explicit SerdeUse(const UsedSerde& used) { used_serde = &used; }
  ~SerdeUse() { used_serde = nullptr; }
  SerdeUse(const SerdeUse&) = delete;
  SerdeUse& operator=(const SerdeUse&) = delete;
};

}  // namespace kstreamd
