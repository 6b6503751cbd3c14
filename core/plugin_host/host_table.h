// The bridge between the engine's ports and the C ABI: kst_host for plugins, Processor for tasks.
#pragma once
#include <memory>
#include <string_view>

#include "core/base/result.h"
#include "core/ports/processor.h"

namespace kstreamd {

// The table given to every plugin. Lives as long as the process.
const kst_host& host_table();

// An instance of a type. `context` outlives it.
Result<std::unique_ptr<Processor>> make_processor(const kst_processor_type& type, std::string_view config_json,
                                                  ProcessorContext& context);

}  // namespace kstreamd
