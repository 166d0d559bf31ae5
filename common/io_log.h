/* The log: one line per event on standard error.
 *
 * Whatever the arguments contain, a line stays one line of printable ASCII:
 * it is escaped as a whole (nx_escape, common/text.h), so names and texts from
 * strangers can be logged as they are. */
#ifndef NX_COMMON_IO_LOG_H
#define NX_COMMON_IO_LOG_H

#include <stdbool.h>

#include "common/err.h"

enum nx_log_level { NX_LOG_ERROR, NX_LOG_WARN, NX_LOG_INFO, NX_LOG_DEBUG };

#define NX_LOG_LINE_MAX 2048U /* bytes; what is longer ends with "..." */

/* Lines above this level are not written; NX_LOG_INFO at start. */
void nx_log_set_level(enum nx_log_level level);
bool nx_log_enabled(enum nx_log_level level);

/* Writes a line. Under systemd (JOURNAL_STREAM is set) it begins with the
 * <N> of sd-daemon(3), else with the UTC time. errno is kept. */
void nx_log(enum nx_log_level level, const char *fmt, ...) NX_PRINTF(2, 3);

#endif
