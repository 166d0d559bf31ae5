/* How often strangers may try at the enrolment port: per source and in all.
 * Bounded memory whoever knocks; a source that was silent for longest gives its
 * place. Pure. */
#ifndef NX_COLLECTOR_GATE_H
#define NX_COLLECTOR_GATE_H

#include "common/bucket.h"

#define NX_GATE_SOURCES_MAX 512U
#define NX_GATE_SOURCE_PER_MIN 20U /* attempts of one source ... */
#define NX_GATE_SOURCE_BURST 20U   /* ... and at once */
#define NX_GATE_ALL_PER_S 50U
#define NX_GATE_ALL_BURST 200U

struct nx_gate_source {
    uint64_t key;
    int64_t used_us; /* 0: free */
    struct nx_bucket bucket;
};

/* Zero it to begin. */
struct nx_gate {
    struct nx_gate_source sources[NX_GATE_SOURCES_MAX];
    struct nx_bucket all;
    uint64_t refused_n;
};

/* May somebody from this address (text) try now? An IPv4 address is a source,
 * and so is an IPv6 /64: whoever has one has all of it. */
bool nx_gate_pass(struct nx_gate *gate, const char *address, int64_t now_us);

#endif
