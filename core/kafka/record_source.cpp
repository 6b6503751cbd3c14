#include "core/kafka/record_source.h"

#include <algorithm>
#include <chrono>

#include "core/base/log.h"
#include "core/kafka/errors.h"
#include "core/kafka/settings.h"

namespace kstreamd::kafka {
namespace {

constexpr auto kMetadataTimeout = std::chrono::seconds(10);
constexpr int kSeekTimeoutMs = 5000;
constexpr size_t kArenaBytes = 64 * 1024;
constexpr size_t kSpareArenas = 32;
constexpr size_t kSpareBytes = 2 * kPollBytes;  // of all of them; those beyond keep a chunk each

// Whether a record has no headers for sure, without asking librdkafka, which allocates to answer (an eighth of the cost
// of a record of 100 bytes). On the wire the number of headers follows the value, and librdkafka hands out the wire's
// bytes; that was read in its source up to 2.15, so later versions are asked. An empty value lies elsewhere.
bool surely_without_headers(const rd_kafka_message_t& message) {
  static const bool known = rd_kafka_version() < 0x02100000;
  return known && message.payload && message.len > 0 && static_cast<const char*>(message.payload)[message.len] == 0;
}

}  // namespace

// Remembers what is only told by the error callback: an assigned topic that has gone.
class KafkaRecordSource::Context final : public ClientContext {
 public:
  using ClientContext::ClientContext;
  void on_error(rd_kafka_resp_err_t code, const char* reason) override {
    ClientContext::on_error(code, reason);
    if (code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || code == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION ||
        code == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC || code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED) {
      std::lock_guard lock(gone_mutex_);
      gone_ = plain_error(code, "reading", reason);
    }
  }
  std::optional<Error> take_gone() {
    std::lock_guard lock(gone_mutex_);
    return std::exchange(gone_, std::nullopt);
  }

 private:
  std::mutex gone_mutex_;
  std::optional<Error> gone_;  // guarded by gone_mutex_
};

// Arenas of batches that are gone, for those to come. They keep the memory they had grown to: giving it back and asking
// for it again costs a page fault for each 4 KiB. Thread safety: any thread; it lives as long as the last batch.
class KafkaRecordSource::Pool {
 public:
  std::unique_ptr<Arena> take() {
    std::lock_guard lock(mutex_);
    if (spare_.empty()) return std::make_unique<Arena>(kArenaBytes);
    auto arena = std::move(spare_.back());
    spare_.pop_back();
    spare_bytes_ -= arena->capacity();
    return arena;
  }
  void give(std::unique_ptr<Arena> arena) {
    std::lock_guard lock(mutex_);
    if (spare_.size() == kSpareArenas) return;
    if (spare_bytes_ + arena->capacity() <= kSpareBytes)
      arena->rewind();
    else
      arena->reset();
    spare_bytes_ += arena->capacity();
    spare_.push_back(std::move(arena));
  }

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<Arena>> spare_;  // guarded by mutex_
  size_t spare_bytes_ = 0;                     // guarded by mutex_
};

class KafkaRecordSource::Hold final : public BatchHold {
 public:
  Hold(std::shared_ptr<const std::string> topic, std::shared_ptr<Pool> pool)
      : arena(pool->take()), topic_(std::move(topic)), pool_(std::move(pool)) {}
  ~Hold() override { pool_->give(std::move(arena)); }

  std::unique_ptr<Arena> arena;

 private:
  const std::shared_ptr<const std::string> topic_;
  const std::shared_ptr<Pool> pool_;
};

Result<std::unique_ptr<RecordSource>> KafkaRecordSource::make(const Properties& properties, const std::string& role,
                                                              std::shared_ptr<SumOfParts> queued) {
  auto context = std::make_shared<Context>(role);
  auto client = Client::make(RD_KAFKA_CONSUMER, properties, context);
  if (!client) return std::move(client).error();
  return std::unique_ptr<RecordSource>(
      new KafkaRecordSource(std::move(client).value(), properties, context, std::move(queued)));
}

KafkaRecordSource::KafkaRecordSource(Client client, Properties properties, std::shared_ptr<Context> context,
                                     std::shared_ptr<SumOfParts> queued)
    : client_(std::move(client)),
      properties_(std::move(properties)),
      context_(std::move(context)),
      limits_(fetch_limits(properties_)),
      records_(rd_kafka_queue_new(client_.get())),
      pool_(std::make_shared<Pool>()),
      queued_(std::move(queued), [this] { return queued_bytes(); }) {}

KafkaRecordSource::~KafkaRecordSource() = default;

Result<KafkaRecordSource::Slot*> KafkaRecordSource::assigned(int32_t slot) {
  if (slot < 0 || static_cast<size_t>(slot) >= slots_.size() || !slots_[slot].assigned)
    return Error{Recovery::stop_topology, "slot " + std::to_string(slot) + " is not assigned", ""};
  return &slots_[slot];
}

Status KafkaRecordSource::assign(int32_t slot, const TopicPartition& partition, int64_t offset) {
  if (slot < 0 || offset < 0)
    return Error{Recovery::stop_topology, "cannot assign " + partition.text() + " at " + std::to_string(offset), ""};
  auto topic = topics_.find(partition.topic);
  if (topic == topics_.end() || partition.partition >= topic->second.partitions) {
    auto opened = open_topic(client_, properties_, partition.topic, kMetadataTimeout);
    if (!opened) return std::move(opened).error();
    topic = topics_.insert_or_assign(partition.topic, std::move(opened).value()).first;
  }
  if (partition.partition < 0 || partition.partition >= topic->second.partitions)
    return Error{Recovery::retry_topology,
                 "topic '" + partition.topic + "' has " + std::to_string(topic->second.partitions) +
                     " partitions, so there is no partition " + std::to_string(partition.partition),
                 ""};
  if (static_cast<size_t>(slot) >= slots_.size()) {
    slots_.resize(slot + 1);
    found_.clear();  // it points into slots_
  }
  Slot& s = slots_[slot];
  if (s.assigned) return Error{Recovery::stop_topology, "slot of " + s.partition.text() + " is in use", ""};
  s.partition = partition;
  s.topic = std::make_shared<const std::string>(partition.topic);
  {
    std::lock_guard lock(names_mutex_);
    if (names_.size() < slots_.size()) names_.resize(slots_.size());
    names_[slot] = partition;
  }
  return start(s, offset);
}

Status KafkaRecordSource::start(Slot& slot, int64_t offset) {
  const TopicPartition& p = slot.partition;
  // Forwarding comes first: what is fetched before would go to the consumer's main queue.
  slot.queue.reset(rd_kafka_queue_get_partition(client_.get(), p.topic.c_str(), p.partition));
  if (!slot.queue) return plain_error(RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION, "assign " + p.text());
  rd_kafka_queue_forward(slot.queue.get(), records_.get());
  auto list = make_list();
  rd_kafka_topic_partition_list_add(list.get(), p.topic.c_str(), p.partition)->offset = offset;
  if (Handle<rd_kafka_error_t> error{rd_kafka_incremental_assign(client_.get(), list.get())})
    return plain_error(rd_kafka_error_code(error.get()), "assign " + p.text(), rd_kafka_error_string(error.get()));
  slot.assigned = true;
  slot.paused = false;
  slot.next_offset = offset;
  slot.at_end = false;
  found_.clear();
  return {};
}

Status KafkaRecordSource::stop(Slot& slot) {
  slot.assigned = false;
  found_.clear();
  slot.queue.reset();
  auto list = make_list();
  rd_kafka_topic_partition_list_add(list.get(), slot.partition.topic.c_str(), slot.partition.partition);
  if (Handle<rd_kafka_error_t> error{rd_kafka_incremental_unassign(client_.get(), list.get())})
    return plain_error(rd_kafka_error_code(error.get()), "unassign " + slot.partition.text(),
                       rd_kafka_error_string(error.get()));
  return {};
}

Status KafkaRecordSource::unassign(int32_t slot) {
  auto found = assigned(slot);
  if (!found) return std::move(found).error();
  {
    std::lock_guard lock(names_mutex_);
    names_[slot] = {};
  }
  return stop(**found);
}

Status KafkaRecordSource::seek(int32_t slot, int64_t offset) {
  auto found = assigned(slot);
  if (!found) return std::move(found).error();
  Slot& s = **found;
  auto list = make_list();
  auto* entry = rd_kafka_topic_partition_list_add(list.get(), s.partition.topic.c_str(), s.partition.partition);
  entry->offset = offset;
  Handle<rd_kafka_error_t> error(rd_kafka_seek_partitions(client_.get(), list.get(), kSeekTimeoutMs));
  if (!error && !entry->err) {
    s.next_offset = offset;
    s.at_end = false;
    return {};
  }
  // Not started yet, or stopping: a fresh assignment does the same.
  bool paused = s.paused;
  KSTREAMD_TRY(stop(s));
  KSTREAMD_TRY(start(s, offset));
  return paused ? pause(slot) : Status();
}

Status KafkaRecordSource::pause(int32_t slot) {
  auto found = assigned(slot);
  if (!found) return std::move(found).error();
  Slot& s = **found;
  if (s.paused) return {};
  auto list = make_list();
  rd_kafka_topic_partition_list_add(list.get(), s.partition.topic.c_str(), s.partition.partition);
  if (auto err = rd_kafka_pause_partitions(client_.get(), list.get())) return plain_error(err, "pause");
  s.paused = true;
  return {};
}

Status KafkaRecordSource::resume(int32_t slot) {
  auto found = assigned(slot);
  if (!found) return std::move(found).error();
  Slot& s = **found;
  if (!s.paused) return {};  // librdkafka 2.0.2 would drop what it has fetched
  auto list = make_list();
  rd_kafka_topic_partition_list_add(list.get(), s.partition.topic.c_str(), s.partition.partition);
  if (auto err = rd_kafka_resume_partitions(client_.get(), list.get())) return plain_error(err, "resume");
  s.paused = false;
  // Where we are is our own knowledge. And a seek wakes the broker's thread, which may sleep for a second otherwise.
  auto sought = seek(slot, s.next_offset);
  s.paused = !sought.ok();  // asked again, it starts from here once more
  return sought;
}

Status KafkaRecordSource::poll(std::vector<FetchedBatch>& out, size_t max_records, Duration timeout) {
  rd_kafka_poll(client_.get(), 0);  // the error callback
  if (auto gone = context_->take_gone()) return *std::move(gone);
  out_ = &out;
  first_batch_ = out.size();
  room_ = std::max<size_t>(max_records, 1);
  bytes_ = 0;
  in_poll_ = rd_kafka_queue_length(records_.get());
  longest_queue_ = std::max<uint64_t>(longest_queue_, in_poll_);
  error_.reset();
  rd_kafka_consume_callback_queue(records_.get(), to_ms(timeout), on_message, this);
  for (size_t i = first_batch_; i < out.size(); ++i) {
    Slot& slot = slots_[out[i].slot];
    slot.batch = -1;
    slot.usual_batch = std::max<size_t>(out[i].records.size(), 16);
    out[i].bytes = std::max(out[i].bytes, kArenaBytes);
  }
  out_ = nullptr;
  in_poll_ = 0;
  refill();
  if (error_) return *std::exchange(error_, std::nullopt);
  return {};
}

// Once its queue is at a limit, librdkafka 2.0.2 sleeps for a second, also when the queue is empty long before. A seek
// wakes it; to where we are, and when the queue is empty, it takes nothing away but a fetch that may be under way after
// all. So it is done only where the queue was about as long as a limit allows.
void KafkaRecordSource::refill() {
  taken_.bytes += bytes_;
  if (taken_.messages > 0) record_size_ = taken_.bytes / taken_.messages;
  if (rd_kafka_queue_length(records_.get()) > 0) return;
  const uint64_t mean = taken_.messages > 0 ? taken_.bytes / taken_.messages : 0;
  const bool full = longest_queue_ >= limits_.messages / 4 * 3 || longest_queue_ * mean >= limits_.bytes / 4 * 3;
  taken_ = {};
  longest_queue_ = 0;
  if (!full) return;
  auto list = make_list();
  for (const Slot& slot : slots_)
    if (slot.assigned && !slot.paused)
      rd_kafka_topic_partition_list_add(list.get(), slot.partition.topic.c_str(), slot.partition.partition)->offset =
          slot.next_offset;
  // Without a time-out it does not wait. A partition that cannot be sought is fetched when librdkafka wakes by itself.
  Handle<rd_kafka_error_t> ignored(rd_kafka_seek_partitions(client_.get(), list.get(), 0));
}

void KafkaRecordSource::on_message(rd_kafka_message_t* message, void* source) {
  static_cast<KafkaRecordSource*>(source)->take(*message);
}

void KafkaRecordSource::take(rd_kafka_message_t& message) {
  // librdkafka hands over all it has, unless it is told to stop; the rest stays in its queue.
  bytes_ += message.key_len + message.len;
  ++taken_.messages;
  if (--room_ == 0 || bytes_ >= kPollBytes) rd_kafka_yield(client_.get());
  Slot* slot = message.rkt ? find(message.rkt, message.partition) : nullptr;
  if (!slot) {
    if (message.err && message.err != RD_KAFKA_RESP_ERR__PARTITION_EOF && !message.rkt)
      error_ = plain_error(message.err, "reading", rd_kafka_message_errstr(&message));
    return;
  }
  if (message.err) return take_error(*slot, message);
  if (message.offset < slot->next_offset) return;  // fetched twice: librdkafka #4636
  slot->next_offset = message.offset + 1;
  slot->at_end = false;

  FetchedBatch& batch = batch_of(*slot);
  Arena& arena = *static_cast<Hold&>(*batch.hold).arena;
  FetchedRecord& record = batch.records.emplace_back();
  Origin& origin = record.origin;
  origin.topic = slot->topic->data();
  origin.topic_size = static_cast<uint32_t>(slot->topic->size());
  origin.partition = message.partition;
  origin.offset = message.offset;
  origin.raw_key_size = static_cast<uint32_t>(message.key_len);
  origin.raw_value_size = static_cast<uint32_t>(message.len);
  auto* bytes = static_cast<char*>(arena.allocate(message.key_len + message.len));
  if (message.key) {
    origin.raw_key = bytes;
    std::memcpy(bytes, message.key, message.key_len);
  }
  if (message.payload) {
    origin.raw_value = bytes + message.key_len;
    std::memcpy(bytes + message.key_len, message.payload, message.len);
  }
  rd_kafka_timestamp_type_t type;
  record.timestamp = rd_kafka_message_timestamp(&message, &type);
  batch.bytes += message.key_len + message.len;
  batch.next_offset = slot->next_offset;
  batch.at_end = false;

  if (surely_without_headers(message)) return;
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(&message, &headers)) return;
  size_t count = rd_kafka_header_cnt(headers);
  auto* copies = static_cast<Header*>(arena.allocate(count * sizeof(Header)));
  for (size_t i = 0; i < count; ++i) {
    const char* name;
    const void* value;
    size_t size;
    rd_kafka_header_get_all(headers, i, &name, &value, &size);
    std::string_view name_copy = arena.copy(name);
    copies[i] = {name_copy.data(), nullptr, static_cast<uint32_t>(name_copy.size()), static_cast<uint32_t>(size)};
    if (value) copies[i].value = arena.copy({static_cast<const char*>(value), size}).data();
    batch.bytes += name_copy.size() + size;
  }
  record.headers = copies;
  record.header_count = static_cast<uint32_t>(count);
}

void KafkaRecordSource::take_error(Slot& slot, const rd_kafka_message_t& message) {
  if (message.err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
    // After refill() the end is told again.
    if (std::exchange(slot.at_end, true) && message.offset <= slot.next_offset) return;
    FetchedBatch& batch = batch_of(slot);
    slot.next_offset = std::max(slot.next_offset, message.offset);
    batch.next_offset = slot.next_offset;
    batch.at_end = true;
    return;
  }
  error_ =
      plain_error(message.err, "reading " + slot.partition.text() + " at offset " + std::to_string(slot.next_offset),
                  rd_kafka_message_errstr(&message));
  if (message.err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET || message.err == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE)
    error_->hint = "the records there are gone: was the topic re-created, or its retention too short?";
  rd_kafka_yield(client_.get());
}

KafkaRecordSource::Slot* KafkaRecordSource::find(const rd_kafka_topic_t* topic, int32_t partition) {
  if (last_found_ < found_.size() && found_[last_found_].topic == topic && found_[last_found_].partition == partition)
    return found_[last_found_].slot;
  for (size_t i = 0; i < found_.size(); ++i)
    if (found_[i].topic == topic && found_[i].partition == partition) {
      last_found_ = i;
      return found_[i].slot;
    }
  std::string_view name = rd_kafka_topic_name(topic);
  for (Slot& slot : slots_)
    if (slot.assigned && slot.partition.partition == partition && slot.partition.topic == name) {
      last_found_ = found_.size();
      found_.push_back({topic, partition, &slot});
      return &slot;
    }
  return nullptr;
}

FetchedBatch& KafkaRecordSource::batch_of(Slot& slot) {
  if (slot.batch >= 0) return (*out_)[slot.batch];
  slot.batch = static_cast<int>(out_->size());
  FetchedBatch& batch = out_->emplace_back();
  batch.slot = static_cast<int32_t>(&slot - slots_.data());
  batch.records.reserve(std::min(slot.usual_batch, room_ + 1));
  batch.hold = std::make_unique<Hold>(slot.topic, pool_);
  return batch;
}

// librdkafka knows the bytes of its queue, but tells them only in its statistics, which cost more than they are worth
// here: so its records, each as large as those that were taken.
uint64_t KafkaRecordSource::queued_bytes() const {
  const uint64_t records = std::max<uint64_t>(rd_kafka_queue_length(records_.get()), in_poll_);
  return records * (record_size_ + kFetchedOverhead);
}

void KafkaRecordSource::wake() { rd_kafka_queue_yield(records_.get()); }

int64_t KafkaRecordSource::high_watermark(int32_t slot) const {
  TopicPartition partition;
  {
    std::lock_guard lock(names_mutex_);
    if (slot < 0 || static_cast<size_t>(slot) >= names_.size()) return -1;
    partition = names_[slot];
  }
  int64_t low = -1, high = -1;
  if (partition.topic.empty() ||
      rd_kafka_get_watermark_offsets(client_.get(), partition.topic.c_str(), partition.partition, &low, &high))
    return -1;
  return high >= 0 ? high : -1;
}

}  // namespace kstreamd::kafka
