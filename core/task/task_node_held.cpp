// The part of TaskNode about processors that hold records (abi/async.h).
#include <algorithm>
#include <utility>

#include "core/task/task_node.h"

namespace kstreamd {

// As many records as there is room for go to the processor; what it completes at once makes room for more. The rest is
// copied and waits, so that the worker never does.
kst_status TaskNode::take_asynchronous(std::span<const Record> records) {
  kst_status status = KST_OK;
  size_t finished = 0;
  while (status == KST_OK && !records.empty() && waiting_.empty() && held_->room() > 0) {
    const size_t count = std::min(records.size(), held_->room());
    status = process(records.first(count));
    records = records.subspan(count);
    if (status == KST_OK) status = finish_completed(finished);
  }
  if (status != KST_OK) return status;
  for (const Record& record : records) {
    waiting_.emplace_back().add(record);
    waiting_bytes_ += footprint(record);
  }
  return KST_OK;
}

kst_status TaskNode::finish_completed(size_t& finished) {
  kst_status status = release_finished(finished);
  for (bool any = true; any && status == KST_OK;) {
    status = process_waiting(any);
    if (any && status == KST_OK) status = release_finished(finished);
  }
  return status;
}

kst_status TaskNode::process_waiting(bool& any) {
  const size_t count = std::min(waiting_.size(), held_->room());
  any = count > 0;
  if (!any) return KST_OK;
  std::vector<OwnedRecords> owners;
  std::vector<Record> records;
  for (size_t i = 0; i < count; ++i) {
    owners.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
    records.push_back(owners.back()[0]);
    waiting_bytes_ -= footprint(records.back());
  }
  batch_owners_ = owners;
  batch_start_ = records.data();
  const kst_status status = process(records);
  batch_owners_ = {};
  return status;
}

// Consecutive results for one output are forwarded together.
kst_status TaskNode::release_finished(size_t& finished) {
  if (auto collected = held_->collect(task_.services_.clock.now()); !collected)
    return stop(std::move(collected).error().in("processor '" + node_.processor_type + "'"));
  kst_status status = KST_OK;
  std::vector<HeldRecords::Released> leaving;  // what records_ points into
  uint32_t output = 0;
  auto flush = [&] {
    if (status == KST_OK) status = hand_on(output, records_);
    records_.clear();
  };
  while (status == KST_OK) {
    auto released = held_->release();
    if (!released) break;
    ++finished;
    Completion& completion = released->completion;
    if (completion.dropped) {
      drop(completion.message, 1);
    } else if (completion.status != KST_OK) {
      flush();
      if (status != KST_OK) break;
      count_error();
      status = reject(Stage::processing, released->record[0], completion.message, "");
    } else {
      leaving.push_back(std::move(*released));
      auto& [record, finish] = leaving.back();
      for (size_t i = 0; i < finish.records.size() && status == KST_OK; ++i) {
        const uint32_t to = finish.outputs[i];
        if (to >= targets_.size()) {
          status = stop({Recovery::stop_topology,
                         "completed a held record with one for output " + std::to_string(to) + ", but there are only " +
                             outputs_text(),
                         "see the documentation of processor '" + node_.processor_type + "'"});
          break;
        }
        if (to != output) flush();
        output = to;
        finish.records[i].origin = record[0].origin;
        records_.push_back(finish.records[i]);
      }
    }
  }
  flush();
  return status;
}

// Of a record of the batch that failed after it was held: gives back its copy, which is to live until it is dealt with.
OwnedRecords TaskNode::forget_held(size_t index) {
  return held_ && batch_numbers_[index] ? held_->forget(batch_numbers_[index]) : OwnedRecords();
}

// What follows a failed record of the batch comes again: whatever of it was held already is not any more.
void TaskNode::forget_held_after(size_t index) {
  for (size_t i = index + 1; held_ && i < batch_.size(); ++i) {
    OwnedRecords copy = forget_held(i);
    if (!copy.empty() && !batch_owners_.empty())
      batch_owners_[static_cast<size_t>(&batch_[i] - batch_start_)] = std::move(copy);
  }
}

kst_status TaskNode::hold(const Record& record, kst_token& token, const Record*& held) {
  if (!held_)
    return misused("held a record, but processor type '" + node_.processor_type +
                   "' has no max_in_flight: it finishes "
                   "each record within process");
  if (call_ != Call::process) return misused("held a record outside of process");
  const auto begin = reinterpret_cast<uintptr_t>(batch_.data()), at = reinterpret_cast<uintptr_t>(&record);
  if (at < begin || at >= begin + batch_.size_bytes() || (at - begin) % sizeof(Record) != 0)
    return misused("held a record that is not one of the batch at hand");
  uint64_t& number = batch_numbers_[(at - begin) / sizeof(Record)];
  if (number) return misused("held a record twice");
  OwnedRecords copy;
  if (batch_owners_.empty())
    copy.add(record);
  else
    copy = std::move(batch_owners_[static_cast<size_t>(&record - batch_start_)]);
  const auto entry = held_->hold(std::move(copy), task_.services_.clock.now());
  number = entry.token.record;
  token = entry.token;
  held = entry.record;
  return KST_OK;
}

}  // namespace kstreamd
