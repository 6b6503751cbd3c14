#include "sound.h"

static kst_processor_type type = SOUND_TYPE("bad");
static const kst_processor_type* const types[] = {&type, NULL};
static const kst_plugin plugin = SOUND_PLUGIN(types);
static const kst_store_need needs[] = {{"keys seen so far", KST_STORE_KEY_VALUE, 0}, {"what", 5, 0}};

KST_EXPORT const kst_plugin* kst_plugin_entry(const kst_host* host);
KST_EXPORT const kst_plugin* kst_plugin_entry(const kst_host* host) {
  (void)host;
  type.stores = needs;
  type.store_count = 2;
  return &plugin;
}
