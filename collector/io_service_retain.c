/* Retention while agents are served: a pass each hour, in slices that take a
 * few milliseconds each. */
#include <inttypes.h>
#include <stdio.h>

#include "collector/io_service_priv.h"
#include "common/io_clock.h"
#include "common/io_log.h"

#define DAY_US INT64_C(86400000000)
#define HOUR_US INT64_C(3600000000)
#define PASS_EVERY_S 3600
#define FIRST_PASS_S 2 /* after the start, which has enough to do */
#define SLICE_EVERY_US 50000
#define SLICE_SHARE 12     /* of the time, at most: 1/SLICE_SHARE */
#define SLICE_LONG_US 5000 /* the next one has half as many rows */
#define ROWS_MIN 8U
#define ROWS_MAX 1024U

static void wait(struct nx_service *service, time_t s, suseconds_t us) {
    const struct timeval in = {s, us};
    (void)evtimer_add(service->retain.on_slice, &in);
}

/* --- the clock --- */

static void say_clock(struct nx_retain *retain, enum nx_retained_clock clock) {
    int64_t ahead_us = retain->retained.start_us - retain->retained.by_us;
    bool days = ahead_us >= 2 * DAY_US;
    if (clock == retain->clock) {
        return;
    }
    retain->clock = clock;
    if (clock == NX_RETAINED_TRUSTED) {
        retain->problem[0] = '\0';
        nx_log(NX_LOG_WARN, "retention goes on, by the clock of the start");
        return;
    }
    (void)snprintf(
        retain->problem, sizeof(retain->problem),
        "nothing is deleted by retention: at the start the clock was %" PRId64
        " %s later than when it went last%s",
        ahead_us / (days ? DAY_US : HOUR_US), days ? "days" : "hours",
        clock == NX_RETAINED_SET
            ? ", and was set since: start the collector again"
            : "; a wrong clock is to be set and the collector started again; "
              "one that is right is trusted after a day");
    nx_log(NX_LOG_ERROR, "%s", retain->problem);
}

/* The time to go by, and what to keep of it; says so when the clock is not
 * trusted. */
static int64_t look_at_clock(struct nx_service *service) {
    struct nx_retain *retain = &service->retain;
    enum nx_retained_clock clock = NX_RETAINED_TRUSTED;
    int64_t now_us = nx_service_now_us(service);
    int64_t wall_us = nx_clock_wall_us();
    int64_t by_us = nx_retained_now(&retain->retained, now_us, wall_us, &clock);
    retain->kept = nx_retained_keep(&retain->retained, now_us, wall_us);
    say_clock(retain, clock);
    return by_us;
}

/* --- a pass --- */

/* The earliest that an open incident needs stays, whatever its age. */
static void begin_pass(struct nx_service *service) {
    const struct nx_retention *conf = &service->conf->retention;
    const struct nx_incident **incidents = NULL;
    size_t n = nx_engine_incidents(service->engine, &incidents);
    int64_t now_us = look_at_clock(service);
    struct nx_store_retention pass = {
        .now_us = now_us,
        .log_before_us = now_us - conf->observations_days * DAY_US,
        .history_before_us = now_us - conf->history_days * DAY_US};
    for (size_t i = 0; i < n; i++) {
        int64_t from_us = nx_incident_needs_from(incidents[i]);
        if (incidents[i]->closed_us == NX_TIME_UNKNOWN &&
            from_us < pass.log_before_us) {
            pass.log_before_us = from_us;
        }
    }
    service->retain.pass = pass;
    service->retain.passing = true;
}

static void end_pass(struct nx_service *service) {
    const uint64_t *n = service->retain.pass.deleted_n;
    service->retain.passing = false;
    nx_service_tokens_trim(service, service->retain.pass.history_before_us);
    nx_service_enrolments_trim(service, service->retain.pass.history_before_us);
    if (n[NX_RETAIN_BATCH] > 0) {
        nx_log(NX_LOG_INFO,
               "retention: %" PRIu64 " batches of more than %" PRIu32
               " days ago are deleted",
               n[NX_RETAIN_BATCH], service->conf->retention.observations_days);
    }
}

static void fit_rows(struct nx_retain *retain, int64_t took_us) {
    if (took_us > SLICE_LONG_US && retain->rows > ROWS_MIN) {
        retain->rows /= 2;
    } else if (took_us < SLICE_LONG_US / 4 && retain->rows < ROWS_MAX) {
        retain->rows *= 2;
    }
}

/* In a transaction of its own: acknowledgements do not wait for it. That what
 * agents sent is committed for it at once counts as its time, too. */
static int slice(struct nx_service *service) {
    struct nx_group *group = nx_ingest_group(service->ingest);
    uint64_t before_n = service->retain.pass.deleted_n[NX_RETAIN_BATCH];
    int64_t asked_us = nx_clock_mono_us();
    int err = nx_group_begin(group);
    if (err != NX_OK) {
        return err;
    }
    int64_t began_us = nx_clock_mono_us();
    int more = nx_store_retain(service->store, &service->retain.pass,
                               service->retain.rows);
    fit_rows(&service->retain, nx_clock_mono_us() - began_us);
    if (more == 0) {
        more = nx_store_retained_put(service->store, &service->retain.kept);
    }
    err = nx_group_end(group, more < 0 ? more : NX_OK);
    service->retain.took_us = nx_clock_mono_us() - asked_us;
    if (err == NX_OK) {
        service->retain.deleted_n +=
            service->retain.pass.deleted_n[NX_RETAIN_BATCH] - before_n;
    }
    return err == NX_OK ? more : err;
}

static void on_slice(evutil_socket_t fd, short what, void *arg) {
    struct nx_service *service = arg;
    (void)fd;
    (void)what;
    if (!service->retain.passing) {
        begin_pass(service);
    }
    int more = slice(service);
    if (more == 1) {
        int64_t in_us = SLICE_SHARE * service->retain.took_us;
        in_us = in_us > SLICE_EVERY_US ? in_us : SLICE_EVERY_US;
        wait(service, in_us / 1000000, in_us % 1000000);
        return;
    }
    if (more < 0) { /* the store's failure is known; from the beginning */
        service->retain.passing = false;
    } else {
        end_pass(service);
    }
    wait(service, PASS_EVERY_S, 0);
}

/* A new store's clock is the word of today. */
static int begin_clock(struct nx_service *service) {
    int64_t now_us = nx_service_now_us(service);
    struct nx_retained_kept kept = {now_us, NX_TIME_UNKNOWN};
    int err = nx_store_retained_get(service->store, &kept);
    if (err != NX_OK && err != NX_ENOTFOUND) {
        return err;
    }
    nx_retained_init(&service->retain.retained, &kept, now_us,
                     service->conf->retention.observations_days);
    (void)look_at_clock(service);
    if (nx_store_retained_put(service->store, &service->retain.kept) != NX_OK) {
        nx_log(NX_LOG_DEBUG, "retention: %s", nx_store_problem(service->store));
    } /* a disk that is full is said elsewhere; the next pass writes it */
    return NX_OK;
}

int nx_service_retain_init(struct nx_service *service) {
    service->retain.rows = ROWS_MIN;
    int err = begin_clock(service);
    if (err != NX_OK) {
        return err;
    }
    service->retain.on_slice = evtimer_new(service->base, on_slice, service);
    if (service->retain.on_slice == NULL) {
        return NX_ENOMEM;
    }
    wait(service, FIRST_PASS_S, 0);
    return NX_OK;
}

void nx_service_retain_fini(struct nx_service *service) {
    if (service->retain.on_slice != NULL) {
        event_free(service->retain.on_slice);
    }
}
