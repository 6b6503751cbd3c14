// A Cluster in front of another that fails transactional calls as told: the outcomes a broker can leave a worker with.
#pragma once
#include <deque>
#include <memory>

#include "core/ports/cluster.h"

namespace kstreamd {

struct Faults {
  enum class Commit {
    refused,         // the broker says abort
    unknown_done,    // committed, but nobody says so
    unknown_undone,  // not committed, and nobody says so
    again,           // retriable: not done yet
  };
  std::deque<Commit> commits;         // for the next commits, in order
  std::deque<Recovery> send_offsets;  // for the next send_offsets
  int aborts = 0;
  int producers = 0;
};

class FaultyCluster final : public Cluster {
 public:
  FaultyCluster(Cluster& inner, Faults& faults) : inner_(inner), faults_(faults) {}
  Admin& admin() override { return inner_.admin(); }
  Result<std::unique_ptr<GroupMember>> join(const GroupConfig& config) override { return inner_.join(config); }
  Result<std::unique_ptr<RecordSource>> make_reader(bool committed_only) override {
    return inner_.make_reader(committed_only);
  }
  Result<std::unique_ptr<Producer>> make_producer(const ProducerConfig& config) override {
    auto made = inner_.make_producer(config);
    if (!made) return made;
    ++faults_.producers;
    return std::unique_ptr<Producer>(std::make_unique<FaultyProducer>(std::move(*made), faults_));
  }

 private:
  class FaultyProducer final : public Producer {
   public:
    FaultyProducer(std::unique_ptr<Producer> inner, Faults& faults) : inner_(std::move(inner)), faults_(faults) {}
    Status init(Duration timeout) override { return inner_->init(timeout); }
    Result<TopicHandle> open_topic(const std::string& name, Duration timeout) override {
      return inner_->open_topic(name, timeout);
    }
    int32_t partition_count(TopicHandle topic) const override { return inner_->partition_count(topic); }
    Status begin() override { return inner_->begin(); }
    Status produce(const OutgoingRecord& record) override { return inner_->produce(record); }
    Status send_offsets(std::span<const PartitionOffset> offsets, const GroupToken& token) override {
      if (!faults_.send_offsets.empty()) {
        const Recovery recovery = faults_.send_offsets.front();
        faults_.send_offsets.pop_front();
        return Error{recovery, "send_offsets fails as told", ""};
      }
      return inner_->send_offsets(offsets, token);
    }
    Status commit() override {
      if (faults_.commits.empty()) return inner_->commit();
      const auto fault = faults_.commits.front();
      faults_.commits.pop_front();
      switch (fault) {
        case Faults::Commit::refused:
          return Error{Recovery::abort_transaction, "commit refused as told", ""};
        case Faults::Commit::again:
          return Error{Recovery::retry, "commit to be repeated as told", ""};
        case Faults::Commit::unknown_done:
          if (auto done = inner_->commit(); !done) return done;
          break;
        case Faults::Commit::unknown_undone:
          break;
      }
      return Error{Recovery::recreate_producer, "commit unknown as told", ""};
    }
    Status abort() override {
      ++faults_.aborts;
      return inner_->abort();
    }
    Status flush(Duration timeout) override { return inner_->flush(timeout); }
    size_t open_bytes() const override { return inner_->open_bytes(); }
    int64_t take_last_offset(TopicHandle topic, int32_t partition) override {
      return inner_->take_last_offset(topic, partition);
    }

   private:
    std::unique_ptr<Producer> inner_;
    Faults& faults_;
  };

  Cluster& inner_;
  Faults& faults_;
};

}  // namespace kstreamd
