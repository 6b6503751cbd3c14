/* The processor of the presence plugin: see README.md. Written against the bare C ABI. */
#include <kstreamd/abi/plugin.h>
#include <kstreamd/abi/schedule.h>
#include <kstreamd/abi/store.h>
#include <kstreamd/abi/task.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Store 0: key -> the timestamp of its last record (int64). A key that has gone silent has no row. */
enum { kSeen = 0 };

/* How many silent keys one punctuation reports; the rest waits for the next. */
enum { kReportAtOnce = 1000 };

typedef struct {
  const kst_host* host;
  kst_context* context;
  const kst_store_extension* store;
  const kst_schedule_extension* schedule;
  const kst_task_extension* task;
  int64_t silence_ms;
} presence;

static void fail(const kst_host* host, kst_context* context, const char* format, ...) {
  char message[256];
  va_list arguments;
  va_start(arguments, format);
  const int size = vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  if (size > 0) host->fail(context, message, (size_t)size < sizeof message ? (size_t)size : sizeof message - 1);
}

/* ---- Configuration: {"silence_ms": N} and nothing else, which is what the schema asks for. */

static const char kSchema[] =
    "{\"type\": \"object\", \"additionalProperties\": false, \"required\": [\"silence_ms\"], \"properties\": {"
    "\"silence_ms\": {\"type\": \"integer\", \"minimum\": 1, \"maximum\": 31536000000,"
    " \"description\": \"a key without a record for this long, in ms of stream time, has gone silent\"}}}";

/* Takes `word` at *at, with space before it. */
static int takes(const char** at, const char* end, const char* word) {
  const size_t size = strlen(word);
  while (*at < end && strchr(" \t\r\n", **at)) ++*at;
  if ((size_t)(end - *at) < size || memcmp(*at, word, size) != 0) return 0;
  *at += size;
  return 1;
}

/* 0 when the text is anything else. */
static int64_t read_silence_ms(const char* config, size_t size) {
  const char *at = config, *end = config + size;
  int64_t value = 0;
  if (!takes(&at, end, "{") || !takes(&at, end, "\"silence_ms\"") || !takes(&at, end, ":") || !takes(&at, end, ""))
    return 0;
  while (at < end && *at >= '0' && *at <= '9' && value < INT64_MAX / 100) value = value * 10 + (*at++ - '0');
  return takes(&at, end, "}") ? value : 0;
}

/* ---- Life */

static kst_status create(const kst_host* host, kst_context* context, const char* config, size_t config_size,
                         void** instance) {
  presence* self = calloc(1, sizeof *self);
  if (!self) {
    fail(host, context, "there is no memory for the processor");
    return KST_FATAL;
  }
  self->host = host;
  self->context = context;
  self->store = host->extension(KST_STORE_EXTENSION, KST_STORE_REVISION);
  self->schedule = host->extension(KST_SCHEDULE_EXTENSION, KST_SCHEDULE_REVISION);
  self->task = host->extension(KST_TASK_EXTENSION, KST_TASK_REVISION);
  self->silence_ms = read_silence_ms(config, config_size);
  if (!self->store || !self->schedule || !self->task)
    fail(host, context, "this kstreamd lacks stores, schedules or times (revision 1): install a newer one");
  else if (self->silence_ms < 1)
    fail(host, context, "the configuration must be {\"silence_ms\": N} with N of 1 or more");
  else {
    *instance = self;
    return KST_OK;
  }
  free(self);
  return KST_FATAL;
}

static kst_status init(void* instance) {
  presence* self = instance;
  uint64_t ignored;
  /* Often enough that an alarm is at most a quarter of the silence late. */
  const int64_t interval = self->silence_ms / 4 > 0 ? self->silence_ms / 4 : 1;
  return self->schedule->schedule(self->context, KST_STREAM_TIME, interval, KST_NO_START, &ignored);
}

static void close_instance(void* instance) { free(instance); }

/* ---- Records */

/* What is told of a key: {"event":"...","last_seen":N}, in memory that lives as long as the call. */
static kst_record told(presence* self, kst_value key, const char* event, int64_t last_seen, int64_t timestamp) {
  enum { kRoom = 96 };
  char* text = self->host->scratch(self->context, kRoom);
  const int size = snprintf(text, kRoom, "{\"event\":\"%s\",\"last_seen\":%lld}", event, (long long)last_seen);
  kst_record record = {0};
  record.key = key;
  record.value.type = KST_JSON;
  record.value.size = (uint32_t)size;
  record.value.u.data = text;
  record.timestamp = timestamp;
  return record;
}

static kst_status process_one(presence* self, const kst_record* record) {
  if (record->key.type == KST_NULL) {
    self->host->drop(self->context, "null_key", 1);
    return KST_OK;
  }
  kst_store_row row = {.key = record->key};
  kst_status status = self->store->get_many(self->context, kSeen, &row, 1);
  if (status != KST_OK) return status;
  const int known = row.value.type != KST_NULL;
  if (known && row.value.u.integer >= record->timestamp) return KST_OK; /* late: nothing new */

  row.value.type = KST_INT64;
  row.value.size = 0;
  row.value.u.integer = record->timestamp;
  row.timestamp = record->timestamp;
  status = self->store->put_many(self->context, kSeen, &row, 1);
  if (status != KST_OK || known) return status;

  kst_record out = told(self, record->key, "appeared", record->timestamp, record->timestamp);
  out.origin = record->origin;
  return self->host->forward(self->context, 0, &out, 1);
}

static kst_status process(void* instance, const kst_record* records, size_t count, size_t* done) {
  for (*done = 0; *done < count; ++*done) {
    const kst_status status = process_one(instance, &records[*done]);
    if (status != KST_OK) return status;
  }
  return KST_OK;
}

/* ---- Silence */

typedef struct {
  presence* self;
  int64_t until; /* keys not seen since are silent */
  size_t count;
  kst_store_row rows[kReportAtOnce];
} silent_keys;

/* Keeps the keys of silent rows. The store must not be written while it is scanned, and a row is gone when this
 * returns. */
static int collect(void* visitor, size_t range, const kst_store_row* row) {
  silent_keys* silent = visitor;
  (void)range;
  if (row->value.u.integer > silent->until) return 0;
  kst_store_row* kept = &silent->rows[silent->count++];
  *kept = *row;
  if (row->key.size > 0) {
    char* copy = silent->self->host->scratch(silent->self->context, row->key.size);
    memcpy(copy, row->key.u.data, row->key.size);
    kept->key.u.data = copy;
  }
  return silent->count == kReportAtOnce;
}

static kst_status punctuate(void* instance, uint64_t schedule, int64_t stream_time) {
  presence* self = instance;
  (void)schedule;
  if (stream_time < INT64_MIN + self->silence_ms) return KST_OK;
  silent_keys* silent = self->host->scratch(self->context, sizeof *silent);
  silent->self = self;
  silent->until = stream_time - self->silence_ms;
  silent->count = 0;
  const kst_key_range all = {0};
  kst_status status = self->store->scan(self->context, kSeen, &all, 1, 0, silent, collect);
  if (status != KST_OK || silent->count == 0) return status;

  kst_record* out = self->host->scratch(self->context, silent->count * sizeof *out);
  for (size_t i = 0; i < silent->count; ++i)
    out[i] = told(self, silent->rows[i].key, "silent", silent->rows[i].value.u.integer, stream_time);
  status = self->store->delete_many(self->context, kSeen, silent->rows, silent->count);
  if (status != KST_OK) return status;
  return self->host->forward(self->context, 0, out, silent->count);
}

/* ---- The plugin */

static const kst_store_need kStores[] = {{"when each key was seen last", KST_STORE_KEY_VALUE, 0}};

static const kst_processor_type kPresence = {
    .struct_size = sizeof(kst_processor_type),
    .name = "presence",
    .description = "tells when a key appears and when it has gone silent",
    .config_schema = kSchema,
    .stores = kStores,
    .store_count = 1,
    .deterministic = 1,
    .create = create,
    .init = init,
    .process = process,
    .punctuate = punctuate,
    .close = close_instance,
};

static const kst_processor_type* const kTypes[] = {&kPresence, NULL};
static const kst_plugin kPlugin = {
    .magic = KST_PLUGIN_MAGIC,
    .abi_major = KST_ABI_MAJOR,
    .abi_minor = KST_ABI_MINOR,
    .struct_size = sizeof(kst_plugin),
    .name = "presence",
    .version = "1.0.0",
    .processors = kTypes,
};

KST_EXPORT const kst_plugin* kst_plugin_entry(const kst_host* host);
const kst_plugin* kst_plugin_entry(const kst_host* host) { return host->abi_major == KST_ABI_MAJOR ? &kPlugin : NULL; }
