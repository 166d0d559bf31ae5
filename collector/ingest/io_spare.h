/* A descriptor in reserve for one door. Out of files libzmq tries to accept
 * for ever and eats a processor doing so; to unbind would end the connections
 * of those who are known, too. So the reserve is given up, the connection that
 * gets it is ended, and it is taken back, until nobody waits. */
#ifndef NX_COLLECTOR_IO_SPARE_H
#define NX_COLLECTOR_IO_SPARE_H

#include <stdbool.h>

#include <event2/event.h>

#include "common/err.h"

#define NX_SPARE_BIND_FILES 16U

/* Zero it before nx_spare_init. */
struct nx_spare {
    struct event *on_back;
    bool held;
    int fd; /* when held */
};

/* NX_ENOMEM. Without a file left it takes one as soon as there is one. */
int nx_spare_init(struct nx_spare *spare, struct event_base *base) NX_MUSTUSE;
void nx_spare_fini(struct nx_spare *spare);

/* A connection could not be accepted for want of a file. */
void nx_spare_accept_failed(struct nx_spare *spare);
/* A connection got this descriptor: it is ended if that was the reserve's. */
void nx_spare_accepted(const struct nx_spare *spare, int fd);

/* May zmq_bind be called? It ends the process when it gets no file for its own
 * use; others take some in the same moment, so more are asked for. False: errno
 * says why. */
bool nx_spare_may_bind(void) NX_MUSTUSE;

#endif
