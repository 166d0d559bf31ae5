/* What carries messages does not stop the loop, and knows what cannot work. The
 * program's own getaddrinfo stands for a DNS that does not answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collector/alert/io_courier.h"
#include "common/io_clock.h"

#define SILENT_S 300
#define AT_ONCE_US INT64_C(100000000) /* on a loaded machine */

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
    struct nx_alert_payload payload = {.content_type = "application/json"};
    nx_text_init(&payload.body);
    nx_text_add(&payload.body, "{}");
    const struct nx_courier_job job = {.receiver = &receiver,
                                       .document = document,
                                       .payload = &payload,
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

/* A folder with programs of these names and modes (0: it is not there). */
struct programs {
    char folder[PATH_MAX / 2];
    char sendmail[PATH_MAX];
    char postdrop[PATH_MAX];
};

static void make(const char *path, mode_t mode) {
    int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(fchmod(fd, mode), 0);
    assert_int_equal(close(fd), 0);
}

static void make_programs(struct programs *p, mode_t sendmail,
                          mode_t postdrop) {
    (void)snprintf(p->folder, sizeof(p->folder), "/tmp/nxclear-mail.XXXXXX");
    assert_non_null(mkdtemp(p->folder));
    (void)snprintf(p->sendmail, sizeof(p->sendmail), "%s/sendmail", p->folder);
    (void)snprintf(p->postdrop, sizeof(p->postdrop), "%s/postdrop", p->folder);
    if (sendmail != 0) {
        make(p->sendmail, sendmail);
    }
    if (postdrop != 0) {
        make(p->postdrop, postdrop);
    }
}

static void remove_programs(const struct programs *p) {
    (void)unlink(p->sendmail);
    (void)unlink(p->postdrop);
    assert_int_equal(rmdir(p->folder), 0);
}

/* what: a part of why it is refused; NULL: it is not. */
static void check_sendmail(mode_t sendmail, mode_t postdrop, const char *what) {
    struct programs p;
    char why[NX_COURIER_WHY_MAX] = "untouched";
    make_programs(&p, sendmail, postdrop);
    int err = nx_courier_sendmail(p.sendmail, why);
    remove_programs(&p);
    if (err != (what == NULL ? 0 : NX_EIO) ||
        strstr(why, what == NULL ? "untouched" : what) == NULL) {
        fail_msg("sendmail %o, postdrop %o: %d, %s", (unsigned)sendmail,
                 (unsigned)postdrop, err, why);
    }
}

static void test_sendmail(void **state) {
    (void)state;
    check_sendmail(0, 0, "/sendmail: No such file or directory; install");
    check_sendmail(0600, 0, "Permission denied");
    check_sendmail(0755, 0, NULL);
    check_sendmail(02755, 02755, NULL);
    assert_int_equal(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    check_sendmail(0755, 0, NULL); /* msmtp */
    check_sendmail(0755, 0755, NULL);
    check_sendmail(04755, 0, "/sendmail: set-ID has no effect"); /* Exim */
    check_sendmail(02755, 0, "use msmtp");                       /* dma */
    check_sendmail(0755, 02555, "/postdrop: set-ID has no effect");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_silent_dns),
                                       cmocka_unit_test(test_sendmail)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
