#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
    const kst_value* value = &records[i].value;
    char path[1000];
    if (value->type != KST_STRING || value->size == 0 || value->u.data[0] != '/' || value->size >= sizeof path)
      continue;
    memcpy(path, value->u.data, value->size);
    path[value->size] = '\0';
    while (access(path, F_OK) != 0) usleep(1000);
  }
  return self->host->forward(self->context, 0, records, count);
}

static const kst_processor_type type = {
    .struct_size = sizeof(kst_processor_type),
    .name = "blocks",
    .description = "does not come back from a record until the file that it names is there",
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
