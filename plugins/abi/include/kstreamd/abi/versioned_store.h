/* Extension "kstreamd.versioned_store", revision 1: stores of kind KST_STORE_VERSIONED.
 *
 * A key has versions: a value, or a deletion, that is valid from its timestamp on until that of the next version. They
 * may be put in any order. The store's time is the greatest timestamp put so far (by any node, deletions included). A
 * version that is older than it by more than `retention` is not put, and counted as dropped (`expired`); what ended so
 * long ago is gone. The latest version of a key never expires. Timestamps are 0 or more and less than INT64_MAX, else
 * it is a KST_RECORD_ERROR. Semantics are those of Kafka Streams' VersionedKeyValueStore. Otherwise as abi/store.h. All
 * functions [task]. */
#ifndef KSTREAMD_ABI_VERSIONED_STORE_H
#define KSTREAMD_ABI_VERSIONED_STORE_H

#include <kstreamd/abi/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

#define KST_VERSIONED_STORE_EXTENSION "kstreamd.versioned_store"
#define KST_VERSIONED_STORE_REVISION 1u

typedef struct kst_version_row {
  kst_value key;
  kst_value value;   /* KST_NULL: no such version; in put_many: a deletion */
  int64_t timestamp; /* ms; since when it is valid */
  int64_t valid_to;  /* ms, exclusive; INT64_MAX: it is the latest. Set by the host. */
} kst_version_row;

/* The versions of one key that were valid at any time from..to (ms, inclusive). */
typedef struct kst_version_range {
  kst_value key;
  int64_t from;
  int64_t to;
} kst_version_range;

/* As kst_row_visitor. */
typedef int (*kst_version_visitor)(void* visitor, size_t range, const kst_version_row* row);

typedef struct kst_versioned_store_extension {
  uint32_t struct_size;

  /* Fills value, timestamp and valid_to of rows whose keys are set, by what was valid at the time that `timestamp`
   * says; INT64_MAX: the latest. Where nothing was, timestamp and valid_to are 0. Before the store's time - retention
   * there is nothing but latest versions. */
  kst_status (*get_many)(kst_context* context, uint32_t store, kst_version_row* rows, size_t count);

  /* Puts versions in order, and fills valid_to: INT64_MIN where a version was too old to be put. */
  kst_status (*put_many)(kst_context* context, uint32_t store, kst_version_row* rows, size_t count);

  /* Puts deletions in order. Value, timestamp and valid_to tell what was valid at that time before, as get_many does;
   * nothing where it was too old. */
  kst_status (*delete_many)(kst_context* context, uint32_t store, kst_version_row* rows, size_t count);

  /* Visits the versions of each range by timestamp, without deletions; the latest first with `reverse`. */
  kst_status (*scan)(kst_context* context, uint32_t store, const kst_version_range* ranges, size_t count, int reverse,
                     void* visitor, kst_version_visitor visit);
} kst_versioned_store_extension;

#ifdef __cplusplus
}
#endif
#endif
