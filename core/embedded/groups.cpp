#include "core/embedded/groups.h"

#include <algorithm>
#include <chrono>

#include "core/embedded/assignment.h"

namespace kstreamd::embedded {
namespace {

// While a closed member keeps its place the injected clock, which cannot be waited for, is looked at this often.
constexpr auto kClockCheck = std::chrono::milliseconds(20);

std::vector<int32_t> as_list(const std::set<int32_t>& partitions) { return {partitions.begin(), partitions.end()}; }

}  // namespace

Groups::Groups(TopicTable& topics, LogStorage* storage, const Clock& clock, Duration session_timeout)
    : topics_(topics),
      storage_(storage),
      clock_(clock),
      session_timeout_(session_timeout),
      id_prefix_("-" + std::to_string(clock.wall_ms()) + "-") {
  if (!storage_) return;
  for (const StoredOffset& stored : storage_->offsets())
    groups_[stored.group].offsets[stored.offset.partition] = {stored.offset.offset, stored.offset.metadata, 0};
}

// ---- Members

void Groups::join(Membership& membership) {
  std::lock_guard lock(mutex_);
  join_locked(membership);
}

void Groups::join_locked(Membership& membership) {
  Group& group = groups_[membership.config.group_id];
  std::string number = id_prefix_ + std::to_string(++members_made_);
  if (membership.config.instance_id.empty()) membership.config.instance_id = "member" + number;
  const std::string& instance = membership.config.instance_id;
  membership.member_id = instance + number;
  group.topic = membership.config.topic;
  auto [it, is_new] = group.members.try_emplace(instance);
  Member& member = it->second;
  member.member_id = membership.member_id;
  if (is_new) {
    member.previous = std::move(group.former[instance]);
    group.former.erase(instance);
    prepare(group);
  } else {
    // The place is still there: its partitions are told again, in the same generation.
    member.leaves_at.reset();
    member.joined = false;
    member.result_ready = group.generation > 0;
    for (int32_t p : member.give_up) member.held.erase(p);
    // What it gave up before it went is nobody's yet.
    if (!member.give_up.empty() || member.gave_up) prepare(group);
    member.give_up.clear();
  }
  changed_.notify_all();
}

GroupEvent Groups::poll(Membership& membership, Duration timeout) {
  auto deadline = std::chrono::steady_clock::now() + timeout;
  std::unique_lock lock(mutex_);
  for (;;) {
    GroupEvent event;
    if (!membership.closed && membership.outstanding == GroupEvent::Type::none) event = next_event(membership);
    if (event.type != GroupEvent::Type::none) return event;
    auto now = std::chrono::steady_clock::now();
    if (now >= deadline) return {};
    auto until = deadline;
    for (const auto& [id, member] : groups_[membership.config.group_id].members)
      if (member.leaves_at) until = std::min(deadline, now + kClockCheck);
    changed_.wait_until(lock, until);
  }
}

GroupEvent Groups::next_event(Membership& membership) {
  Group& group = groups_[membership.config.group_id];
  remove_expired(group);
  Member* member = find(group, membership);
  if (!member) {
    if (membership.fenced) return {};
    if (group.members.contains(membership.config.instance_id)) {
      membership.fenced = true;
      membership.token.reset();
      return {GroupEvent::Type::error,
              {},
              {Recovery::stop_topology,
               "group " + membership.config.group_id + ": another member has joined as instance " +
                   membership.config.instance_id,
               "each instance needs an id, and so a state folder, of its own"}};
    }
    if (!membership.delivered.empty()) {
      membership.token.reset();
      membership.outstanding = GroupEvent::Type::lost;
      return {GroupEvent::Type::lost, as_list(membership.delivered), {}};
    }
    join_locked(membership);
    member = find(group, membership);
  }
  if (member->result_ready) return tell_result(membership, group, *member);
  if (!group.preparing || member->joined) return {};
  if (!topics_.find(group.topic)) {
    if (membership.missing_topic_told) return {};
    membership.missing_topic_told = true;
    return {GroupEvent::Type::error,
            {},
            {Recovery::retry_topology,
             "group " + membership.config.group_id + ": topic " + group.topic + " does not exist", "create it"}};
  }
  member->joined = true;
  member->gave_up = false;
  complete_if_all_joined(group);
  if (member->result_ready) return tell_result(membership, group, *member);
  return {};
}

GroupEvent Groups::tell_result(Membership& membership, Group&, Member& member) {
  std::vector<int32_t> partitions;
  std::set_intersection(membership.delivered.begin(), membership.delivered.end(), member.give_up.begin(),
                        member.give_up.end(), std::back_inserter(partitions));
  if (!partitions.empty()) {
    membership.outstanding = GroupEvent::Type::revoked;
    return {GroupEvent::Type::revoked, std::move(partitions), {}};
  }
  std::set_difference(member.held.begin(), member.held.end(), membership.delivered.begin(), membership.delivered.end(),
                      std::back_inserter(partitions));
  membership.outstanding = GroupEvent::Type::assigned;
  return {GroupEvent::Type::assigned, std::move(partitions), {}};
}

Status Groups::finish(Membership& membership, const GroupEvent& event) {
  std::lock_guard lock(mutex_);
  if (event.type == GroupEvent::Type::none || event.type == GroupEvent::Type::error) return {};
  if (event.type != membership.outstanding)
    return Error{Recovery::stop_topology,
                 "group " + membership.config.group_id + ": an event was answered that was not given",
                 "this is a defect of kstreamd, please report it"};
  membership.outstanding = GroupEvent::Type::none;
  Group& group = groups_[membership.config.group_id];
  Member* member = find(group, membership);
  for (int32_t p : event.partitions) {
    if (event.type == GroupEvent::Type::assigned)
      membership.delivered.insert(p);
    else
      membership.delivered.erase(p);
  }
  if (event.type == GroupEvent::Type::lost || !member) {
    membership.token.reset();
    return {};
  }
  membership.token = std::make_shared<MemberToken>(membership.config.group_id, membership.member_id, group.generation);
  if (event.type == GroupEvent::Type::revoked) {
    for (int32_t p : event.partitions) {
      member->held.erase(p);
      member->give_up.erase(p);
    }
    member->gave_up = true;
  } else {
    member->result_ready = false;
    if (member->gave_up) prepare(group);
  }
  return {};
}

void Groups::close(Membership& membership) {
  std::lock_guard lock(mutex_);
  if (membership.closed) return;
  membership.closed = true;
  membership.token.reset();
  Group& group = groups_[membership.config.group_id];
  auto it = group.members.find(membership.config.instance_id);
  if (it == group.members.end() || it->second.member_id != membership.member_id) return;
  if (membership.keeps_place && session_timeout_.count() > 0) {
    it->second.leaves_at = clock_.now() + session_timeout_;
    complete_if_all_joined(group);
  } else {
    remove(group, it);
  }
  changed_.notify_all();
}

std::shared_ptr<const GroupToken> Groups::token(const Membership& membership) const {
  std::lock_guard lock(mutex_);
  return membership.token;
}

bool Groups::expel(const std::string& group_id, const std::string& instance_id) {
  std::lock_guard lock(mutex_);
  auto group = groups_.find(group_id);
  if (group == groups_.end()) return false;
  auto member = group->second.members.find(instance_id);
  if (member == group->second.members.end()) return false;
  remove(group->second, member);
  return true;
}

std::vector<GroupMemberInfo> Groups::members(const std::string& group_id) const {
  std::lock_guard lock(mutex_);
  std::vector<GroupMemberInfo> infos;
  auto group = groups_.find(group_id);
  if (group == groups_.end()) return infos;
  for (const auto& [id, member] : group->second.members)
    if (!member.leaves_at || clock_.now() < *member.leaves_at)
      infos.push_back({id, member.member_id, "kstreamd", "this process"});
  return infos;
}

void Groups::topics_changed() {
  std::lock_guard lock(mutex_);
  changed_.notify_all();
}

Groups::Member* Groups::find(Group& group, const Membership& membership) {
  auto it = group.members.find(membership.config.instance_id);
  return it != group.members.end() && it->second.member_id == membership.member_id ? &it->second : nullptr;
}

void Groups::remove(Group& group, std::map<std::string, Member>::iterator member) {
  group.former[member->first] = std::move(member->second.held);
  group.members.erase(member);
  prepare(group);
}

void Groups::remove_expired(Group& group) {
  for (auto it = group.members.begin(); it != group.members.end();) {
    auto member = it++;
    if (member->second.leaves_at && clock_.now() >= *member->second.leaves_at) remove(group, member);
  }
}

void Groups::prepare(Group& group) {
  group.preparing = true;
  for (auto& [id, member] : group.members) member.joined = false;
  changed_.notify_all();
}

void Groups::complete_if_all_joined(Group& group) {
  if (!group.preparing || group.members.empty()) return;
  bool anyone = false;
  for (const auto& [id, member] : group.members) {
    if (!member.joined && !member.leaves_at) return;
    anyone = anyone || member.joined;
  }
  TopicPtr topic = topics_.find(group.topic);
  if (!anyone || !topic) return;

  std::vector<AssignmentMember> members;
  for (const auto& [id, member] : group.members) members.push_back({id, member.held, member.previous});
  auto targets = assign_sticky(members, topic->info.partitions);
  group.preparing = false;
  ++group.generation;
  size_t i = 0;
  for (auto& [id, member] : group.members) {
    const auto& target = targets[i++];
    member.give_up.clear();
    for (int32_t p : member.held)
      if (!target.contains(p)) member.give_up.insert(p);
    // Nobody is there to give anything up: it stops at once.
    if (member.leaves_at)
      for (int32_t p : member.give_up) member.held.erase(p);
  }
  std::set<int32_t> held;
  for (const auto& [id, member] : group.members) held.insert(member.held.begin(), member.held.end());
  i = 0;
  for (auto& [id, member] : group.members) {
    for (int32_t p : targets[i++])
      if (!held.contains(p)) member.held.insert(p);
    member.previous.clear();
    member.joined = false;
    member.result_ready = true;
  }
  changed_.notify_all();
}

// ---- Offsets

Result<Groups::Group*> Groups::check(const GroupToken& token) {
  const auto* own = dynamic_cast<const MemberToken*>(&token);
  if (!own)
    return Error{Recovery::stop_topology, "offsets were sent with the token of another cluster",
                 "this is a defect of kstreamd, please report it"};
  Group& group = groups_[own->group()];
  for (const auto& [id, member] : group.members) {
    if (member.member_id != own->member_id()) continue;
    if (own->generation() == group.generation) return &group;
    return Error{Recovery::abort_transaction,
                 "group " + own->group() + ": the token is of generation " + std::to_string(own->generation()) +
                     ", the group is at " + std::to_string(group.generation),
                 "the group has rebalanced meanwhile; this passes by itself"};
  }
  return Error{Recovery::abort_transaction, "group " + own->group() + ": " + own->member_id() + " is not a member",
               "it was expelled or replaced; this passes by itself when it joins again"};
}

Result<std::vector<PartitionOffset>> Groups::committed(const std::string& group_id,
                                                       std::span<const TopicPartition> partitions, Duration timeout) {
  auto deadline = std::chrono::steady_clock::now() + timeout;
  std::unique_lock lock(mutex_);
  Group& group = groups_[group_id];
  auto unstable = [&] {
    return std::find_if(partitions.begin(), partitions.end(),
                        [&](const TopicPartition& p) { return group.pending.contains(p); });
  };
  if (!changed_.wait_until(lock, deadline, [&] { return unstable() == partitions.end(); }))
    return Error{Recovery::retry,
                 "group " + group_id + ": a transaction with offsets of " + unstable()->text() + " is still open",
                 "it ends when its producer does, or when another takes over its transactional id"};
  std::vector<PartitionOffset> result;
  for (const TopicPartition& partition : partitions) result.push_back(committed_of(group, partition));
  return result;
}

PartitionOffset Groups::committed_of(const Group& group, const TopicPartition& partition) {
  auto it = group.offsets.find(partition);
  if (it == group.offsets.end()) return {partition, -1, ""};
  return {partition, it->second.offset, it->second.metadata};
}

std::vector<PartitionOffset> Groups::committed_now(const std::string& group_id,
                                                   std::span<const TopicPartition> partitions) const {
  std::lock_guard lock(mutex_);
  auto group = groups_.find(group_id);
  std::vector<PartitionOffset> result;
  for (const TopicPartition& partition : partitions)
    result.push_back(group == groups_.end() ? PartitionOffset{partition, -1, ""}
                                            : committed_of(group->second, partition));
  return result;
}

Status Groups::set_offsets(const std::string& group_id, std::span<const PartitionOffset> offsets) {
  int64_t written = 0;
  Group* group = nullptr;
  {
    std::lock_guard lock(mutex_);
    group = &groups_[group_id];  // groups are never removed
    remove_expired(*group);
    if (!group->members.empty())
      return Error{Recovery::stop_topology, "group '" + group_id + "' has members, so that its offsets cannot be set",
                   "stop all of them first"};
    written = ++written_;
  }
  return store_offsets(group_id, *group, offsets, written);
}

Status Groups::commit(std::span<const PartitionOffset> offsets, const GroupToken& token) {
  int64_t written = 0;
  Group* group = nullptr;
  std::string group_id;
  {
    std::lock_guard lock(mutex_);
    auto found = check(token);
    if (!found) return std::move(found).error();
    group = *found;  // groups are never removed
    group_id = static_cast<const MemberToken&>(token).group();
    written = ++written_;
  }
  return store_offsets(group_id, *group, offsets, written);
}

Status Groups::store_offsets(const std::string& group_id, Group& group, std::span<const PartitionOffset> offsets,
                             int64_t written) {
  if (storage_ && !offsets.empty()) {
    auto batch = storage_->batch();
    for (const PartitionOffset& offset : offsets) {
      if (offset.offset >= 0)
        batch.put_offset(group_id, offset);
      else
        batch.delete_offset(group_id, offset.partition);
    }
    KSTREAMD_TRY(storage_->write(batch, true));
  }
  std::lock_guard lock(mutex_);
  for (const PartitionOffset& offset : offsets) {
    Committed& current = group.offsets[offset.partition];
    if (current.written < written) current = {offset.offset, offset.metadata, written};
  }
  return {};
}

Status Groups::add_pending(Owner owner, std::span<const PartitionOffset> offsets, const GroupToken& token) {
  std::lock_guard lock(mutex_);
  auto group = check(token);
  if (!group) return std::move(group).error();
  for (const PartitionOffset& offset : offsets) {
    auto& pending = (*group)->pending[offset.partition];
    std::erase_if(pending, [&](const Pending& p) { return p.owner == owner; });
    pending.push_back({owner, {offset.offset, offset.metadata, ++written_}});
  }
  return {};
}

void Groups::put_pending(Owner owner, LogStorage::Batch& batch) const {
  std::lock_guard lock(mutex_);
  for (const auto& [group_id, group] : groups_)
    for (const auto& [partition, list] : group.pending)
      for (const Pending& pending : list) {
        if (pending.owner != owner) continue;
        auto current = group.offsets.find(partition);
        if (current == group.offsets.end() || current->second.written < pending.offset.written)
          batch.put_offset(group_id, {partition, pending.offset.offset, pending.offset.metadata});
      }
}

void Groups::end_pending(Owner owner, bool commit) {
  std::lock_guard lock(mutex_);
  for (auto& [group_id, group] : groups_)
    for (auto it = group.pending.begin(); it != group.pending.end();) {
      auto& list = it->second;
      for (Pending& pending : list) {
        if (pending.owner != owner || !commit) continue;
        Committed& current = group.offsets[it->first];
        if (current.written < pending.offset.written) current = pending.offset;
      }
      std::erase_if(list, [&](const Pending& p) { return p.owner == owner; });
      it = list.empty() ? group.pending.erase(it) : std::next(it);
    }
  changed_.notify_all();
}

Status Groups::forget_topic(const std::string& topic) {
  std::optional<LogStorage::Batch> batch;
  if (storage_) batch.emplace(storage_->batch());
  {
    std::lock_guard lock(mutex_);
    for (auto& [group_id, group] : groups_)
      std::erase_if(group.offsets, [&](const auto& entry) {
        if (entry.first.topic != topic) return false;
        if (batch) batch->delete_offset(group_id, entry.first);
        return true;
      });
  }
  return batch && !batch->empty() ? storage_->write(*batch, true) : Status();
}

}  // namespace kstreamd::embedded
