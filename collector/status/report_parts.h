/* Inside report*.c. */
#ifndef NX_COLLECTOR_REPORT_PARTS_H
#define NX_COLLECTOR_REPORT_PARTS_H

#include <uthash.h>

#include "collector/infer/facts.h"
#include "collector/status/report.h"

enum { /* parts of a row's key */
       NX_REPORT_NETWORK,
       NX_REPORT_AGENT,
       NX_REPORT_RESOLVER,
       NX_REPORT_NAME,
       NX_REPORT_TYPE,
       NX_REPORT_PARTS
};

/* A target that was affected. Times are NX_TIME_UNKNOWN when not known. */
struct nx_report_row {
    char *key;       /* its parts, each with a NUL */
    uint8_t first;   /* enum nx_state it was found in */
    uint32_t states; /* 1 << enum nx_state, all of them */
    unsigned relapses_n;
    int64_t from_us;      /* when it was found affected */
    int64_t cleared_us;   /* when it was found clear, for good */
    int64_t lo_us, hi_us; /* looks between which it cleared */
    int64_t predicted_at_us;
    int64_t point_us, lo90_us, hi90_us;
    char basis[16];
    bool beside; /* asked for comparison: it speaks for no network */
    bool scored, inside;
    int64_t error_us;
    UT_hash_handle hh;
};

struct nx_report {
    struct nx_report_row *rows;
    bool failed; /* out of memory */
};

const char *nx_report_part(const struct nx_report_row *row, unsigned part);

/* report_json.c; rows by network. NULL: out of memory. */
json_t *nx_report_json(struct nx_report_row *const *rows, size_t n,
                       const json_t *status);

#endif
