#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "instance.h"

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
