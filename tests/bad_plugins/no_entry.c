#include <kstreamd/abi/plugin.h>

/* Not the name that the host looks for. */
KST_EXPORT const kst_plugin* kst_plugin_entrance(const kst_host* host);
KST_EXPORT const kst_plugin* kst_plugin_entrance(const kst_host* host) {
  (void)host;
  return NULL;
}
