#include "sound.h"

static const kst_processor_type one = SOUND_TYPE("twice");
static const kst_processor_type other = SOUND_TYPE("twice");
static const kst_processor_type* const types[] = {&one, &other, NULL};
static const kst_plugin plugin = SOUND_PLUGIN(types);

KST_EXPORT const kst_plugin* kst_plugin_entry(const kst_host* host);
KST_EXPORT const kst_plugin* kst_plugin_entry(const kst_host* host) {
  (void)host;
  return &plugin;
}
