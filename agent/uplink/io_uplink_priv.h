/* Inside of io_uplink.c (what is said) and io_uplink_link.c (the connection).
 */
#ifndef NX_AGENT_IO_UPLINK_PRIV_H
#define NX_AGENT_IO_UPLINK_PRIV_H

#include <event2/event.h>

#include "agent/uplink/backoff.h"
#include "agent/uplink/clocksync.h"
#include "agent/uplink/io_uplink.h"
#include "common/io_zloop.h"

enum nx_link_state {
    NX_LINK_WAITING,    /* for the next attempt */
    NX_LINK_CONNECTING, /* handshake not done */
    NX_LINK_ONLINE,
    NX_LINK_ENDING, /* over; is closed in the next turn of the loop */
};

/* Why an attempt or a connection ended. */
enum nx_link_end {
    NX_END_UNREACHED, /* no TCP connection */
    NX_END_REFUSED,   /* our key is not accepted */
    NX_END_HANDSHAKE, /* TCP works, CURVE does not: wrong server key? */
    NX_END_CLOSED,    /* the other side closed during the handshake */
    NX_END_TIMEOUT,   /* no handshake in time */
    NX_END_LOST,      /* after it had worked */
    NX_END_DAMAGED,   /* it had worked, then bytes were changed on the way */
    NX_END_SILENT,    /* acks stay away */
    NX_END_STOOD,     /* what it brings may be old (nx_uplink_renew), or is of
                         another epoch */
    NX_END_RELOAD,    /* other settings */
    NX_END_LOCAL,     /* libzmq would not */
};

struct nx_uplink {
    struct event_base *base;
    void *context;
    const struct nx_agent_conf *conf;
    const struct nx_keypair *keys;
    const struct nx_pins *pins;
    struct nx_spool *spool;
    struct nx_uplink_handler handler;
    struct nx_bucket unread_told;
    /* The link. */
    enum nx_link_state state;
    enum nx_link_end end;
    void *socket;
    struct nx_zloop *zloop;
    struct nx_zmonitor *monitor;
    struct event *on_link;        /* next attempt, handshake timeout, closing */
    size_t which;                 /* collector */
    uint8_t anchor[NX_KEY_BYTES]; /* its key in the configuration; */
    struct nx_collector_keys server_keys; /* those that it may have ... */
    size_t key_which;                     /* ... and the one of this attempt */
    bool tcp_connected;
    struct nx_backoff backoff;
    uint32_t spread_ms;      /* as the collector wished last */
    enum nx_link_end logged; /* what was last told in the log ... */
    int64_t logged_us;       /* ... and when; 0: nothing */
    /* What is said. */
    struct event *on_ack_timeout;
    struct event *on_send; /* the spool's rate allows the next one */
    unsigned timeouts_n;   /* in a row */
    bool hello_due;
    bool greeted;      /* the collector said where it stands: batches may go */
    unsigned hellos_n; /* unanswered */
    int64_t hello_sent_us; /* the last of them */
    struct event *on_idle;
    int64_t idle_us; /* after so long without a message: a hello */
    int64_t
        kept_logged_us; /* batches wait for a newer collector; 0: not said */
    bool plan_missed; /* a hello then whatever was sent: it has to come again */
    int64_t sent_us;  /* the newest message */
    struct nx_clocksync sync;
    size_t sync_which; /* the collector of these samples */
};

/* --- io_uplink_link.c --- */

/* Begins an attempt now. */
void nx_link_open(struct nx_uplink *u);
/* Ends attempt or connection in the next turn of the loop. */
void nx_link_end(struct nx_uplink *u, enum nx_link_end end);
/* Closes now. */
void nx_link_close(struct nx_uplink *u);
void nx_link_on_event(evutil_socket_t fd, short what, void *arg);

/* --- io_uplink.c --- */

/* The handshake is done. */
void nx_uplink_opened(struct nx_uplink *u);
void nx_uplink_message(void *arg, zmq_msg_t *frames, size_t frames_n);
void nx_uplink_writable(void *arg);

#endif
