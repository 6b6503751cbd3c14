/* Extension "kstreamd.schedule", revision 1: punctuations, on stream time or on the wall clock.
 *
 * Semantics are those of Kafka Streams' ProcessorContext.schedule. A schedule fires by a call of the type's punctuate,
 * between records, never during process. Missed times are not caught up: one call, and the next time is the following
 * multiple of the interval. Stream time fires after the record that moved it; the wall clock fires also when no records
 * come. What a punctuation forwards has no origin. */
#ifndef KSTREAMD_ABI_SCHEDULE_H
#define KSTREAMD_ABI_SCHEDULE_H

#include <kstreamd/abi/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

#define KST_SCHEDULE_EXTENSION "kstreamd.schedule"
#define KST_SCHEDULE_REVISION 1u

enum { KST_STREAM_TIME = 0, KST_WALL_CLOCK = 1 };
#define KST_NO_START INT64_MIN

typedef struct kst_schedule_extension {
  uint32_t struct_size;

  /* Asks for a punctuation every `interval` ms (1 or more; else KST_FATAL). `start`: the first time, in ms since 1970
   * (0 or more; else KST_FATAL); where the wall clock is past it, the first time in steps of the interval that is not.
   * KST_NO_START: stream time counts from 0, so that it fires with the first record, and the wall clock fires one
   * interval from now. What is made during process is first looked at after the batch at hand. *schedule is a number
   * that this context has not used before. A schedule lives as long as the context: after an abort the new instance
   * makes its own in init. [init, process, punctuate] */
  kst_status (*schedule)(kst_context* context, uint32_t kind, int64_t interval, int64_t start, uint64_t* schedule);

  /* Ends a schedule, also from within its own punctuation. A number that is not in use is ignored. [init, process,
   * punctuate] */
  void (*cancel)(kst_context* context, uint64_t schedule);
} kst_schedule_extension;

#ifdef __cplusplus
}
#endif
#endif
