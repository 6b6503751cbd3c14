/* Extension "kstreamd.async", revision 1: records that are finished later, from any thread.
 *
 * For types with max_in_flight > 0. During process such a processor holds each record that it does not drop, goes on,
 * and completes it with its outputs when they are there: also at once, from within process. It does not call forward
 * during process (KST_FATAL). What the host sees to:
 * - Order: outputs of records with equal keys leave in the order in which the records came. Records with a null key are
 *   ordered among each other too. Between different keys there is no order.
 * - Limit: no more than max_in_flight records are held at a time; further ones wait before process.
 * - Exactly-once: a commit waits until nothing is held. No new records are taken up meanwhile.
 * - Undoing: when the transaction is aborted or the task closed, what is held is forgotten; the records come again.
 * - Failing: when process returns KST_RECORD_ERROR, the failed record and those after it are not held any more, whether
 *   they were completed or not: the first is dealt with, the others come again.
 * - Time: a record held for longer than completion_timeout_ms fails as a record error, and the topology's on_error
 *   decides; what is completed after that is ignored. */
#ifndef KSTREAMD_ABI_ASYNC_H
#define KSTREAMD_ABI_ASYNC_H

#include <kstreamd/abi/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

#define KST_ASYNC_EXTENSION "kstreamd.async"
#define KST_ASYNC_REVISION 1u

/* A held record. Plain numbers: a token may be copied, and a stale one is recognized. */
typedef struct kst_token {
  uint64_t processor;
  uint64_t record;
} kst_token;

typedef struct kst_async_extension {
  uint32_t struct_size;

  /* Holds one record of the batch at hand; `record` points into it. *held is the host's own copy: it may be read from
   * any thread until the record is completed, or close has returned. Holding a record twice, or one of another batch,
   * is a KST_FATAL. [process] */
  kst_status (*hold)(kst_context* context, const kst_record* record, kst_token* token, const kst_record** held);

  /* Finishes a held record with `count` records, perhaps none, in their order. `outputs` has the output number of each;
   * NULL: all go to output 0. The host copies what they point to, and gives them the held record's origin.
   * KST_OK; KST_STOP when the record is not waited for any more (closed, aborted, timed out): the result is ignored,
   * which is no error of the plugin; KST_FATAL when the token was completed before or never given out: the topology
   * stops with a message that says so. [any thread] */
  kst_status (*complete)(kst_token token, const uint32_t* outputs, const kst_record* records, size_t count);

  /* The same for a record that could not be processed: the topology's on_error decides what follows. [any thread] */
  kst_status (*fail)(kst_token token, const char* message, size_t size);

  /* The same for a record that is dropped for a reason (see kst_host.drop). [any thread] */
  kst_status (*drop)(kst_token token, const char* reason);
} kst_async_extension;

#ifdef __cplusplus
}
#endif
#endif
