/* An instance that knows its host: what the plugins that fail at work have in common. It is freed by `free`. */
#ifndef TESTS_BAD_PLUGINS_INSTANCE_H
#define TESTS_BAD_PLUGINS_INSTANCE_H

#include <stdlib.h>

#include "sound.h"

typedef struct {
  const kst_host* host;
  kst_context* context;
  size_t count; /* of records seen, for those that count them */
} instance_t;

static kst_status create(const kst_host* host, kst_context* context, const char* config, size_t config_size,
                         void** instance) {
  (void)config, (void)config_size;
  instance_t* made = (instance_t*)calloc(1, sizeof *made); /* the cast is for C++ */
  if (!made) return KST_FATAL;
  made->host = host;
  made->context = context;
  *instance = made;
  return KST_OK;
}

#endif
