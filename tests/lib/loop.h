/* For tests with real sockets: an event loop that is run until something is
 * true, or fails the test. */
#ifndef NX_TESTS_LIB_LOOP_H
#define NX_TESTS_LIB_LOOP_H

#include <event2/event.h>

#include "common/io_clock.h"

#define NX_TEST_PATIENCE_US 30000000

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

#endif
