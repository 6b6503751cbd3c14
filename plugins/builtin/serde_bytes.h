// Values as the bytes that a serde makes of them, and back. A handle: as those of stores it is made in the constructor
// of a processor, and works in init, process and punctuate.
#pragma once
#include <kstreamd/sdk/plugin.h>
#include <kstreamd/sdk/serdes.h>

#include <string>
#include <string_view>

namespace kstreamd::builtin {

class SerdeBytes : public sdk::detail::StoreHandle {
 public:
  // The serde's name or spec.
  SerdeBytes(sdk::Context& context, std::string serde) : StoreHandle(context, 0), name_(std::move(serde)) {}

  // Both live until the call into the processor returns, read() no longer than `bytes`.
  std::string_view write(const Value& value) {
    const char* bytes = nullptr;
    size_t size = 0;
    check(functions().write(handle(), serde(), &value, &bytes, &size));
    return {bytes, size};
  }
  Value read(std::string_view bytes) {
    Value value = null_value();
    check(functions().read(handle(), serde(), bytes.data(), bytes.size(), &value));
    return value;
  }

 private:
  const SerdesExtension& functions() { return extension_.of(host()); }
  const void* serde() {
    if (!serde_) serde_ = functions().find(handle(), name_.data(), name_.size());
    if (!serde_) throw sdk::FatalError("there is no serde '" + name_ + "'");
    return serde_;
  }

  const std::string name_;
  const void* serde_ = nullptr;
  sdk::detail::Extension<SerdesExtension> extension_{SerdesExtension::kId, SerdesExtension::kRevision};
};

}  // namespace kstreamd::builtin
