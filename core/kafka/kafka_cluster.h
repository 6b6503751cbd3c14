// The ports of core/ports/cluster.h on Apache Kafka, by librdkafka.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "core/base/result.h"
#include "core/ports/cluster.h"

namespace kstreamd {

// What the queues of one client may take of the process's memory, in bytes.
struct KafkaMemory {
  uint64_t source = 0;    // a worker's
  uint64_t reader = 0;    // of restoration, `consume`
  uint64_t producer = 0;  // a worker's
};
// The least that works, and the most that is of use; both what the user's properties say where they set limits.
KafkaMemory least_kafka_memory(const std::map<std::string, std::string>& properties);
KafkaMemory most_kafka_memory(const std::map<std::string, std::string>& properties);

// `properties` are librdkafka's, as the user gave them (bootstrap.servers is needed). kstreamd's own tuning lies
// beneath them, what exactly-once depends on above them (core/kafka/settings.cpp has both lists). Nothing is connected
// before something is made or asked; an unusable property is an error of each call then, see check_kafka_properties.
// `memory` bounds the queues of each client; nothing: the most that is of use.
std::unique_ptr<Cluster> make_kafka_cluster(std::map<std::string, std::string> properties,
                                            const std::optional<KafkaMemory>& memory = std::nullopt);

// Whether librdkafka knows the properties and takes their values: for `validate` and start-up. Connects to nothing.
Status check_kafka_properties(const std::map<std::string, std::string>& properties);

}  // namespace kstreamd
