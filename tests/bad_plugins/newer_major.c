#include "sound.h"

static const kst_processor_type type = SOUND_TYPE("bad");
static const kst_processor_type* const types[] = {&type, NULL};
static kst_plugin plugin = SOUND_PLUGIN(types);

KST_EXPORT const kst_plugin* kst_plugin_entry(const kst_host* host);
KST_EXPORT const kst_plugin* kst_plugin_entry(const kst_host* host) {
  (void)host;
  plugin.abi_major = KST_ABI_MAJOR + 1;
  plugin.abi_minor = 3;
  return &plugin;
}
