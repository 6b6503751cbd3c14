// Records that own all they point to: for what has to outlive its batch.
//
// Life-cycle: add copies, the records stay where they are until the object is destroyed or cleared; moving the object
// moves no record. Not thread-safe, but may be handed to another thread.
#pragma once
#include <cstddef>
#include <deque>
#include <vector>

#include "core/base/arena.h"
#include "kstreamd/abi/record.h"

namespace kstreamd {

class OwnedRecords {
 public:
  // Memory is taken in pieces of `chunk` bytes or more: little for one record, more where many come together.
  explicit OwnedRecords(size_t chunk = 512);
  ~OwnedRecords();
  OwnedRecords(OwnedRecords&&) noexcept;
  OwnedRecords& operator=(OwnedRecords&&) noexcept;

  // Copies the record and everything behind it, its origin too; objects get one more owner.
  const kst_record& add(const kst_record& record);
  size_t size() const { return records_.size(); }
  bool empty() const { return records_.empty(); }
  const kst_record& operator[](size_t i) const { return records_[i]; }
  kst_record& operator[](size_t i) { return records_[i]; }
  void clear();

 private:
  size_t chunk_;
  std::vector<const kst_object*> objects_;  // to be released
  std::deque<kst_record> records_;
  std::unique_ptr<Arena> arena_;
};

}  // namespace kstreamd
