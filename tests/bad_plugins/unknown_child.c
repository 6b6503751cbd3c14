#include <stdlib.h>

#include "instance.h"

static kst_status process(void* instance, const kst_record* records, size_t count, size_t* done) {
  (void)done;
  instance_t* self = instance;
  uint32_t nowhere = 0;
  const kst_status status = self->host->output(self->context, "nowhere", 7, &nowhere);
  return status != KST_OK ? status : self->host->forward(self->context, nowhere, records, count);
}

static const kst_processor_type type = {
    .struct_size = sizeof(kst_processor_type),
    .name = "unknown_child",
    .description = "forwards to a node that is not there",
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
