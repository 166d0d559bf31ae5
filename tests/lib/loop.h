/* For tests with real sockets: an event loop that is run until something is
 * true, or fails the test. */
#ifndef NX_TESTS_LIB_LOOP_H
#define NX_TESTS_LIB_LOOP_H

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>

#include "common/io_clock.h"

#define NX_TEST_PATIENCE_US 120000000

static inline void nx_test_turn(struct event_base *base) {
    const struct timeval slice = {0, 2000};
    event_base_loopexit(base, &slice);
    event_base_dispatch(base);
}

/* Runs the loop while the condition is false; false after
 * NX_TEST_PATIENCE_US. */
static inline bool nx_test_wait(struct event_base *base,
                                bool (*until)(void *user), void *user) {
    int64_t end_us = nx_clock_mono_us() + NX_TEST_PATIENCE_US;
    while (!until(user)) {
        if (nx_clock_mono_us() > end_us) {
            return false;
        }
        nx_test_turn(base);
    }
    return true;
}

static inline bool nx_test_sleeps(const char *thread) {
    char path[64];
    char stat[256] = "";
    (void)snprintf(path, sizeof(path), "/proc/self/task/%.20s/stat", thread);
    FILE *file = fopen(path, "r");
    size_t n = file == NULL ? 0 : fread(stat, 1, sizeof(stat) - 1, file);
    if (file != NULL) {
        (void)fclose(file);
    }
    const char *end = strrchr(stat, ')');
    return n == 0 || end == NULL || end[1] == '\0' || end[2] != 'R';
}

/* Until no other thread of this process has anything to do, for a while: what
 * was sent to each has arrived, however busy the machine is. */
static inline void nx_test_await_still(void) {
    const struct timespec pause = {0, 5000000};
    char own[24];
    (void)snprintf(own, sizeof(own), "%ld", (long)syscall(SYS_gettid));
    for (unsigned still_n = 0; still_n < 20; still_n++) {
        DIR *threads = opendir("/proc/self/task");
        for (struct dirent *one;
             threads != NULL && (one = readdir(threads)) != NULL;) {
            if (one->d_name[0] != '.' && strcmp(one->d_name, own) != 0 &&
                !nx_test_sleeps(one->d_name)) {
                still_n = 0;
            }
        }
        if (threads != NULL) {
            (void)closedir(threads);
        }
        (void)nanosleep(&pause, NULL);
    }
}

#endif
