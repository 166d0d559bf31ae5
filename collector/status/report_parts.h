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
    enum {
        NX_REPORT_LIST,
        NX_REPORT_SORT,
        NX_REPORT_HEAD,
        NX_REPORT_ROWS
    } stage;                              /* of the document */
    struct nx_report_row **list, **spare; /* those that were affected */
    size_t list_n, at;
    size_t run; /* so many neighbours are in order; 0: not yet */
};

const char *nx_report_part(const struct nx_report_row *row, unsigned part);

/* report_sort.c: list by network and so on, in pieces of about so many rows;
 * the last pieces are as large as the list. True: it is in order. */
bool nx_report_sort(struct nx_report *report, size_t rows_max);

/* report_json.c: the document without its rows, and a row; rows by network.
 * NULL: out of memory. */
json_t *nx_report_head(struct nx_report_row *const *rows, size_t n,
                       const json_t *status);
json_t *nx_report_row(const struct nx_report_row *row);

#endif
