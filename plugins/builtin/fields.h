// The expressions of sources and sinks. These processors belong to no node of their own: the source or sink calls them
// and takes what they forward.
#pragma once
#include <kstreamd/sdk/plugin.h>

#include <optional>
#include <span>
#include <vector>

#include "plugins/builtin/expressions.h"
#include "plugins/builtin/operators.h"

namespace kstreamd::builtin {

// Forwards each record with the timestamp that an expression gives it; -1 where it gives nothing.
class SourceTimestamp : public CheckedByConstruction<SourceTimestamp> {
 public:
  static constexpr const char* kName = "kstreamd.source_timestamp";
  static constexpr const char* kDescription = "Gives the records of a source their timestamps by an expression";
  static constexpr const char* kConfigSchema =
      R"({"type":"object","required":["timestamp"],"properties":{"timestamp":{"type":"string"},)"
      R"("script":{"type":"string"}},"additionalProperties":false})";
  explicit SourceTimestamp(const Config& config)
      : expressions_(config), timestamp_(expressions_.compile(config, "timestamp")) {}
  SourceTimestamp(Context&, const Config& config) : SourceTimestamp(config) {}
  void process(std::span<const Record> records, Context& context);

 private:
  Expressions expressions_;
  const script::Expression timestamp_;
};

// For each record forwards to output 1 where it goes (key: the topic, value: the partition; null where no expression
// says it), then to output 0 the record with its new timestamp and headers.
class SinkFields : public CheckedByConstruction<SinkFields> {
 public:
  static constexpr const char* kName = "kstreamd.sink_fields";
  static constexpr const char* kDescription = "Says by expressions where a sink's records go, with which fields";
  static constexpr const char* kConfigSchema =
      R"({"type":"object","properties":{"topic":{"type":"string"},"partition":{"type":"string"},)"
      R"("timestamp":{"type":"string"},"headers":{"type":"string"},"script":{"type":"string"}},)"
      R"("additionalProperties":false})";
  explicit SinkFields(const Config& config);
  SinkFields(Context&, const Config& config) : SinkFields(config) {}
  void process(std::span<const Record> records, Context& context);

 private:
  Record destination_of(script::Memory& memory);

  Expressions expressions_;
  std::optional<script::Expression> topic_, partition_, timestamp_, headers_;
  std::vector<Header> made_;
};

}  // namespace kstreamd::builtin
