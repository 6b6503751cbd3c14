#include "core/state/restore_buffer.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

#include "core/state/key_prefix.h"

namespace kstreamd {
namespace {

constexpr size_t kWriteBytes = 256 << 10;  // at once; less where the share is small
constexpr size_t kLeastWriteBytes = 32 << 10;
// Of each run, while they are merged; less where the share is small.
constexpr size_t kReadBytes = 64 << 10;
constexpr size_t kLeastReadBytes = 16 << 10;

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
  explicit Source(size_t common) : common_(common) {}
  virtual ~Source() = default;
  // To the next row, or the first one; false at the end.
  virtual bool next() = 0;

  uint64_t prefix = 0;
  std::string_view key;
  std::string_view row;
  bool removed = false;

 protected:
  // The row that lies at `at`.
  void show(const char* at) {
    Head head;
    std::memcpy(&head, at, sizeof head);
    key = {at + sizeof head, head.key_size};
    removed = head.size == kRemoved;
    row = {key.data() + key.size(), removed ? 0 : head.size};
    prefix = prefix_of(key.substr(common_));
  }

 private:
  const size_t common_;
};

class RestoreBuffer::MemorySource final : public Source {
 public:
  explicit MemorySource(const RestoreBuffer& buffer) : Source(buffer.common_.size()), buffer_(buffer) {}
  bool next() override {
    if (at_ == buffer_.rows_.size()) return false;
    show(buffer_.bytes_at(buffer_.rows_[at_++].at));
    return true;
  }

 private:
  const RestoreBuffer& buffer_;
  size_t at_ = 0;
};

class RestoreBuffer::RunSource final : public Source {
 public:
  RunSource(RestoreBuffer& buffer, Run run)
      : Source(buffer.common_.size()),
        budget_(*buffer.budget_),
        read_bytes_(std::clamp(budget_.share() / 2 / buffer.runs_.size(), kLeastReadBytes, kReadBytes)),
        file_(buffer.file_),
        begin_(run.begin),
        end_(run.end),
        error_(buffer.error_) {}
  ~RunSource() override { budget_.use(-static_cast<int64_t>(capacity_)); }
  bool next() override {
    Head head;
    if (!need(sizeof head)) return false;
    std::memcpy(&head, bytes_.get() + at_, sizeof head);
    const size_t size = sizeof head + head.key_size + (head.size == kRemoved ? 0 : head.size);
    if (!need(size)) return false;
    show(bytes_.get() + at_);
    at_ += size;
    return true;
  }

 private:
  // So many bytes from at_ on are in memory.
  bool need(size_t size) { return filled_ - at_ >= size || fill(size); }
  bool fill(size_t size) {
    const size_t left = filled_ - at_;
    if (left + (end_ - begin_) < size) return false;  // the end
    if (capacity_ < size) {
      const size_t capacity = std::max(size, read_bytes_);
      budget_.use(static_cast<int64_t>(capacity - capacity_));
      capacity_ = capacity;
      std::unique_ptr<char[]> larger(new char[capacity_]);
      if (left > 0) std::memcpy(larger.get(), bytes_.get() + at_, left);
      bytes_ = std::move(larger);
    } else {
      std::memmove(bytes_.get(), bytes_.get() + at_, left);
    }
    at_ = 0;
    filled_ = left;
    const size_t until = std::min<uint64_t>(capacity_, left + (end_ - begin_));
    while (filled_ < until) {
      const ssize_t n = ::pread(file_, bytes_.get() + filled_, until - filled_, static_cast<off_t>(begin_));
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) {
        error_ = n < 0 ? errno : EIO;
        return false;
      }
      filled_ += static_cast<size_t>(n);
      begin_ += static_cast<uint64_t>(n);
    }
    return true;
  }

  RestoreBudget& budget_;
  const size_t read_bytes_;
  const int file_;
  uint64_t begin_;  // not yet read
  const uint64_t end_;
  int& error_;
  std::unique_ptr<char[]> bytes_;
  size_t capacity_ = 0;
  size_t filled_ = 0;
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
  common_.add(key);
  const Head sizes{static_cast<uint32_t>(key.size()), size};
  const size_t whole = sizeof sizes + key.size() + head.size() + body.size();
  const uint64_t place = allocate(whole);
  char* bytes = bytes_at(place);
  std::memcpy(bytes, &sizes, sizeof sizes);
  bytes += sizeof sizes;
  if (!key.empty()) std::memcpy(bytes, key.data(), key.size());
  if (!head.empty()) std::memcpy(bytes + key.size(), head.data(), head.size());
  if (!body.empty()) std::memcpy(bytes + key.size() + head.size(), body.data(), body.size());
  if (sorted_ && !rows_.empty()) sorted_ = last_key_ < key;
  last_key_ = {bytes, key.size()};
  // Doubling would take as much again as there is.
  if (rows_.size() == rows_.capacity()) rows_.reserve(rows_.size() + rows_.size() / 4 + 16);
  rows_.push_back({0, place});
  if (memory_bytes() > budget_->share()) set_aside();
}

void RestoreBuffer::Unmap::operator()(char* bytes) const { ::munmap(bytes, size); }

uint64_t RestoreBuffer::allocate(size_t size) {
  if (chunks_.empty() || chunks_[chunk_].size() - chunk_used_ < size) {
    if (chunk_used_ > 0) chunks_before_ += chunks_[chunk_++].size();
    chunk_used_ = 0;
    if (chunk_ == chunks_.size()) chunks_.emplace_back(Chunk{{nullptr, Unmap{0}}});
    Chunk& chunk = chunks_[chunk_];
    if (chunk.size() < size) {
      chunk.bytes.reset();
      const size_t bytes = std::max(size, kChunkBytes);
      void* pages = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      if (pages == MAP_FAILED) throw std::bad_alloc();
      chunk.bytes = {static_cast<char*>(pages), Unmap{bytes}};
    }
    account();
  }
  const uint64_t place = uint64_t{chunk_} << 32 | chunk_used_;
  chunk_used_ += size;
  return place;
}

std::string_view RestoreBuffer::key_at(uint64_t place) const {
  const char* bytes = bytes_at(place);
  Head head;
  std::memcpy(&head, bytes, sizeof head);
  return {bytes + sizeof head, head.key_size};
}

void RestoreBuffer::sort() {
  if (std::exchange(sorted_, true)) return;
  for (PlacedKey& row : rows_) row.prefix = prefix_of(key_at(row.at).substr(common_.size()));
  sort_last_of_each_key(rows_, spare_, [this](uint64_t place) { return key_at(place); });
  account();
  last_key_ = key_at(rows_.back().at);
}

void RestoreBuffer::set_aside() {
  if (error_ != 0) return forget_rows();  // the restoration ends with an error at its next step
  if (file_ < 0) file_ = open_nameless(folder_);
  if (file_ < 0) error_ = errno;
  sort();
  const uint64_t begin = aside_;
  const size_t at_once = std::clamp(budget_->share() / 32, kLeastWriteBytes, kWriteBytes);
  writing_.reserve(at_once + at_once / 4);
  for (size_t i = 0; i < rows_.size(); ++i) {
    constexpr size_t kAhead = 8;  // the rows lie all over memory
    if (i + kAhead < rows_.size()) __builtin_prefetch(bytes_at(rows_[i + kAhead].at));
    const char* bytes = bytes_at(rows_[i].at);
    Head head;
    std::memcpy(&head, bytes, sizeof head);
    writing_.insert(writing_.end(), bytes,
                    bytes + sizeof head + head.key_size + (head.size == kRemoved ? 0 : head.size));
    if (writing_.size() < at_once) continue;
    if (!append(writing_)) return forget_rows();
    writing_.clear();
  }
  const bool written = append(writing_);
  writing_.clear();
  if (written) runs_.push_back({begin, aside_});
  forget_rows();
}

bool RestoreBuffer::append(std::span<const char> bytes) {
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
  // Another buffer may have come, and the share be smaller.
  size_t kept = 0;
  size_t bytes = 0;
  while (kept < chunks_.size() && (bytes += chunks_[kept].size()) <= budget_->share()) ++kept;
  chunks_.resize(kept);
  chunk_ = chunk_used_ = chunks_before_ = 0;
  sorted_ = true;
  account();
}

void RestoreBuffer::account() {
  size_t held = (rows_.capacity() + spare_.capacity()) * sizeof(PlacedKey) + writing_.capacity();
  for (const Chunk& chunk : chunks_) held += chunk.size();
  budget_->use(static_cast<int64_t>(held) - static_cast<int64_t>(std::exchange(told_, held)));
}

void RestoreBuffer::clear() {
  if (file_ >= 0) ::close(std::exchange(file_, -1));
  runs_.clear();
  aside_ = 0;
  error_ = 0;
  // An assignment of {} would keep the memory.
  std::vector<PlacedKey>().swap(rows_);
  std::vector<PlacedKey>().swap(spare_);
  chunks_.clear();
  chunk_ = chunk_used_ = chunks_before_ = 0;
  std::vector<char>().swap(writing_);
  common_.clear();
  sorted_ = true;
  account();
  if (std::exchange(counted_, false)) budget_->remove_buffer();
}

// ---- Giving out

RestoreBuffer::Walk RestoreBuffer::walk() { return Walk(*this); }

RestoreBuffer::Walk::Walk(RestoreBuffer& buffer) {
  buffer.sort();
  for (const Run& run : buffer.runs_) sources_.push_back(std::make_unique<RunSource>(buffer, run));
  sources_.push_back(std::make_unique<MemorySource>(buffer));
  heads_.resize(sources_.size());
  // Everyone plays upwards until there is nobody to play against yet.
  const size_t nobody = sources_.size();
  losers_.assign(sources_.size(), nobody);
  for (size_t i = 0; i < sources_.size(); ++i) {
    advance(i);
    winner_ = i;
    for (size_t node = (i + sources_.size()) / 2; node > 0; node /= 2) {
      if (losers_[node] == nobody) {
        losers_[node] = winner_;
        break;
      }
      if (before(losers_[node], winner_)) std::swap(losers_[node], winner_);
    }
  }
}

RestoreBuffer::Walk::~Walk() = default;
RestoreBuffer::Walk::Walk(Walk&&) noexcept = default;

std::string_view RestoreBuffer::Walk::key() const { return heads_[winner_].source->key; }
bool RestoreBuffer::Walk::removed() const { return heads_[winner_].source->removed; }
std::string_view RestoreBuffer::Walk::row() const { return heads_[winner_].source->row; }

bool RestoreBuffer::Walk::before(size_t a, size_t b) const {
  const Head& first = heads_[a];
  const Head& second = heads_[b];
  if (first.prefix != second.prefix) return first.prefix < second.prefix;
  if (!first.source || !second.source) return first.source != nullptr;
  const int difference = first.source->key.compare(second.source->key);
  return difference != 0 ? difference < 0 : a > b;
}

void RestoreBuffer::Walk::advance(size_t source) {
  Source& rows = *sources_[source];
  heads_[source] = rows.next() ? Head{rows.prefix, &rows} : Head{UINT64_MAX, nullptr};
}

void RestoreBuffer::Walk::replay(size_t source) {
  advance(source);
  winner_ = source;
  for (size_t node = (source + sources_.size()) / 2; node > 0; node /= 2)
    if (before(losers_[node], winner_)) std::swap(losers_[node], winner_);
}

void RestoreBuffer::Walk::next() {
  const uint64_t prefix = heads_[winner_].prefix;
  last_key_ = key();
  do {
    replay(winner_);
  } while (valid() && heads_[winner_].prefix == prefix && key() == last_key_);  // words before the last
}

}  // namespace kstreamd
