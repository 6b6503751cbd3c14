// How a join looks into a table, also one that keeps no rows: what the tables above it keep goes through the
// expressions on the way.
#pragma once
#include <kstreamd/sdk/config.h>
#include <kstreamd/sdk/context.h>
#include <kstreamd/sdk/store.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "plugins/builtin/expressions.h"
#include "plugins/builtin/table_rows.h"

namespace kstreamd::builtin {

// Reads a tree over the node's stores, as core/topology/README.md describes it. It has expressions of other nodes, so
// it has a Lua state of its own, if any. Made with the processor; used inside its calls.
class TableView {
 public:
  // `key` of the node's configuration holds the tree; its stores are numbered from the node's `first_store` on. Without
  // it no key has a value: for trial constructions.
  TableView(sdk::Context& context, const sdk::Config& config, std::string_view key, uint32_t first_store = 0);
  ~TableView();

  // Whether it knows what keys had at earlier times.
  bool versioned() const;
  // What a key has, or of a versioned table had at `as_of`. Valid until the call into the processor returns. Throws
  // script::ScriptError where an expression on the way fails.
  Stamped get(const Value& key, int64_t as_of = sdk::kLatest) const;
  // Whether rows are looked up as they are kept, by try_get_many.
  bool is_store() const;
  // RawKeyValueStore::try_get_many of that store.
  kst_status try_get_many(std::span<sdk::Row> rows) const;

 private:
  struct Step;
  std::unique_ptr<Step> read(const sdk::Config& tree);
  script::Expression compile(const sdk::Config& tree, std::string_view key, script::Scope scope);
  Stamped look(Step& step, const Value& key, int64_t as_of) const;
  Stamped look_into_rows(const Step& step, const Value& key, int64_t as_of) const;
  Stamped look_past(Step& step, const Value& key, int64_t as_of) const;
  Stamped join(Step& step, const Value& key) const;

  sdk::Context& context_;
  const sdk::Config config_;
  const uint32_t first_store_;
  mutable std::optional<Expressions> expressions_;
  std::unique_ptr<Step> root_;
};

}  // namespace kstreamd::builtin
