#include "plugins/builtin/table_view.h"

#include <kstreamd/sdk/session_store.h>
#include <kstreamd/sdk/versioned_store.h>
#include <kstreamd/sdk/window_store.h>
#include <kstreamd/sdk/windowed.h>

#include <algorithm>
#include <string>

#include "plugins/builtin/change_buffer.h"
#include "plugins/builtin/serde_bytes.h"

namespace kstreamd::builtin {

// One table on the way: its rows, or what is made of those above it.
struct TableView::Step {
  enum class Kind { rows, versions, windows, sessions, suppress, filter, filter_not, map_values, join };
  Kind kind = Kind::rows;
  uint32_t store = 0;                      // rows, versions, windows, sessions, suppress
  std::optional<SerdeBytes> keys, values;  // suppress: of the store's rows
  script::Expression expr;                 // the others
  std::unique_ptr<Step> left;              // what is above; of a join the left side
  std::unique_ptr<Step> right;             // of a join
  bool alone[2] = {false, false};          // of a join: left, right rows make a result without a partner
  bool versioned = false;
};

TableView::TableView(sdk::Context& context, const sdk::Config& config, std::string_view key, uint32_t first_store)
    : context_(context), config_(config), first_store_(first_store) {
  if (config.has(key)) root_ = read(config.object(key));
}

TableView::~TableView() = default;

script::Expression TableView::compile(const sdk::Config& tree, std::string_view key, script::Scope scope) {
  if (!expressions_) expressions_.emplace(config_);
  return expressions_->compile(tree, key, scope);
}

std::unique_ptr<TableView::Step> TableView::read(const sdk::Config& tree) {
  using Kind = Step::Kind;
  auto step = std::make_unique<Step>();
  if (tree.has("store")) {
    step->store = first_store_ + static_cast<uint32_t>(tree.integer("store"));
    const std::string kind = tree.string("kind", "");
    step->kind = kind == "versioned" ? Kind::versions
                 : kind == "window"  ? Kind::windows
                 : kind == "session" ? Kind::sessions
                                     : Kind::rows;
    step->versioned = step->kind == Kind::versions;
    return step;
  }
  if (tree.has("join")) {
    const std::string type = tree.string("join");
    step->kind = Kind::join;
    step->alone[0] = type == "left" || type == "outer";
    step->alone[1] = type == "right" || type == "outer";
    step->expr = compile(tree, "value", script::kJoinScope);
    step->left = read(tree.object("left"));
    step->right = read(tree.object("right"));
    return step;
  }
  if (tree.has("suppress")) {
    step->kind = Kind::suppress;
    step->store = first_store_ + static_cast<uint32_t>(tree.integer("suppress"));
    step->keys.emplace(context_, tree.string("key"));
    step->values.emplace(context_, tree.string("value"));
    step->left = read(tree.object("of"));
    return step;
  }
  const char* name = tree.has("filter") ? "filter" : tree.has("filter_not") ? "filter_not" : "map_values";
  step->kind = tree.has("filter") ? Kind::filter : tree.has("filter_not") ? Kind::filter_not : Kind::map_values;
  step->expr = compile(tree, name, script::kTableScope);
  step->left = read(tree.object("of"));
  step->versioned = step->left->versioned;
  return step;
}

bool TableView::versioned() const { return root_ && root_->versioned; }

Stamped TableView::get(const Value& key, int64_t as_of) const { return root_ ? look(*root_, key, as_of) : Stamped{}; }

bool TableView::is_store() const { return root_ && root_->kind == Step::Kind::rows; }

kst_status TableView::try_get_many(std::span<sdk::Row> rows) const {
  return context_.store(root_->store).try_get_many(rows);
}

Stamped TableView::look(Step& step, const Value& key, int64_t as_of) const {
  using Kind = Step::Kind;
  if (step.kind == Kind::join) return join(step, key);
  if (!step.left) return look_into_rows(step, key, as_of);
  if (step.kind == Kind::suppress) return look_past(step, key, as_of);
  Stamped found = look(*step.left, key, as_of);
  if (is_null(found.value)) return {};
  auto& engine = expressions_->engine();
  engine.set(script::Variable::key, key);
  engine.set(script::Variable::value, found.value);
  if (step.kind != Kind::map_values) return engine.test(step.expr) == (step.kind == Kind::filter) ? found : Stamped{};
  ScratchMemory memory(context_);
  found.value = engine.value(step.expr, memory);
  return found;
}

Stamped TableView::look_into_rows(const Step& step, const Value& key, int64_t as_of) const {
  using Kind = Step::Kind;
  auto stamped = [](const auto& row) { return row ? Stamped{row->value, row->timestamp} : Stamped{}; };
  if (step.kind == Kind::versions) return stamped(context_.versioned_store(step.store).get(key, as_of));
  if (step.kind == Kind::rows) return stamped(context_.store(step.store).get(key));
  if (!is_windowed(key)) return {};
  const Windowed window = windowed_of(key);
  if (step.kind == Kind::windows) return stamped(context_.window_store(step.store).get(window.key, window.start));
  const auto session = context_.session_store(step.store).get(window.key, window.start, window.end);
  return session ? Stamped{session->value, window.end} : Stamped{};
}

// What is held back was not sent yet: of its key the table below knows what came before it.
Stamped TableView::look_past(Step& step, const Value& key, int64_t as_of) const {
  const auto row = context_.store(step.store).get(bytes_value(step.keys->write(key)));
  if (!row) return look(*step.left, key, as_of);
  const auto prior = ChangeBuffer::prior(data_of(row->value), context_);
  // As Kafka Streams, which does not know since when it had it.
  return prior ? Stamped{step.values->read(*prior), -1} : Stamped{};
}

Stamped TableView::join(Step& step, const Value& key) const {
  // What is read stays where it is while the other side is looked up, as both live as long as the call.
  const Stamped left = look(*step.left, key, sdk::kLatest);
  if (is_null(left.value) && !step.alone[1]) return {};
  const Stamped right = look(*step.right, key, sdk::kLatest);
  if (is_null(right.value) && (!step.alone[0] || is_null(left.value))) return {};
  auto& engine = expressions_->engine();
  engine.set(script::Variable::key, key);
  engine.set(script::Variable::left, left.value);
  engine.set(script::Variable::right, right.value);
  ScratchMemory memory(context_);
  return {engine.value(step.expr, memory), std::max(left.timestamp, right.timestamp)};
}

}  // namespace kstreamd::builtin
