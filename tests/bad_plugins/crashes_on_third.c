#include <stdlib.h>

#include "instance.h"

static int* volatile nowhere;

static kst_status process(void* instance, const kst_record* records, size_t count, size_t* done) {
  instance_t* self = instance;
  for (*done = 0; *done < count; ++*done) {
    if (++self->count == 3) *nowhere = 1;
    const kst_status status = self->host->forward(self->context, 0, &records[*done], 1);
    if (status != KST_OK) return status;
  }
  return KST_OK;
}

static const kst_processor_type type = {
    .struct_size = sizeof(kst_processor_type),
    .name = "crashes_on_third",
    .description = "crashes on the third record that it sees",
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
