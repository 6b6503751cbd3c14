/* Extension "kstreamd.log", revision 1: the daemon's log. */
#ifndef KSTREAMD_ABI_LOG_H
#define KSTREAMD_ABI_LOG_H

#include <kstreamd/abi/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

#define KST_LOG_EXTENSION "kstreamd.log"
#define KST_LOG_REVISION 1u

enum { KST_LOG_DEBUG = 0, KST_LOG_INFO = 1, KST_LOG_WARN = 2, KST_LOG_ERROR = 3 };

typedef struct kst_log_extension {
  uint32_t struct_size;
  /* One line to the daemon's log, with topology, task and node added. Copied. `level` is KST_LOG_*. [create and later;
   * any thread until close has returned] */
  void (*write)(kst_context* context, int level, const char* message, size_t size);
} kst_log_extension;

#ifdef __cplusplus
}
#endif
#endif
