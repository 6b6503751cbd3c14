#include "core/topology/checker.h"
#include "core/topology/serde_text.h"

namespace kstreamd {
namespace {

const char* kind_key(Window::Kind kind) {
  static constexpr const char* keys[] = {"tumbling", "hopping", "sliding", "session"};
  return keys[static_cast<size_t>(kind)];
}

}  // namespace

void Checker::check_window(size_t i) {
  const auto& here = declared(i);
  if (here.broken || !is_aggregation(here.operator_name)) return;
  const std::string base = "/" + here.operator_name;
  auto refuse = [&](std::string at, std::string message, std::string hint) {
    node(i).broken = true;
    report(i, std::move(at), std::move(message), std::move(hint));
  };
  const bool session = here.window && here.window->kind == Window::Kind::session;
  const bool makes_aggregates = here.operator_name == "aggregate" || here.operator_name == "cogroup";
  if (session && makes_aggregates && !has_expression(here, "merge"))
    refuse(base, "sessions grow together, and nothing says how their aggregates do",
           "add merge: EXPRESSION of left and right, the earlier and the later session's aggregate");
  if (!session && has_expression(here, "merge"))
    refuse(base + "/merge", "merge is for windows of sessions", "remove it");
  if (!here.window) return;
  const Window& window = *here.window;
  const std::string pointer = base + "/window";
  if (window.size.count() <= 0 && window.kind != Window::Kind::sliding)
    refuse(pointer + "/" + kind_key(window.kind), "a window has to be longer than 0s", "write for example 5m");
  if (window.kind == Window::Kind::hopping && (window.advance.count() <= 0 || window.advance > window.size))
    refuse(pointer + "/advance",
           "windows of " + duration_text(window.size) + " cannot advance by " + duration_text(window.advance) +
               ": it has to be more than 0s and no more than their size",
           window.advance.count() <= 0
               ? "write for example advance: 1m"
               : "records between two windows would be in none: make it " + duration_text(window.size) + " or less");
  if (window.retention && *window.retention < window.size + window.grace)
    refuse(pointer + "/retention",
           "a retention of " + duration_text(*window.retention) + " is shorter than a window takes records, " +
               duration_text(window.size + window.grace) + " (its size and its grace)",
           "make it " + duration_text(window.size + window.grace) + " or more, or leave it out");
}

void Checker::check_emit(size_t i) {
  const auto& here = declared(i);
  if (here.emit != Emit::on_window_close || here.window || here.broken) return;
  node(i).broken = true;
  report(i, "/" + here.operator_name + "/emit", "emit: on_window_close needs windows, and this node has none",
         "add window: { tumbling: 5m }, or emit updates or per_commit");
}

void Checker::check_suppress(size_t i) {
  const auto& suppress = declared(i).suppress;
  if (!suppress) return;
  const bool bounded = suppress->max_records || suppress->max_bytes;
  if (suppress->window_closes && bounded && !suppress->stop_when_full)
    report(i, "/suppress", "what waits for its window to close cannot go out early when the buffer is full",
           "say full: stop, or leave max_records and max_bytes out");
  if (suppress->max_records == 0u)
    report(i, "/suppress/max_records", "a buffer of no records holds nothing back", "make it 1 or more");
}

}  // namespace kstreamd
