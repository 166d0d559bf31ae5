/* What may stand at the cursor: the completion of shells, from the same table
 * as the parser. Pure. */
#ifndef NX_CLI_COMPLETE_H
#define NX_CLI_COMPLETE_H

#include "collector/cli/args.h"
#include "common/text.h"

/* Words that only the collector knows; bits. */
enum {
    NX_COMPLETE_INCIDENTS = 1 << 0,
    NX_COMPLETE_NETWORKS = 1 << 1,
    NX_COMPLETE_AGENTS = 1 << 2,
    NX_COMPLETE_RECEIVERS = 1 << 3,
};

/* words: the command line after the program's name up to the cursor; the last
 * one is being written, maybe "". Appends a candidate per line, those that do
 * not begin like it, too. Returns what else may stand there; nothing at all: a
 * file, or something new. */
unsigned nx_complete(const char *const *words, size_t n, struct nx_text *out);

#endif
