// One suite for whatever stands behind core/ports/cluster.h: the same cases are built once against the log inside the
// process and once against a real broker. The cases know the ports only.
//
// A program of the suite links the cases and defines make_contract_fixture().
#pragma once
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/ports/cluster.h"

namespace kstreamd::contract {

class ContractFixture {
 public:
  virtual ~ContractFixture() = default;
  // The log under test. The same object for the whole of a case.
  virtual Cluster& cluster() = 0;
  // A name that no other case, and no earlier run, has used: for topics, groups, transactional ids and instances.
  virtual std::string fresh_name() = 0;
};

// Defined by each program of the suite; called at the beginning of each case.
std::unique_ptr<ContractFixture> make_contract_fixture();

constexpr Duration kPatience = std::chrono::seconds(30);

// A record as it was read, with its bytes copied out of the batch.
struct Read {
  int32_t slot = 0;
  int64_t offset = 0;
  int64_t timestamp = 0;
  std::optional<std::string> key;
  std::optional<std::string> value;
  std::vector<std::pair<std::string, std::optional<std::string>>> headers;
};

// What the cases do over and over. Every function fails the running case when the log does not do its part in time.
class Lab {
 public:
  Lab() : fixture_(make_contract_fixture()) {}

  Cluster& cluster() { return fixture_->cluster(); }
  Admin& admin() { return cluster().admin(); }
  std::string fresh_name() { return fixture_->fresh_name(); }

  // A new topic.
  std::string topic(int32_t partitions = 1);
  // A producer after init; transactional when there is an id.
  std::unique_ptr<Producer> producer(const std::string& transactional_id);
  std::unique_ptr<RecordSource> reader(bool committed_only = true);
  std::unique_ptr<GroupMember> join(const std::string& group, const std::string& topic, const std::string& instance);

 private:
  std::unique_ptr<ContractFixture> fixture_;
};

TopicHandle open(Producer& producer, const std::string& topic);
// Queues one record without headers.
void put(Producer& producer, TopicHandle topic, const std::string& key, const std::string& value,
         int32_t partition = -1, bool tracked = false);
// begin, one record for each value ("k" is the key), commit.
void put_transaction(Producer& producer, TopicHandle topic, const std::vector<std::string>& values,
                     int32_t partition = 0);
// Repeats a call for as long as it asks for that.
Status persist(const std::function<Status()>& call);
// Fails the test with what the error says.
void must(const Status& status);

// Polls until `count` records are there. More than that is a failure too, if it comes at once.
std::vector<Read> read(RecordSource& source, size_t count);
// Polls until `slot` was at its end at or past `offset`; gives the records of all slots seen on the way.
std::vector<Read> read_to(RecordSource& source, int32_t slot, int64_t offset);
// Polls for a little while: for what must not come.
std::vector<Read> read_for(RecordSource& source, Duration time);
std::vector<std::string> values_of(const std::vector<Read>& records);
int64_t high_watermark(Lab& lab, const std::string& topic, int32_t partition = 0);

// A member with what it owns, answering its events as they come. For groups of several members in one thread.
class MemberDriver {
 public:
  explicit MemberDriver(std::unique_ptr<GroupMember> member) : member_(std::move(member)) {}

  GroupMember& member() { return *member_; }
  const std::vector<int32_t>& owned() const { return owned_; }
  // The last event that was answered.
  const std::vector<GroupEvent>& history() const { return history_; }
  // One poll; answers what came.
  void turn();
  void close() { member_->close(); }
  std::unique_ptr<GroupMember> release() { return std::move(member_); }

 private:
  std::unique_ptr<GroupMember> member_;
  std::vector<int32_t> owned_;  // sorted
  std::vector<GroupEvent> history_;
};

// Turns all members until the condition holds.
void turn_until(const std::vector<MemberDriver*>& members, const std::function<bool()>& condition);

}  // namespace kstreamd::contract
