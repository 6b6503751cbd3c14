#include "core/embedded/broker.h"

#include <algorithm>

#include "core/base/log.h"
#include "core/embedded/producer.h"

namespace kstreamd::embedded {
namespace {

class SystemClock final : public Clock {
 public:
  Duration now() const override {
    return std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch());
  }
  int64_t wall_ms() const override {
    auto since = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::milliseconds>(since).count();
  }
};

}  // namespace

// ---- ProducerTable

void ProducerTable::add(EmbeddedProducer* producer) {
  std::lock_guard lock(mutex_);
  producers_.push_back(producer);
}

void ProducerTable::remove(EmbeddedProducer* producer) {
  std::lock_guard lock(mutex_);
  std::erase(producers_, producer);
  std::erase_if(by_id_, [&](const auto& entry) { return entry.second == producer; });
}

void ProducerTable::take_id(const std::string& transactional_id, EmbeddedProducer* producer) {
  std::lock_guard lock(mutex_);
  auto [it, is_new] = by_id_.try_emplace(transactional_id, producer);
  if (is_new || it->second == producer) return;
  it->second->fence();
  it->second = producer;
}

bool ProducerTable::push_gathered(bool transactional_too, bool wait) {
  if (gathering_plain == 0 && !(transactional_too && gathering_transactional > 0)) return true;
  std::unique_lock lock(mutex_, std::defer_lock);
  if (wait)
    lock.lock();
  else if (!lock.try_lock())
    return false;
  bool all = true;
  for (EmbeddedProducer* producer : producers_)
    if (transactional_too || !producer->transactional()) all = producer->push(wait) && all;
  return all;
}

// ---- Maintenance

Maintenance::~Maintenance() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Maintenance::request(std::shared_ptr<PartitionLog> partition) {
  if (!own_thread_) return clean(*partition);
  std::lock_guard lock(mutex_);
  if (std::find(due_.begin(), due_.end(), partition) != due_.end()) return;
  due_.push_back(std::move(partition));
  if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
  changed_.notify_all();
}

void Maintenance::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stopping_ || !due_.empty(); });
    if (stopping_) return;
    auto partition = std::move(due_.front());
    due_.pop_front();
    lock.unlock();
    clean(*partition);
    partition.reset();
    lock.lock();
  }
}

void Maintenance::clean(PartitionLog& partition) const {
  auto cleaned = partition.clean(clock_.wall_ms());
  if (!cleaned)
    log(LogLevel::error, "a partition of the embedded log could not be cleaned",
        {{"partition", partition.name().text()}, {"error", cleaned.error().text()}});
}

// ---- Broker

Result<std::shared_ptr<Broker>> Broker::open(const EmbeddedOptions& options) {
  auto broker = std::make_shared<Broker>();
  broker->clock = options.clock;
  if (!broker->clock) {
    broker->own_clock = std::make_unique<SystemClock>();
    broker->clock = broker->own_clock.get();
  }
  broker->cluster_id = "embedded-memory";
  if (!options.folder.empty()) {
    auto storage = LogStorage::open(options.folder, options.database_bytes);
    if (!storage) return std::move(storage).error();
    broker->storage = std::move(*storage);
    broker->cluster_id = broker->storage->cluster_id();
  }
  LogStorage* storage = broker->storage.get();
  broker->recent = std::make_unique<RecentRecords>(options.cache_bytes);
  CleanupPolicy policy;
  policy.compact_min_records = options.compact_min_records;
  policy.compaction_bytes = options.compaction_bytes;
  broker->topics = std::make_unique<TopicTable>(storage, *broker->recent, options.default_partitions, policy);
  broker->groups = std::make_unique<Groups>(*broker->topics, storage, *broker->clock, options.session_timeout);
  broker->maintenance = std::make_unique<Maintenance>(options.maintenance_thread, *broker->clock);
  if (storage) KSTREAMD_TRY(broker->topics->load());
  return broker;
}

Broker::~Broker() {
  maintenance.reset();
  if (!storage || !topics) return;
  Status stored;
  for (const TopicPtr& topic : topics->list())
    for (const auto& partition : topic->partitions)
      if (stored) stored = partition->persist();
  if (stored) stored = storage->sync();
  if (!stored) log(LogLevel::error, "the embedded log was not closed well", {{"error", stored.error().text()}});
}

}  // namespace kstreamd::embedded
