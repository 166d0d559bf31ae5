/* A ZeroMQ socket in a libevent loop.
 *
 * ZMQ_FD only says "look at ZMQ_EVENTS", and every call on the socket may
 * swallow that signal. So: all receiving and sending goes through here, and
 * after every call the socket is looked at again until it has nothing more,
 * at most NX_ZLOOP_BUDGET messages per turn of the loop. */
#ifndef NX_COMMON_IO_ZLOOP_H
#define NX_COMMON_IO_ZLOOP_H

#include <stddef.h>
#include <stdint.h>

#include <event2/event.h>
#include <zmq.h>

#include "common/err.h"

#define NX_ZLOOP_FRAMES_MAX 8U /* messages of more frames are dropped */
#define NX_ZLOOP_BUDGET 16U    /* messages per turn of the loop */

struct nx_zloop;

struct nx_zloop_handler {
    /* One whole message. The frames belong to the loop; they may be moved
     * from (zmq_msg_move) and are closed afterwards. */
    void (*message)(void *arg, zmq_msg_t *frames, size_t frames_n);
    /* Nothing more to receive for now; NULL when not wanted. */
    void (*drained)(void *arg);
    /* Sending may work again after NX_EAGAIN; NULL when not wanted. */
    void (*writable)(void *arg);
    void *arg;
};

/* The socket is borrowed and outlives the zloop. Starts at once: messages that
 * wait already are delivered from the loop. No callback may free the zloop it
 * comes from. NX_ENOMEM, NX_EIO. */
int nx_zloop_new(struct event_base *base, void *socket,
                 const struct nx_zloop_handler *handler,
                 struct nx_zloop **out) NX_MUSTUSE;
void nx_zloop_free(struct nx_zloop **zloop);

/* Sends one message without waiting and takes the frames (they are closed in
 * every case). NX_EAGAIN: full or not connected; handler.writable follows.
 * NX_ENOTFOUND: ROUTER without that peer. NX_EIO: anything else. */
int nx_zloop_send(struct nx_zloop *zloop, zmq_msg_t *frames,
                  size_t frames_n) NX_MUSTUSE;

/* The same for one frame, copied. */
int nx_zloop_send_bytes(struct nx_zloop *zloop, const void *bytes,
                        size_t len) NX_MUSTUSE;

/* To be called after any other call on the socket (connect, setsockopt...). */
void nx_zloop_kick(struct nx_zloop *zloop);

/* No messages are delivered until resume; sending goes on. May be called by
 * the handlers, too. */
void nx_zloop_pause(struct nx_zloop *zloop);
void nx_zloop_resume(struct nx_zloop *zloop);

/* Messages dropped because of too many frames. */
uint64_t nx_zloop_dropped(const struct nx_zloop *zloop);

/* Follows a socket's ZMQ_EVENT_* `events` (a mask: only those asked for). */
struct nx_zmonitor;
typedef void (*nx_zmonitor_fn)(void *arg, uint16_t event, uint32_t value,
                               const char *address);

/* To be freed before `socket` is closed, and not from fn. NX_ENOMEM, NX_EIO. */
int nx_zmonitor_new(struct event_base *base, void *context, void *socket,
                    int events, nx_zmonitor_fn fn, void *arg,
                    struct nx_zmonitor **out) NX_MUSTUSE;
void nx_zmonitor_free(struct nx_zmonitor **monitor);

/* libzmq's thread holds a lock while it waits for room for the next event, and
 * zmq_bind() waits for that lock: for ever, if nobody reads. From _busy to
 * _idle a thread does, and calls fn, so what fn touches must be left alone in
 * between. NX_ENOMEM: nobody reads. */
int nx_zmonitor_busy(struct nx_zmonitor *monitor) NX_MUSTUSE;
void nx_zmonitor_idle(struct nx_zmonitor *monitor);

#endif
