#include <stdlib.h>
#include <string.h>

#include "instance.h"

static int* volatile nowhere;

static kst_status process(void* instance, const kst_record* records, size_t count, size_t* done) {
  instance_t* self = instance;
  for (*done = 0; *done < count; ++*done) {
    const kst_value* value = &records[*done].value;
    if (value->type == KST_STRING && value->size == 5 && memcmp(value->u.data, "crash", 5) == 0) *nowhere = 1;
  }
  return self->host->forward(self->context, 0, records, count);
}

static const kst_processor_type type = {
    .struct_size = sizeof(kst_processor_type),
    .name = "crashes",
    .description = "crashes on every record with the value 'crash'",
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
