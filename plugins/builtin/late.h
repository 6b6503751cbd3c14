// Records that came after their windows had closed. A handle, to be used in process.
#pragma once
#include <kstreamd/sdk/late.h>
#include <kstreamd/sdk/plugin.h>

namespace kstreamd::builtin {

class LateRecords : sdk::detail::StoreHandle {
 public:
  explicit LateRecords(sdk::Context& context) : StoreHandle(context, 0) {}
  // Counts the record once for each of so many windows; where the topology asks for it, it goes to the dead-letter
  // topic.
  void drop(const Record& record, size_t windows) {
    if (windows > 0) check(extension_.of(host()).drop(handle(), &record, windows));
  }

 private:
  sdk::detail::Extension<LateExtension> extension_{LateExtension::kId, LateExtension::kRevision};
};

}  // namespace kstreamd::builtin
