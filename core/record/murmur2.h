// Kafka's partitioner: which partition a keyed record belongs to.
#pragma once
#include <cstdint>
#include <string_view>

#include "kstreamd/sdk/murmur2.h"

namespace kstreamd {

// The partition of a serialized, non-null key: toPositive(murmur2(key)) % partitions, as Kafka's default partitioner.
inline int32_t partition_of_key(std::string_view key, int32_t partitions) {
  return (murmur2(key) & 0x7fffffff) % partitions;
}

}  // namespace kstreamd
