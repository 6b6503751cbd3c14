// An extension of the host for the operators that come with it, and no part of the ABI: numbers that are committed with
// the offsets of the task's inputs, and go back with them. So an operator knows after a restart or an abort how far it
// had come in time, to the record.
#pragma once
#include <kstreamd/abi/plugin.h>

#include <cstddef>
#include <cstdint>

namespace kstreamd {

struct ProgressExtension {
  static constexpr const char* kId = "kstreamd.internal.progress";
  static constexpr uint32_t kRevision = 1;

  uint32_t struct_size;
  // Where the node's number of this name is kept: to be read and written in all calls into the processor. -1 at first;
  // afterwards it may only grow. All of a task's names and numbers have room in the few KiB that a broker keeps beside
  // an offset: names are short. NULL, with a reason set, where there is none. [init]
  int64_t* (*find)(kst_context* context, const char* name, size_t name_size);
  // The same under the name of a store of the node alone, for what Kafka Streams keeps there too: up to which time the
  // windows of an aggregation have been put out. [init]
  int64_t* (*find_of_store)(kst_context* context, uint32_t store);
};

}  // namespace kstreamd
