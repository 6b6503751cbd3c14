#include <kstreamd/abi/async.h>
#include <stdlib.h>

#include "sound.h"

/* What an instance has; calloc'd in create. */
typedef struct {
  const kst_host* host;
  kst_context* context;
  size_t count;
} instance_t;

static kst_status create(const kst_host* host, kst_context* context, const char* config, size_t config_size,
                         void** instance) {
  (void)config, (void)config_size;
  instance_t* made = calloc(1, sizeof *made);
  if (!made) return KST_FATAL;
  made->host = host;
  made->context = context;
  *instance = made;
  return KST_OK;
}

static kst_status process(void* instance, const kst_record* records, size_t count, size_t* done) {
  (void)done;
  instance_t* self = instance;
  const kst_async_extension* async = self->host->extension(KST_ASYNC_EXTENSION, KST_ASYNC_REVISION);
  for (size_t i = 0; i < count; ++i) {
    kst_token token;
    const kst_record* held;
    const kst_status status = async->hold(self->context, &records[i], &token, &held);
    if (status != KST_OK) return status;
  }
  return KST_OK;
}

static const kst_processor_type type = {
    .struct_size = sizeof(kst_processor_type),
    .name = "never_completes",
    .description = "holds each record for ever",
    .deterministic = 1,
    .max_in_flight = 10,
    .completion_timeout_ms = 300,
    .create = create,
    .process = process,
    .close = free,
};
static const kst_processor_type* const types[] = {&type, NULL};
static const kst_plugin plugin = SOUND_PLUGIN(types);

KST_EXPORT const kst_plugin* kst_plugin_entry(const kst_host* host);
KST_EXPORT const kst_plugin* kst_plugin_entry(const kst_host* host) {
  (void)host;
  return &plugin;
}
