#include <stdlib.h>

#include "sound.h"

static kst_status init(void* instance) {
  (void)instance;
  abort();
}

static const kst_processor_type type = {
    .struct_size = sizeof(kst_processor_type),
    .name = "crashes_in_init",
    .description = "crashes when it is started",
    .deterministic = 1,
    .create = sound_create,
    .init = init,
    .process = sound_process,
    .close = sound_close,
};
static const kst_processor_type* const types[] = {&type, NULL};
static const kst_plugin plugin = SOUND_PLUGIN(types);

KST_EXPORT const kst_plugin* kst_plugin_entry(const kst_host* host);
KST_EXPORT const kst_plugin* kst_plugin_entry(const kst_host* host) {
  (void)host;
  return &plugin;
}
