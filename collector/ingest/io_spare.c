#include "collector/ingest/io_spare.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACK_US 1000

static int open_nothing(void) {
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void back_soon(struct nx_spare *spare) {
    const struct timeval soon = {0, BACK_US};
    (void)evtimer_add(spare->on_back, &soon);
}

static void take(struct nx_spare *spare) {
    spare->fd = open_nothing();
    spare->held = spare->fd >= 0;
    if (!spare->held) {
        back_soon(spare);
    }
}

static void on_back(evutil_socket_t fd, short what, void *arg) {
    (void)fd;
    (void)what;
    take(arg);
}

int nx_spare_init(struct nx_spare *spare, struct event_base *base) {
    spare->on_back = evtimer_new(base, on_back, spare);
    if (spare->on_back == NULL) {
        return NX_ENOMEM;
    }
    take(spare);
    return NX_OK;
}

void nx_spare_fini(struct nx_spare *spare) {
    if (spare->on_back != NULL) {
        event_free(spare->on_back);
        spare->on_back = NULL;
    }
    if (spare->held) {
        (void)close(spare->fd);
        spare->held = false;
    }
}

void nx_spare_accept_failed(struct nx_spare *spare) {
    if (spare->held) {
        (void)close(spare->fd);
        spare->held = false;
        back_soon(spare);
    }
}

void nx_spare_accepted(const struct nx_spare *spare, int fd) {
    if (!spare->held) {
        (void)shutdown(fd, SHUT_RDWR);
    }
}

bool nx_spare_may_bind(void) {
    int fds[NX_SPARE_BIND_FILES];
    size_t n = 0;
    while (n < NX_SPARE_BIND_FILES && (fds[n] = open_nothing()) >= 0) {
        n++;
    }
    bool may = n == NX_SPARE_BIND_FILES;
    int why = errno;
    while (n > 0) {
        (void)close(fds[--n]);
    }
    errno = why;
    return may;
}
