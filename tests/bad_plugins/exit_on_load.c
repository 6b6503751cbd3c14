#include <stdlib.h>

#include "sound.h"

__attribute__((constructor)) static void leave(void) { exit(7); }
