/* The plugin ABI of kstreamd, revision 0.1: entry point, host table, processors.
 *
 * A plugin is a shared object with hidden visibility that exports one function, kst_plugin_entry. The daemon calls it
 * once after loading, checks the handshake at the head of what it returns, and reads the table of processor types.
 * Every further feature is an extension that the plugin asks the host for by name and revision (see extensions below).
 *
 * Rules that hold everywhere
 * - Threads: a processor instance and its kst_context belong to one task. All calls on them come one at a time; they
 * may come from different threads over time, never from two at once. Functions tagged [any thread] are free of that.
 * - Memory: what the host passes in is borrowed until the call returns; what the plugin passes to a host function is
 *   borrowed until that function returns. Static tables (names, descriptors) live as long as the process.
 * - Strings are UTF-8 with explicit sizes where they are dynamic, zero-terminated where they are static.
 * - No C++ exception, longjmp or signal may cross this boundary. */
#ifndef KSTREAMD_ABI_PLUGIN_H
#define KSTREAMD_ABI_PLUGIN_H

#include <kstreamd/abi/record.h>

#ifdef __cplusplus
extern "C" {
#endif

#define KST_PLUGIN_MAGIC 0x6b737472u /* "kstr" */
#define KST_ABI_MAJOR 0u             /* differs: refused */
#define KST_ABI_MINOR 1u             /* a plugin's minor above the host's: refused */
#define KST_PLUGIN_ENTRY "kst_plugin_entry"

/* The result of a call. A function that gets anything but KST_OK from the host returns it to its own caller at once. */
enum {
  KST_OK = 0,
  KST_RECORD_ERROR = 1, /* one record could not be processed; the topology's on_error decides what follows */
  KST_STOP = 2,         /* the task is being stopped or its transaction aborted: unwind, do nothing more */
  KST_FATAL = 3         /* this processor cannot go on: the task stops with the message given to kst_host.fail */
};
typedef int32_t kst_status;

/* One node of one task, as the host knows it. Opaque. Valid from create until close has returned. */
typedef struct kst_context kst_context;

/* What the host offers to every processor. The table lives as long as the process. */
typedef struct kst_host {
  uint32_t struct_size; /* sizeof(kst_host) as the host was built: a field beyond it is not there */
  uint16_t abi_major;
  uint16_t abi_minor;

  /* Hands `count` records to the children of an output: 0 is the first (or only) one of the type's outputs. Each child
   * has processed them when this returns. An output that nobody is connected to takes records and drops them.
   * Returns KST_OK, or a status to be returned at once. [during process] */
  kst_status (*forward)(kst_context* context, uint32_t output, const kst_record* records, size_t count);

  /* Says why the status that is about to be returned is not KST_OK; the last call counts. The text is copied.
   * [during create, check and process] */
  void (*fail)(kst_context* context, const char* message, size_t size);

  /* Counts `count` records as dropped for `reason` (a word such as "duplicate": [a-z_]+). Says nothing about what
   * becomes of them: simply do not forward them. [during process] */
  void (*drop)(kst_context* context, const char* reason, size_t count);

  /* `size` bytes of memory aligned to 16, valid until the call into the processor returns. Never NULL; the process ends
   * when memory does. [during process] */
  void* (*scratch)(kst_context* context, size_t size);

  /* A function table by id and revision, e.g. kst_store_extension; NULL when this host does not have it. The table
   * lives as long as the process. [any thread] */
  const void* (*extension)(const char* id, uint32_t revision);
} kst_host;

/* Takes one problem found in a configuration. `pointer` is a JSON pointer to the faulty part ("/window/size"; "" is the
 * whole); `line` and `column` count from 1 inside a text value (an expression), 0 when they say nothing; `hint` may be
 * NULL. All strings are zero-terminated and copied. */
typedef void (*kst_problem_sink)(void* sink, const char* pointer, uint32_t line, uint32_t column, const char* message,
                                 const char* hint);

/* A type of processor: static, described once. */
typedef struct kst_processor_type {
  uint32_t struct_size;       /* sizeof(kst_processor_type) as the plugin was built */
  const char* name;           /* what YAML's `process:` says: [a-z0-9_.]+ */
  const char* description;    /* one line */
  const char* config_schema;  /* JSON Schema of the configuration, as text; NULL: any object */
  const char* const* outputs; /* names of the outputs, NULL-terminated; NULL: one unnamed output */
  uint32_t store_count;       /* how many stores the node must name, in this order */
  uint32_t deterministic;     /* 1: the same input gives the same output, 0: it may not */

  /* Checks a configuration without side effects, reporting every problem. May be NULL. [any thread] */
  void (*check)(const char* config, size_t config_size, void* sink, kst_problem_sink report);

  /* Makes an instance for one node of one task. `config` is a JSON object. On KST_OK *instance is the plugin's, until
   * close. On anything else there is no instance, and kst_host.fail has said why. */
  kst_status (*create)(const kst_host* host, kst_context* context, const char* config, size_t config_size,
                       void** instance);

  /* Processes `count` >= 1 records in order. On KST_RECORD_ERROR, *done is the index of the record that failed: all
   * before it are finished with their outputs forwarded; the host deals with that one and calls again with what
   * follows. With any other status *done is ignored. */
  kst_status (*process)(void* instance, const kst_record* records, size_t count, size_t* done);

  /* Ends the instance. Called once, also after a failure. */
  void (*close)(void* instance);
} kst_processor_type;

/* What kst_plugin_entry returns: static. */
typedef struct kst_plugin {
  uint32_t magic;                              /* KST_PLUGIN_MAGIC */
  uint16_t abi_major;                          /* KST_ABI_MAJOR */
  uint16_t abi_minor;                          /* KST_ABI_MINOR */
  uint32_t struct_size;                        /* sizeof(kst_plugin) */
  const char* name;                            /* of the plugin, e.g. "dedup" */
  const char* version;                         /* of the plugin, e.g. "1.2.0" */
  const kst_processor_type* const* processors; /* NULL-terminated */
} kst_plugin;

/* The one exported symbol. `host` lives as long as the process. Returns NULL when the plugin refuses this host. Called
 * once per loaded file. */
typedef const kst_plugin* (*kst_plugin_entry_fn)(const kst_host* host);

#if defined(__GNUC__)
#define KST_EXPORT __attribute__((visibility("default")))
#else
#define KST_EXPORT
#endif

#ifdef __cplusplus
}
#endif
#endif
