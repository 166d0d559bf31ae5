/* What is under way: its end, and what the collector will have room for behind
 * it. */
#include <string.h>

#include "agent/uplink/spool_priv.h"

#define ANSWERED_SOONER 10 /* than what was not answered */

/* flights_n: there is none. */
static size_t flight_of(const struct nx_spool *s, uint32_t crc) {
    size_t i = 0;
    while (i < s->flights_n && s->flights[i].crc != crc) {
        i++;
    }
    return i;
}

static void flight_over(struct nx_spool *s, size_t i) {
    s->passed_n -= i < s->passed_n ? 1 : 0;
    s->flights_n--;
    memmove(&s->flights[i], &s->flights[i + 1],
            (s->flights_n - i) * sizeof(s->flights[0]));
}

uint64_t nx_spool_refused(struct nx_spool *s, uint32_t crc) {
    size_t i = flight_of(s, crc);
    if (i == s->flights_n) {
        return 0;
    }
    uint64_t from = s->flights[i].first_seq;
    uint64_t to = s->flights[i].last_seq;
    if (!nx_spool_hole_fits(s, from, NX_GAP_DAMAGED)) {
        return 0; /* it goes again when acks stay away */
    }
    flight_over(s, i);
    nx_spool_hole(s, from, to, NX_GAP_DAMAGED);
    return to - from + 1;
}

/* Neighbours wait as one. */
static void wait_for_newer(struct nx_spool *s, struct nx_seq_range range) {
    size_t kept = 0;
    for (size_t i = 0; i < s->waiting_n; i++) {
        const struct nx_seq_range r = s->waiting[i];
        if (r.to_seq + 1 == range.from_seq) {
            range.from_seq = r.from_seq;
        } else if (range.to_seq + 1 == r.from_seq) {
            range.to_seq = r.to_seq;
        } else {
            s->waiting[kept++] = r;
        }
    }
    s->waiting_n = kept;
    if (s->waiting_n < NX_SPOOL_WAITING_MAX) {
        s->waiting[s->waiting_n++] = range;
    }
}

uint64_t nx_spool_keep(struct nx_spool *s, uint32_t crc) {
    size_t i = flight_of(s, crc);
    if (i == s->flights_n) {
        return 0;
    }
    const struct nx_seq_range range = {s->flights[i].first_seq,
                                       s->flights[i].last_seq};
    flight_over(s, i);
    wait_for_newer(s, range);
    return range.to_seq - range.from_seq + 1;
}

/* Nothing overtakes within a connection, and the collector answers in order:
 * what was sent before something that is settled, or is answered itself, and is
 * not settled was not taken. What went again says nothing of the others: it may
 * be the first one that was answered, late. */
void nx_spool_flights_settle(struct nx_spool *s, uint64_t echo) {
    size_t kept = 0;
    size_t passed = 0;
    bool answered = false;
    for (size_t i = 0; i < s->flights_n; i++) {
        const struct nx_flight f = s->flights[i];
        bool was_passed = i < s->passed_n;
        bool is_echo = f.first_seq == echo;
        if (nx_settled_count(s->acked_seq, &s->ahead, f.first_seq,
                             f.last_seq) == f.last_seq - f.first_seq + 1) {
            passed = f.again ? passed : kept;
            continue;
        }
        s->flights[kept++] = f;
        answered = answered || is_echo || (was_passed && s->answered);
        passed = was_passed || is_echo ? kept : passed;
    }
    s->flights_n = kept;
    s->passed_n = passed;
    s->answered = answered;
}

/* Up to the first that can be sent again: others are settled or dropped. */
static size_t first_n(const struct nx_spool *s) {
    size_t n = 0;
    bool gone = true;
    while (gone && n < s->flights_n) {
        const struct nx_flight *f = &s->flights[n++];
        gone = nx_spool_skip_known(s, f->first_seq) > f->last_seq;
    }
    return n;
}

/* Those that were passed go again; the others may be on their way still. */
void nx_spool_rewind(struct nx_spool *s, int64_t now_us) {
    size_t again_n = s->passed_n > 0 ? s->passed_n : first_n(s);
    if (s->passed_n == 0 && again_n > 0) {
        s->again_seq = s->flights[again_n - 1].first_seq;
    }
    s->flights_n -= again_n;
    memmove(s->flights, &s->flights[again_n],
            s->flights_n * sizeof(s->flights[0]));
    s->passed_n = 0;
    s->progress_us = now_us;
    nx_spool_lanes_begin(s);
}

int64_t nx_spool_timeout_at(const struct nx_spool *s, int64_t timeout_us) {
    if (s->flights_n == 0) {
        return INT64_MAX;
    }
    if (s->passed_n == 0) {
        return s->progress_us + timeout_us;
    }
    return s->flights[0].sent_us +
           (s->answered ? timeout_us / ANSWERED_SOONER : timeout_us);
}

/* --- what the collector will have --- */

/* All that is settled, with what is under way and the holes that it tells of;
 * and one more batch, unless last_seq is 0. */
struct outlook {
    const struct nx_spool *spool;
    uint64_t first_seq, last_seq;
    uint64_t told_to; /* holes below are told */
};

static void look_out(struct outlook *o, const struct nx_spool *s) {
    *o = (struct outlook){.spool = s};
    for (size_t i = 0; i < s->flights_n; i++) {
        uint64_t first = s->flights[i].first_seq;
        o->told_to = first > o->told_to ? first : o->told_to;
    }
}

static uint64_t over(uint64_t seq, uint64_t from, uint64_t to) {
    return seq >= from && seq <= to ? to + 1 : seq;
}

/* The first number from seq on that it will not have. */
static uint64_t first_without(const struct outlook *o, uint64_t seq) {
    const struct nx_spool *s = o->spool;
    uint64_t before = 0;
    while (before != seq) {
        before = seq;
        seq = nx_settled_skip(s->acked_seq, &s->ahead, seq);
        for (size_t i = 0; i < s->flights_n; i++) {
            seq = over(seq, s->flights[i].first_seq, s->flights[i].last_seq);
        }
        for (size_t i = 0; i < s->holes_n; i++) {
            const struct nx_hole *h = &s->holes[i];
            seq = h->from_seq < o->told_to ? over(seq, h->from_seq, h->to_seq)
                                           : seq;
        }
        seq = over(seq, o->first_seq, o->last_seq);
    }
    return seq;
}

static uint64_t nearer(uint64_t best, uint64_t seq, uint64_t from) {
    return from > seq && from < best ? from : best;
}

/* The first number behind seq, which it will not have, that it will;
 * UINT64_MAX: none. */
static uint64_t next_with(const struct outlook *o, uint64_t seq) {
    const struct nx_spool *s = o->spool;
    uint64_t best = UINT64_MAX;
    for (size_t i = 0; i < s->ahead.n; i++) {
        best = nearer(best, seq, s->ahead.runs[i].from_seq);
    }
    for (size_t i = 0; i < s->flights_n; i++) {
        best = nearer(best, seq, s->flights[i].first_seq);
    }
    for (size_t i = 0; i < s->holes_n; i++) {
        const struct nx_hole *h = &s->holes[i];
        best = h->from_seq < o->told_to ? nearer(best, seq, h->from_seq) : best;
    }
    return o->last_seq > 0 ? nearer(best, seq, o->first_seq) : best;
}

/* Runs beyond the first hole. */
static size_t runs_n(const struct outlook *o) {
    size_t n = 0;
    uint64_t seq = next_with(o, first_without(o, 1));
    while (seq != UINT64_MAX) {
        n++;
        seq = next_with(o, first_without(o, seq));
    }
    return n;
}

bool nx_spool_room(const struct nx_spool *s,
                   const struct nx_record_head *head) {
    struct outlook o;
    look_out(&o, s);
    size_t before_n = runs_n(&o);
    o.first_seq = head->first_seq;
    o.last_seq = nx_head_last(head);
    o.told_to = o.first_seq > o.told_to ? o.first_seq : o.told_to;
    size_t with_n = runs_n(&o);
    return with_n <= NX_AHEAD_MAX || with_n <= before_n;
}

uint64_t nx_spool_behind_run(const struct nx_spool *s, uint64_t seq) {
    struct outlook o;
    look_out(&o, s);
    uint64_t run = next_with(&o, seq);
    return run != UINT64_MAX ? first_without(&o, run) : 0;
}
