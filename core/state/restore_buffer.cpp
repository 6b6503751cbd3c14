#include "core/state/restore_buffer.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "core/state/key_prefix.h"

namespace kstreamd {
namespace {

constexpr size_t kWriteBytes = 256 << 10;
constexpr size_t kReadBytes = 64 << 10;  // of each run, while they are merged

// O_TMPFILE is not everywhere; a name that is removed at once is.
int open_nameless(const std::string& folder) {
  std::string name = folder + "/restore-XXXXXX";
  const int file = ::mkostemp(name.data(), O_CLOEXEC);
  if (file >= 0) ::unlink(name.c_str());
  return file;
}

}  // namespace

// ---- One sorted sequence of rows

class RestoreBuffer::Source {
 public:
  explicit Source(uint32_t age) : age(age) {}
  virtual ~Source() = default;
  // To the next row, or the first one; false at the end.
  virtual bool next() = 0;

  const uint32_t age;  // of sources with the same key the greatest is the last word
  uint64_t prefix = 0;
  std::string_view key;
  std::string_view row;
  bool removed = false;
};

class RestoreBuffer::MemorySource final : public Source {
 public:
  MemorySource(const std::vector<Row>& rows, uint32_t age) : Source(age), rows_(rows) {}
  bool next() override {
    if (at_ == rows_.size()) return false;
    const Row& r = rows_[at_++];
    prefix = r.prefix;
    key = {r.key, r.key_size};
    removed = r.size == kRemoved;
    row = {r.key + r.key_size, removed ? 0 : r.size};
    return true;
  }

 private:
  const std::vector<Row>& rows_;
  size_t at_ = 0;
};

// Rows as set_aside() has written them: the sizes of key and row (4 bytes each), key, row.
class RestoreBuffer::RunSource final : public Source {
 public:
  RunSource(int file, Run run, uint32_t age, int& error)
      : Source(age), file_(file), begin_(run.begin), end_(run.end), error_(error) {}
  bool next() override {
    uint32_t sizes[2];
    if (!need(sizeof sizes)) return false;
    std::memcpy(sizes, bytes_.data() + at_, sizeof sizes);
    removed = sizes[1] == kRemoved;
    const size_t row_size = removed ? 0 : sizes[1];
    if (!need(sizeof sizes + sizes[0] + row_size)) return false;
    key = {bytes_.data() + at_ + sizeof sizes, sizes[0]};
    row = {key.data() + key.size(), row_size};
    prefix = prefix_of(key);
    at_ += sizeof sizes + key.size() + row.size();
    return true;
  }

 private:
  // So many bytes from at_ on are in memory.
  bool need(size_t size) {
    if (bytes_.size() - at_ >= size) return true;
    bytes_.erase(0, at_);
    at_ = 0;
    const size_t had = bytes_.size();
    const size_t want = std::min<uint64_t>(std::max(size, kReadBytes) - had, end_ - begin_);
    if (had + want < size) return false;  // the end
    bytes_.resize(had + want);
    for (size_t got = 0; got < want;) {
      const ssize_t n = ::pread(file_, bytes_.data() + had + got, want - got, static_cast<off_t>(begin_));
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) {
        error_ = n < 0 ? errno : EIO;
        return false;
      }
      got += static_cast<size_t>(n);
      begin_ += static_cast<uint64_t>(n);
    }
    return true;
  }

  const int file_;
  uint64_t begin_;  // not yet read
  const uint64_t end_;
  int& error_;
  std::string bytes_;
  size_t at_ = 0;
};

// ---- Gathering

RestoreBuffer::RestoreBuffer(std::string folder, std::shared_ptr<RestoreBudget> budget)
    : folder_(std::move(folder)), budget_(std::move(budget)) {}

RestoreBuffer::~RestoreBuffer() { clear(); }

void RestoreBuffer::put(std::string_view key, std::string_view head, std::string_view body) {
  add(key, static_cast<uint32_t>(head.size() + body.size()), head, body);
}

void RestoreBuffer::remove(std::string_view key) { add(key, kRemoved, {}, {}); }

void RestoreBuffer::add(std::string_view key, uint32_t size, std::string_view head, std::string_view body) {
  if (!counted_) {
    budget_->add_buffer();
    counted_ = true;
  }
  if (!arena_) arena_ = std::make_unique<Arena>(kArenaChunk);
  const size_t whole = key.size() + head.size() + body.size();
  auto* bytes = static_cast<char*>(arena_->allocate(whole));
  std::memcpy(bytes, key.data(), key.size());
  if (!head.empty()) std::memcpy(bytes + key.size(), head.data(), head.size());
  if (!body.empty()) std::memcpy(bytes + key.size() + head.size(), body.data(), body.size());
  if (sorted_ && !rows_.empty()) sorted_ = std::string_view(rows_.back().key, rows_.back().key_size) < key;
  rows_.push_back(
      {prefix_of(key), bytes, static_cast<uint32_t>(key.size()), size, static_cast<uint32_t>(rows_.size())});
  arena_bytes_ += whole + 8;  // what alignment takes, about
  if (memory_bytes() > budget_->share()) set_aside();
}

void RestoreBuffer::sort() {
  if (std::exchange(sorted_, true)) return;
  const auto rest = [](const Row& row) {
    const size_t skipped = std::min<size_t>(row.key_size, sizeof row.prefix);
    return std::string_view(row.key + skipped, row.key_size - skipped);
  };
  std::sort(rows_.begin(), rows_.end(), [&rest](const Row& a, const Row& b) {
    if (a.prefix != b.prefix) return a.prefix < b.prefix;
    // A key of less than 8 bytes has the prefix of one that goes on with zeros.
    if (a.key_size < sizeof a.prefix || b.key_size < sizeof b.prefix) {
      if (a.key_size != b.key_size) return a.key_size < b.key_size;
      return a.order < b.order;
    }
    const int difference = rest(a).compare(rest(b));
    return difference != 0 ? difference < 0 : a.order < b.order;
  });
  const auto same_key = [](const Row& a, const Row& b) {
    return a.prefix == b.prefix && std::string_view(a.key, a.key_size) == std::string_view(b.key, b.key_size);
  };
  size_t kept = 0;
  for (size_t i = 0; i < rows_.size(); ++i)
    if (i + 1 == rows_.size() || !same_key(rows_[i], rows_[i + 1])) rows_[kept++] = rows_[i];
  rows_.resize(kept);
}

void RestoreBuffer::set_aside() {
  if (error_ != 0) return forget_rows();  // the restoration ends with an error at its next step
  if (file_ < 0) file_ = open_nameless(folder_);
  if (file_ < 0) error_ = errno;
  sort();
  const uint64_t begin = aside_;
  std::string out;
  out.reserve(kWriteBytes + (kWriteBytes >> 2));
  for (const Row& row : rows_) {
    const uint32_t sizes[2] = {row.key_size, row.size};
    out.append(reinterpret_cast<const char*>(sizes), sizeof sizes);
    out.append(row.key, row.key_size + (row.size == kRemoved ? 0 : row.size));
    if (out.size() < kWriteBytes) continue;
    if (!append(out)) return;
    out.clear();
  }
  if (!append(out)) return;
  runs_.push_back({begin, aside_});
  forget_rows();
}

bool RestoreBuffer::append(const std::string& bytes) {
  if (error_ != 0) return false;
  for (size_t done = 0; done < bytes.size();) {
    const ssize_t n = ::pwrite(file_, bytes.data() + done, bytes.size() - done, static_cast<off_t>(aside_));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      error_ = errno;
      return false;
    }
    done += static_cast<size_t>(n);
    aside_ += static_cast<uint64_t>(n);
  }
  return true;
}

void RestoreBuffer::forget_rows() {
  rows_.clear();
  arena_->reset();
  arena_bytes_ = 0;
  sorted_ = true;
}

void RestoreBuffer::clear() {
  if (file_ >= 0) ::close(std::exchange(file_, -1));
  runs_.clear();
  aside_ = 0;
  error_ = 0;
  rows_ = {};
  arena_.reset();
  arena_bytes_ = 0;
  sorted_ = true;
  if (std::exchange(counted_, false)) budget_->remove_buffer();
}

// ---- Giving out

RestoreBuffer::Walk RestoreBuffer::walk() { return Walk(*this); }

RestoreBuffer::Walk::Walk(RestoreBuffer& buffer) {
  buffer.sort();
  for (const Run& run : buffer.runs_) {
    const auto age = static_cast<uint32_t>(sources_.size());
    sources_.push_back(std::make_unique<RunSource>(buffer.file_, run, age, buffer.error_));
  }
  sources_.push_back(std::make_unique<MemorySource>(buffer.rows_, static_cast<uint32_t>(sources_.size())));
  for (const auto& source : sources_) advance(source.get());
}

RestoreBuffer::Walk::~Walk() = default;
RestoreBuffer::Walk::Walk(Walk&&) noexcept = default;

std::string_view RestoreBuffer::Walk::key() const { return heap_.front()->key; }
bool RestoreBuffer::Walk::removed() const { return heap_.front()->removed; }
std::string_view RestoreBuffer::Walk::row() const { return heap_.front()->row; }

// Whether `a` comes after `b`: by key, and of one key the last word first.
bool RestoreBuffer::Walk::later(const Source* a, const Source* b) {
  if (a->prefix != b->prefix) return a->prefix > b->prefix;
  const int difference = a->key.compare(b->key);
  return difference != 0 ? difference > 0 : a->age < b->age;
}

void RestoreBuffer::Walk::advance(Source* source) {
  if (!source->next()) return;
  heap_.push_back(source);
  std::push_heap(heap_.begin(), heap_.end(), later);
}

void RestoreBuffer::Walk::next() {
  std::pop_heap(heap_.begin(), heap_.end(), later);
  Source* top = heap_.back();
  heap_.pop_back();
  while (!heap_.empty() && heap_.front()->prefix == top->prefix && heap_.front()->key == top->key) {
    std::pop_heap(heap_.begin(), heap_.end(), later);
    Source* older = heap_.back();
    heap_.pop_back();
    advance(older);
  }
  advance(top);
}

}  // namespace kstreamd
