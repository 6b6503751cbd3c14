// The processors of the simulated topologies.
#include <charconv>
#include <cstdlib>

#include "core/plugin_host/plugin_host.h"
#include "plugins/builtin/builtin.h"
#include "tests/sim/holding.h"
#include "tests/sim/shapes.h"
#include "tests/sim/timed.h"

namespace kstreamd::sim {
namespace {

// "COUNT DIGEST", perhaps followed by a space and more.
bool read_link(std::string_view text, Link& link, std::string_view& rest) {
  const char* end = text.data() + text.size();
  auto count = std::from_chars(text.data(), end, link.count);
  if (count.ec != std::errc() || count.ptr == end || *count.ptr != ' ') return false;
  auto digest = std::from_chars(count.ptr + 1, end, link.digest);
  if (digest.ec != std::errc()) return false;
  rest = {digest.ptr, static_cast<size_t>(end - digest.ptr)};
  if (rest.starts_with(' ')) rest.remove_prefix(1);
  return true;
}

kst_status pass(const Record& record, ProcessorContext& context) { return context.forward(0, {&record, 1}); }

// "ID:a b c" gives the words, each as a key with the value ID.N.
kst_status split(const Record& record, ProcessorContext& context) {
  std::string_view text = data_of(record.value);
  const std::string id(text.substr(0, text.find(':')));
  text.remove_prefix(id.size() + 1);
  for (int n = 0; !text.empty(); ++n) {
    std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(word.size() + 1, text.size()));
    const bool drops = deletes(word);
    if (drops) word.remove_suffix(1);
    const std::string value = id + "." + std::to_string(n) + (drops ? "!" : "");
    Record out = record;
    out.key = string_value(word);
    out.value = string_value(value);
    if (kst_status status = context.forward(0, {&out, 1}); status != KST_OK) return status;
  }
  return KST_OK;
}

kst_status chain(const Record& record, ProcessorContext& context) {
  auto& counts = static_cast<KeyValueAccess&>(*context.store(0));
  const std::string id(data_of(record.value));
  kst_store_row row{record.key, null_value(), 0};
  if (kst_status status = counts.get_many({&row, 1}); status != KST_OK) return status;
  Link link;
  if (!is_null(row.value) && !read_row(data_of(row.value), link)) {
    context.fail("the row of a chain cannot be read");
    return KST_FATAL;
  }
  link = next_link(link, id);
  const std::string stored = row_of(link), shown = output_of(link, id);
  row.value = deletes(id) ? null_value() : string_value(stored);
  row.timestamp = record.timestamp;
  if (kst_status status = counts.put_many({&row, 1}); status != KST_OK) return status;
  if (auto* last = static_cast<KeyValueAccess*>(context.store(1))) {
    row.value = deletes(id) ? null_value() : string_value(id);
    if (kst_status status = last->put_many({&row, 1}); status != KST_OK) return status;
  }
  if (hash_of(id) % 40 == 0) context.request_commit();
  Record out = record;
  out.value = string_value(shown);
  return context.forward(0, {&out, 1});
}

// By the id: to the left, to the right, to both or to none.
kst_status part(const Record& record, ProcessorContext& context) {
  const int ways = ways_of(data_of(record.value));
  kst_status status = KST_OK;
  if (ways & 1) status = context.forward(0, {&record, 1});
  if (status == KST_OK && (ways & 2)) status = context.forward(1, {&record, 1});
  return status;
}

kst_status tag(const Record& record, ProcessorContext& context, const char* mark) {
  const std::string value = tagged(data_of(record.value), mark);
  Record out = record;
  out.value = string_value(value);
  return context.forward(0, {&out, 1});
}

kst_status pick(const Record& record, ProcessorContext& context, Chaos& chaos) {
  if (!is_refused(data_of(record.value))) return pass(record, context);
  chaos.happened(Event::record_refused, chaos.stepping, data_of(record.value));
  context.fail("it is not to its liking");
  return KST_RECORD_ERROR;
}

class FussySerde final : public Serde {
 public:
  const std::string& name() const override { return name_; }
  Result<Value> read(std::string_view bytes, Arena& arena) const override {
    if (is_unreadable(bytes)) return Error{.message = "it cannot be read", .hint = ""};
    return find_serde("string")->read(bytes, arena);
  }
  Result<std::string_view> write(const Value& value, Arena& arena) const override {
    return find_serde("string")->write(value, arena);
  }

 private:
  const std::string name_ = "fussy";
};

// From a chain's output to the next chain's input: fewer keys.
kst_status rekey(const Record& record, ProcessorContext& context) {
  Link link;
  std::string id;
  if (!read_output(data_of(record.value), link, id)) {
    context.fail("a record is not the output of a chain");
    return KST_FATAL;
  }
  const std::string key = group_of(data_of(record.key));
  const std::string value = kept_id(id);
  Record out = record;
  out.key = string_value(key);
  out.value = string_value(value);
  return context.forward(0, {&out, 1});
}

// A real operator. No exception can leave it, so a process that is to crash in it does so behind it.
class SealedOperator final : public Processor {
 public:
  SealedOperator(std::unique_ptr<Processor> real, Chaos& chaos) : real_(std::move(real)), chaos_(chaos) {}
  kst_status init() override {
    return sealed([&] { return real_->init(); });
  }
  kst_status process(std::span<const Record> records, size_t& done) override {
    return sealed([&] { return real_->process(records, done); });
  }
  kst_status punctuate(uint64_t schedule, int64_t timestamp) override {
    return sealed([&] { return real_->punctuate(schedule, timestamp); });
  }

 private:
  template <typename Call>
  kst_status sealed(const Call& call) {
    ++chaos_.sealed;
    const kst_status status = call();
    if (--chaos_.sealed == 0 && chaos_.dying != Trace::world && chaos_.dying == chaos_.stepping) throw Crash{};
    return status;
  }

  const std::unique_ptr<Processor> real_;
  Chaos& chaos_;
};

// The built-in operators, for those that no function here stands for.
class RealOperators final : public ProcessorCatalog {
 public:
  explicit RealOperators(Chaos& chaos) : chaos_(chaos) {}
  const ProcessorInfo* find(std::string_view type) const override { return host().find(type); }
  std::vector<ProcessorInfo> list() const override { return host().list(); }
  std::vector<SerdeInfo> serdes() const override { return host().serdes(); }
  std::vector<ConfigProblem> check(std::string_view type, std::string_view config) const override {
    return host().check(type, config);
  }
  Result<std::unique_ptr<Processor>> create(std::string_view type, std::string_view config,
                                            ProcessorContext& context) const override {
    auto made = host().create(type, config, context);
    if (!made) return made;
    return std::unique_ptr<Processor>(std::make_unique<SealedOperator>(std::move(*made), chaos_));
  }

 private:
  static const ProcessorCatalog& host() {
    static const auto made = [] {
      auto host = std::make_unique<PluginHost>();
      if (!host->add_builtin(builtin_plugin())) std::abort();
      return host;
    }();
    return *made;
  }

  Chaos& chaos_;
};

}  // namespace

std::unique_ptr<ProcessorCatalog> real_operators(Chaos& chaos) { return std::make_unique<RealOperators>(chaos); }

uint64_t hash_of(std::string_view text, uint64_t from) {
  for (char c : text) from = (from ^ static_cast<uint8_t>(c)) * 1099511628211u;
  return from ^ from >> 31;
}

bool deletes(std::string_view id) { return id.ends_with('!'); }

Link next_link(Link link, std::string_view id) {
  if (deletes(id)) return {};
  return {link.count + 1, hash_of(id, link.digest * 31 + 7)};
}
std::string row_of(Link link) { return std::to_string(link.count) + " " + std::to_string(link.digest); }
bool read_row(std::string_view text, Link& link) {
  std::string_view rest;
  return read_link(text, link, rest) && rest.empty();
}
std::string output_of(Link link, std::string_view id) { return row_of(link).append(" ").append(id); }
bool read_output(std::string_view text, Link& link, std::string& id) {
  std::string_view rest;
  if (!read_link(text, link, rest) || rest.empty()) return false;
  id = rest;
  return true;
}

bool is_unreadable(std::string_view id) { return hash_of(id) % 7 == 0; }
bool is_refused(std::string_view id) { return hash_of(id) % 5 == 0; }
int ways_of(std::string_view id) { return static_cast<int>(hash_of(id) % 4); }
std::string tagged(std::string_view id, const char* mark) {
  const bool drops = deletes(id);
  if (drops) id.remove_suffix(1);
  return std::string(id) + mark + (drops ? "!" : "");
}
std::string group_of(std::string_view key) { return "g" + std::to_string(hash_of(key) % 3); }
std::string kept_id(std::string_view id) {
  std::string kept(id);
  if (deletes(id)) kept.back() = 'x';
  return kept;
}

void add_processors(FakeProcessors& processors, HeldRecords& held, Chaos& chaos) {
  processors.steps["kstreamd.merge"] = pass;
  processors.steps["kstreamd.to_stream"] = pass;
  processors.steps["kstreamd.count"] = chain;
  processors.steps["chain"] = chain;
  processors.steps["chain_with_last"] = chain;
  processors.steps["split"] = split;
  processors.steps["part"] = part;
  processors.steps["rekey"] = rekey;
  processors.makers["later"] = [&held](ProcessorContext& context) { return make_later(context, held); };
  processors.infos["later"].max_in_flight = 1 + static_cast<uint32_t>(chaos.plan.fetch_records) / 16;
  processors.makers["buffer"] = [&chaos](ProcessorContext& context) { return make_buffer(context, chaos); };
  processors.steps["windowed"] = [&chaos](const Record& r, ProcessorContext& c) { return add_to_window(r, c, chaos); };
  processors.steps["sessions"] = [&chaos](const Record& r, ProcessorContext& c) { return add_to_session(r, c, chaos); };
  processors.steps["picky"] = [&chaos](const Record& r, ProcessorContext& c) { return pick(r, c, chaos); };
  static const FussySerde fussy;
  processors.serdes_of_plugins["fussy"] = &fussy;
  processors.steps["left"] = [](const Record& r, ProcessorContext& c) { return tag(r, c, "L"); };
  processors.steps["right"] = [](const Record& r, ProcessorContext& c) { return tag(r, c, "R"); };
}

}  // namespace kstreamd::sim
