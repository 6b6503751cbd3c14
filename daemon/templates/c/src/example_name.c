/* Counts the records of each key, and passes every so many of them with the count. */
#include <kstreamd/abi/plugin.h>
#include <kstreamd/abi/store.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One instance per node and task, used by one thread at a time. */
typedef struct {
  const kst_host* host;
  kst_context* context;
  const kst_store_extension* store;
  int64_t every;
} example_name_state;

/* Store 0: key -> how many records of it came (int64). */
enum { kSeen = 0 };

static kst_status fail(const kst_host* host, kst_context* context, kst_status status, const char* message) {
  host->fail(context, message, strlen(message));
  return status;
}

/* ---- Configuration: kstreamd checks it against this schema before anything starts. */

static const char kSchema[] =
    "{\"type\": \"object\", \"additionalProperties\": false, \"properties\": {"
    "\"every\": {\"type\": \"integer\", \"minimum\": 1, \"maximum\": 1000000000,"
    " \"description\": \"which records of a key pass; default 1, all of them\"}}}";

/* Takes `word` at *at, with space before it. */
static int takes(const char** at, const char* end, const char* word) {
  const size_t size = strlen(word);
  while (*at < end && strchr(" \t\r\n", **at)) ++*at;
  if ((size_t)(end - *at) < size || memcmp(*at, word, size) != 0) return 0;
  *at += size;
  return 1;
}

/* Reads {} and {"every": N}, which is all that the schema lets through; 0: it is something else. */
static int64_t read_every(const char* at, size_t size) {
  const char* end = at + size;
  int64_t every = 0;
  if (!takes(&at, end, "{")) return 0;
  if (takes(&at, end, "}")) return 1;
  if (!takes(&at, end, "\"every\"") || !takes(&at, end, ":") || !takes(&at, end, "")) return 0;
  while (at < end && *at >= '0' && *at <= '9' && every < INT64_MAX / 100) every = every * 10 + (*at++ - '0');
  return takes(&at, end, "}") ? every : 0;
}

/* ---- Life */

static kst_status create(const kst_host* host, kst_context* context, const char* config, size_t config_size,
                         void** instance) {
  const kst_store_extension* store = host->extension(KST_STORE_EXTENSION, KST_STORE_REVISION);
  const int64_t every = read_every(config, config_size);
  if (!store) return fail(host, context, KST_FATAL, "this kstreamd has no stores: install a newer one");
  if (every < 1) return fail(host, context, KST_FATAL, "'every' must be an integer of 1 or more");
  example_name_state* self = calloc(1, sizeof *self);
  if (!self) return fail(host, context, KST_FATAL, "there is no memory for the processor");
  self->host = host;
  self->context = context;
  self->store = store;
  self->every = every;
  *instance = self;
  return KST_OK;
}

static void close_instance(void* instance) { free(instance); }

/* ---- Records */

static kst_status process_one(example_name_state* self, const kst_record* record) {
  if (record->key.type == KST_NULL) {
    self->host->drop(self->context, "null_key", 1);
    return KST_OK;
  }
  if (record->value.type != KST_STRING)
    return fail(self->host, self->context, KST_RECORD_ERROR, "takes texts: say `value: string` at the source");

  kst_store_row row = {.key = record->key};
  kst_status status = self->store->get_many(self->context, kSeen, &row, 1);
  if (status != KST_OK) return status; /* whatever the host says that is not KST_OK is passed on */
  const int64_t count = row.value.type == KST_NULL ? 1 : row.value.u.integer + 1;
  row.value = (kst_value){.type = KST_INT64, .u.integer = count};
  row.timestamp = record->timestamp;
  status = self->store->put_many(self->context, kSeen, &row, 1);
  if (status != KST_OK || count % self->every != 0) return status;

  enum { kRoom = 24 }; /* for " #", a number, and the zero that snprintf writes */
  char* text = self->host->scratch(self->context, record->value.size + kRoom);
  if (record->value.size > 0) memcpy(text, record->value.u.data, record->value.size);
  const int added = snprintf(text + record->value.size, kRoom, " #%lld", (long long)count);
  kst_record out = *record;
  out.value.u.data = text;
  out.value.size += (uint32_t)added;
  return self->host->forward(self->context, 0, &out, 1);
}

static kst_status process(void* instance, const kst_record* records, size_t count, size_t* done) {
  for (*done = 0; *done < count; ++*done) {
    const kst_status status = process_one(instance, &records[*done]);
    if (status != KST_OK) return status; /* *done is the record that failed */
  }
  return KST_OK;
}

/* ---- The plugin */

static const kst_store_need kStores[] = {{"records seen of each key", KST_STORE_KEY_VALUE, 0}};

static const kst_processor_type kExampleName = {
    .struct_size = sizeof(kst_processor_type),
    .name = "example_name",
    .description = "passes every so many records of a key, with its count",
    .config_schema = kSchema,
    .stores = kStores,
    .store_count = 1,
    .deterministic = 1,
    .create = create,
    .process = process,
    .close = close_instance,
};

static const kst_processor_type* const kTypes[] = {&kExampleName, NULL};
static const kst_plugin kPlugin = {
    .magic = KST_PLUGIN_MAGIC,
    .abi_major = KST_ABI_MAJOR,
    .abi_minor = KST_ABI_MINOR,
    .struct_size = sizeof(kst_plugin),
    .name = "example_name",
    .version = "0.1.0",
    .processors = kTypes,
};

KST_EXPORT const kst_plugin* kst_plugin_entry(const kst_host* host);
const kst_plugin* kst_plugin_entry(const kst_host* host) { return host->abi_major == KST_ABI_MAJOR ? &kPlugin : NULL; }
