/* The link of an agent to the collector, with the rules of io_uplink.c. */
#include <stdlib.h>
#include <string.h>

#include "agent/uplink/spool_priv.h"
#include "tests/ledger/world.h"

#define HWM 16U

/* --- sending --- */

void led_agent_hello(struct led_agent *a) {
    struct led_message *m = calloc(1, sizeof(*m));
    if (m == NULL) {
        abort();
    }
    m->hello = true;
    m->epoch = nx_spool_epoch(a->spool);
    led_send_up(a, m);
    a->hello_sent_us = a->sent_us = led_agent_mono_us(a);
    a->hellos_n++;
}

static bool send_batch(struct led_agent *a) {
    struct nx_clock_sample now;
    size_t len = 0;
    uint64_t seq = 0;
    led_agent_clock(a, &now);
    if (nx_spool_peek(a->spool, &now, a->world->out, &len, &seq) != NX_OK ||
        a->disk.dead) {
        return false;
    }
    struct led_message *m = malloc(sizeof(*m) + len);
    if (m == NULL) {
        abort();
    }
    *m = (struct led_message){.len = len};
    memcpy(m->bytes, a->world->out, len);
    led_sent(a->truth, seq, nx_head_last(&a->spool->peeked_head));
    led_send_up(a, m);
    nx_spool_sent(a->spool, led_agent_mono_us(a));
    a->sent_us = led_agent_mono_us(a);
    return !a->disk.dead;
}

void led_agent_flush(struct led_agent *a) {
    if (a->connection == 0 || !a->greeted) {
        return;
    }
    for (unsigned i = 0; i < HWM && send_batch(a); i++) {
        if (dice_one_in(&a->world->dice, 16)) {
            return; /* no room in the socket */
        }
    }
}

/* --- the connection --- */

void led_agent_lose_link(struct led_agent *a) {
    struct led_world *w = a->world;
    if (a->connection != 0) {
        a->connection = 0;
        a->greeted = false;
        nx_spool_ended(a->spool);
        led_at(w, w->now_us + 1000 + dice_below(&w->dice, 4000000),
               LED_EV_CONNECT, a->index, 0, NULL);
        led_agent_arm(a);
    }
}

void led_agent_connect(struct led_agent *a) {
    struct led_world *w = a->world;
    if (!a->up || a->connection != 0) {
        return;
    }
    if (!w->collector.up || w->now_us < a->apart_until_us) {
        led_at(w, w->now_us + LED_S + dice_below(&w->dice, 3000000),
               LED_EV_CONNECT, a->index, 0, NULL);
        return;
    }
    a->connection = ++w->connections_n;
    a->timeouts_n = 0;
    a->hellos_n = 0;
    a->greeted = false;
    nx_spool_connected(a->spool, led_agent_mono_us(a));
    led_agent_hello(a);
    led_agent_arm(a);
}

static void on_ack(struct led_agent *a, const struct nx_ack *ack) {
    struct nx_ledger before;
    struct nx_ledger after;
    int64_t sent_us = 0;
    bool answers_hello = ack->echo == 0 && a->hellos_n > 0;
    if (nx_spool_behind(a->spool, ack)) { /* no spool is put back here */
        led_broken(&a->world->oracle,
                   "agent %u: by its collector its spool was put back",
                   a->index);
    }
    nx_spool_ledger(a->spool, &before);
    bool sample = nx_spool_ack(a->spool, ack, answers_hello,
                               led_agent_mono_us(a), &sent_us);
    nx_spool_ledger(a->spool, &after);
    if (answers_hello) {
        a->greeted = true;
        sample = a->hellos_n == 1;
        sent_us = a->hello_sent_us;
        a->hellos_n--;
    }
    if (sample) {
        const struct nx_clock_exchange exchange = {
            sent_us, ack->received_us, ack->sent_us, led_agent_mono_us(a)};
        nx_clocksync_add(&a->sync, &exchange);
    }
    a->timeouts_n = after.held < before.held ? 0 : a->timeouts_n;
}

static void on_refusal(struct led_agent *a, const struct nx_ack *ack) {
    bool keep = ack->keep && a->world->mutant != LED_KEEPS_NOTHING;
    uint64_t n = keep ? nx_spool_keep(a->spool, ack->refused_crc)
                      : nx_spool_refused(a->spool, ack->refused_crc);
    if (n > 0) {
        a->timeouts_n = 0;
        a->world->kept_n += keep ? 1 : 0;
        a->world->refused_n += keep ? 0 : 1;
    }
}

void led_agent_down(struct led_agent *a, const struct led_message *m) {
    if (!a->up || m->connection != a->connection) {
        return;
    }
    if (a->world->now_us < a->paused_until_us) {
        struct led_message *later = malloc(sizeof(*later));
        if (later == NULL) {
            abort();
        }
        *later = *m;
        led_at(a->world, a->paused_until_us, LED_EV_DOWN, a->index, 0, later);
        return;
    }
    /* What answers a Hello says where the collector stands: by TCP nothing
     * that was sent later comes before it. */
    bool refusal = m->ack.refused_crc != 0;
    if (!refusal && m->ack.echo == 0 && m->order < a->newest_down) {
        return;
    }
    a->newest_down = m->order > a->newest_down ? m->order : a->newest_down;
    if (refusal) {
        on_refusal(a, &m->ack);
    } else {
        on_ack(a, &m->ack);
    }
    led_agent_note_safe(a);
    if (!a->disk.dead) {
        led_agent_flush(a);
    }
    led_agent_settle(a);
    led_agent_arm(a);
}
