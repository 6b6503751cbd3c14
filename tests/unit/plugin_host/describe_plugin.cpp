// The process that the plugin host of a test tries plugins in.
#include "core/plugin_host/plugin_file.h"

int main(int, char** arguments) { return kstreamd::describe_plugin(arguments[1], arguments[2]); }
