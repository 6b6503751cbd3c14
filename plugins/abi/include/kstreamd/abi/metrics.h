/* Extension "kstreamd.metrics", revision 1: metrics of a processor's own, shown on /metrics beside the daemon's.
 *
 * A metric `name` ([a-z][a-z0-9_]*, units in the name: "lookup_seconds") is shown as kstreamd_plugin_<name> (a counter
 * as kstreamd_plugin_<name>_total) with the labels topology, task and node. */
#ifndef KSTREAMD_ABI_METRICS_H
#define KSTREAMD_ABI_METRICS_H

#include <kstreamd/abi/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

#define KST_METRICS_EXTENSION "kstreamd.metrics"
#define KST_METRICS_REVISION 1u

enum {
  KST_COUNTER = 0,  /* only grows */
  KST_GAUGE = 1,    /* a value that is set */
  KST_HISTOGRAM = 2 /* observations, in buckets made for seconds from 0.0001 to 100 */
};

/* One metric of one node of one task. Opaque; the host's, valid until close has returned. */
typedef struct kst_metric kst_metric;

typedef struct kst_metrics_extension {
  uint32_t struct_size;
  /* Makes a metric, or finds the one that the context made by this name. Strings are zero-terminated and copied; `help`
   * is one line. KST_FATAL for a name that is not well-formed, or is taken by another kind. [create, init] */
  kst_status (*make)(kst_context* context, uint32_t kind, const char* name, const char* help, kst_metric** metric);
  /* Counter: adds `value` >= 0. Gauge: sets it. Histogram: observes it. [any thread] */
  void (*record)(kst_metric* metric, double value);
} kst_metrics_extension;

#ifdef __cplusplus
}
#endif
#endif
