/* Extension "kstreamd.store", revision 1: key-value stores of the node's task.
 *
 * A node names its stores in YAML (`stores: [seen]`); here they are numbers, in that order. Keys and values are
 * converted by the store's serdes; one that does not fit is a KST_RECORD_ERROR, and so is a null key. What was put is
 * read back at once by every node of the task, and becomes durable with the commit of the records that caused it, or
 * not at all. A store of another kind than KST_STORE_KEY_VALUE is a KST_FATAL here, but for kind and approximate_rows.
 * All functions [task]. */
#ifndef KSTREAMD_ABI_STORE_H
#define KSTREAMD_ABI_STORE_H

#include <kstreamd/abi/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

#define KST_STORE_EXTENSION "kstreamd.store"
#define KST_STORE_REVISION 1u

typedef struct kst_store_row {
  kst_value key;
  kst_value value;   /* KST_NULL: no such row; in put_many: delete it */
  int64_t timestamp; /* ms; of the value, in timestamped stores (the default), else ignored and 0 */
} kst_store_row;

/* From and to are inclusive; KST_NULL is an open end. */
typedef struct kst_key_range {
  kst_value from;
  kst_value to;
} kst_key_range;

/* Takes one row of a scan; `range` is the index of the range (or prefix) it was found by. The row is borrowed until
 * this returns, and stores must not be written during it. Return 0 to go on, 1 to end the scan of this range. */
typedef int (*kst_row_visitor)(void* visitor, size_t range, const kst_store_row* row);

typedef struct kst_store_extension {
  uint32_t struct_size;

  /* Which kind a store is: KST_STORE_*; 0 for a number that the node has no store for. [init and later] */
  uint32_t (*kind)(kst_context* context, uint32_t store);

  /* Fills value and timestamp of `count` rows whose keys are set. Values stay valid until the call into the processor
   * returns. */
  kst_status (*get_many)(kst_context* context, uint32_t store, kst_store_row* rows, size_t count);

  /* Writes rows in order, the last of equal keys counts. The host copies. */
  kst_status (*put_many)(kst_context* context, uint32_t store, const kst_store_row* rows, size_t count);

  /* Writes, in order, each row whose key has no row yet. Afterwards value and timestamp of every row tell what was
   * there before: KST_NULL where the row was written. */
  kst_status (*put_if_absent_many)(kst_context* context, uint32_t store, kst_store_row* rows, size_t count);

  /* Deletes the rows of the keys, in order; value and timestamp tell what was there before. */
  kst_status (*delete_many)(kst_context* context, uint32_t store, kst_store_row* rows, size_t count);

  /* Visits the rows of each range, one range after the other, in the order of the keys' serialized bytes (unsigned);
   * backwards with `reverse`. */
  kst_status (*scan)(kst_context* context, uint32_t store, const kst_key_range* ranges, size_t count, int reverse,
                     void* visitor, kst_row_visitor visit);

  /* Visits the rows whose serialized keys begin with the bytes of each prefix (a string or bytes value, taken as it
   * is, past the serde), in the same order. */
  kst_status (*prefix_scan)(kst_context* context, uint32_t store, const kst_value* prefixes, size_t count, int reverse,
                            void* visitor, kst_row_visitor visit);

  /* An estimate of the committed rows of a store of any kind. */
  uint64_t (*approximate_rows)(kst_context* context, uint32_t store);
} kst_store_extension;

#ifdef __cplusplus
}
#endif
#endif
