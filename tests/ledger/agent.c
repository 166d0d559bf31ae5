/* An agent: its real batcher, spool and clock, with the rules of io_agent.c and
 * io_uplink.c around them. It may die in any call of its disk; what it does
 * behind that has not happened. */
#include <stdlib.h>
#include <string.h>

#include "agent/uplink/spool_priv.h"
#include "tests/ledger/world.h"

#define ACK_TIMEOUT_US (10 * LED_S) /* this and the next two: io_uplink.c */
#define ACK_TIMEOUT_DOUBLINGS 2U
#define IDLE_US (30 * LED_S)

int64_t led_agent_mono_us(const struct led_agent *a) {
    return a->world->now_us - a->boot_us;
}

void led_agent_clock(const struct led_agent *a, struct nx_clock_sample *out) {
    memset(out, 0, sizeof(*out));
    out->mono_us = led_agent_mono_us(a);
    out->wall_us = a->world->now_us + a->wall_wrong_us;
    out->offset_known = nx_clocksync_get(
        &a->sync, out->mono_us, &out->offset_us, &out->offset_error_us);
}

/* --- life --- */

void led_agent_init(struct led_world *w, unsigned index) {
    struct led_agent *a = &w->agents[index];
    struct dice *dice = &w->dice;
    a->world = w;
    a->index = index;
    a->has_disk = !dice_one_in(dice, 6);
    a->disk.dice = dice;
    a->disk.lies = w->mutant == LED_DISK_LIES;
    a->small = dice_one_in(dice, 3);
    a->conf = (struct nx_spool_conf){
        .max_bytes = a->small ? 100000 + dice_below(dice, 400000) : 64U << 20,
        .max_age_us =
            a->small ? (200 + dice_below(dice, 2000)) * LED_S : 1000000 * LED_S,
        .sync_always = dice_one_in(dice, 2),
        .sync_interval_us = (1 + dice_below(dice, 60)) * LED_S,
        .batch_max_results = 1 + dice_below(dice, LED_BATCH_MAX)};
    a->batch_age_ms = 100 + dice_below(dice, 2000);
    a->produce_every_us = 20000 + (int64_t)dice_below(dice, 1000000);
    a->boot = dice_u64(dice);
    a->boot_us = w->now_us - dice_below(dice, 1000) * LED_S;
    a->wake_us = INT64_MAX;
    led_at(w, w->now_us, LED_EV_START, index, 0, NULL);
}

void led_agent_fini(struct led_agent *a) {
    nx_batcher_free(&a->batcher);
    nx_spool_free(&a->spool);
    fake_free(&a->disk.fake);
}

static void start_batcher(struct led_agent *a) {
    if (nx_batcher_new(nx_spool_epoch(a->spool), nx_spool_next_seq(a->spool),
                       a->conf.batch_max_results, a->batch_age_ms,
                       &a->batcher) != NX_OK) {
        abort();
    }
}

/* More ends in a crash than holes can be kept, while nothing is acknowledged:
 * what is between two of them is given up, and said to be. */
static void note_merged(struct led_agent *a) {
    a->may_lose |= a->spool->holes_n == NX_SPOOL_HOLES_MAX;
}

void led_agent_start(struct led_agent *a) {
    struct led_world *w = a->world;
    struct nx_spool_found found;
    const struct nx_spool_disk disk = led_disk_functions(&a->disk);
    if (a->up) {
        return;
    }
    int err = nx_spool_new(&a->conf, a->has_disk ? &disk : NULL,
                           dice_u64(&w->dice), a->boot, &a->spool, &found);
    if (a->disk.dead) {
        nx_spool_free(&a->spool);
        led_agent_crash(a, a->power);
        return;
    }
    if (err != NX_OK) { /* the service manager starts it again */
        led_at(w, w->now_us + 5 * LED_S, LED_EV_START, a->index, 0, NULL);
        return;
    }
    if (w->mutant == LED_NUMBERS_AGAIN && !found.clean) {
        a->spool->next_seq =
            a->spool->segments_n > 0
                ? a->spool->segments[a->spool->segments_n - 1].last_seq + 1
                : a->spool->acked_seq + 1;
        a->spool->fresh_from = a->spool->next_seq;
        a->spool->holes_n = 0;
    }
    start_batcher(a);
    note_merged(a);
    a->up = true;
    a->truth = led_truth(&w->oracle, a->index, nx_spool_epoch(a->spool));
    a->safe_seq = nx_spool_next_seq(a->spool) - 1;
    a->produce_us = w->now_us + dice_below(&w->dice, 1000000);
    led_at(w, w->now_us + dice_below(&w->dice, 500000), LED_EV_CONNECT,
           a->index, 0, NULL);
    led_agent_arm(a);
}

static void gone(struct led_agent *a) {
    nx_batcher_free(&a->batcher);
    nx_spool_free(&a->spool);
    a->up = false;
    a->connection = 0;
    a->greeted = false;
    memset(&a->sync, 0, sizeof(a->sync));
    int64_t wait_us = 100000 + dice_below(&a->world->dice, 3000000);
    led_at(a->world, a->world->now_us + wait_us, LED_EV_START, a->index, 0,
           NULL);
}

void led_agent_crash(struct led_agent *a, bool power) {
    led_disk_crash(&a->disk, power);
    gone(a);
    if (power) {
        a->boot = dice_u64(&a->world->dice);
        a->boot_us = a->world->now_us - dice_below(&a->world->dice, 20) * LED_S;
    }
}

/* The end of what it did in this step: it may have died. */
void led_agent_settle(struct led_agent *a) {
    if (a->up) {
        note_merged(a);
    }
    if (a->up && a->disk.dead) {
        led_agent_crash(a, a->power);
    }
}

/* What was put and waits for nothing is on the disk. */
void led_agent_note_safe(struct led_agent *a) {
    const struct nx_spool *s = a->spool;
    if (!a->has_disk || a->disk.dead || s->problem != NX_OK ||
        s->sync_us != INT64_MAX) {
        return;
    }
    for (; a->safe_seq + 1 < s->next_seq; a->safe_seq++) {
        led_mark(a->truth, a->safe_seq + 1)->flags |= LED_SAFE;
    }
}

/* --- results --- */

static void close_batch(struct led_agent *a) {
    struct nx_clock_sample clock;
    uint8_t *bytes = NULL;
    size_t len = 0;
    uint64_t first_seq = 0;
    size_t n = 0;
    led_agent_clock(a, &clock);
    if (nx_batcher_close(a->batcher, &clock, &bytes, &len, &first_seq, &n) !=
            NX_OK ||
        nx_spool_put(a->spool, bytes, len, first_seq, n, &clock) != NX_OK) {
        led_broken(&a->world->oracle, "agent %u: a batch was not put",
                   a->index);
    }
    led_mark(a->truth, first_seq)->flags |= LED_FIRST;
    led_agent_note_safe(a);
}

static bool batch_due(const struct led_agent *a) {
    return nx_batcher_due(a->batcher, nx_spool_pace_us(a->spool),
                          led_agent_mono_us(a));
}

static void produce_one(struct led_agent *a) {
    static const uint8_t name[] = "\3www\7example\3com";
    static const uint8_t large[2 + 300] = {300 >> 8, 300 & 255};
    struct dice *dice = &a->world->dice;
    const struct nx_question q = {
        .name = name, .qtype = 1, .to = {.address_len = 4, .port = 53}};
    struct nx_answer answer = {.outcome = NX_TIMEOUT};
    if (dice_one_in(dice, 4)) { /* some are large */
        answer.outcome = NX_ANSWERED;
        answer.flags = NX_ANS_RDATA;
        answer.rdata = large;
        answer.rdata_n = 1;
        answer.rdata_len = sizeof(large);
    }
    uint16_t tag = (uint16_t)(1 + dice_below(dice, 65535));
    const struct nx_obs obs = {.question = &q,
                               .answer = &answer,
                               .tx_mono_us = led_agent_mono_us(a),
                               .rx_mono_us = led_agent_mono_us(a) + 10,
                               .src_port = tag};
    led_made(&a->world->oracle, a->truth, nx_batcher_next_seq(a->batcher), tag,
             a->world->now_us);
    if (nx_batcher_add(a->batcher, &obs, led_agent_mono_us(a)) != NX_OK) {
        led_broken(&a->world->oracle, "agent %u: a result was not taken",
                   a->index);
    }
    if (batch_due(a)) {
        close_batch(a);
    }
}

static bool produces(const struct led_agent *a) {
    return !a->world->quiet || a->produces_once;
}

static void produce(struct led_agent *a) {
    struct led_world *w = a->world;
    a->produces_once = false;
    for (unsigned i = dice_below(&w->dice, 4); i < 4 && !a->disk.dead; i++) {
        produce_one(a);
    }
    int64_t every_us =
        w->calm && a->produce_every_us < LED_S ? LED_S : a->produce_every_us;
    a->produce_us =
        w->now_us + 1 + dice_below(&w->dice, (uint32_t)every_us * 2);
}

/* --- timers --- */

/* Of acks that stay away, by its own clock. */
static int64_t timeout_us(const struct led_agent *a) {
    int64_t after_us = ACK_TIMEOUT_US << a->timeouts_n;
    if (a->connection == 0) {
        return INT64_MAX;
    }
    if (a->world->mutant == LED_WAITS_FOR_SILENCE) {
        a->spool->passed_n = 0;
    }
    return a->greeted ? nx_spool_timeout_at(a->spool, after_us)
                      : a->hello_sent_us + after_us;
}

static void on_timeout(struct led_agent *a) {
    if (a->timeouts_n == ACK_TIMEOUT_DOUBLINGS) {
        led_agent_lose_link(a);
        return;
    }
    a->timeouts_n++;
    if (a->greeted) {
        nx_spool_rewind(a->spool, led_agent_mono_us(a));
    } else {
        led_agent_hello(a);
    }
}

static int64_t least(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static int64_t next_us(const struct led_agent *a) {
    int64_t at_us = least(nx_spool_tick_at(a->spool), timeout_us(a));
    at_us =
        least(at_us, nx_batcher_due_at(a->batcher, nx_spool_pace_us(a->spool)));
    if (a->connection != 0) {
        at_us = least(at_us, a->sent_us + IDLE_US);
        at_us = a->greeted ? least(at_us, nx_spool_send_at(a->spool)) : at_us;
    }
    at_us = at_us == INT64_MAX ? at_us : at_us + a->boot_us;
    at_us = produces(a) ? least(at_us, a->produce_us) : at_us;
    return at_us > a->paused_until_us ? at_us : a->paused_until_us;
}

void led_agent_arm(struct led_agent *a) {
    if (!a->up) {
        return;
    }
    int64_t at_us = next_us(a);
    if (at_us <= a->world->now_us) {
        at_us = a->world->now_us + 1;
    }
    if (at_us != a->wake_us) {
        a->wake_us = at_us;
        led_at(a->world, at_us, LED_EV_WAKE, a->index, ++a->wake, NULL);
    }
}

void led_agent_wake(struct led_agent *a) {
    struct nx_clock_sample now;
    a->wake_us = INT64_MAX;
    if (!a->up) {
        return;
    }
    if (a->world->now_us < a->paused_until_us) {
        led_agent_arm(a);
        return;
    }
    led_agent_clock(a, &now);
    if (led_agent_mono_us(a) >= nx_spool_tick_at(a->spool)) {
        nx_spool_tick(a->spool, &now);
        led_agent_note_safe(a);
    }
    if (produces(a) && a->world->now_us >= a->produce_us) {
        produce(a);
    } else if (!a->disk.dead && batch_due(a)) {
        close_batch(a);
    }
    if (!a->disk.dead && led_agent_mono_us(a) >= timeout_us(a)) {
        on_timeout(a);
    }
    if (!a->disk.dead && a->connection != 0 &&
        led_agent_mono_us(a) >= a->sent_us + IDLE_US) {
        led_agent_hello(a);
    }
    if (!a->disk.dead) {
        led_agent_flush(a);
    }
    led_agent_settle(a);
    led_agent_arm(a);
}

/* Ends well. */
void led_agent_stop(struct led_agent *a) {
    if (!a->up) {
        return;
    }
    if (nx_batcher_open_n(a->batcher) > 0) {
        close_batch(a);
    }
    if (!a->disk.dead) {
        if (nx_spool_close(a->spool) == NX_OK) {
            led_agent_note_safe(a);
        }
    }
    if (a->disk.dead) {
        led_agent_crash(a, a->power);
    } else {
        gone(a);
    }
}
