#include <signal.h>

#include "sound.h"

KST_EXPORT const kst_plugin* kst_plugin_entry(const kst_host* host);
KST_EXPORT const kst_plugin* kst_plugin_entry(const kst_host* host) {
  (void)host;
  raise(SIGSEGV);
  return NULL;
}
