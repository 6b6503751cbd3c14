#include "tests/sim/timed.h"

#include <algorithm>
#include <limits>
#include <map>
#include <vector>

#include "core/record/store_keys.h"
#include "tests/sim/draft.h"

namespace kstreamd::sim {
namespace {

using std::chrono::milliseconds;

// Input is up to 50 ms late.
constexpr int64_t window_size = 20;
constexpr int64_t session_gap = 8;

int64_t window_of(int64_t timestamp) { return timestamp / window_size * window_size; }

struct Session {
  int64_t start = 0;
  int64_t end = 0;
  Link link;
};

// What a record at `timestamp` makes of the sessions that it touches, in the order of their ends.
Session merged(const std::vector<Session>& touched, int64_t timestamp, std::string_view id) {
  Session all{timestamp, timestamp, {}};
  for (const Session& one : touched) {
    all.start = std::min(all.start, one.start);
    all.end = std::max(all.end, one.end);
    all.link.count += one.link.count;
    all.link.digest = hash_of(std::to_string(one.link.digest), all.link.digest);
  }
  const std::string bounds = std::to_string(all.start) + "-" + std::to_string(all.end);
  all.link = next_link(all.link, bounds + " " + std::string(id));
  return all;
}

// ---- The model

class Timed : public Shape {
 public:
  explicit Timed(const Plan& plan) : retention_(std::chrono::duration_cast<milliseconds>(plan.retention).count()) {}
  std::vector<std::string> inputs() const override { return {"in"}; }
  InputRecord make(const Plan& plan, Random& random, int n) const override {
    const auto key = random.below(static_cast<uint64_t>(plan.keys));
    return {"in", -1, "k" + std::to_string(key), std::to_string(n)};
  }
  std::optional<Rows> rows(int32_t task) const override {
    Rows rows;
    if (const auto model = models_.find(task); model != models_.end())
      for (const auto& [key, row] : model->second.rows)
        if (live(task, key)) rows.emplace(key, row);
    return rows;
  }
  bool live(int32_t task, std::string_view key) const override {
    const auto model = models_.find(task);
    return model == models_.end() || time_of_key(layout(), key) >= first_live(model->second);
  }

 protected:
  // Of one task.
  struct Model {
    int64_t time = -1;
    Rows rows;  // as they lie in the store
    std::map<std::string, Link, std::less<>> windows;
    std::map<std::string, std::vector<Session>, std::less<>> sessions;  // by key
  };
  virtual KeyLayout layout() const = 0;
  int64_t first_live(const Model& model) const { return std::max<int64_t>(0, model.time - retention_ + 1); }

  const int64_t retention_;
  std::map<int32_t, Model> models_;
};

class Windowed final : public Timed {
 public:
  using Timed::Timed;
  std::vector<Stage> stages() const override { return {{"out", "windows", ""}}; }
  Topology topology(const Plan& plan) const override {
    DraftStore windows("windows", "window");
    windows.size = milliseconds(window_size);
    return Draft(plan)
        .source("in", "in")
        .process("window", {"in"}, "windowed", {windows})
        .sink("out", "window", "out")
        .compiled();
  }
  void expect(const InputRecord& r, const std::function<void(Expected)>& add) override {
    Model& model = models_[r.partition];
    const int64_t start = window_of(r.timestamp);
    Link link;
    if (start < first_live(model)) {
      link = next_link({}, r.value);
    } else {
      std::string key;
      write_key(key, WindowKey{r.key, start, 0});
      link = model.windows[key] = next_link(model.windows[key], r.value);
      model.rows[key] = {row_of(link), r.timestamp};
      model.time = std::max(model.time, start);
    }
    add({.key = r.key, .id = r.value, .lane = lane_of(r), .timestamp = r.timestamp, .link = link});
  }

 private:
  KeyLayout layout() const override { return KeyLayout::window; }
};

class Sessions final : public Timed {
 public:
  using Timed::Timed;
  std::vector<Stage> stages() const override { return {{"out", "sessions", ""}}; }
  Topology topology(const Plan& plan) const override {
    return Draft(plan)
        .source("in", "in")
        .process("session", {"in"}, "sessions", {{"sessions", "session"}})
        .sink("out", "session", "out")
        .compiled();
  }
  void expect(const InputRecord& r, const std::function<void(Expected)>& add) override {
    Model& model = models_[r.partition];
    auto& sessions = model.sessions[r.key];
    const int64_t earliest = std::max(r.timestamp - session_gap, first_live(model));
    std::vector<Session> touched;
    std::copy_if(sessions.begin(), sessions.end(), std::back_inserter(touched),
                 [&](const Session& s) { return s.end >= earliest && s.start <= r.timestamp + session_gap; });
    const Session all = merged(touched, r.timestamp, r.value);
    if (all.end >= first_live(model)) {
      for (const Session& old : touched) model.rows.erase(key_of(r.key, old));
      std::erase_if(sessions,
                    [&](const Session& s) { return s.end >= earliest && s.start <= r.timestamp + session_gap; });
      sessions.push_back(all);
      std::sort(sessions.begin(), sessions.end(), [](const Session& a, const Session& b) {
        return std::pair(a.end, a.start) < std::pair(b.end, b.start);
      });
      model.rows[key_of(r.key, all)] = {row_of(all.link), r.timestamp};
      model.time = std::max(model.time, all.end);
    }
    add({.key = r.key, .id = r.value, .lane = lane_of(r), .timestamp = r.timestamp, .link = all.link});
  }

 private:
  KeyLayout layout() const override { return KeyLayout::session; }
  static std::string key_of(const std::string& key, const Session& session) {
    std::string bytes;
    write_key(bytes, SessionKey{key, session.end, session.start});
    return bytes;
  }
};

// ---- The processors

kst_status forward(const Record& record, ProcessorContext& context, Link link) {
  const std::string shown = output_of(link, data_of(record.value));
  Record out = record;
  out.value = string_value(shown);
  return context.forward(0, {&out, 1});
}

}  // namespace

kst_status add_to_window(const Record& record, ProcessorContext& context, Chaos& chaos) {
  auto& windows = static_cast<WindowAccess&>(*context.store(0));
  kst_window_row row{record.key, null_value(), 0, window_of(record.timestamp), 0};
  if (kst_status status = windows.get_many({&row, 1}); status != KST_OK) return status;
  Link link;
  if (!is_null(row.value) && !read_row(data_of(row.value), link)) return KST_FATAL;
  link = next_link(link, data_of(record.value));
  const std::string stored = row_of(link);
  row.value = string_value(stored);
  row.timestamp = record.timestamp;
  if (kst_status status = windows.put_many({&row, 1}); status != KST_OK) return status;
  row.value = null_value();
  if (kst_status status = windows.get_many({&row, 1}); status != KST_OK) return status;
  if (is_null(row.value)) chaos.happened(Event::window_expired, chaos.stepping);
  return forward(record, context, link);
}

kst_status add_to_session(const Record& record, ProcessorContext& context, Chaos& chaos) {
  auto& sessions = static_cast<SessionAccess&>(*context.store(0));
  std::vector<Session> touched;
  const kst_session_range near{record.key, record.key, record.timestamp - session_gap, record.timestamp + session_gap};
  auto keep = [](void* touched, size_t, const kst_session_row* row) {
    Session session{row->start, row->end, {}};
    if (!read_row(data_of(row->value), session.link)) return 1;
    static_cast<std::vector<Session>*>(touched)->push_back(session);
    return 0;
  };
  if (kst_status status = sessions.scan({&near, 1}, false, &touched, keep); status != KST_OK) return status;
  if (touched.size() > 1) chaos.happened(Event::sessions_merged, chaos.stepping);
  const Session all = merged(touched, record.timestamp, data_of(record.value));
  std::vector<kst_session_row> rows;
  for (const Session& old : touched) rows.push_back({record.key, null_value(), old.start, old.end, record.timestamp});
  const std::string stored = row_of(all.link);
  rows.push_back({record.key, string_value(stored), all.start, all.end, record.timestamp});
  if (kst_status status = sessions.put_many(rows); status != KST_OK) return status;
  return forward(record, context, all.link);
}

std::unique_ptr<Shape> make_windowed_shape(const Plan& plan) { return std::make_unique<Windowed>(plan); }
std::unique_ptr<Shape> make_sessions_shape(const Plan& plan) { return std::make_unique<Sessions>(plan); }

}  // namespace kstreamd::sim
