#include "core/record/owned_records.h"

#include <utility>

#include "kstreamd/sdk/value.h"

namespace kstreamd {
namespace {

const void* copy(Arena& arena, const void* bytes, size_t size) {
  return bytes ? arena.copy({static_cast<const char*>(bytes), size}).data() : nullptr;
}

}  // namespace

OwnedRecords::OwnedRecords(size_t chunk) : chunk_(chunk) {}
OwnedRecords::~OwnedRecords() { clear(); }

OwnedRecords::OwnedRecords(OwnedRecords&& other) noexcept
    : chunk_(other.chunk_),
      objects_(std::exchange(other.objects_, {})),
      records_(std::exchange(other.records_, {})),
      arena_(std::move(other.arena_)) {}

OwnedRecords& OwnedRecords::operator=(OwnedRecords&& other) noexcept {
  clear();
  chunk_ = other.chunk_;
  objects_ = std::exchange(other.objects_, {});
  records_ = std::exchange(other.records_, {});
  arena_ = std::move(other.arena_);
  return *this;
}

void OwnedRecords::clear() {
  for (const kst_object* object : objects_) object->type->release(object);
  objects_.clear();
  records_.clear();
  arena_.reset();
}

const kst_record& OwnedRecords::add(const kst_record& record) {
  if (!arena_) arena_ = std::make_unique<Arena>(chunk_);
  kst_record& mine = records_.emplace_back(record);
  for (kst_value* value : {&mine.key, &mine.value}) {
    if (value->type == KST_OBJECT) {
      value->u.object->type->retain(value->u.object);
      objects_.push_back(value->u.object);
    } else if (has_data(*value) || value->type == KST_WINDOWED) {
      value->u.data = arena_->copy({value->u.data, value->size}).data();
    }
  }
  if (mine.header_count > 0) {
    auto* headers = static_cast<kst_header*>(arena_->allocate(mine.header_count * sizeof(kst_header)));
    for (uint32_t i = 0; i < mine.header_count; ++i) {
      headers[i] = record.headers[i];
      headers[i].name = static_cast<const char*>(copy(*arena_, headers[i].name, headers[i].name_size));
      headers[i].value = copy(*arena_, headers[i].value, headers[i].value_size);
    }
    mine.headers = headers;
  }
  if (record.origin) {
    auto* origin = static_cast<kst_origin*>(arena_->allocate(sizeof(kst_origin)));
    *origin = *record.origin;
    origin->topic = static_cast<const char*>(copy(*arena_, origin->topic, origin->topic_size));
    origin->raw_key = copy(*arena_, origin->raw_key, origin->raw_key_size);
    origin->raw_value = copy(*arena_, origin->raw_value, origin->raw_value_size);
    mine.origin = origin;
  }
  return mine;
}

}  // namespace kstreamd
