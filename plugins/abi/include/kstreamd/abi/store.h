/* Extension "kstreamd.store", revision 1: key-value stores of the node's task.
 *
 * A node names its stores in YAML (`stores: [seen]`); here they are numbers, in that order. Keys and values are
 * converted by the store's serdes; a value that does not fit is a KST_RECORD_ERROR. What was put is read back at once
 * by every node of the task, and becomes durable with the commit of the records that caused it, or not at all. [during
 * process] */
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
  int64_t timestamp; /* milliseconds; of the value, in timestamped stores (the default), else ignored and 0 */
} kst_store_row;

/* Takes one row of a scan, borrowed until it returns. Return 0 to go on, 1 to stop the scan. */
typedef int (*kst_row_visitor)(void* visitor, const kst_store_row* row);

typedef struct kst_store_extension {
  uint32_t struct_size;

  /* Fills value and timestamp of `count` rows whose keys are set. Values stay valid until the call into the processor
   * returns. A null key is a KST_RECORD_ERROR. */
  kst_status (*get_many)(kst_context* context, uint32_t store, kst_store_row* rows, size_t count);

  /* Writes rows in order, the last of equal keys counts. The host copies. */
  kst_status (*put_many)(kst_context* context, uint32_t store, const kst_store_row* rows, size_t count);

  /* Visits the rows with from <= key <= to in the order of the keys' serialized bytes (unsigned); KST_NULL: open end.
   * The store must not be written during the scan. */
  kst_status (*range)(kst_context* context, uint32_t store, const kst_value* from, const kst_value* to, int reverse,
                      void* visitor, kst_row_visitor visit);
} kst_store_extension;

#ifdef __cplusplus
}
#endif
#endif
