/* Extensions "kstreamd.task" (identity and time) and "kstreamd.log", revision 1 each. */
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
  /* Zero-terminated, valid as long as the context: the topology's name, the task ("lines-0"), the node. */
  const char* (*application_id)(kst_context* context);
  const char* (*task_id)(kst_context* context);
  const char* (*node_name)(kst_context* context);
  /* The greatest record timestamp the task has taken up, the batch at hand included, in ms; -1 before the first
   * record. [during process] */
  int64_t (*stream_time)(kst_context* context);
  /* The wall clock in ms since 1970; a manual clock in tests. */
  int64_t (*wall_time)(kst_context* context);
  /* Asks for a commit soon after this batch. [during process] */
  void (*request_commit)(kst_context* context);
} kst_task_extension;

#define KST_LOG_EXTENSION "kstreamd.log"
#define KST_LOG_REVISION 1u

enum { KST_LOG_DEBUG = 0, KST_LOG_INFO = 1, KST_LOG_WARN = 2, KST_LOG_ERROR = 3 };

typedef struct kst_log_extension {
  uint32_t struct_size;
  /* One line to the daemon's log, with topology, task and node added. Copied. `level` is KST_LOG_*. */
  void (*write)(kst_context* context, int level, const char* message, size_t size);
} kst_log_extension;

#ifdef __cplusplus
}
#endif
#endif
