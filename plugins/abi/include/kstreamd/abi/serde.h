/* Serdes of a plugin: named conversions between the bytes of a topic or store and a value, used in YAML as the built-in
 * ones are (`value: acme_order`), and by produce, consume and test.
 *
 * A serde has no state and no configuration: every function may be called from any thread, by several at once. Null
 * keys and values never get here: a null is a null without a serde. */
#ifndef KSTREAMD_ABI_SERDE_H
#define KSTREAMD_ABI_SERDE_H

#include <kstreamd/abi/record.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct kst_serde_type {
  uint32_t struct_size;    /* sizeof(kst_serde_type) as the plugin was built */
  const char* name;        /* what YAML says: [a-z][a-z0-9_]*, none of the built-in names */
  const char* description; /* one line */

  /* Bytes to a value. What the value points to is part of `bytes`, lives in `memory`, is static, or is an object that
   * `memory`'s owner releases: a serde that gives KST_OBJECT hands over one owner of it. All of it stays valid until
   * the batch that the bytes belong to is done. On failure: fail, then KST_RECORD_ERROR. */
  kst_status (*read)(const void* bytes, size_t size, const kst_memory* memory, kst_value* value);

  /* A value, never KST_NULL, to bytes. They live in `memory`, or in the value. A value of a kind that this serde cannot
   * write is a KST_RECORD_ERROR with a message that says what it takes. */
  kst_status (*write)(const kst_value* value, const kst_memory* memory, const void** bytes, size_t* size);
} kst_serde_type;

#ifdef __cplusplus
}
#endif
#endif
