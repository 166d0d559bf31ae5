/* The terminal of status --watch. */
#ifndef NX_CLI_IO_SCREEN_H
#define NX_CLI_IO_SCREEN_H

#include "collector/cli/io_run.h"
#include "collector/cli/screen.h"

/* Shows the incident on the whole screen until a key or a signal ends it, or
 * the incident is closed. Standard input and output are terminals. The terminal
 * is as it was before, however it ends (but for SIGKILL). Returns the exit
 * code. */
int nx_run_screen(const struct nx_run *run, uint32_t id);

#endif
