/* Goes in front of the C library of a program that a test stops as a machine
 * that is suspended would: CLOCK_MONOTONIC does not count the seconds in the
 * first bytes of the file NX_SUSPENDED, a double; CLOCK_BOOTTIME does. */
#define _GNU_SOURCE /* RTLD_NEXT */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S 1000000000L

static const double *suspended_s;

__attribute__((constructor)) static void map(void) {
    const char *path = getenv("NX_SUSPENDED");
    int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *at =
        fd >= 0 ? mmap(NULL, sizeof(*suspended_s), PROT_READ, MAP_SHARED, fd, 0)
                : MAP_FAILED;
    suspended_s = at != MAP_FAILED ? at : NULL;
    if (fd >= 0) {
        (void)close(fd);
    }
}

int clock_gettime(clockid_t id, struct timespec *out) {
    static int (*next)(clockid_t, struct timespec *);
    if (next == NULL) {
        *(void **)&next = dlsym(RTLD_NEXT, "clock_gettime");
    }
    int r = next(id, out);
    if (r == 0 && id == CLOCK_MONOTONIC && suspended_s != NULL) {
        time_t whole_s = (time_t)*suspended_s;
        out->tv_sec -= whole_s;
        out->tv_nsec -= (long)((*suspended_s - (double)whole_s) * NS_PER_S);
        if (out->tv_nsec < 0) {
            out->tv_sec--;
            out->tv_nsec += NS_PER_S;
        }
    }
    return r;
}
