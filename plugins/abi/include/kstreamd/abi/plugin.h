/* The plugin ABI of kstreamd, version 1.0: entry point, host table, processors.
 *
 * A plugin is a shared object with hidden visibility that exports one function, kst_plugin_entry. The daemon calls it
 * once after loading, checks the handshake at the head of what it returns, and reads the tables of processors and
 * serdes. Every further feature is an extension, a table of functions with a header of its own, that the plugin asks
 * the host for by id and revision.
 *
 * Rules that hold everywhere
 * - Threads: a processor instance and its kst_context belong to one task. All calls on them come one at a time; they
 *   may come from different threads over time, never from two at once, and what one call wrote the next one sees.
 *   Functions tagged [any thread] are free of that. Other tags say during which of the processor's functions a host
 *   function may be called; [task] stands for init, process and punctuate.
 * - Memory: what the host passes in is borrowed until the call returns; what the plugin passes to a host function is
 *   borrowed until that function returns. Static tables (names, descriptors) live as long as the process: a plugin is
 *   never unloaded.
 * - Strings are UTF-8 with explicit sizes where they are dynamic, zero-terminated where they are static.
 * - No C++ exception, longjmp or signal may cross this boundary.
 * - Versions: docs/abi.md. Fields are only ever added at the end of a struct, and struct_size says how far it goes; a
 *   field that the other side does not have counts as 0. */
#ifndef KSTREAMD_ABI_PLUGIN_H
#define KSTREAMD_ABI_PLUGIN_H

#include <kstreamd/abi/record.h>
#include <kstreamd/abi/serde.h>

#ifdef __cplusplus
extern "C" {
#endif

#define KST_PLUGIN_MAGIC 0x6b737472u /* "kstr" */
#define KST_ABI_MAJOR 1u             /* differs: refused */
#define KST_ABI_MINOR 0u             /* a plugin's minor above the host's: refused */
#define KST_PLUGIN_ENTRY "kst_plugin_entry"

/* One node of one task, as the host knows it. Opaque. Valid from create until close has returned. */
typedef struct kst_context kst_context;

/* What the host offers to every processor. The table lives as long as the process. */
typedef struct kst_host {
  uint32_t struct_size; /* sizeof(kst_host) as the host was built */
  uint16_t abi_major;
  uint16_t abi_minor;

  /* Hands `count` records to all children of an output, or to one child: see output(). Each child has processed them
   * when this returns. An output that nobody is connected to takes records and drops them. Records of a processor that
   * holds records (abi/async.h) are forwarded by completing them; this is for its punctuations.
   * Returns KST_OK, or a status to be returned at once. [process, punctuate] */
  kst_status (*forward)(kst_context* context, uint32_t output, const kst_record* records, size_t count);

  /* The number by which forward knows `name`, size bytes: an output of the type (its position in `outputs`; the one
   * unnamed output is 0), or a node of the topology that is a child of this one, which then gets the records alone.
   * KST_FATAL when there is neither; the message, which lists what there is, is set. Numbers stay the same for the life
   * of the context. [create and later] */
  kst_status (*output)(kst_context* context, const char* name, size_t size, uint32_t* number);

  /* Says why the status that is about to be returned is not KST_OK; the last call counts. The text is copied.
   * [create, init, process, punctuate] */
  void (*fail)(kst_context* context, const char* message, size_t size);

  /* Counts `count` records as dropped for `reason`, a zero-terminated word such as "duplicate": [a-z_]+. Says nothing
   * about what becomes of them: simply do not forward them. [task] */
  void (*drop)(kst_context* context, const char* reason, size_t count);

  /* `size` bytes of memory aligned to 16, valid until the call into the processor returns. Never NULL; the process ends
   * when memory does. [task] */
  void* (*scratch)(kst_context* context, size_t size);

  /* A function table by id and revision, e.g. KST_STORE_EXTENSION; NULL when this host does not have it. The table
   * lives as long as the process. [any thread] */
  const void* (*extension)(const char* id, uint32_t revision);
} kst_host;

/* How grave a problem of a configuration is. */
enum { KST_PROBLEM_ERROR = 0, KST_PROBLEM_WARNING = 1 };

/* One problem found in a configuration. All strings are zero-terminated. */
typedef struct kst_problem {
  uint32_t struct_size;
  uint32_t severity;   /* KST_PROBLEM_*; an error keeps the topology from starting */
  const char* pointer; /* JSON pointer to the faulty part: "/window/size", its key: "/window/size#"; "" is the whole */
  uint32_t line;       /* within a text value (an expression), from 1; 0: says nothing */
  uint32_t column;
  const char* message;
  const char* hint; /* what to do; may be NULL */
} kst_problem;

/* Takes one problem; copies what it needs. */
typedef void (*kst_problem_sink)(void* sink, const kst_problem* problem);

/* The kinds of stores, as numbered in kst_store_need and told by kst_store_extension.kind. */
enum {
  KST_STORE_ANY = 0,       /* only in kst_store_need */
  KST_STORE_KEY_VALUE = 1, /* YAML: key_value or timestamped. abi/store.h */
  KST_STORE_WINDOW = 2,    /* abi/window_store.h */
  KST_STORE_SESSION = 3,   /* abi/session_store.h */
  KST_STORE_VERSIONED = 4  /* abi/versioned_store.h */
};

/* A store that a node of the type must name in YAML (`stores: [...]`, in this order). */
typedef struct kst_store_need {
  const char* purpose; /* a few words for messages: "keys seen so far" */
  uint32_t kind;       /* KST_STORE_*; another kind is refused before the topology starts */
  uint32_t reserved;   /* 0 */
} kst_store_need;

/* A type of processor: static, described once.
 *
 * Life of an instance: create, init, then process and punctuate in turn, close. After an abort of its transaction an
 * instance is closed and a new one made: whatever it kept in memory outside its stores would know of records that were
 * undone. */
typedef struct kst_processor_type {
  uint32_t struct_size;         /* sizeof(kst_processor_type) as the plugin was built */
  const char* name;             /* what YAML's `process:` says: [a-z0-9_.]+ */
  const char* description;      /* one line */
  const char* config_schema;    /* JSON Schema (draft 7) of the configuration, as text; NULL: any object. `validate`
                                 * checks it, with file and line */
  const char* const* outputs;   /* names of the outputs, NULL-terminated; NULL: one unnamed output */
  const kst_store_need* stores; /* store_count of them; may be NULL when there are none */
  uint32_t store_count;
  uint32_t deterministic; /* 1: the same input gives the same output, 0: it may not */

  /* How many records the processor may hold at a time (abi/async.h); 0: it finishes each record within process. The
   * node's `max_in_flight` in YAML beats it. */
  uint32_t max_in_flight;
  /* How long, in ms, a record may be held before it fails with KST_RECORD_ERROR; 0: 30,000. */
  uint32_t completion_timeout_ms;

  /* Checks a configuration that fits the schema, without side effects, reporting every problem. May be NULL. [any
   * thread] */
  void (*check)(const char* config, size_t config_size, void* sink, kst_problem_sink report);

  /* Makes an instance for one node of one task. `config` is a JSON object. On KST_OK *instance is the plugin's, until
   * close. On anything else there is no instance, and kst_host.fail has said why. Stores cannot be used yet. */
  kst_status (*create)(const kst_host* host, kst_context* context, const char* config, size_t config_size,
                       void** instance);

  /* Called once after create, when all nodes of the task exist and its stores are restored: the place to schedule
   * punctuations and to look into stores. May not forward. May be NULL. */
  kst_status (*init)(void* instance);

  /* Processes `count` >= 1 records in order. On KST_RECORD_ERROR, *done is the index of the record that failed: all
   * before it are finished with their outputs forwarded; the host deals with that one and calls again with what
   * follows. With any other status *done is ignored. */
  kst_status (*process)(void* instance, const kst_record* records, size_t count, size_t* done);

  /* A schedule made by abi/schedule.h is due. `timestamp` is the stream time or the wall clock that made it so, in ms.
   * KST_RECORD_ERROR here stops the topology like KST_FATAL: there is no record to put it down to. May be NULL when
   * nothing is scheduled. */
  kst_status (*punctuate)(void* instance, uint64_t schedule, int64_t timestamp);

  /* Ends the instance. Called once, also after a failure. When it has returned the plugin touches neither the context
   * nor any record that the host lent it; threads of its own that do are to be stopped here, without waiting for
   * outside work: what is completed afterwards is ignored. */
  void (*close)(void* instance);
} kst_processor_type;

/* What kst_plugin_entry returns: static. */
typedef struct kst_plugin {
  uint32_t magic;                              /* KST_PLUGIN_MAGIC */
  uint16_t abi_major;                          /* KST_ABI_MAJOR */
  uint16_t abi_minor;                          /* KST_ABI_MINOR: the least that the plugin needs */
  uint32_t struct_size;                        /* sizeof(kst_plugin) */
  const char* name;                            /* of the plugin, e.g. "dedup" */
  const char* version;                         /* of the plugin, e.g. "1.2.0" */
  const kst_processor_type* const* processors; /* NULL-terminated; NULL: none */
  const kst_serde_type* const* serdes;         /* NULL-terminated; NULL: none */
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
