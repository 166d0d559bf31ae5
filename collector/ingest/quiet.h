/* Keeps a stranger from filling the log: lets one line pass per interval and
 * counts the others. Pure. */
#ifndef NX_COLLECTOR_QUIET_H
#define NX_COLLECTOR_QUIET_H

#include <stdbool.h>
#include <stdint.h>

struct nx_quiet {
    int64_t next_us; /* zero it to begin */
    uint64_t held_n;
};

/* May a line be written at now_us? Then *held_n says how many were not since
 * the last one. */
bool nx_quiet_pass(struct nx_quiet *quiet, int64_t now_us, int64_t every_us,
                   uint64_t *held_n);

#endif
