/* Inside io_ingest*.c only. */
#ifndef NX_COLLECTOR_IO_INGEST_PRIV_H
#define NX_COLLECTOR_IO_INGEST_PRIV_H

#include "collector/conf.h"
#include "collector/ingest/io_ingest.h"
#include "collector/ingest/io_spare.h"
#include "collector/ingest/quiet.h"
#include "common/io_zloop.h"

#define NX_INGEST_ENDPOINT_MAX 256U

struct nx_ingest_door {
    char wanted[NX_INGEST_ENDPOINT_MAX]; /* as configured */
    char bound[NX_INGEST_ENDPOINT_MAX];  /* as ZeroMQ resolved it */
};

struct nx_ingest {
    struct nx_ingest_parts parts;
    void *socket;
    struct nx_zloop *zloop;
    struct nx_group *group;
    struct nx_peers peers;
    struct nx_ingest_counters counters; /* but those of the streams */
    struct nx_quiet bad_quiet;
    uint64_t transaction;          /* counts them; of the open one */
    size_t clones_n;               /* peers that are cloned */
    struct nx_collector_keys keys; /* announced */

    /* Listening. */
    struct nx_ingest_door doors[NX_CONF_LISTEN_MAX];
    size_t doors_n;
    struct nx_zmonitor *monitor;
    struct nx_spare spare;
    struct nx_quiet accept_quiet;
    int64_t accept_failed_us;
    int64_t drained_us; /* all that had come was read */
    struct event *on_mute;
    char problem[200];

    /* Plans. */
    struct event *on_plans;
    struct event *on_plans_renew;
    void *plan_memory;
    uint8_t *out; /* NX_MSG_MAX_BYTES, for what is sent */
};

/* Sends out[0..len) to the peer. NX_EAGAIN, NX_ENOTFOUND (its routing id is
 * forgotten), NX_EIO, NX_ENOMEM. */
int nx_ingest_send(struct nx_ingest *ingest, struct nx_peer *peer,
                   const uint8_t *bytes, size_t len) NX_MUSTUSE;

/* This one of its connections is one too many. */
void nx_ingest_surplus(struct nx_ingest *ingest, struct nx_peer *peer, int fd,
                       int64_t now_us);
/* Ends connections over which nobody speaks. */
void nx_ingest_end_mute(struct nx_ingest *ingest);

/* A connection has ended: whoever had it is gone, and that is said. */
void nx_ingest_gone(struct nx_ingest *ingest, int fd);

/* io_ingest_streams.c: the stream of an epoch, from memory, else as the store
 * knows it; a new one is made only with its first batch. NULL with *err 0:
 * there is none, no room for it, or what the store says of it cannot be.
 * NX_EEXISTS: the batch may have come before, in one that is forgotten.
 * NX_ELIMIT: it begins too many. */
struct nx_stream *nx_ingest_stream(struct nx_ingest *ingest,
                                   struct nx_peer *peer, uint64_t epoch,
                                   const struct nx_batch *first, int64_t now_us,
                                   int *err);

/* io_ingest_hello.c: writes a hello into the open transaction. */
void nx_ingest_store_hello(struct nx_ingest *ingest, struct nx_peer *peer,
                           const uint8_t *bytes, size_t len, uint64_t digest,
                           int64_t received_us);
/* The transaction has ended: hellos in it were stored, or not. */
void nx_ingest_hellos_done(struct nx_ingest *ingest, bool committed);
void nx_ingest_log_here(struct nx_peer *peer, const struct nx_hello *hello,
                        int64_t now_us);

/* io_ingest_ledger.c: what a hello says of the agent's ledger; says so in the
 * log when that cannot be. */
void nx_ingest_note_ledger(struct nx_peer *peer, const struct nx_hello *hello,
                           int64_t now_us);

/* io_ingest_quota.c: may a message of it be stored now? Says so when that
 * changes. */
bool nx_ingest_within_quota(struct nx_ingest *ingest, struct nx_peer *peer,
                            size_t len, int64_t now_us);

/* May it be listened to now, as fast as its messages come? Says so when it may
 * not any more. */
bool nx_ingest_within_rate(struct nx_ingest *ingest, struct nx_peer *peer,
                           size_t len, int64_t now_us);

/* io_ingest_clone.c: is its key used by two machines in turn? */
bool nx_ingest_in_turn(struct nx_ingest *ingest, struct nx_peer *peer,
                       const struct nx_hello *hello, int64_t now_us);

/* io_ingest_clone.c: is its key used twice, after the message of this clock
 * came over its present connection? */
bool nx_ingest_is_clone(struct nx_ingest *ingest, struct nx_peer *peer,
                        const struct nx_clock_sample *clock, int64_t now_us);
/* Forgets it. */
void nx_ingest_clone_over(struct nx_ingest *ingest, struct nx_peer *peer);

/* io_ingest_peers.c: says so when it is accepted in another role than its own.
 */
void nx_ingest_check_role(const struct nx_peer *peer);

/* io_ingest_plan.c */
int nx_ingest_plans_init(struct nx_ingest *ingest) NX_MUSTUSE;
void nx_ingest_plans_fini(struct nx_ingest *ingest);
void nx_ingest_plan_due(struct nx_ingest *ingest, struct nx_peer *peer);

/* io_ingest_listen.c */
int nx_ingest_socket_init(struct nx_ingest *ingest,
                          const struct nx_keypair *keys) NX_MUSTUSE;
void nx_ingest_socket_fini(struct nx_ingest *ingest);

#endif
