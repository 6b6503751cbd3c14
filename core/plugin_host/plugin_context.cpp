#include "core/plugin_host/plugin_context.h"

#include <algorithm>
#include <mutex>

#include "core/base/log.h"

namespace kstreamd {
namespace {

// How many closed contexts are kept back before the oldest serves again.
constexpr size_t kKeptBack = 1000;

// Never destroyed: a plugin may outlive everything else.
struct Pool {
  std::mutex mutex;
  std::deque<kst_context*> closed;  // guarded by mutex; the oldest first
};
Pool& pool() {
  static auto& only = *new Pool;
  return only;
}

kst_context& take_context() {
  const std::lock_guard lock(pool().mutex);
  auto& closed = pool().closed;
  if (closed.size() <= kKeptBack) return *new kst_context;
  kst_context& context = *closed.front();
  closed.pop_front();
  return context;
}

// Names are put into lines of words.
std::string word(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) <= ' '; }, '?');
  return text.empty() ? "-" : text;
}

std::string misuse(const kst_context& context, const char* function) {
  std::string text = "the plugin's processor '" + context.type + "' called " + function;
  const CallFrame* call = current_call();
  if (!context.port.load(std::memory_order_acquire))
    text += " after it was closed";
  else if (call && call->context == &context)
    text += std::string(" during ") + call_name(call->kind) + ", where it may not be called";
  else
    text += " from a thread of its own, outside of its calls";
  return text + ": this is a bug of the plugin";
}

bool is_metric_name(std::string_view name) {
  return !name.empty() && name[0] >= 'a' && name[0] <= 'z' &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == name.npos;
}

const char* kind_text(uint32_t kind) {
  static constexpr const char* names[] = {"a counter", "a gauge", "a histogram"};
  return kind <= KST_HISTOGRAM ? names[kind] : "of an unknown kind";
}

kst_status refuse_metric(kst_context* context, const char* name, const std::string& why) {
  set_failure(context, "metric '" + std::string(name ? name : "") + "' " + why);
  return KST_FATAL;
}

}  // namespace

kst_context& open_context(const ProcessorInfo& info, ProcessorContext& port) {
  kst_context& context = take_context();
  context.create_message = nullptr;
  context.meter = nullptr;
  context.topology = port.application_id();
  context.task = port.task_id();
  context.node = port.node_name();
  context.type = info.name;
  context.plugin = info.plugin;
  context.crash_key = word(context.topology) + " " + word(context.node) + " " + word(info.name) + " " +
                      word(info.content.empty() ? info.plugin : info.content);
  context.blamed = false;
  context.metrics.clear();
  context.port.store(&port, std::memory_order_release);
  return context;
}

void close_context(kst_context& context) {
  context.port.store(nullptr, std::memory_order_release);
  for (kst_metric& metric : context.metrics) {
    metric.open.store(false, std::memory_order_release);
    metric.counter.reset();
    metric.gauge.reset();
    metric.histogram.reset();
  }
  const std::lock_guard lock(pool().mutex);
  pool().closed.push_back(&context);
}

void set_failure(kst_context* context, std::string_view message) {
  if (context->create_message)
    context->create_message->assign(message);
  else if (ProcessorContext* port = context->port.load(std::memory_order_acquire))
    port->fail(message);
}

void blame(kst_context* context, const char* function) {
  const std::string message = misuse(*context, function);
  const CallFrame* call = current_call();
  if (call && call->context == context) set_failure(context, message);
  if (context->blamed.exchange(true)) return;
  log(LogLevel::error, message,
      {{"topology", context->topology}, {"task", context->task}, {"node", context->node}, {"plugin", context->plugin}});
}

kst_status make_metric(kst_context* context, uint32_t kind, const char* name, const char* help, kst_metric** metric) {
  const PortCall port(kInCreate, context, "make of kstreamd.metrics");
  if (!port) return KST_FATAL;
  if (kind > KST_HISTOGRAM)
    return refuse_metric(context, name, "is of kind " + std::to_string(kind) + ", which there is not");
  if (!name || !is_metric_name(name))
    return refuse_metric(context, name, "has no good name: it begins with a-z, and is made of a-z, 0-9 and '_'");
  for (kst_metric& made : context->metrics) {
    if (made.name != name) continue;
    if (made.kind != kind)
      return refuse_metric(context, name,
                           "is " + std::string(kind_text(made.kind)) + " already, and cannot be " + kind_text(kind));
    *metric = &made;
    return KST_OK;
  }
  static constexpr MetricKind kinds[] = {MetricKind::counter, MetricKind::gauge, MetricKind::histogram};
  const std::string shown = "kstreamd_plugin_" + std::string(name) + (kind == KST_COUNTER ? "_total" : "");
  if (auto declared = port->metrics().declare(shown, kinds[kind], help ? help : ""); !declared)
    return refuse_metric(context, name, "cannot be made: " + declared.error().message);
  const Labels labels{{"topology", context->topology}, {"task", context->task}, {"node", context->node}};
  kst_metric& made = context->metrics.emplace_back();
  made.name = name;
  made.kind = kind;
  if (kind == KST_COUNTER) made.counter = port->metrics().counter(shown, labels);
  if (kind == KST_GAUGE) made.gauge = port->metrics().gauge(shown, labels);
  if (kind == KST_HISTOGRAM) made.histogram = port->metrics().histogram(shown, labels);
  *metric = &made;
  return KST_OK;
}

void record_metric(kst_metric* metric, double value) {
  if (!metric->open.load(std::memory_order_acquire)) return;
  if (metric->kind == KST_COUNTER) {
    if (value >= 0) metric->counter->add(value);  // not what is no number, either
  } else if (metric->kind == KST_GAUGE) {
    metric->gauge->set(value);
  } else {
    metric->histogram->observe(value);
  }
}

}  // namespace kstreamd
