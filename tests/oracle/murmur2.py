"""Kafka's partitioner, written from its definition (org.apache.kafka.common.utils.Utils.murmur2), independently of the C++ one."""

MASK = 0xFFFFFFFF
M, R, SEED = 0x5BD1E995, 24, 0x9747B28C


def murmur2(data):
    """The hash of bytes as an unsigned 32-bit number."""
    h = (SEED ^ len(data)) & MASK
    whole = len(data) // 4 * 4
    for i in range(0, whole, 4):
        k = int.from_bytes(data[i:i + 4], "little") * M & MASK
        k ^= k >> R
        h = (h * M & MASK) ^ (k * M & MASK)
    tail = data[whole:]
    if tail:
        h ^= int.from_bytes(tail, "little")
        h = h * M & MASK
    h ^= h >> 13
    h = h * M & MASK
    return h ^ (h >> 15)


def partition_of(key, partitions):
    return (murmur2(key) & 0x7FFFFFFF) % partitions
