/* Extension "kstreamd.task", revision 1: identity, time, commits. */
#ifndef KSTREAMD_ABI_TASK_H
#define KSTREAMD_ABI_TASK_H

#include <kstreamd/abi/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

#define KST_TASK_EXTENSION "kstreamd.task"
#define KST_TASK_REVISION 1u

typedef struct kst_task_extension {
  uint32_t struct_size;
  /* Zero-terminated, valid as long as the context: the topology's name, the task ("lines-0"), the node. [create and
   * later] */
  const char* (*application_id)(kst_context* context);
  const char* (*task_id)(kst_context* context);
  const char* (*node_name)(kst_context* context);
  /* The greatest record timestamp the task has taken up, in ms, the batch at hand included; -1 before the first record.
   * For the stream time at one record of a batch see kst_origin.stream_time. [task] */
  int64_t (*stream_time)(kst_context* context);
  /* The wall clock in ms since 1970; a manual clock in tests. [create and later] */
  int64_t (*wall_time)(kst_context* context);
  /* Asks for a commit soon after this batch. [task] */
  void (*request_commit)(kst_context* context);
} kst_task_extension;

#ifdef __cplusplus
}
#endif
#endif
