/* Extension "kstreamd.session_store", revision 1: stores of kind KST_STORE_SESSION.
 *
 * A row belongs to a key and a session [start, end], both inclusive, in ms, 0 <= start <= end; other bounds are a
 * KST_RECORD_ERROR. The store's time is the greatest end put so far (by any node, deletions included). Rows whose
 * session ended `retention` or more before it are gone; putting one is counted as dropped (`expired`). Semantics are
 * those of Kafka Streams' SessionStore. Otherwise as abi/store.h. All functions [task]. */
#ifndef KSTREAMD_ABI_SESSION_STORE_H
#define KSTREAMD_ABI_SESSION_STORE_H

#include <kstreamd/abi/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

#define KST_SESSION_STORE_EXTENSION "kstreamd.session_store"
#define KST_SESSION_STORE_REVISION 1u

typedef struct kst_session_row {
  kst_value key;
  kst_value value; /* KST_NULL: no such session; in put_many: delete it */
  int64_t start;   /* ms, inclusive */
  int64_t end;     /* ms, inclusive */
  /* ms; of the changelog's record, as a rule that of the record at hand; 0: the end. By it the broker's retention of
   * the changelog goes. Not kept: 0 in what is read. */
  int64_t timestamp;
} kst_session_row;

/* Keys from..to (inclusive; equal for one key; KST_NULL: an open end) with sessions that end at or after earliest_end
 * and start at or before latest_start (ms). */
typedef struct kst_session_range {
  kst_value from;
  kst_value to;
  int64_t earliest_end;
  int64_t latest_start;
} kst_session_range;

/* As kst_row_visitor. */
typedef int (*kst_session_visitor)(void* visitor, size_t range, const kst_session_row* row);

typedef struct kst_session_store_extension {
  uint32_t struct_size;

  /* Fills the values of rows whose keys, starts and ends are set. */
  kst_status (*get_many)(kst_context* context, uint32_t store, kst_session_row* rows, size_t count);

  /* Writes rows in order. */
  kst_status (*put_many)(kst_context* context, uint32_t store, const kst_session_row* rows, size_t count);

  /* Visits the sessions of each range: for one key by end, then start; for several by key, end and start (keys by their
   * serialized bytes; where one key is the beginning of another, their rows may come mixed); backwards with
   * `reverse`. */
  kst_status (*scan)(kst_context* context, uint32_t store, const kst_session_range* ranges, size_t count, int reverse,
                     void* visitor, kst_session_visitor visit);
} kst_session_store_extension;

#ifdef __cplusplus
}
#endif
#endif
