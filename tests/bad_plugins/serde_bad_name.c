#include "sound.h"

static kst_serde_type serde = SOUND_SERDE("fine");
static const kst_serde_type* const serdes[] = {&serde, NULL};
static const kst_plugin plugin = SOUND_SERDES(serdes);

KST_EXPORT const kst_plugin* kst_plugin_entry(const kst_host* host);
KST_EXPORT const kst_plugin* kst_plugin_entry(const kst_host* host) {
  (void)host;
  serde.name = "2fast";
  return &plugin;
}
