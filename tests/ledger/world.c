#include "tests/ledger/world.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHAPTER_STEPS 20000U
#define REST_MAX_US (INT64_C(4) * 3600 * LED_S)
#define CATCH_UP_US (120 * LED_S)
#define REST_STEPS_MAX 400000U
#define BEGIN_US (INT64_C(1795200000) * LED_S)

/* --- one step --- */

static int64_t paused_until_us(const struct led_world *w,
                               const struct led_event *e) {
    bool collector = e->kind == LED_EV_UP || e->kind == LED_EV_COMMIT ||
                     e->kind == LED_EV_RETRY;
    return collector ? w->collector.paused_until_us : 0;
}

/* Of another life of the collector, or another timer. */
static bool is_old(const struct led_world *w, const struct led_event *e) {
    switch (e->kind) {
    case LED_EV_UP:
    case LED_EV_COMMIT:
    case LED_EV_SYNC:
    case LED_EV_RETRY:
        return e->life != w->collector.life || !w->collector.up;
    case LED_EV_WAKE:
        return e->life != w->agents[e->of].wake;
    case LED_EV_FAULT:
        return w->calm;
    case LED_EV_DOWN:
    case LED_EV_CONNECT:
    case LED_EV_START:
    case LED_EV_COLLECTOR_START:
        return false;
    }
    return true;
}

static void next_fault(struct led_world *w) {
    led_at(w,
           w->now_us + 1 +
               dice_below(&w->dice, 2 * w->fault_every_s * 1000) *
                   INT64_C(1000),
           LED_EV_FAULT, 0, 0, NULL);
}

static void happen(struct led_world *w, const struct led_event *e,
                   struct led_figures *figures) {
    struct led_agent *a = &w->agents[e->of];
    switch (e->kind) {
    case LED_EV_UP:
        led_collector_up(w, e->of, e->message);
        break;
    case LED_EV_DOWN:
        led_agent_down(a, e->message);
        break;
    case LED_EV_WAKE:
        led_agent_wake(a);
        break;
    case LED_EV_CONNECT:
        led_agent_connect(a);
        break;
    case LED_EV_START:
        led_agent_start(a);
        break;
    case LED_EV_COMMIT:
        led_collector_commit(w);
        break;
    case LED_EV_SYNC:
        w->oracle.unsynced_n = 0;
        break;
    case LED_EV_RETRY:
        led_collector_retry(w);
        break;
    case LED_EV_COLLECTOR_START:
        led_collector_start(w);
        break;
    case LED_EV_FAULT:
        figures->faults_n[led_fault(w)]++;
        next_fault(w);
        break;
    }
}

/* --- the ledger, at every step --- */

static void check_agent(struct led_world *w, const struct led_agent *a) {
    struct nx_ledger l;
    if (!a->up || w->oracle.broken) {
        return;
    }
    nx_spool_ledger(a->spool, &l);
    if (l.produced != l.acked + l.held + l.dropped || l.acked > l.produced ||
        l.held > l.produced || l.dropped > l.produced ||
        nx_batcher_next_seq(a->batcher) !=
            l.produced + nx_batcher_open_n(a->batcher) + 1) {
        led_broken(&w->oracle,
                   "agent %u: produced %" PRIu64 ", acked %" PRIu64
                   ", held %" PRIu64 ", dropped %" PRIu64,
                   a->index, l.produced, l.acked, l.held, l.dropped);
    } else if (!w->put_back && l.acked > a->truth->stored_n) {
        led_broken(&w->oracle,
                   "agent %u believes that %" PRIu64 " are delivered; %" PRIu64
                   " are in the store",
                   a->index, l.acked, a->truth->stored_n);
    }
}

static bool step(struct led_world *w, struct led_figures *figures) {
    struct led_event e;
    bool old = true;
    while (old) {
        if (!led_next(w, &e)) {
            led_broken(&w->oracle, "nothing happens any more");
            return false;
        }
        old = is_old(w, &e);
        int64_t until_us = paused_until_us(w, &e);
        if (!old && until_us > w->now_us) {
            led_at(w, until_us, e.kind, e.of, e.life, e.message);
            old = true;
        } else if (old) {
            free(e.message);
        }
    }
    happen(w, &e, figures);
    free(e.message);
    for (unsigned i = 0; i < w->agents_n; i++) {
        check_agent(w, &w->agents[i]);
    }
    w->steps_n++;
    return !w->oracle.broken;
}

/* --- at rest --- */

static bool at_rest(const struct led_world *w) {
    for (unsigned i = 0; i < w->agents_n; i++) {
        struct nx_ledger l;
        const struct led_agent *a = &w->agents[i];
        if (!w->collector.up || !a->up || !a->greeted) {
            return false;
        }
        nx_spool_ledger(a->spool, &l);
        if (l.held > 0 || nx_batcher_open_n(a->batcher) > 0 ||
            a->truth->position.acked_seq != l.produced) {
            return false;
        }
    }
    return true;
}

/* Every number of it was delivered, or reported lost. */
static void check_rested(struct led_world *w, struct led_agent *a) {
    struct nx_ledger l;
    struct led_truth *t = a->truth;
    nx_spool_ledger(a->spool, &l);
    for (uint64_t seq = t->rested_seq + 1; seq <= l.produced; seq++) {
        const struct led_mark *m = led_mark(t, seq);
        bool stored = (m->flags & LED_STORED) != 0;
        bool gap = (m->flags & LED_GAP) != 0;
        if (stored == gap) {
            led_broken(&w->oracle, "agent %u: %" PRIu64 " is %s", a->index, seq,
                       gap ? "stored and reported lost" : "a silent gap");
        }
    }
    t->rested_seq = l.produced;
    if (l.produced != t->stored_n + t->gaps_n || l.dropped != t->gaps_n ||
        t->position.ahead.n > 0) {
        led_broken(&w->oracle,
                   "agent %u at rest: produced %" PRIu64 ", dropped %" PRIu64
                   "; stored %" PRIu64 ", reported lost %" PRIu64,
                   a->index, l.produced, l.dropped, t->stored_n, t->gaps_n);
    }
}

/* Every agent has one. */
static void last_results(struct led_world *w) {
    for (unsigned i = 0; i < w->agents_n; i++) {
        w->agents[i].produce_us = w->now_us;
        w->agents[i].produces_once = true;
        led_agent_arm(&w->agents[i]);
    }
}

static void restless(struct led_world *w) {
    for (unsigned i = 0; i < w->agents_n; i++) {
        struct nx_ledger l = {0};
        const struct led_agent *a = &w->agents[i];
        if (a->up) {
            nx_spool_ledger(a->spool, &l);
        }
        if (!a->up || l.held > 0 || a->truth->position.acked_seq < l.produced) {
            led_broken(&w->oracle,
                       "agent %u (%s, %s) does not come to rest: produced "
                       "%" PRIu64 ", held %" PRIu64 ", dropped %" PRIu64
                       "; the collector has all to %" PRIu64,
                       i, a->up ? "up" : "down",
                       a->greeted ? "greeted" : "not greeted", l.produced,
                       l.held, l.dropped,
                       a->up ? a->truth->position.acked_seq : 0);
        }
    }
    led_broken(&w->oracle, "does not come to rest");
}

/* --- all is well again, and work goes on --- */

static bool all_connected(const struct led_world *w) {
    bool all = w->collector.up;
    for (unsigned i = 0; i < w->agents_n; i++) {
        all = all && w->agents[i].up && w->agents[i].greeted;
    }
    return all;
}

/* What the agent has behind it is sent at the pace of the drain; twice that,
 * and what acks that stay away may cost. */
static int64_t time_for(const struct led_world *w, struct led_agent *a) {
    int64_t pace_us = 2 * w->delay_us / NX_SPOOL_DRAIN_WINDOW;
    pace_us = pace_us > LED_S / NX_SPOOL_DRAIN_PER_S
                  ? pace_us
                  : LED_S / NX_SPOOL_DRAIN_PER_S;
    a->goal_seq = nx_spool_next_seq(a->spool) - 1;
    return CATCH_UP_US +
           2 * pace_us * (int64_t)led_unsettled_n(a->truth, a->goal_seq);
}

static bool caught_up(const struct led_world *w) {
    bool all = true;
    for (unsigned i = 0; i < w->agents_n; i++) {
        const struct led_agent *a = &w->agents[i];
        all = all && a->up && a->truth->position.acked_seq >= a->goal_seq;
    }
    return all;
}

static void left_behind(struct led_world *w) {
    for (unsigned i = 0; i < w->agents_n; i++) {
        struct led_agent *a = &w->agents[i];
        if (a->up && a->truth->position.acked_seq < a->goal_seq) {
            led_broken(&w->oracle,
                       "agent %u does not catch up while all is well: of what "
                       "it had to %" PRIu64 " the collector has all to %" PRIu64
                       " only; %" PRIu64 " batches are missing",
                       i, a->goal_seq, a->truth->position.acked_seq,
                       led_unsettled_n(a->truth, a->goal_seq));
        }
    }
    led_broken(&w->oracle, "an agent does not connect while all is well");
}

static void catch_up(struct led_world *w, struct led_figures *figures) {
    int64_t until_us = w->now_us + CATCH_UP_US;
    int64_t began_us = w->now_us;
    while (!all_connected(w) && w->now_us < until_us && step(w, figures)) {
    }
    for (unsigned i = 0; i < w->agents_n; i++) {
        struct led_agent *a = &w->agents[i];
        int64_t most_us = a->up ? began_us + time_for(w, a) : 0;
        until_us = most_us > until_us ? most_us : until_us;
    }
    while (!caught_up(w) && w->now_us < until_us && step(w, figures)) {
    }
    if (!caught_up(w)) {
        left_behind(w);
    }
    double of = (double)(w->now_us - began_us) / (double)(until_us - began_us);
    figures->catch_up_max =
        of > figures->catch_up_max ? of : figures->catch_up_max;
}

static void come_to_rest(struct led_world *w, struct led_figures *figures) {
    int64_t began_us = w->now_us;
    uint64_t steps_n = w->steps_n;
    led_heal(w);
    led_collector_upgrade(w);
    last_results(w);
    while (w->now_us - began_us < 20 * LED_S && step(w, figures)) {
        led_heal(w); /* of what a fault set off later */
    }
    w->calm = true;
    catch_up(w, figures);
    w->quiet = true;
    while (!w->oracle.broken && !at_rest(w) && step(w, figures)) {
        if (w->steps_n % 1000 == 999) {
            last_results(w); /* gaps at the end wait for one behind them */
        }
        if (w->now_us - began_us > REST_MAX_US ||
            w->steps_n - steps_n > REST_STEPS_MAX) {
            restless(w);
        }
    }
    int64_t took_us = w->now_us - began_us;
    figures->rest_max_us =
        took_us > figures->rest_max_us ? took_us : figures->rest_max_us;
    for (unsigned i = 0; i < w->agents_n && !w->oracle.broken; i++) {
        check_rested(w, &w->agents[i]);
        w->agents[i].may_lose = led_disk_damaged(&w->agents[i].disk);
    }
    w->put_back = false;
    w->calm = w->quiet = false;
    w->collector.old = w->newer;
    next_fault(w);
}

/* --- the whole --- */

static void begin(struct led_world *w, uint64_t seed, enum led_mutant mutant) {
    w->dice.state = seed * UINT64_C(0xd1342543de82ef95);
    w->mutant = mutant;
    w->poison = seed % 3 == 0; /* a draw would make other worlds of all seeds */
    w->newer = seed % 4 == 2;
    w->collector.old = w->newer;
    w->now_us = BEGIN_US;
    w->out = malloc(NX_MSG_MAX_BYTES);
    if (w->out == NULL) {
        abort();
    }
    led_faults_draw(w);
    led_collector_init(w);
    w->agents_n = 1 + dice_below(&w->dice, LED_AGENTS_MAX);
    for (unsigned i = 0; i < w->agents_n; i++) {
        led_agent_init(w, i);
    }
    next_fault(w);
}

static void count(const struct led_world *w, struct led_figures *f) {
    f->steps_n += w->steps_n;
    f->refused_n += w->refused_n;
    f->kept_n += w->kept_n;
    for (unsigned i = 0; i < w->agents_n; i++) {
        for (const struct led_truth *t = w->oracle.truths[i]; t != NULL;
             t = t->next) {
            f->stored_n += t->stored_n;
            f->gaps_n += t->gaps_n;
        }
    }
}

static void end(struct led_world *w) {
    for (unsigned i = 0; i < w->agents_n; i++) {
        led_agent_fini(&w->agents[i]);
    }
    led_collector_fini(w);
    led_wire_free(w);
    led_oracle_fini(&w->oracle);
    free(w->out);
    free(w);
}

bool led_run(uint64_t seed, enum led_mutant mutant, uint64_t steps_n,
             struct led_figures *figures, char *why) {
    struct led_world *w = calloc(1, sizeof(*w));
    if (w == NULL) {
        abort();
    }
    begin(w, seed, mutant);
    while (w->steps_n < steps_n && !w->oracle.broken) {
        uint64_t until_n =
            w->steps_n + (steps_n < CHAPTER_STEPS ? steps_n : CHAPTER_STEPS);
        while (w->steps_n < until_n && step(w, figures)) {
        }
        if (!w->oracle.broken) {
            come_to_rest(w, figures);
        }
    }
    bool good = !w->oracle.broken;
    (void)snprintf(why, LED_WHY_MAX, "seed %" PRIu64 ", step %" PRIu64 ": %s",
                   seed, w->steps_n, w->oracle.why);
    count(w, figures);
    end(w);
    return good;
}
