#include "example_name.h"

KSTREAMD_PLUGIN("example_name", "0.1.0", ExampleName);
