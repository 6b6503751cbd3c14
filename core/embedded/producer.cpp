#include "core/embedded/producer.h"

#include <algorithm>

#include "core/record/murmur2.h"

namespace kstreamd::embedded {
namespace {

constexpr size_t kSegmentBytes = 128 << 10;
constexpr size_t kMaxRecordBytes = size_t{1} << 30;
constexpr size_t kRecordOverhead = 24;
constexpr int32_t kEvenBatch = 64;  // records without a key that go to the same partition

Error misuse(const std::string& what) {
  return {Recovery::stop_topology, what, "this is a defect of kstreamd, please report it"};
}

}  // namespace

EmbeddedProducer::EmbeddedProducer(std::shared_ptr<Broker> broker, ProducerConfig config)
    : broker_(std::move(broker)), config_(std::move(config)) {
  broker_->producers.add(this);
}

EmbeddedProducer::~EmbeddedProducer() {
  broker_->producers.remove(this);
  std::lock_guard lock(mutex_);
  if (in_transaction_)
    (void)end(false);
  else if (!fenced_)
    (void)append_all();
  forget_transaction();
}

// ---- Life-cycle

Status EmbeddedProducer::init(Duration) {
  {
    std::lock_guard lock(mutex_);
    KSTREAMD_TRY(check_usable());
    if (in_transaction_) return misuse("init was called inside a transaction");
  }
  if (transactional()) broker_->producers.take_id(config_.transactional_id, this);
  std::lock_guard lock(mutex_);
  initialised_ = true;
  return {};
}

void EmbeddedProducer::fence() {
  std::lock_guard lock(mutex_);
  if (fenced_) return;
  if (in_transaction_) (void)end(false);
  fenced_ = true;
}

Status EmbeddedProducer::check_usable() const {
  if (!fenced_) return {};
  return Error{Recovery::recreate_producer,
               "producer " + config_.transactional_id + " was fenced: another one has taken over its transactional id",
               "this passes by itself with a new producer"};
}

Status EmbeddedProducer::check_in_transaction(const char* call) const {
  KSTREAMD_TRY(check_usable());
  if (!in_transaction_) return misuse(std::string(call) + " was called outside a transaction");
  if (must_abort_)
    return Error{Recovery::abort_transaction,
                 std::string(call) + " of " + config_.transactional_id + ": the transaction has failed before",
                 "abort it and begin again"};
  return {};
}

Result<TopicHandle> EmbeddedProducer::open_topic(const std::string& name, Duration) {
  TopicPtr topic = broker_->topics->find(name);
  if (!topic) return Error{Recovery::retry_topology, "topic " + name + " does not exist", "create it"};
  std::lock_guard lock(mutex_);
  // One place to gather per partition, or records would overtake each other.
  for (size_t i = 0; i < topics_.size(); ++i)
    if (topics_[i]->topic == topic) return static_cast<TopicHandle>(i);
  auto open = std::make_unique<OpenTopic>();
  open->partitions.resize(topic->partitions.size());
  for (size_t p = 0; p < topic->partitions.size(); ++p) open->partitions[p].log = topic->partitions[p].get();
  open->topic = std::move(topic);
  topics_.push_back(std::move(open));
  return static_cast<TopicHandle>(topics_.size() - 1);
}

Result<std::optional<TopicHandle>> EmbeddedProducer::find_topic(const std::string& name, Duration timeout) {
  if (!broker_->topics->find(name)) return std::optional<TopicHandle>();
  auto opened = open_topic(name, timeout);
  if (!opened) return std::move(opened).error();
  return std::optional(*opened);
}

int32_t EmbeddedProducer::partition_count(TopicHandle topic) const {
  std::lock_guard lock(mutex_);
  return topics_.at(static_cast<size_t>(topic))->topic->info.partitions;
}

// ---- Producing

Result<EmbeddedProducer::Gathered*> EmbeddedProducer::target(const OutgoingRecord& record) {
  if (record.topic < 0 || static_cast<size_t>(record.topic) >= topics_.size())
    return misuse("produce was called with a topic that is not open");
  OpenTopic& topic = *topics_[static_cast<size_t>(record.topic)];
  auto count = static_cast<int32_t>(topic.partitions.size());
  int32_t partition = record.partition;
  if (partition == -1 && !record.key_null) {
    partition = partition_of_key(record.key, count);
  } else if (partition == -1) {
    if (topic.even_count++ == kEvenBatch) {
      topic.even_partition = (topic.even_partition + 1) % count;
      topic.even_count = 1;
    }
    partition = topic.even_partition;
  }
  if (partition < 0 || partition >= count)
    return Error{Recovery::stop_topology,
                 "partition " + topic.topic->info.name + "-" + std::to_string(partition) + " does not exist",
                 "the topic has " + std::to_string(count) + " partitions"};
  if (record.key_null && topic.topic->policy.compact)
    return Error{Recovery::stop_topology,
                 "a record without a key cannot go to the compacted topic " + topic.topic->info.name,
                 "give it a key, or use a topic with cleanup.policy=delete"};
  return &topic.partitions[static_cast<size_t>(partition)];
}

Status EmbeddedProducer::produce(const OutgoingRecord& record) {
  std::lock_guard lock(mutex_);
  KSTREAMD_TRY(transactional() ? check_in_transaction("produce") : check_usable());
  if (record.key.size() + record.value.size() > kMaxRecordBytes)
    return Error{Recovery::stop_topology, "a record is larger than 1 GiB", "split it"};
  auto found = target(record);
  if (!found) {
    must_abort_ = transactional();
    return std::move(found).error();
  }
  Gathered& gathered = **found;
  open_bytes_ += record.key.size() + record.value.size() + kRecordOverhead;
  if (record.tracked) gathered.last_tracked_index = gathered.pack.count();
  gathered.pack.add(record);
  if (gathered.pack.count() == 1) {
    if (gathering_.empty()) count_gathering(true);
    gathering_.push_back(&gathered);
    gathered.log->announce(transactional());
  }
  if (gathered.pack.bytes().size() < kSegmentBytes) return {};
  KSTREAMD_TRY(append(gathered));
  std::erase(gathering_, &gathered);
  if (gathering_.empty()) count_gathering(false);
  return {};
}

void EmbeddedProducer::count_gathering(bool now) {
  auto& counter = transactional() ? broker_->producers.gathering_transactional : broker_->producers.gathering_plain;
  counter += now ? 1 : -1;
}

Status EmbeddedProducer::append(Gathered& gathered) {
  auto base = gathered.log->append(transactional() ? this : nullptr, gathered.pack, broker_->clock->wall_ms());
  if (!base) {
    must_abort_ = transactional();
    return std::move(base).error();
  }
  if (gathered.last_tracked_index >= 0)
    gathered.last_tracked_offset = std::max(gathered.last_tracked_offset, *base + gathered.last_tracked_index);
  gathered.last_tracked_index = -1;
  gathered.pack.clear();
  if (!gathered.touched) touched_.push_back(&gathered);
  gathered.touched = true;
  return {};
}

Status EmbeddedProducer::append_all() {
  if (gathering_.empty()) return {};
  Status first_failure;
  std::erase_if(gathering_, [&](Gathered* gathered) {
    auto appended = append(*gathered);
    if (!appended && first_failure) first_failure = appended;
    return appended.ok();
  });
  if (gathering_.empty()) count_gathering(false);
  return first_failure;
}

bool EmbeddedProducer::push(bool wait) {
  std::unique_lock lock(mutex_, std::defer_lock);
  if (wait)
    lock.lock();
  else if (!lock.try_lock())
    return false;
  // What fails here fails again, and is told, at the producer's own next call.
  if (!fenced_ && !must_abort_) (void)append_all();
  return true;
}

Status EmbeddedProducer::flush(Duration) {
  std::vector<Gathered*> touched;
  {
    std::lock_guard lock(mutex_);
    KSTREAMD_TRY(check_usable());
    if (transactional() && must_abort_) return check_in_transaction("flush");
    KSTREAMD_TRY(append_all());
    if (transactional()) return {};
    touched.swap(touched_);
    for (Gathered* gathered : touched) gathered->touched = false;
  }
  if (touched.empty()) return {};
  if (broker_->storage) {
    for (Gathered* gathered : touched) KSTREAMD_TRY(gathered->log->persist());
    KSTREAMD_TRY(broker_->storage->sync());
  }
  request_cleaning(touched);
  return {};
}

size_t EmbeddedProducer::open_bytes() const {
  std::lock_guard lock(mutex_);
  return in_transaction_ ? open_bytes_ : 0;
}

int64_t EmbeddedProducer::take_last_offset(TopicHandle topic, int32_t partition) {
  std::lock_guard lock(mutex_);
  auto& gathered = topics_.at(static_cast<size_t>(topic))->partitions.at(static_cast<size_t>(partition));
  return std::exchange(gathered.last_tracked_offset, -1);
}

// ---- Transactions

Status EmbeddedProducer::begin() {
  std::lock_guard lock(mutex_);
  KSTREAMD_TRY(check_usable());
  if (!transactional()) return misuse("begin was called on a producer without a transactional id");
  if (!initialised_) return misuse("begin was called before init");
  if (in_transaction_) return misuse("begin was called inside a transaction");
  in_transaction_ = true;
  return {};
}

Status EmbeddedProducer::send_offsets(std::span<const PartitionOffset> offsets, const GroupToken& token) {
  std::lock_guard lock(mutex_);
  KSTREAMD_TRY(check_in_transaction("send_offsets"));
  auto sent = broker_->groups->add_pending(this, offsets, token);
  if (!sent) {
    must_abort_ = true;
    return sent;
  }
  has_offsets_ = has_offsets_ || !offsets.empty();
  return {};
}

Status EmbeddedProducer::commit() {
  std::vector<Gathered*> touched;
  {
    std::lock_guard lock(mutex_);
    KSTREAMD_TRY(check_in_transaction("commit"));
    KSTREAMD_TRY(append_all());
    touched = touched_;
    KSTREAMD_TRY(end(true));
  }
  request_cleaning(touched);
  return {};
}

Status EmbeddedProducer::abort() {
  std::lock_guard lock(mutex_);
  KSTREAMD_TRY(check_usable());
  if (!in_transaction_) return misuse("abort was called outside a transaction");
  return end(false);
}

// The outcome is in storage before anybody can see it.
Status EmbeddedProducer::end(bool commit) {
  std::optional<LogStorage::Batch> batch;
  if (broker_->storage) batch.emplace(broker_->storage->batch());
  for (Gathered* gathered : touched_) gathered->log->prepare_end(this, commit, batch ? &*batch : nullptr);
  if (batch && commit && has_offsets_) broker_->groups->put_pending(this, *batch);
  if (batch && !batch->empty()) {
    auto written = broker_->storage->write(*batch, commit);
    // An abort needs nothing on disk: what is not there was never committed.
    if (!written && commit) {
      must_abort_ = true;
      return written;
    }
  }
  for (Gathered* gathered : touched_) gathered->log->finish_end(this);
  if (has_offsets_) broker_->groups->end_pending(this, commit);
  if (!commit)
    for (auto& topic : topics_)
      for (Gathered& gathered : topic->partitions) gathered.last_tracked_offset = -1;
  forget_transaction();
  return {};
}

void EmbeddedProducer::forget_transaction() {
  for (Gathered* gathered : touched_) gathered->touched = false;
  touched_.clear();
  for (Gathered* gathered : gathering_) {
    gathered->pack.clear();
    gathered->last_tracked_index = -1;
  }
  if (!gathering_.empty()) count_gathering(false);
  gathering_.clear();
  in_transaction_ = must_abort_ = has_offsets_ = false;
  open_bytes_ = 0;
}

void EmbeddedProducer::request_cleaning(const std::vector<Gathered*>& touched) {
  int64_t now_ms = broker_->clock->wall_ms();
  for (Gathered* gathered : touched)
    if (gathered->log->cleaning_due(now_ms)) broker_->maintenance->request(gathered->log->shared_from_this());
}

}  // namespace kstreamd::embedded
