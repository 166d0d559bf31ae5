#include "tests/ledger/oracle.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void led_broken(struct led_oracle *o, const char *format, ...) {
    va_list args;
    if (o->broken) {
        return;
    }
    o->broken = true;
    va_start(args, format);
    (void)vsnprintf(o->why, sizeof(o->why), format, args);
    va_end(args);
}

void led_oracle_fini(struct led_oracle *o) {
    for (size_t i = 0; i < sizeof(o->truths) / sizeof(o->truths[0]); i++) {
        while (o->truths[i] != NULL) {
            struct led_truth *t = o->truths[i];
            o->truths[i] = t->next;
            free(t->marks);
            free(t);
        }
    }
    free(o->unsynced);
}

static void must(const void *memory) {
    if (memory == NULL) {
        abort();
    }
}

struct led_truth *led_truth(struct led_oracle *o, unsigned agent,
                            uint64_t epoch) {
    for (struct led_truth *t = o->truths[agent]; t != NULL; t = t->next) {
        if (t->epoch == epoch) {
            return t;
        }
    }
    struct led_truth *t = calloc(1, sizeof(*t));
    must(t);
    t->epoch = epoch;
    t->next = o->truths[agent];
    o->truths[agent] = t;
    return t;
}

struct led_mark *led_mark(struct led_truth *t, uint64_t seq) {
    if (seq >= t->cap) {
        uint64_t cap = seq * 2 + 4096;
        t->marks = realloc(t->marks, cap * sizeof(*t->marks));
        must(t->marks);
        memset(t->marks + t->cap, 0, (cap - t->cap) * sizeof(*t->marks));
        t->cap = cap;
    }
    return &t->marks[seq];
}

void led_made(struct led_oracle *o, struct led_truth *t, uint64_t seq,
              uint16_t tag, int64_t now_us) {
    struct led_mark *m = led_mark(t, seq);
    if ((m->flags & (LED_SENT | LED_STORED | LED_GAP)) != 0) {
        led_broken(o, "number %" PRIu64 " is given again (flags %u)", seq,
                   m->flags);
    }
    *m = (struct led_mark){.tag = tag, .made_us = now_us};
}

void led_sent(struct led_truth *t, uint64_t from_seq, uint64_t to_seq) {
    for (uint64_t seq = from_seq; seq <= to_seq; seq++) {
        led_mark(t, seq)->flags |= LED_SENT;
    }
}

void led_stored(struct led_oracle *o, struct led_truth *t, uint64_t seq,
                uint16_t tag) {
    struct led_mark *m = led_mark(t, seq);
    if ((m->flags & (LED_STORED | LED_GAP)) != 0) {
        led_broken(o, "result %" PRIu64 " has its effect twice", seq);
    } else if (m->tag != tag || (m->flags & LED_SENT) == 0) {
        led_broken(o, "number %" PRIu64 " is another result (flags %u)", seq,
                   m->flags);
    }
    m->flags |= LED_STORED;
    m->commit = o->commit;
    t->stored_n++;
}

static bool settled(const struct led_mark *m) {
    return (m->flags & (LED_STORED | LED_GAP)) != 0;
}

uint64_t led_unsettled_n(struct led_truth *t, uint64_t to_seq) {
    uint64_t n = 0;
    for (uint64_t seq = t->position.acked_seq + 1; seq <= to_seq; seq++) {
        const struct led_mark *m = led_mark(t, seq);
        n += (m->flags & LED_FIRST) != 0 && !settled(m) ? 1 : 0;
    }
    return n;
}

void led_acked(struct led_oracle *o, struct led_truth *t,
               const struct nx_ack *ack) {
    for (; t->acked_seq < ack->acked_seq; t->acked_seq++) {
        struct led_mark *m = led_mark(t, t->acked_seq + 1);
        if (!settled(m)) {
            led_broken(o, "%" PRIu64 " is acked and not in the store",
                       t->acked_seq + 1);
        }
        m->flags |= LED_ACKED;
    }
    for (size_t i = 0; i < ack->ahead.n; i++) {
        uint64_t seq = ack->ahead.runs[i].to_seq;
        for (; seq >= ack->ahead.runs[i].from_seq; seq--) {
            struct led_mark *m = led_mark(t, seq);
            if ((m->flags & LED_ACKED) != 0) {
                break;
            }
            if (!settled(m)) {
                led_broken(o, "%" PRIu64 " is acked ahead and not in the store",
                           seq);
            }
            m->flags |= LED_ACKED;
        }
    }
}

/* The store has it no more. */
static void gone(struct led_truth *t, struct led_mark *m) {
    t->stored_n -= (m->flags & LED_STORED) != 0 ? 1 : 0;
    t->gaps_n -= (m->flags & LED_GAP) != 0 ? 1 : 0;
    m->flags &= (uint8_t) ~(unsigned)(LED_STORED | LED_GAP | LED_ACKED);
}

void led_unsynced_lost(struct led_oracle *o) {
    for (size_t i = 0; i < o->unsynced_n; i++) {
        struct led_unsynced *u = &o->unsynced[i];
        for (uint64_t seq = u->from_seq; seq <= u->to_seq; seq++) {
            struct led_mark *m = led_mark(u->truth, seq);
            if ((m->flags & LED_ACKED) != 0) {
                led_broken(o, "acked result %" PRIu64 " is lost", seq);
            }
            gone(u->truth, m);
        }
    }
    o->unsynced_n = 0;
}

void led_backup(struct led_oracle *o) {
    o->backup_commit = o->commit;
    for (size_t i = 0; i < sizeof(o->truths) / sizeof(o->truths[0]); i++) {
        for (struct led_truth *t = o->truths[i]; t != NULL; t = t->next) {
            t->backup = t->position;
        }
    }
}

static void put_back(struct led_truth *t, uint32_t commit) {
    const struct nx_ahead *ahead = &t->position.ahead;
    uint64_t top =
        ahead->n > 0 ? ahead->runs[ahead->n - 1].to_seq : t->position.acked_seq;
    /* What is below was settled before the copy, above nothing is. */
    for (uint64_t seq = t->backup.acked_seq + 1; seq <= top; seq++) {
        struct led_mark *m = &t->marks[seq];
        if (settled(m) && m->commit > commit) {
            gone(t, m);
            m->flags &= (uint8_t) ~(unsigned)LED_SAFE;
        }
    }
    t->position = t->backup;
    t->acked_seq = t->acked_seq < t->position.acked_seq ? t->acked_seq
                                                        : t->position.acked_seq;
    t->rested_seq = t->rested_seq < t->position.acked_seq
                        ? t->rested_seq
                        : t->position.acked_seq;
}

void led_put_back(struct led_oracle *o) {
    for (size_t i = 0; i < sizeof(o->truths) / sizeof(o->truths[0]); i++) {
        for (struct led_truth *t = o->truths[i]; t != NULL; t = t->next) {
            put_back(t, o->backup_commit);
        }
    }
}

void led_check_position(struct led_oracle *o, const struct led_truth *t,
                        const struct nx_stream_position *p) {
    uint64_t n = nx_settled_count(p->acked_seq, &p->ahead, 1, NX_SEQ_MAX);
    if (p->received_n != t->stored_n || p->dropped_n != t->gaps_n ||
        n != p->received_n + p->dropped_n) {
        led_broken(o,
                   "the collector's ledger: %" PRIu64 " settled, %" PRIu64
                   " received, %" PRIu64 " dropped; in the store %" PRIu64
                   " and %" PRIu64,
                   n, p->received_n, p->dropped_n, t->stored_n, t->gaps_n);
    }
}
