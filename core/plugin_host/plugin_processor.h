// Processors of plugins, as tasks use them.
#pragma once
#include <kstreamd/abi/plugin.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "core/ports/processor.h"

namespace kstreamd {

// A processor type as the host keeps it: for as long as a processor of it lives, also when another version has taken
// its place. Immutable.
struct LoadedType {
  ProcessorInfo info;
  kst_processor_type functions{};
};

struct ProcessorOptions {
  std::function<void(const std::string& message)> heap_left;  // see PluginHost::meter_heap; empty: not metered
};

// An instance of a type. `context` outlives it.
Result<std::unique_ptr<Processor>> make_processor(std::shared_ptr<const LoadedType> type, std::string_view config_json,
                                                  ProcessorContext& context, ProcessorOptions options);

}  // namespace kstreamd
