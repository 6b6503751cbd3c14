#include "core/embedded/records.h"

#include <cstring>

namespace kstreamd::embedded {
namespace {

struct Head {
  int64_t timestamp;
  uint32_t size;  // of the record with this head
  int32_t offset;
  int32_t key_size;    // -1: null
  int32_t value_size;  // -1: null
  uint32_t header_count;
};
constexpr size_t kHeadSize = 28;
static_assert(offsetof(Head, header_count) + sizeof(uint32_t) == kHeadSize);

struct HeaderHead {
  uint32_t name_size;
  int32_t value_size;  // -1: null
};

size_t length(int32_t size) { return size < 0 ? 0 : static_cast<size_t>(size); }

}  // namespace

bool PackReader::next(PackedRecord& record) {
  if (left_.empty()) return false;
  Head head;
  if (left_.size() < kHeadSize) return intact_ = false;
  std::memcpy(&head, left_.data(), kHeadSize);
  size_t key = length(head.key_size), value = length(head.value_size);
  if (head.size > left_.size() || head.size < kHeadSize + key + value) return intact_ = false;
  const char* at = left_.data() + kHeadSize;
  record.timestamp = head.timestamp;
  record.offset = head.offset;
  record.key_null = head.key_size < 0;
  record.value_null = head.value_size < 0;
  record.key = {at, key};
  record.value = {at + key, value};
  record.header_count = head.header_count;
  record.headers = {at + key + value, head.size - kHeadSize - key - value};
  record.whole = left_.substr(0, head.size);
  left_.remove_prefix(head.size);
  return true;
}

bool HeaderReader::next(Header& header) {
  HeaderHead head;
  if (left_.size() < sizeof head) return false;
  std::memcpy(&head, left_.data(), sizeof head);
  size_t value = length(head.value_size);
  if (left_.size() - sizeof head < head.name_size + value) return false;
  const char* at = left_.data() + sizeof head;
  header.name = at;
  header.name_size = head.name_size;
  header.value = head.value_size < 0 ? nullptr : at + head.name_size;
  header.value_size = static_cast<uint32_t>(value);
  left_.remove_prefix(sizeof head + head.name_size + value);
  return true;
}

void Pack::add(const OutgoingRecord& record) {
  size_t key = record.key_null ? 0 : record.key.size();
  size_t value = record.value_null ? 0 : record.value.size();
  size_t size = kHeadSize + key + value;
  for (const Header& header : record.headers)
    size += sizeof(HeaderHead) + header.name_size + (header.value == nullptr ? 0 : header.value_size);
  Head head{record.timestamp,
            static_cast<uint32_t>(size),
            static_cast<int32_t>(count_),
            record.key_null ? -1 : static_cast<int32_t>(key),
            record.value_null ? -1 : static_cast<int32_t>(value),
            static_cast<uint32_t>(record.headers.size())};
  bytes_.append(reinterpret_cast<const char*>(&head), kHeadSize);
  bytes_.append(record.key.data(), key);
  bytes_.append(record.value.data(), value);
  for (const Header& header : record.headers) {
    bool null = header.value == nullptr;
    HeaderHead packed{header.name_size, null ? -1 : static_cast<int32_t>(header.value_size)};
    bytes_.append(reinterpret_cast<const char*>(&packed), sizeof packed);
    bytes_.append(header.name, header.name_size);
    if (!null) bytes_.append(static_cast<const char*>(header.value), header.value_size);
  }
  ++count_;
  if (record.timestamp > max_timestamp_) max_timestamp_ = record.timestamp;
}

void Pack::add_packed(const PackedRecord& record, int32_t offset) {
  size_t at = bytes_.size();
  bytes_.append(record.whole);
  std::memcpy(bytes_.data() + at + offsetof(Head, offset), &offset, sizeof offset);
  ++count_;
  if (record.timestamp > max_timestamp_) max_timestamp_ = record.timestamp;
}

void Pack::clear() {
  bytes_.clear();
  count_ = 0;
  max_timestamp_ = INT64_MIN;
}

}  // namespace kstreamd::embedded
