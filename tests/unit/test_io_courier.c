/* What carries messages does not stop the loop. The program's own getaddrinfo
 * stands for a DNS that does not answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <errno.h>
#include <netdb.h>
#include <semaphore.h>

#include "collector/alert/io_courier.h"
#include "common/io_clock.h"

#define SILENT_S 10
#define AT_ONCE_US INT64_C(2000000) /* on a loaded machine */

static sem_t asked, answer, answered;

int getaddrinfo(const char *name, const char *service,
                const struct addrinfo *hints, struct addrinfo **out) {
    struct timespec until;
    (void)name;
    (void)service;
    (void)hints;
    (void)out;
    (void)sem_post(&asked);
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += SILENT_S;
    while (sem_timedwait(&answer, &until) != 0 && errno == EINTR) {
    }
    (void)sem_post(&answered);
    return EAI_AGAIN;
}

static void on_done(void *user, bool taken, const char *why,
                    int64_t retry_after_s) {
    (void)user;
    (void)taken;
    (void)why;
    (void)retry_after_s;
    fail();
}

static void test_silent_dns(void **state) {
    struct nx_receiver receiver = {
        .kind = NX_RECEIVER_WEBHOOK,
        .url = (char[]){"http://hooks.example.com/"},
    };
    struct event_base *base = event_base_new();
    struct nx_courier *courier = NULL;
    json_t *document = nx_alert_test_document(1);
    const struct nx_courier_job job = {.receiver = &receiver,
                                       .document = document,
                                       .secret = "",
                                       .done = on_done};
    (void)state;
    assert_int_equal(sem_init(&asked, 0, 0), 0);
    assert_int_equal(sem_init(&answer, 0, 0), 0);
    assert_int_equal(sem_init(&answered, 0, 0), 0);
    assert_int_equal(nx_courier_new(base, &courier), 0);
    assert_int_equal(nx_courier_send(courier, &job), 0);
    while (sem_trywait(&asked) != 0) {
        assert_true(event_base_loop(base, EVLOOP_ONCE) >= 0);
    }
    int64_t begun_us = nx_clock_mono_us();
    nx_courier_free(&courier); /* as at a time-out: curl gives it up */
    int64_t took_us = nx_clock_mono_us() - begun_us;
    (void)sem_post(&answer);
    (void)sem_wait(&answered);
    if (took_us > AT_ONCE_US) {
        fail_msg("the loop stood still for %d ms", (int)(took_us / 1000));
    }
    json_decref(document);
    event_base_free(base);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_silent_dns)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
