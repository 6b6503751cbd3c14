#include "plugins/builtin/fields.h"

#include <algorithm>
#include <string>

namespace kstreamd::builtin {

void SourceTimestamp::process(std::span<const Record> records, Context& context) {
  script::Engine& engine = expressions_.engine();
  for (size_t i = 0; i < records.size(); ++i) {
    context.processing(i);
    engine.set_record(records[i]);
    Record out = records[i];
    out.timestamp = std::max<int64_t>(engine.integer(timestamp_).value_or(-1), -1);
    context.forward_borrowed(out);
  }
}

SinkFields::SinkFields(const Config& config)
    : expressions_(config),
      topic_(expressions_.compile_optional(config, "topic")),
      partition_(expressions_.compile_optional(config, "partition")),
      timestamp_(expressions_.compile_optional(config, "timestamp")),
      headers_(expressions_.compile_optional(config, "headers")) {}

Record SinkFields::destination_of(script::Memory& memory) {
  script::Engine& engine = expressions_.engine();
  Record out{};
  out.key = out.value = null_value();
  if (topic_) {
    out.key = engine.value(*topic_, memory);
    if (out.key.type != KST_STRING || out.key.size == 0)
      throw sdk::RecordError(std::string("the expression for the topic gives ") +
                             (out.key.type == KST_STRING ? "an empty text" : type_name(out.key)) +
                             ", where it has to give the name of a topic");
  }
  if (partition_)
    if (const auto partition = engine.integer(*partition_)) out.value = int64_value(*partition);
  return out;
}

void SinkFields::process(std::span<const Record> records, Context& context) {
  script::Engine& engine = expressions_.engine();
  ScratchMemory memory(context);
  for (size_t i = 0; i < records.size(); ++i) {
    context.processing(i);
    engine.set_record(records[i]);
    Record out = records[i];
    if (timestamp_ && !expressions_.set_timestamp(*timestamp_, out, context)) continue;
    if (headers_) {
      made_.clear();
      engine.headers(*headers_, memory, made_);
      out.headers = made_.data();
      out.header_count = static_cast<uint32_t>(made_.size());
    }
    const Record destination = destination_of(memory);
    context.forward({1}, {&destination, 1});
    context.forward({0}, {&out, 1});
  }
}

}  // namespace kstreamd::builtin
