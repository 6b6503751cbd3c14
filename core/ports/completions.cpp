#include "core/ports/completions.h"

#include <map>
#include <utility>

namespace kstreamd {

struct Completions::Inbox {
  uint64_t id = 0;
  std::function<void()> wake;

  std::mutex mutex;
  // Guarded by mutex
  uint64_t next = 1;
  std::set<uint64_t> open;       // held, and not completed yet
  std::set<uint64_t> forgotten;  // timed out, and not completed yet
  uint64_t forgiven = 0;         // up to this one nobody knows any more which were forgotten
  std::vector<Completion> done;
  std::string misuse;
};

namespace {

// The inboxes of the process by number. Thread-safe.
template <typename Inbox>
class Table {
 public:
  void enter(const std::shared_ptr<Inbox>& inbox) {
    std::lock_guard lock(mutex_);
    inbox->id = next_++;
    inboxes_[inbox->id] = inbox;
  }
  void leave(uint64_t id) {
    std::lock_guard lock(mutex_);
    inboxes_.erase(id);
  }
  std::shared_ptr<Inbox> find(uint64_t id) const {
    std::lock_guard lock(mutex_);
    const auto found = inboxes_.find(id);
    return found == inboxes_.end() ? nullptr : found->second;
  }

 private:
  mutable std::mutex mutex_;
  uint64_t next_ = 1;                                   // guarded by mutex_
  std::map<uint64_t, std::shared_ptr<Inbox>> inboxes_;  // guarded by mutex_
};

template <typename Inbox>
Table<Inbox>& table() {
  static auto* all = new Table<Inbox>;  // never destroyed: a plugin's thread may complete until the process is gone
  return *all;
}

}  // namespace

Completions::Completions(std::function<void()> wake) : inbox_(std::make_shared<Inbox>()) {
  inbox_->wake = std::move(wake);
  table<Inbox>().enter(inbox_);
}

Completions::~Completions() {
  table<Inbox>().leave(inbox_->id);
  std::lock_guard lock(inbox_->mutex);
  inbox_->wake = nullptr;
}

kst_token Completions::open() {
  std::lock_guard lock(inbox_->mutex);
  inbox_->open.insert(inbox_->next);
  return {inbox_->id, inbox_->next++};
}

std::vector<Completion> Completions::take() {
  std::lock_guard lock(inbox_->mutex);
  return std::exchange(inbox_->done, {});
}

bool Completions::forget(uint64_t record) {
  constexpr size_t remembered = 10'000;
  std::lock_guard lock(inbox_->mutex);
  if (!inbox_->open.erase(record)) return false;
  auto& forgotten = inbox_->forgotten;
  forgotten.insert(record);
  if (forgotten.size() > remembered) {
    inbox_->forgiven = *forgotten.begin();
    forgotten.erase(forgotten.begin());
  }
  return true;
}

std::string Completions::misuse() const {
  std::lock_guard lock(inbox_->mutex);
  return inbox_->misuse;
}

kst_status Completions::post(kst_token token, Completion completion) {
  const auto inbox = table<Inbox>().find(token.processor);
  if (!inbox) return KST_STOP;
  completion.record = token.record;
  std::function<void()> wake;
  kst_status status = KST_OK;
  {
    std::lock_guard lock(inbox->mutex);
    if (inbox->open.erase(token.record)) {
      inbox->done.push_back(std::move(completion));
      if (inbox->done.size() > 1) return KST_OK;  // somebody was woken for the first one
    } else if (inbox->forgotten.erase(token.record) || (token.record > 0 && token.record <= inbox->forgiven)) {
      return KST_STOP;
    } else {
      status = KST_FATAL;
      if (inbox->misuse.empty())
        inbox->misuse = token.record > 0 && token.record < inbox->next ? "it completed a held record twice"
                                                                       : "it completed a token that it was never given";
    }
    wake = inbox->wake;
  }
  if (wake) wake();
  return status;
}

kst_status Completions::complete(kst_token token, const uint32_t* outputs, std::span<const kst_record> records) {
  Completion completion;
  completion.outputs.reserve(records.size());
  for (size_t i = 0; i < records.size(); ++i) {
    kst_record record = records[i];
    record.origin = nullptr;  // the task gives it the held record's
    completion.records.add(record);
    completion.outputs.push_back(outputs ? outputs[i] : 0);
  }
  return post(token, std::move(completion));
}

kst_status Completions::fail(kst_token token, std::string_view message) {
  Completion completion;
  completion.status = KST_RECORD_ERROR;
  completion.message = message;
  return post(token, std::move(completion));
}

kst_status Completions::drop(kst_token token, std::string_view reason) {
  Completion completion;
  completion.dropped = true;
  completion.message = reason;
  return post(token, std::move(completion));
}

}  // namespace kstreamd
