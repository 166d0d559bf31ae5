/* Is the key of an agent used twice at once? An agent has one connection, and
 * ends it before it makes the next. What it had sent through the old one may
 * still come after the first words of the new one, but nothing that was said
 * later. So a connection that was left and says something that was said after
 * that is somebody else's: the old one and the new one both live.
 *
 * A restart, a new image, a crash, a suspended machine and one put back to an
 * older state each come with a new connection, and the old one is silent. One
 * sign alone is not believed either; it takes NX_CLONE_RETURNS of them, and
 * connections that take turns give as many as there are messages.
 *
 * Two that never meet, each connecting after the other has left, are told apart
 * by when their machine was booted: the offset of an agent's clock says that. A
 * machine that boots again, or is put back to an older state of its memory, is
 * a younger one from then on; no machine becomes the one again that it was,
 * unless the spool moves there and back, and goes on. What was produced becomes
 * no less: who runs from a copy of the spool beside the original says that it
 * does. Pure. */
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

#define NX_CLONE_BOOTS 4U /* machines remembered: the newest */
#define NX_CLONE_PATIENCE_US                                                   \
    INT64_C(604800000000) /* each turn within so much of the one before */
/* Two machines that booted at the same time look like one. */
#define NX_CLONE_SAME_BOOT_US 60000000.0
#define NX_CLONE_DRIFT 200e-6 /* of a clock that nobody disciplines */

struct nx_clone_seat {
    uint64_t connection; /* names it; 0: free */
    int64_t left_us;     /* another one spoke first; not of seats[0] */
};

/* A machine, as its last hello had it. */
struct nx_clone_boot {
    double boot_us; /* collector time, as the agent knows it */
    int64_t seen_us;
    uint64_t epoch, produced;
};

/* Zero it to begin. */
struct nx_clone {
    struct nx_clone_seat seats[NX_CLONE_SEATS]; /* who spoke last, first */
    unsigned returns_n;
    int64_t returned_us;                        /* the last one */
    struct nx_clone_boot boots[NX_CLONE_BOOTS]; /* who spoke last, first */
    unsigned boots_n;
    unsigned turns_n;
    int64_t turned_us; /* the last one */
};

/* A message came over this connection (not 0); clock: the agent's, when it made
 * the message. True: the key is used twice. */
bool nx_clone_seen(struct nx_clone *clone, uint64_t connection,
                   const struct nx_clock_sample *clock, int64_t now_us);

/* The same of a hello, whatever connection it came over: true: two machines use
 * the key in turn. */
bool nx_clone_in_turn(struct nx_clone *clone, const struct nx_hello *hello,
                      int64_t now_us);

#endif
