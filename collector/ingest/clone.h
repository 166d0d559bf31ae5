/* Is the key of an agent used twice at once? An agent has one connection, and
 * ends it before it makes the next. What it had sent through the old one may
 * still come after the first words of the new one, but nothing that was said
 * later. So a connection that was left and says something that was said after
 * that is somebody else's: the old one and the new one both live.
 *
 * A restart, a new image, a crash, a suspended machine and one put back to an
 * older state each come with a new connection, and the old one is silent. One
 * sign alone is not believed either; it takes NX_CLONE_RETURNS of them, and
 * connections that take turns give as many as there are messages. Pure. */
#ifndef NX_COLLECTOR_CLONE_H
#define NX_COLLECTOR_CLONE_H

#include "common/codec.h"

#define NX_CLONE_SEATS 4U   /* connections remembered: the newest */
#define NX_CLONE_RETURNS 3U /* so many ... */
#define NX_CLONE_WITHIN_US                                                     \
    INT64_C(600000000) /* ... each within so much of the                       \
                          one before */
/* The agent's idea of collector time is believed so far. */
#define NX_CLONE_MARGIN_US INT64_C(2000000)
/* For agents that do not know their offset: a connection that is dead is ended
 * after 45 s (keepalive), and says nothing so much later. */
#define NX_CLONE_DEAD_US INT64_C(120000000)

struct nx_clone_seat {
    uint64_t connection; /* names it; 0: free */
    int64_t left_us;     /* another one spoke first; not of seats[0] */
};

/* Zero it to begin. */
struct nx_clone {
    struct nx_clone_seat seats[NX_CLONE_SEATS]; /* who spoke last, first */
    unsigned returns_n;
    int64_t returned_us; /* the last one */
};

/* A message came over this connection (not 0); clock: the agent's, when it made
 * the message. True: the key is used twice. */
bool nx_clone_seen(struct nx_clone *clone, uint64_t connection,
                   const struct nx_clock_sample *clock, int64_t now_us);

#endif
