// The stores that a node of a processor must name in YAML (`stores: [...]`), as the class lists them in kStores.
#pragma once
#include <kstreamd/abi/plugin.h>

#include <cstdint>

namespace kstreamd::sdk {

enum class StoreKind : uint32_t {
  any = KST_STORE_ANY,
  key_value = KST_STORE_KEY_VALUE,
  window = KST_STORE_WINDOW,
  session = KST_STORE_SESSION,
  versioned = KST_STORE_VERSIONED
};

struct StoreNeed {
  const char* purpose;  // a few words for messages: "keys seen so far"
  StoreKind kind = StoreKind::key_value;
};

}  // namespace kstreamd::sdk
