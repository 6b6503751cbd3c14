#include "core/kafka/memory.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace kstreamd {
namespace kafka {
namespace {

constexpr uint64_t kMiB = 1 << 20;

// What librdkafka and malloc need for a record in a producer's queue, beside its key and value.
constexpr uint64_t kProducedOverhead = 256;

// librdkafka refuses a fetch.max.bytes below message.max.bytes, which is 1,000,000 unless the user says otherwise.
constexpr uint64_t kLeastFetch = kMiB;
// The answer to a fetch is one piece of memory. malloc keeps pieces up to some MiB for the next; larger ones come from
// the system each time, and then page faults cost as much as reading into them.
constexpr uint64_t kMostFetch = 6 * kMiB;
constexpr uint64_t kLeastQueued = kMiB;
constexpr uint64_t kMostQueued = 256 * kMiB;
constexpr uint64_t kMostFetchedMessages = 1'000'000;
constexpr uint64_t kMostProduced = 128 * kMiB;
constexpr uint64_t kMostProducedMessages = 1'000'000;
constexpr uint64_t kLeastInFlight = 2 * kMiB;
constexpr uint64_t kMostInFlight = 16 * kMiB;
constexpr uint64_t kMostBatch = 1'000'000;

std::optional<uint64_t> number(const Properties& properties, const char* name) {
  const auto found = properties.find(name);
  if (found == properties.end()) return std::nullopt;
  uint64_t value = 0;
  const char* end = found->second.data() + found->second.size();
  const auto [at, failed] = std::from_chars(found->second.data(), end, value);
  if (failed != std::errc() || at != end) return std::nullopt;  // librdkafka will say so
  return value;
}

std::optional<uint64_t> kilobytes(const Properties& properties, const char* name) {
  const auto given = number(properties, name);
  return given ? std::optional(*given * 1024) : std::nullopt;
}

uint64_t largest_message(const Properties& user) {
  return std::max(kMiB, number(user, "message.max.bytes").value_or(0));
}

// A queue is bounded by the number of its messages and by their bytes: what both together may take, halved where the
// user gives neither.
struct Queue {
  uint64_t bytes = 0;
  uint64_t overheads = 0;
};
Queue split(uint64_t room, std::optional<uint64_t> bytes, std::optional<uint64_t> overheads, Queue least, Queue most) {
  const auto rest_of = [room](uint64_t taken) { return room > taken ? room - taken : 0; };
  if (!bytes) bytes = std::clamp(overheads ? rest_of(*overheads) : room / 2, least.bytes, most.bytes);
  if (!overheads) overheads = std::clamp(rest_of(*bytes), least.overheads, most.overheads);
  return {*bytes, *overheads};
}

std::optional<uint64_t> given_overheads(const Properties& user, const char* name, uint64_t each) {
  const auto messages = number(user, name);
  return messages ? std::optional(*messages * each) : std::nullopt;
}

Queue fetch_queue(const Properties& user, uint64_t room) {
  return split(room, kilobytes(user, "queued.max.messages.kbytes"),
               given_overheads(user, "queued.min.messages", kFetchedRecord), {kLeastQueued, kLeastQueued},
               {kMostQueued, kMostFetchedMessages * kFetchedRecord});
}

Queue producer_queue(const Properties& user, uint64_t room) {
  return split(room, kilobytes(user, "queue.buffering.max.kbytes"),
               given_overheads(user, "queue.buffering.max.messages", kProducedOverhead),
               {largest_message(user) + kMiB / 16, kMiB}, {kMostProduced, kMostProducedMessages * kProducedOverhead});
}

// Of one fetch. A second one's worth is kept free, because librdkafka looks at the queue before it asks for more.
uint64_t fetch_size(const Properties& user, uint64_t bytes) {
  const uint64_t least = std::max(kLeastFetch, largest_message(user));
  return number(user, "fetch.max.bytes").value_or(std::clamp(bytes / 12, least, std::max(least, kMostFetch)));
}

uint64_t in_flight(uint64_t bytes) { return std::clamp(bytes / 6, kLeastInFlight, kMostInFlight); }

uint64_t consumer_memory(const Properties& user, uint64_t bytes) {
  const uint64_t fetch = fetch_size(user, bytes);
  const Queue queue = fetch_queue(user, bytes > 2 * fetch ? bytes - 2 * fetch : 0);
  return 2 * fetch + queue.bytes + queue.overheads;
}

uint64_t producer_memory(const Properties& user, uint64_t bytes) {
  const uint64_t requests = in_flight(bytes);
  const Queue queue = producer_queue(user, bytes > requests ? bytes - requests : 0);
  return requests + queue.bytes + queue.overheads;
}

}  // namespace

void bound_fetch_queue(Properties& tuning, const Properties& user, uint64_t bytes, uint64_t per_partition) {
  const uint64_t fetch = fetch_size(user, bytes);
  const Queue queue = fetch_queue(user, bytes > 2 * fetch ? bytes - 2 * fetch : 0);
  tuning["fetch.max.bytes"] = std::to_string(fetch);
  tuning["fetch.message.max.bytes"] = std::to_string(std::min(per_partition, fetch));
  tuning["queued.max.messages.kbytes"] = std::to_string(queue.bytes / 1024);
  tuning["queued.min.messages"] = std::to_string(std::max<uint64_t>(queue.overheads / kFetchedRecord, 1));
}

void bound_producer_queue(Properties& tuning, const Properties& user, uint64_t bytes) {
  const uint64_t requests = in_flight(bytes);
  const Queue queue = producer_queue(user, bytes > requests ? bytes - requests : 0);
  tuning["queue.buffering.max.kbytes"] = std::to_string(queue.bytes / 1024);
  tuning["queue.buffering.max.messages"] = std::to_string(std::max<uint64_t>(queue.overheads / kProducedOverhead, 1));
  // Five requests may be on their way at once.
  tuning["batch.size"] = std::to_string(std::min(kMostBatch, requests / 5));
}

FetchLimits fetch_limits(const Properties& properties) {
  return {number(properties, "queued.min.messages").value_or(kMostFetchedMessages),
          kilobytes(properties, "queued.max.messages.kbytes").value_or(kMostQueued)};
}

}  // namespace kafka

KafkaMemory least_kafka_memory(const std::map<std::string, std::string>& properties) {
  const uint64_t consumer = kafka::consumer_memory(properties, 0);
  return {consumer, consumer, kafka::producer_memory(properties, 0)};
}

KafkaMemory most_kafka_memory(const std::map<std::string, std::string>& properties) {
  constexpr uint64_t plenty = uint64_t{1} << 40;
  const uint64_t consumer = kafka::consumer_memory(properties, plenty);
  return {consumer, consumer, kafka::producer_memory(properties, plenty)};
}

}  // namespace kstreamd
