// The ports of core/ports/cluster.h on Apache Kafka, by librdkafka.
#pragma once
#include <map>
#include <memory>
#include <string>

#include "core/base/result.h"
#include "core/ports/cluster.h"

namespace kstreamd {

// `properties` are librdkafka's, as the user gave them (bootstrap.servers is needed). kstreamd's own tuning lies
// beneath them, what exactly-once depends on above them (core/kafka/settings.cpp has both lists). Nothing is connected
// before something is made or asked; an unusable property is an error of each call then, see check_kafka_properties.
std::unique_ptr<Cluster> make_kafka_cluster(std::map<std::string, std::string> properties);

// Whether librdkafka knows the properties and takes their values: for `validate` and start-up. Connects to nothing.
Status check_kafka_properties(const std::map<std::string, std::string>& properties);

}  // namespace kstreamd
