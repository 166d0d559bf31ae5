/* The ledger of an agent's stream: produced = received + reported lost + what
 * the agent still keeps. Pure. */
#ifndef NX_COLLECTOR_LEDGER_H
#define NX_COLLECTOR_LEDGER_H

#include "collector/ingest/stream.h"

/* What an agent said of its stream in its last hello, and whether that could be
 * true then. Zero it to begin. */
struct nx_ledger_said {
    bool known;
    uint64_t epoch;
    uint64_t produced;
    uint64_t spool_bytes;
    bool fewer_produced; /* than were received of it */
    bool fewer_dropped;  /* than it had reported lost */
};

/* Takes a hello in. position: of its stream; NULL: never seen. */
void nx_ledger_hello(struct nx_ledger_said *said, const struct nx_hello *hello,
                     const struct nx_stream_position *position);

struct nx_ledger {
    bool heard; /* since the start; else what is stored is all that is known */
    uint64_t epoch;
    uint64_t produced; /* at least; what it said, or what came since */
    uint64_t received, dropped;
    uint64_t spooled;     /* the rest: the agent has it */
    uint64_t spool_bytes; /* of its disk, as it said last */
    const char *problem;  /* what does not fit and what to do; NULL */
};

/* said must be known. */
void nx_ledger_fill(const struct nx_ledger_said *said,
                    const struct nx_stream_position *position,
                    struct nx_ledger *out);

/* Of an agent that has not said hello: what is stored of its latest stream. */
void nx_ledger_stored(uint64_t epoch, const struct nx_stream_position *position,
                      struct nx_ledger *out);

#endif
