/* Values, headers and records as they cross the boundary between kstreamd and a plugin.
 *
 * The same structs are the engine's own, so that handing a batch to a plugin copies nothing. All memory behind a
 * record is borrowed: whoever receives a record may read it until the call that handed it over returns, and copies what
 * it wants to keep. Nothing here owns anything, and nothing is ever changed in place by the receiver.
 *
 * Layout: the structs are frozen within an abi_major. New kinds of values come as new kst_type numbers, which an older
 * receiver treats as opaque: it may pass them on, and may not look inside. */
#ifndef KSTREAMD_ABI_RECORD_H
#define KSTREAMD_ABI_RECORD_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a kst_value holds. */
enum {
  KST_NULL = 0,    /* absent: a null key, a tombstone, a JSON null */
  KST_BOOL = 1,    /* u.integer is 0 or 1 */
  KST_INT32 = 2,   /* u.integer, within 32 bits */
  KST_INT64 = 3,   /* u.integer */
  KST_FLOAT64 = 4, /* u.real */
  KST_STRING = 5,  /* u.data, size bytes of UTF-8, not terminated by a zero */
  KST_BYTES = 6,   /* u.data, size bytes */
  KST_JSON = 7     /* u.data, size bytes: one JSON text (object, array or scalar) in UTF-8 */
};
typedef uint32_t kst_type;

/* A key or a value. 16 bytes. u.data may be NULL only when size is 0. */
typedef struct kst_value {
  kst_type type;
  uint32_t size; /* bytes behind u.data for string, bytes and json; 0 otherwise */
  union {
    int64_t integer;
    double real;
    const char* data;
  } u;
} kst_value;

/* One header of a record. Names may repeat; order counts. */
typedef struct kst_header {
  const char* name;  /* name_size bytes of UTF-8 */
  const void* value; /* NULL: a null value */
  uint32_t name_size;
  uint32_t value_size; /* bytes */
} kst_header;

/* Where a record came from: the record of a source (or repartition) topic that is being processed. Everything derived
 * from it carries the same origin. raw_key and raw_value are what the broker delivered, NULL for null. */
typedef struct kst_origin {
  const char* topic; /* topic_size bytes */
  const void* raw_key;
  const void* raw_value;
  uint32_t topic_size;
  uint32_t raw_key_size;
  uint32_t raw_value_size;
  int32_t partition;
  int64_t offset;
} kst_origin;

/* A record. 64 bytes. */
typedef struct kst_record {
  kst_value key;
  kst_value value;
  int64_t timestamp;         /* milliseconds since 1970-01-01 UTC */
  const kst_header* headers; /* header_count of them; may be NULL when there are none */
  const kst_origin* origin;  /* NULL for what a punctuation made */
  uint32_t header_count;
  uint32_t reserved; /* 0 */
} kst_record;

#ifdef __cplusplus
}
#endif
#endif
