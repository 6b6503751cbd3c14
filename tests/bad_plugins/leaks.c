#include <stdlib.h>

#include "instance.h"

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
