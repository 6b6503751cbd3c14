// What stands in for Kafka's broker inside the process: everything that the objects of one embedded cluster share.
//
// Life-cycle: open(), then shared by the cluster and everything it made; the last of them closes the log. Thread
// safety: any thread. Locks, in the order in which they may be taken: the producer table's, a producer's, then any one
// of: the topic table's, the groups', a partition's.
#pragma once
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/embedded/embedded_cluster.h"
#include "core/embedded/groups.h"
#include "core/embedded/storage.h"
#include "core/embedded/topics.h"

namespace kstreamd::embedded {

class EmbeddedProducer;

// The living producers: for fencing by transactional id, and to get at records that they have not appended yet.
class ProducerTable {
 public:
  // The producer becomes the only holder of the id; an earlier one is fenced and its transaction aborted.
  void take_id(const std::string& transactional_id, EmbeddedProducer* producer);
  void add(EmbeddedProducer* producer);
  void remove(EmbeddedProducer* producer);
  // Appends what producers have gathered: those without transactions, or all. False: one was busy, ask again.
  bool push_gathered(bool transactional_too, bool wait);
  // Producers with records gathered and not appended.
  std::atomic<int> gathering_plain{0};
  std::atomic<int> gathering_transactional{0};

 private:
  std::mutex mutex_;                          // guards what follows
  std::vector<EmbeddedProducer*> producers_;  // oldest first: runs that are repeated append in the same order
  std::map<std::string, EmbeddedProducer*> by_id_;
};

// Cleans partitions, on its own thread or on the caller's.
class Maintenance {
 public:
  Maintenance(bool own_thread, const Clock& clock) : own_thread_(own_thread), clock_(clock) {}
  ~Maintenance();
  void request(std::shared_ptr<PartitionLog> partition);

 private:
  void run();
  void clean(PartitionLog& partition) const;

  const bool own_thread_;
  const Clock& clock_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::deque<std::shared_ptr<PartitionLog>> due_;
  bool stopping_ = false;
  std::thread thread_;
};

struct Broker {
  static Result<std::shared_ptr<Broker>> open(const EmbeddedOptions& options);
  ~Broker();

  std::unique_ptr<const Clock> own_clock;
  const Clock* clock = nullptr;
  std::string cluster_id;
  std::unique_ptr<LogStorage> storage;  // null: in memory
  std::unique_ptr<RecentRecords> recent;
  std::unique_ptr<TopicTable> topics;
  std::unique_ptr<Groups> groups;
  ProducerTable producers;
  std::unique_ptr<Maintenance> maintenance;
};

}  // namespace kstreamd::embedded
