// Keys and values of one of the node's stores as the bytes that it keeps of them. A handle; as those of stores it works
// in init, process and punctuate.
#pragma once
#include <kstreamd/sdk/plugin.h>
#include <kstreamd/sdk/store_bytes.h>

#include <string_view>

namespace kstreamd::builtin {

class StoreBytes : public sdk::detail::StoreHandle {
 public:
  using Part = StoreBytesExtension::Part;

  StoreBytes(sdk::Context& context, uint32_t index) : StoreHandle(context, index) {}

  // Both live until the call into the processor returns, read() no longer than `bytes`.
  std::string_view write(Part part, const Value& value) {
    const char* bytes = nullptr;
    size_t size = 0;
    check(extension_.of(host()).write(handle(), index_, part, &value, &bytes, &size));
    return {bytes, size};
  }
  Value read(Part part, std::string_view bytes) {
    Value value = null_value();
    check(extension_.of(host()).read(handle(), index_, part, bytes.data(), bytes.size(), &value));
    return value;
  }

 private:
  sdk::detail::Extension<StoreBytesExtension> extension_{StoreBytesExtension::kId, StoreBytesExtension::kRevision};
};

}  // namespace kstreamd::builtin
