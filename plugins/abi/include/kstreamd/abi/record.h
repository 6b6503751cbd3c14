/* Values, headers and records as they cross the boundary between kstreamd and a plugin.
 *
 * The same structs are the engine's own, so that handing a batch to a plugin copies nothing. All memory behind a
 * record is borrowed: whoever receives a record may read it until the call that handed it over returns, and copies what
 * it wants to keep. Nothing here owns anything, and nothing is ever changed in place by the receiver: a processor
 * changes a record by forwarding another one.
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

/* The result of a call. A function that gets anything but KST_OK from the host returns it to its own caller at once,
 * but for calls whose comment says otherwise. */
enum {
  KST_OK = 0,
  KST_RECORD_ERROR = 1, /* one record could not be processed; the topology's on_error decides what follows */
  KST_STOP = 2,         /* the task is being stopped or its transaction aborted: unwind, do nothing more */
  KST_FATAL = 3         /* this processor cannot go on: its topology stops with the message given to fail */
};
typedef int32_t kst_status;

/* Where a called function puts what it makes, and says why it failed. Given along with the call; used during it only.
 */
typedef struct kst_memory kst_memory;
struct kst_memory {
  uint32_t struct_size; /* sizeof(kst_memory) as its maker was built */
  /* `size` bytes aligned to 16. They live as long as the comment of the called function says. Never NULL; the process
   * ends when memory does. */
  void* (*allocate)(const kst_memory* memory, size_t size);
  /* Says why the function is about to return something else than KST_OK; the last call counts. Copied. */
  void (*fail)(const kst_memory* memory, const char* message, size_t size);
};

/* What a kst_value holds. */
enum {
  KST_NULL = 0,     /* absent: a null key, a tombstone, a JSON null */
  KST_BOOL = 1,     /* u.integer is 0 or 1 */
  KST_INT32 = 2,    /* u.integer, within 32 bits */
  KST_INT64 = 3,    /* u.integer */
  KST_FLOAT64 = 4,  /* u.real */
  KST_STRING = 5,   /* u.data, size bytes of UTF-8, not terminated by a zero */
  KST_BYTES = 6,    /* u.data, size bytes */
  KST_JSON = 7,     /* u.data, size bytes: one JSON text (object, array or scalar) in UTF-8 */
  KST_OBJECT = 8,   /* u.object: a typed object of a plugin; size is 0 */
  KST_WINDOWED = 9, /* u.data, size bytes: the key of a window, a kst_windowed */
  KST_CHANGE = 10   /* between the built-in operators of tables only: no plugin gets one, or may make one */
};
typedef uint32_t kst_type;

/* A typed object of a plugin, handed from node to node of a task as it is, and turned into JSON or bytes only where it
 * leaves the task (a sink, a store, a serde) or where an expression looks at it. The maker puts this struct at the
 * beginning of its own. Whoever keeps an object longer than the record it came in calls retain, and release when done.
 * An object is never changed once it was handed over. */
typedef struct kst_object kst_object;

typedef struct kst_object_type {
  uint32_t struct_size; /* sizeof(kst_object_type) as the maker was built */
  const char* id;       /* "acme.order/2": objects of equal ids have the same layout. Static. */
  /* The object as a JSON text. The text lives in `memory`, or in the object. [any thread] */
  kst_status (*to_json)(const kst_object* object, const kst_memory* memory, const char** text, size_t* size);
  /* The object as the bytes that a `bytes` serde writes. NULL: its JSON text. [any thread] */
  kst_status (*to_bytes)(const kst_object* object, const kst_memory* memory, const void** bytes, size_t* size);
  /* One more, or one less, owner. The last release frees the object. [any thread] */
  void (*retain)(const kst_object* object);
  void (*release)(const kst_object* object);
} kst_object_type;

struct kst_object {
  const kst_object_type* type;
};

/* A key or a value. 16 bytes. u.data may be NULL only when size is 0. */
typedef struct kst_value {
  kst_type type;
  uint32_t size; /* bytes behind u.data for string, bytes and json; 0 otherwise */
  union {
    int64_t integer;
    double real;
    const char* data;
    const kst_object* object;
  } u;
} kst_value;

/* The key of a windowed result: what u.data of a KST_WINDOWED points to, at any alignment. It is flat, so that whoever
 * keeps it copies `size` bytes. */
typedef struct kst_windowed {
  int64_t start; /* ms since 1970-01-01 UTC, inclusive */
  int64_t end;   /* ms; exclusive, but of a session inclusive: the time of its last record */
  kst_type key_type;
  uint32_t key_size; /* bytes of the key that follow this struct, for string, bytes and json; 0 otherwise */
  union {
    int64_t integer; /* as in kst_value */
    double real;
  } key;
} kst_windowed;

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
  int64_t stream_time; /* ms: of the task when this record was taken up, the record itself included. It does not depend
                        * on how records are cut into batches. */
} kst_origin;

/* A record. 64 bytes. */
typedef struct kst_record {
  kst_value key;
  kst_value value;
  int64_t timestamp;         /* milliseconds since 1970-01-01 UTC */
  const kst_header* headers; /* header_count of them; may be NULL when there are none */
  const kst_origin* origin;  /* NULL for what a punctuation made */
  uint32_t header_count;
  uint32_t input; /* which of its node's inputs it came over, of built-in operators with several (a join); else 0 */
} kst_record;

#ifdef __cplusplus
}
#endif
#endif
