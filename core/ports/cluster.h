// The log as the engine sees it: Kafka (core/kafka) or the log inside the process (core/embedded). Both pass the same
// contract tests (tests/contract).
//
// Errors carry a Recovery (core/base/result.h) that the adapter decided; the engine acts on that alone. Unless a
// comment says otherwise an object is used by one thread at a time, and no call blocks for longer than the time-out it
// is given.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/clock.h"
#include "core/base/result.h"
#include "core/record/fetched.h"
#include "core/record/topic_partition.h"

namespace kstreamd {

// ---- Records in

// The records of a poll take up about this many bytes at most, or are a single one.
inline constexpr size_t kPollBytes = 2 << 20;

// Hand-assigned partitions, read_committed, one queue. Belongs to one worker (or to the restorer).
//
// Slots: the caller numbers the partitions it assigns; batches carry the number back. After seek, pause or unassign
// returns, no record from before it comes any more.
class RecordSource {
 public:
  virtual ~RecordSource() = default;
  // Starts delivering from `offset` (an absolute offset). The topic must exist.
  virtual Status assign(int32_t slot, const TopicPartition& partition, int64_t offset) = 0;
  virtual Status unassign(int32_t slot) = 0;
  virtual Status seek(int32_t slot, int64_t offset) = 0;
  // A paused partition delivers nothing; resume goes on exactly after what was delivered.
  virtual Status pause(int32_t slot) = 0;
  virtual Status resume(int32_t slot) = 0;
  // Appends batches with up to about `max_records` records and kPollBytes in all, waiting up to `timeout` for the first
  // one. A partition whose end was reached shows it once by a batch (perhaps without records) with at_end. An error is
  // about the source as a whole, or names the partition whose position is out of range (Recovery::stop_topology).
  virtual Status poll(std::vector<FetchedBatch>& out, size_t max_records, Duration timeout) = 0;
  // Makes a poll that is waiting in another thread return at once, or the next one not wait. [any thread]
  virtual void wake() = 0;
  // The high watermark of a slot's partition as last seen in a fetch, -1 when unknown. For lag metrics. [any thread]
  virtual int64_t high_watermark(int32_t slot) const = 0;
};

// ---- Group membership

// Proof of membership at one moment, as a transaction's offsets need it. Immutable and shared between threads.
class GroupToken {
 public:
  virtual ~GroupToken() = default;
  virtual const std::string& member_id() const = 0;
};

struct GroupConfig {
  std::string group_id;
  std::string instance_id;  // static membership; unique per living process
  std::string topic;        // the internal topic whose partitions stand for tasks
};

struct GroupEvent {
  enum class Type {
    none,
    assigned,  // `partitions` are added (perhaps none: a rejoin); the caller answers with finish()
    revoked,   // `partitions` are to be given up: the caller commits, closes, then answers with finish()
    lost,      // the same, but nothing may be committed any more
    error,     // `error`; the membership goes on unless its recovery says otherwise
  };
  Type type = Type::none;
  std::vector<int32_t> partitions;
  Error error;
};

// This process in the consumer group. Owned and called by the control thread, but for what says otherwise.
class GroupMember {
 public:
  virtual ~GroupMember() = default;
  // Must be called often (well below 10 s apart), also while an event is being answered; it then gives `none`.
  virtual GroupEvent poll(Duration timeout) = 0;
  // Tells the group that the last assigned, revoked or lost event has been acted upon, and takes a fresh token.
  virtual Status finish(const GroupEvent& event) = 0;
  // The token taken at the last finish(); null before the first assignment and while the membership is lost.
  virtual std::shared_ptr<const GroupToken> token() const = 0;
  // A source of hand-assigned partitions that this member's token covers. It must be destroyed before the member.
  virtual std::unique_ptr<RecordSource> make_source() = 0;
  // Committed, stable offsets; -1 where there is none. Recovery::retry while a transaction on them is still open. [any
  // thread]
  virtual Result<std::vector<PartitionOffset>> committed(std::span<const TopicPartition> partitions,
                                                         Duration timeout) = 0;
  // Commits without a transaction, for at_least_once. [any thread]
  virtual Status commit(std::span<const PartitionOffset> offsets, const GroupToken& token) = 0;
  // Stays a member for the others until its session times out (static membership). Idempotent; the destructor does it
  // too.
  virtual void close() = 0;
};

// ---- Records out

using TopicHandle = int32_t;  // of one Producer

struct OutgoingRecord {
  TopicHandle topic = 0;
  int32_t partition = -1;  // -1: by the key (partition_of_key), spread evenly without one
  bool key_null = true;
  bool value_null = true;
  bool tracked = false;  // its offset is wanted: see Producer::last_offset
  std::string_view key;
  std::string_view value;
  int64_t timestamp = 0;  // ms
  std::span<const Header> headers;
};

struct ProducerConfig {
  std::string transactional_id;  // empty: no transactions (at_least_once)
};

// A producer, transactional when it has an id. One worker's.
//
// Life-cycle: init, then (begin, produce..., send_offsets, commit | abort)... . An error with Recovery::retry from
// init, send_offsets, commit or abort asks for the same call again; abort_transaction asks for abort();
// recreate_producer means that this object is good for nothing but destruction.
class Producer {
 public:
  virtual ~Producer() = default;
  // Registers the id: aborts what an earlier holder left open, and fences it.
  virtual Status init(Duration timeout) = 0;
  // Opens a topic for producing and learns where its partitions are; a missing topic is an error that names it.
  virtual Result<TopicHandle> open_topic(const std::string& name, Duration timeout) = 0;
  // The same for a topic that may be missing: nothing then.
  virtual Result<std::optional<TopicHandle>> find_topic(const std::string& name, Duration timeout) {
    auto opened = open_topic(name, timeout);
    if (!opened) return std::move(opened).error();
    return std::optional(*opened);
  }
  virtual int32_t partition_count(TopicHandle topic) const = 0;
  virtual Status begin() = 0;
  // Queues a copy of the record. When the queue is full, waits for room.
  virtual Status produce(const OutgoingRecord& record) = 0;
  // Puts the offsets into the transaction, fenced by the token.
  virtual Status send_offsets(std::span<const PartitionOffset> offsets, const GroupToken& token) = 0;
  // Waits until everything is written and the transaction is decided.
  virtual Status commit() = 0;
  virtual Status abort() = 0;
  // Waits until everything produced is acknowledged; without transactions this is the commit.
  virtual Status flush(Duration timeout) = 0;
  // Bytes of the open transaction that stay in this process until its end. 0 where they leave as they can.
  virtual size_t open_bytes() const { return 0; }
  // The greatest offset that a tracked record of the partition was given since the last take, -1 for none. Complete
  // after commit or flush have succeeded.
  virtual int64_t take_last_offset(TopicHandle topic, int32_t partition) = 0;
};

// ---- Topics

struct TopicInfo {
  std::string name;
  bool exists = false;
  int32_t partitions = 0;
};

struct TopicSpec {
  std::string name;
  int32_t partitions = 1;
  int32_t replication_factor = -1;  // -1: the broker's default
  std::map<std::string, std::string> configs;
};

// A member of a consumer group, as others see it.
struct GroupMemberInfo {
  std::string instance_id;  // of a static member; else empty
  std::string member_id;
  std::string client_id;
  std::string host;
};

// Thread safety: every function may be called from any thread.
class Admin {
 public:
  virtual ~Admin() = default;
  virtual Result<std::string> cluster_id(Duration timeout) = 0;
  virtual Result<std::vector<TopicInfo>> describe(std::span<const std::string> topics, Duration timeout) = 0;
  virtual Result<std::vector<TopicInfo>> list(Duration timeout) = 0;
  // Topics that exist already are left as they are, without an error. Returns once they can be used.
  virtual Status create(std::span<const TopicSpec> topics, Duration timeout) = 0;
  virtual Status remove(std::span<const std::string> topics, Duration timeout) = 0;
  virtual Result<std::map<std::string, std::string>> configs(const std::string& topic, Duration timeout) = 0;
  // The first offset, and the high watermark (past open transactions).
  struct Watermarks {
    int64_t low = 0;
    int64_t high = 0;
  };
  virtual Result<Watermarks> watermarks(const TopicPartition& partition, Duration timeout) = 0;
  // Deletes the records below the offsets.
  virtual Status delete_records(std::span<const PartitionOffset> before, Duration timeout) = 0;
  // The offset of the first record that is not older than the time, in ms since 1970; nullopt: all are older.
  virtual Result<std::optional<int64_t>> offset_at(const TopicPartition& partition, int64_t timestamp_ms,
                                                   Duration timeout) = 0;

  // Groups, by whoever is no member of them.

  // Who is in the group; nobody where there is no such group.
  virtual Result<std::vector<GroupMemberInfo>> group_members(const std::string& group, Duration timeout) = 0;
  // What the group has committed, whatever transactions on it are open; -1 where there is nothing.
  virtual Result<std::vector<PartitionOffset>> group_offsets(const std::string& group,
                                                             std::span<const TopicPartition> partitions,
                                                             Duration timeout) = 0;
  // Sets what the group has committed; -1 forgets it. While the group has members it is refused (stop_topology).
  virtual Status set_group_offsets(const std::string& group, std::span<const PartitionOffset> offsets,
                                   Duration timeout) = 0;
  // Ends the membership of a static member, one that was stopped and keeps its place or one that lives (which then
  // joins again), and returns when it is gone. No such member is no error.
  virtual Status expel(const GroupConfig& member, Duration timeout) = 0;
};

// What was fetched and waits for a poll, in bytes, about.
struct FetchedMemory {
  uint64_t sources = 0;  // of GroupMember::make_source, all together
  uint64_t readers = 0;  // of Cluster::make_reader
};

// The connection: makes everything else. Thread safety: every function may be called from any thread.
class Cluster {
 public:
  virtual ~Cluster() = default;
  virtual Admin& admin() = 0;
  virtual Result<std::unique_ptr<GroupMember>> join(const GroupConfig& config) = 0;
  virtual Result<std::unique_ptr<Producer>> make_producer(const ProducerConfig& config) = 0;
  // A source outside any group, for restoration and `consume`. `committed_only`: read_committed, else read_uncommitted.
  virtual Result<std::unique_ptr<RecordSource>> make_reader(bool committed_only) = 0;
  virtual FetchedMemory fetched_memory() const { return {}; }
};

}  // namespace kstreamd
