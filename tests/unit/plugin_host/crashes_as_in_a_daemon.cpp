// A crash within a plugin ends these programs as it ends a daemon: under AddressSanitizer too, which would take the
// signals for itself. Environment variables beat what is said here.
extern "C" const char* __asan_default_options();
extern "C" const char* __asan_default_options() {
  return "handle_segv=0:handle_sigbus=0:handle_sigill=0:handle_sigfpe=0:handle_abort=0";
}
