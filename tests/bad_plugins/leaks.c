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
  for (size_t i = 0; i < count; ++i) {
    void* volatile lost = malloc(1000);
    (void)lost;
  }
  return self->host->forward(self->context, 0, records, count);
}

static const kst_processor_type type = {
    .struct_size = sizeof(kst_processor_type),
    .name = "leaks",
    .description = "gives back nothing of what it takes for each record",
    .deterministic = 1,
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
