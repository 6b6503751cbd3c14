// Consumer groups: who is a member, which partitions of the group's topic each holds, and committed offsets.
//
// A rebalance goes as Kafka's cooperative ones do. Whoever joins or leaves starts one; it completes when every member
// has polled, and that moves the generation, by which older tokens are refused. Each member is then told what to give
// up, and after that what it gets (perhaps nothing); what was given up is handed out by another round. Nobody gets a
// partition that another member still holds.
//
// Places of closed members: Kafka keeps a static member's place until its session times out. Here that time is
// EmbeddedOptions::session_timeout; at 0 a closed member leaves at once. Whoever returns in time gets its partitions in
// the same generation; who returns later is given back what it had, as far as balance allows.
//
// Thread safety: any thread; one lock. Only the topic table's is taken while it is held, and nothing is written.
#pragma once
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/base/clock.h"
#include "core/embedded/storage.h"
#include "core/embedded/topics.h"
#include "core/ports/cluster.h"

namespace kstreamd::embedded {

class MemberToken final : public GroupToken {
 public:
  MemberToken(std::string group, std::string member_id, int64_t generation)
      : group_(std::move(group)), member_id_(std::move(member_id)), generation_(generation) {}
  const std::string& member_id() const override { return member_id_; }
  const std::string& group() const { return group_; }
  int64_t generation() const { return generation_; }

 private:
  const std::string group_, member_id_;
  const int64_t generation_;
};

// A member as its owner knows it. Guarded by the lock of Groups.
struct Membership {
  GroupConfig config;
  bool keeps_place = false;  // when closed: a static member
  std::string member_id;
  std::set<int32_t> delivered;  // told to the owner and not taken back
  GroupEvent::Type outstanding = GroupEvent::Type::none;
  bool closed = false;
  bool fenced = false;
  bool missing_topic_told = false;
  std::shared_ptr<const MemberToken> token;
};

class Groups {
 public:
  using Owner = const void*;  // a transactional producer

  Groups(TopicTable& topics, LogStorage* storage, const Clock& clock, Duration session_timeout);

  // ---- Members
  void join(Membership& membership);
  GroupEvent poll(Membership& membership, Duration timeout);
  Status finish(Membership& membership, const GroupEvent& event);
  void close(Membership& membership);
  std::shared_ptr<const GroupToken> token(const Membership& membership) const;
  bool expel(const std::string& group, const std::string& instance_id);
  std::vector<GroupMemberInfo> members(const std::string& group) const;
  void topics_changed();

  // ---- Offsets
  Result<std::vector<PartitionOffset>> committed(const std::string& group, std::span<const TopicPartition> partitions,
                                                 Duration timeout);
  Status commit(std::span<const PartitionOffset> offsets, const GroupToken& token);
  // Without waiting for open transactions.
  std::vector<PartitionOffset> committed_now(const std::string& group,
                                             std::span<const TopicPartition> partitions) const;
  // As no member of the group; refused while it has any. Offset -1 forgets.
  Status set_offsets(const std::string& group, std::span<const PartitionOffset> offsets);
  // Of a transaction: pending until it ends. Kafka's rule: of two offsets the one written last wins, whatever commits
  // last.
  Status add_pending(Owner owner, std::span<const PartitionOffset> offsets, const GroupToken& token);
  void put_pending(Owner owner, LogStorage::Batch& batch) const;
  void end_pending(Owner owner, bool commit);
  Status forget_topic(const std::string& topic);

 private:
  struct Member {
    std::string member_id;
    bool joined = false;        // the rebalance being prepared
    bool result_ready = false;  // of the last one: to be told by poll
    bool gave_up = false;       // something, since the last one it joined
    std::set<int32_t> held;
    std::set<int32_t> give_up;
    std::set<int32_t> previous;
    std::optional<Duration> leaves_at;  // closed, keeps its place until then
  };
  struct Committed {
    int64_t offset = -1;
    std::string metadata;
    int64_t written = 0;
  };
  struct Pending {
    Owner owner;
    Committed offset;
  };
  struct Group {
    std::string topic;
    int64_t generation = 0;
    bool preparing = false;
    std::map<std::string, Member> members;  // by instance id
    std::map<std::string, std::set<int32_t>> former;
    std::map<TopicPartition, Committed> offsets;
    std::map<TopicPartition, std::vector<Pending>> pending;
  };

  Status store_offsets(const std::string& group_id, Group& group, std::span<const PartitionOffset> offsets,
                       int64_t written);

  // With mutex_ held:
  static PartitionOffset committed_of(const Group& group, const TopicPartition& partition);
  void join_locked(Membership& membership);
  GroupEvent next_event(Membership& membership);
  GroupEvent tell_result(Membership& membership, Group& group, Member& member);
  Member* find(Group& group, const Membership& membership);
  void remove(Group& group, std::map<std::string, Member>::iterator member);
  void remove_expired(Group& group);
  void prepare(Group& group);
  void complete_if_all_joined(Group& group);
  Result<Group*> check(const GroupToken& token);

  TopicTable& topics_;
  LogStorage* const storage_;
  const Clock& clock_;
  const Duration session_timeout_;
  const std::string id_prefix_;
  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::map<std::string, Group> groups_;
  int64_t members_made_ = 0;
  int64_t written_ = 0;
};

}  // namespace kstreamd::embedded
