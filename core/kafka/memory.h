// How much memory the queues of librdkafka's clients take, and the properties that keep them within it. Internal to
// core/kafka.
#pragma once
#include <cstdint>

#include "core/kafka/client.h"
#include "core/kafka/kafka_cluster.h"

namespace kstreamd::kafka {

// What librdkafka and malloc need for a record in a fetch queue, beside its key and value.
inline constexpr uint64_t kFetchedOverhead = 320;
// What is allowed for a record in a fetch queue beside its value: librdkafka 2.0.2 counts no keys in the bytes that it
// bounds, so that keys are bounded by the number of records only. Larger ones than this take up more than was meant.
inline constexpr uint64_t kFetchedRecord = kFetchedOverhead + 192;

// Adds to `tuning` the bounds of a consumer's fetch queue (queued.min.messages, queued.max.messages.kbytes,
// fetch.max.bytes, fetch.message.max.bytes) for which about `bytes` are enough, with what the user gives counted in.
// `per_partition`: the most that is fetched of a partition at once.
void bound_fetch_queue(Properties& tuning, const Properties& user, uint64_t bytes, uint64_t per_partition);
// The same for a producer: queue.buffering.max.messages, queue.buffering.max.kbytes, batch.size.
void bound_producer_queue(Properties& tuning, const Properties& user, uint64_t bytes);

// The limits of a consumer's fetch queue, past which librdkafka fetches no more.
struct FetchLimits {
  uint64_t messages = 0;
  uint64_t bytes = 0;  // of values
};
FetchLimits fetch_limits(const Properties& properties);

}  // namespace kstreamd::kafka
