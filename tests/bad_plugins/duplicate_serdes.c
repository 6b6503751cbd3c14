#include "sound.h"

static const kst_serde_type one = SOUND_SERDE("twice");
static const kst_serde_type other = SOUND_SERDE("twice");
static const kst_serde_type* const serdes[] = {&one, &other, NULL};
static const kst_plugin plugin = SOUND_SERDES(serdes);

KST_EXPORT const kst_plugin* kst_plugin_entry(const kst_host* host);
KST_EXPORT const kst_plugin* kst_plugin_entry(const kst_host* host) {
  (void)host;
  return &plugin;
}
