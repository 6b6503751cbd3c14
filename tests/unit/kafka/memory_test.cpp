#include "core/kafka/memory.h"

#include <catch2/catch.hpp>

#include "core/kafka/settings.h"

namespace kstreamd::kafka {
namespace {

constexpr uint64_t kMiB = 1 << 20;

uint64_t number(const Properties& properties, const std::string& name) { return std::stoull(properties.at(name)); }

}  // namespace

TEST_CASE("a consumer's queue, and two fetches, fit into its memory") {
  for (const uint64_t memory : {6 * kMiB, 24 * kMiB, 100 * kMiB, 500 * kMiB}) {
    CAPTURE(memory);
    Properties tuning;
    bound_fetch_queue(tuning, {}, memory, kMiB);
    const uint64_t fetch = number(tuning, "fetch.max.bytes");
    CHECK(fetch >= 1'000'000);  // librdkafka wants it to be message.max.bytes at least
    CHECK(number(tuning, "fetch.message.max.bytes") <= fetch);
    const uint64_t queue =
        number(tuning, "queued.max.messages.kbytes") * 1024 + number(tuning, "queued.min.messages") * kFetchedRecord;
    CHECK(queue + 2 * fetch <= memory);
    CHECK(queue + 2 * fetch > memory - memory / 50);
  }
}

TEST_CASE("a consumer that may take what it wants has the queue that is of use") {
  Properties tuning;
  bound_fetch_queue(tuning, {}, most_kafka_memory({}).source, kMiB);
  CHECK(tuning.at("queued.min.messages") == "1000000");
  CHECK(tuning.at("queued.max.messages.kbytes") == "262144");
}

TEST_CASE("what the user sets is counted in, and the rest is made to fit") {
  const Properties user{{"queued.max.messages.kbytes", "20480"}};
  Properties tuning;
  bound_fetch_queue(tuning, user, 40 * kMiB, kMiB);
  const uint64_t left = 40 * kMiB - 20 * kMiB - 2 * number(tuning, "fetch.max.bytes");
  CHECK(number(tuning, "queued.min.messages") == left / kFetchedRecord);
  CHECK(least_kafka_memory(user).source >= 22 * kMiB);
  CHECK(source_properties(user, "g", true, false, 40 * kMiB).at("queued.max.messages.kbytes") == "20480");
}

TEST_CASE("the least memory of each client is enough for its bounds") {
  const KafkaMemory least = least_kafka_memory({});
  Properties consumer, producer;
  bound_fetch_queue(consumer, {}, least.source, kMiB);
  CHECK(number(consumer, "queued.max.messages.kbytes") * 1024 +
            number(consumer, "queued.min.messages") * kFetchedRecord + 2 * number(consumer, "fetch.max.bytes") <=
        least.source);
  bound_producer_queue(producer, {}, least.producer);
  // A record of the largest size has to fit in, or it would wait for ever.
  CHECK(number(producer, "queue.buffering.max.kbytes") * 1024 > kMiB);
  CHECK(number(producer, "queue.buffering.max.kbytes") * 1024 + number(producer, "queue.buffering.max.messages") * 256 <
        least.producer);
  const KafkaMemory large = least_kafka_memory({{"message.max.bytes", "20000000"}});
  bound_producer_queue(producer, {{"message.max.bytes", "20000000"}}, large.producer);
  CHECK(number(producer, "queue.buffering.max.kbytes") * 1024 > 20'000'000);
  bound_fetch_queue(consumer, {{"message.max.bytes", "20000000"}}, large.source, kMiB);
  CHECK(number(consumer, "fetch.max.bytes") >= 20'000'000);
}

TEST_CASE("librdkafka takes the bounds of every size") {
  for (const uint64_t memory : {uint64_t{0}, 8 * kMiB, 64 * kMiB, 1024 * kMiB}) {
    CAPTURE(memory);
    CHECK(check_properties(source_properties({{"bootstrap.servers", "h:1"}}, "g", true, true, memory)).ok());
    CHECK(check_properties(producer_properties({{"bootstrap.servers", "h:1"}}, "", memory)).ok());
  }
}

}  // namespace kstreamd::kafka
