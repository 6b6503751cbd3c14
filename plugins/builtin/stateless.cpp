#include "plugins/builtin/operators.h"

namespace kstreamd::builtin {

template <bool keep>
void FilterOf<keep>::process(std::span<const Record> records, Context& context) {
  script::Engine& engine = expressions_.engine();
  for (size_t i = 0; i < records.size(); ++i) {
    const Record& record = records[i];
    context.processing(i);
    engine.set_record(record);
    if (engine.test(expr_) == keep) context.forward_borrowed(record);
  }
}

template class FilterOf<true>;
template class FilterOf<false>;

Map::Map(const Config& config)
    : expressions_(config),
      key_(expressions_.compile_optional(config, "key")),
      value_(expressions_.compile_optional(config, "value")),
      timestamp_(expressions_.compile_optional(config, "timestamp")),
      headers_(expressions_.compile_optional(config, "headers")) {
  if (!key_ && !value_ && !timestamp_ && !headers_)
    config.problem("", "a map changes nothing", "give it key, value, timestamp or headers");
}

void Map::process(std::span<const Record> records, Context& context) {
  script::Engine& engine = expressions_.engine();
  ScratchMemory memory(context);
  for (size_t i = 0; i < records.size(); ++i) {
    context.processing(i);
    Record out = records[i];
    engine.set_record(records[i]);
    if (key_) out.key = engine.key(*key_, memory);
    if (value_) out.value = engine.value(*value_, memory);
    if (headers_) {
      made_.clear();
      engine.headers(*headers_, memory, made_);
      auto* headers = context.scratch<Header>(made_.size());
      std::copy(made_.begin(), made_.end(), headers);
      out.headers = headers;
      out.header_count = static_cast<uint32_t>(made_.size());
    }
    if (timestamp_ && !expressions_.set_timestamp(*timestamp_, out, context)) continue;
    context.forward_borrowed(out);
  }
}

void MapValues::process(std::span<const Record> records, Context& context) {
  script::Engine& engine = expressions_.engine();
  ScratchMemory memory(context);
  for (size_t i = 0; i < records.size(); ++i) {
    context.processing(i);
    Record out = records[i];
    engine.set_record(records[i]);
    out.value = engine.value(expr_, memory);
    context.forward_borrowed(out);
  }
}

void SelectKey::process(std::span<const Record> records, Context& context) {
  script::Engine& engine = expressions_.engine();
  ScratchMemory memory(context);
  for (size_t i = 0; i < records.size(); ++i) {
    context.processing(i);
    Record out = records[i];
    engine.set_record(records[i]);
    out.key = engine.key(expr_, memory);
    context.forward_borrowed(out);
  }
}

void FlatMap::process(std::span<const Record> records, Context& context) {
  script::Engine& engine = expressions_.engine();
  ScratchMemory memory(context);
  for (size_t i = 0; i < records.size(); ++i) {
    context.processing(i);
    engine.set_record(records[i]);
    made_.clear();
    engine.pairs(expr_, memory, made_);
    for (const auto& made : made_) {
      Record out = records[i];
      out.key = made.key;
      out.value = made.value;
      context.forward_borrowed(out);
    }
  }
}

void FlatMapValues::process(std::span<const Record> records, Context& context) {
  script::Engine& engine = expressions_.engine();
  ScratchMemory memory(context);
  for (size_t i = 0; i < records.size(); ++i) {
    context.processing(i);
    engine.set_record(records[i]);
    made_.clear();
    engine.values(expr_, memory, made_);
    for (const auto& made : made_) {
      Record out = records[i];
      out.value = made;
      context.forward_borrowed(out);
    }
  }
}

Branch::Branch(const Config& config) : expressions_(config) {
  if (!config.has("branches")) config.problem("branches", "is missing", "write branch: { NAME: EXPR, ... }");
  for (const Config& branch : config.list("branches")) {
    branch.string("name");
    branches_.push_back(expressions_.compile_optional(branch, "expr"));
  }
}

void Branch::process(std::span<const Record> records, Context& context) {
  script::Engine& engine = expressions_.engine();
  for (size_t i = 0; i < records.size(); ++i) {
    context.processing(i);
    engine.set_record(records[i]);
    for (uint32_t output = 0; output < branches_.size(); ++output) {
      if (branches_[output] && !engine.test(*branches_[output])) continue;
      context.forward_borrowed(records[i], output);
      break;
    }
  }
}

void Peek::process(std::span<const Record> records, Context& context) {
  script::Engine& engine = expressions_.engine();
  for (size_t i = 0; i < records.size(); ++i) {
    context.processing(i);
    engine.set_record(records[i]);
    context.log(sdk::Log::info, engine.text(log_));
    context.forward_borrowed(records[i]);
  }
}

}  // namespace kstreamd::builtin
