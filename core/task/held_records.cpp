#include "core/task/held_records.h"

#include <tuple>

#include "core/task/key_bytes.h"

namespace kstreamd {
namespace {

size_t size_of(const Value& value) { return has_data(value) ? value.size : 0; }

}  // namespace

size_t footprint(const kst_record& record) {
  constexpr size_t copy_itself = 1024;  // the record, its place in tables, what is left of its arena
  size_t bytes = copy_itself + size_of(record.key) + size_of(record.value);
  for (uint32_t i = 0; i < record.header_count; ++i)
    bytes += sizeof(Header) + record.headers[i].name_size + record.headers[i].value_size;
  if (record.origin) bytes += record.origin->raw_key_size + record.origin->raw_value_size;
  return bytes;
}

// The earliest record is never one that is finished and waits for an earlier one of its key.
std::optional<Duration> HeldRecords::expires() const {
  if (entries_.empty()) return std::nullopt;
  return entries_.begin()->second.expires;
}

HeldRecords::Held HeldRecords::hold(OwnedRecords record, Duration now) {
  const kst_token token = completions_.open();
  Entry& entry = entries_[token.record];
  entry.record = std::move(record);
  const kst_record& held = entry.record[0];
  entry.bytes = footprint(held);
  bytes_ += entry.bytes;
  entry.expires = now + timeout_;
  std::string key;
  write_key_bytes(key, held.key);
  entry.key = &*keys_.try_emplace(std::move(key)).first;
  Ends& ends = entry.key->second;
  if (ends.last) entries_.at(ends.last).next = token.record;
  if (!ends.first) ends.first = token.record;
  ends.last = token.record;
  return {token, &held};
}

void HeldRecords::finish(uint64_t number, Entry& entry, Completion completion) {
  entry.completion = std::move(completion);
  if (entry.key->second.first == number) ready_.push_back(number);
}

Status HeldRecords::collect(Duration now) {
  for (auto& completion : completions_.take())
    if (auto found = entries_.find(completion.record); found != entries_.end())
      finish(found->first, found->second, std::move(completion));
  if (auto misuse = completions_.misuse(); !misuse.empty())
    return Error{Recovery::stop_topology, std::move(misuse), "a processor completes each record that it holds once"};
  for (auto& [number, entry] : entries_) {
    if (entry.expires > now) break;
    // What is completed at this very moment is not too late: it comes with the next call.
    if (entry.completion || !completions_.forget(number)) continue;
    Completion late;
    late.status = KST_RECORD_ERROR;
    late.message = "it was held for " +
                   std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(timeout_).count()) +
                   " ms and never completed";
    finish(number, entry, std::move(late));
  }
  return {};
}

std::optional<HeldRecords::Released> HeldRecords::release() {
  if (ready_.empty()) return std::nullopt;
  const auto at = entries_.find(ready_.front());
  ready_.pop_front();
  Released released{{}, std::move(*at->second.completion)};
  released.record = remove(at);
  return released;
}

OwnedRecords HeldRecords::forget(uint64_t number) {
  completions_.forget(number);
  std::erase(ready_, number);
  return remove(entries_.find(number));
}

// Takes an entry out of its key's row, in which it is the first or, when it is forgotten, somewhere.
OwnedRecords HeldRecords::remove(std::map<uint64_t, Entry>::iterator at) {
  const auto [number, next, key] = std::tuple(at->first, at->second.next, at->second.key);
  OwnedRecords record = std::move(at->second.record);
  bytes_ -= at->second.bytes;
  entries_.erase(at);
  Ends& ends = key->second;
  if (ends.first == number && ends.last == number) {
    keys_.erase(keys_.find(key->first));
  } else if (ends.first == number) {
    ends.first = next;
    if (entries_.at(next).completion) ready_.push_back(next);
  } else {
    uint64_t before = ends.first;
    while (entries_.at(before).next != number) before = entries_.at(before).next;
    entries_.at(before).next = next;
    if (ends.last == number) ends.last = before;
  }
  return record;
}

}  // namespace kstreamd
