/* Extension "kstreamd.window_store", revision 1: stores of kind KST_STORE_WINDOW.
 *
 * A row belongs to a key and the start of a window, 0 or later (else it is a KST_RECORD_ERROR); the window's size is
 * the store's (`size:` in YAML). With `duplicates: true` several rows may have the same key and start: none is ever
 * overwritten or deleted, and putting KST_NULL does nothing. The store's time is the greatest start put so far (by any
 * node, deletions included). Rows whose window starts `retention` or more before it are gone; putting one is counted as
 * dropped (`expired`). Semantics are those of Kafka Streams' timestamped WindowStore. Otherwise as abi/store.h. All
 * functions [task]. */
#ifndef KSTREAMD_ABI_WINDOW_STORE_H
#define KSTREAMD_ABI_WINDOW_STORE_H

#include <kstreamd/abi/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

#define KST_WINDOW_STORE_EXTENSION "kstreamd.window_store"
#define KST_WINDOW_STORE_REVISION 1u

typedef struct kst_window_row {
  kst_value key;
  kst_value value;   /* KST_NULL: no such row; in put_many: delete it */
  int64_t timestamp; /* ms; of the value, and of its changelog record; 0 in put_many: the start */
  int64_t start;     /* ms, inclusive */
  int64_t end;       /* ms, exclusive: start + size. Set by the host. */
} kst_window_row;

/* Keys from..to (inclusive; equal for one key; KST_NULL: an open end) with windows that start in
 * start_from..start_to (ms, inclusive). */
typedef struct kst_window_range {
  kst_value from;
  kst_value to;
  int64_t start_from;
  int64_t start_to;
} kst_window_range;

/* As kst_row_visitor. */
typedef int (*kst_window_visitor)(void* visitor, size_t range, const kst_window_row* row);

typedef struct kst_window_store_extension {
  uint32_t struct_size;

  /* Fills value, timestamp and end of rows whose keys and starts are set. With duplicates: the first. */
  kst_status (*get_many)(kst_context* context, uint32_t store, kst_window_row* rows, size_t count);

  /* Writes rows in order. */
  kst_status (*put_many)(kst_context* context, uint32_t store, const kst_window_row* rows, size_t count);

  /* Visits the rows of each range: for one key by start, for several by key and start (keys by their serialized bytes;
   * where one key is the beginning of another, their rows may come mixed), duplicates in the order in which they were
   * put; backwards with `reverse`. */
  kst_status (*scan)(kst_context* context, uint32_t store, const kst_window_range* ranges, size_t count, int reverse,
                     void* visitor, kst_window_visitor visit);
} kst_window_store_extension;

#ifdef __cplusplus
}
#endif
#endif
