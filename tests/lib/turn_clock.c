/* Goes in front of the C library of a program with an event loop: how long does
 * a turn of its main thread take the processor? The longest one so far, in
 * milliseconds, is kept in the first bytes of the file NX_TURNS, a double,
 * which whoever measures sets back to 0. */
#define _GNU_SOURCE /* RTLD_NEXT */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static double *worst_ms;
static double began_ms = -1;

static double used_ms(void) {
    struct timespec used = {0};
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return (double)used.tv_sec * 1e3 + (double)used.tv_nsec / 1e6;
}

__attribute__((constructor)) static void map(void) {
    const char *path = getenv("NX_TURNS");
    int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void *at = fd >= 0 ? mmap(NULL, sizeof(*worst_ms), PROT_READ | PROT_WRITE,
                              MAP_SHARED, fd, 0)
                       : MAP_FAILED;
    worst_ms = at != MAP_FAILED ? at : NULL;
    if (fd >= 0) {
        (void)close(fd);
    }
}

int epoll_wait(int fd, struct epoll_event *events, int max, int timeout) {
    static int (*next)(int, struct epoll_event *, int, int);
    if (next == NULL) {
        *(void **)&next = dlsym(RTLD_NEXT, "epoll_wait");
    }
    if (worst_ms == NULL || syscall(SYS_gettid) != (long)getpid()) {
        return next(fd, events, max, timeout);
    }
    double took_ms = began_ms >= 0 ? used_ms() - began_ms : 0;
    if (took_ms > *worst_ms) {
        *worst_ms = took_ms;
    }
    int n = next(fd, events, max, timeout);
    began_ms = used_ms();
    return n;
}
