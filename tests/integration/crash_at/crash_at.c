/* Ends a process as kill -9 does, at the Nth call of a function that matters to exactly-once: for LD_PRELOAD.
 *
 *   CRASH_AT=POINT:before:N  or  CRASH_AT=POINT:after:N
 *
 * POINT is one of the functions below: of librdkafka, of RocksDB (by its symbols in librocksdb 7), or of libc. A point
 * that a program never comes to ends nothing: whoever sets it looks whether the process has died. Nothing of kstreamd
 * knows of this. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char wanted[64]; /* "commit:before" */
static atomic_long calls_left;

__attribute__((constructor)) static void read_wish(void) {
  const char* wish = getenv("CRASH_AT");
  const char* last = wish ? strrchr(wish, ':') : NULL;
  if (!last || (size_t)(last - wish) >= sizeof wanted) return;
  memcpy(wanted, wish, (size_t)(last - wish));
  calls_left = atol(last + 1);
}

static void pass(const char* place) {
  if (strcmp(wanted, place) == 0 && atomic_fetch_sub(&calls_left, 1) == 1) kill(getpid(), SIGKILL);
}

static void* next(const char* name) {
  void* found = dlsym(RTLD_NEXT, name);
  if (found) return found;
  fprintf(stderr, "crash_at: there is no %s\n", name);
  abort();
}

/* Hands on whatever arguments a function has, variable ones too, and whatever it returns. */
#define POINT(function, name)                             \
  void* function(void);                                   \
  void* function(void) {                                  \
    static void* real;                                    \
    void* arguments = __builtin_apply_args();             \
    if (!real) real = next(#function);                    \
    pass(name ":before");                                 \
    void* result = __builtin_apply(real, arguments, 512); \
    pass(name ":after");                                  \
    __builtin_return(result);                             \
  }

#pragma GCC diagnostic ignored "-Wbuiltin-declaration-mismatch"
POINT(rd_kafka_producev, "produce")
POINT(rd_kafka_send_offsets_to_transaction, "offsets")
POINT(rd_kafka_commit_transaction, "commit")
POINT(rd_kafka_abort_transaction, "abort")
POINT(_ZN7rocksdb6DBImpl5WriteERKNS_12WriteOptionsEPNS_10WriteBatchE, "local_write")
POINT(_ZN7rocksdb6DBImpl5FlushERKNS_12FlushOptionsERKSt6vectorIPNS_18ColumnFamilyHandleESaIS6_EE, "flush")
POINT(_ZN7rocksdb6DBImpl19IngestExternalFilesERKSt6vectorINS_21IngestExternalFileArgESaIS2_EE, "ingest")

/* A checkpoint is what makes a flush or an ingestion count: the manifest's way to the disk. */
static int is_manifest(int file) {
  char link[32], path[512];
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  const ssize_t size = readlink(link, path, sizeof path - 1);
  if (size < 0) return 0;
  path[size] = '\0';
  return strstr(path, "/MANIFEST-") != NULL;
}

#define SYNC(function)                           \
  int function(int file) {                       \
    static int (*real)(int);                     \
    if (!real) *(void**)&real = next(#function); \
    const int counts = is_manifest(file);        \
    if (counts) pass("checkpoint:before");       \
    const int result = real(file);               \
    if (counts) pass("checkpoint:after");        \
    return result;                               \
  }
SYNC(fsync)
SYNC(fdatasync)
