/* Numbers that will not come, until the collector has settled them. */
#include <string.h>

#include "agent/uplink/spool_priv.h"

/* What was told of the hole up to a settled number is lost. */
static void count_told(struct nx_spool *s, const struct nx_hole *h,
                       uint64_t settled_to) {
    uint64_t told_to =
        h->told_to_seq < settled_to ? h->told_to_seq : settled_to;
    if (told_to >= h->from_seq) {
        s->dropped_n += told_to - h->from_seq + 1;
    }
}

void nx_spool_holes_settle(struct nx_spool *s, uint64_t acked_seq) {
    size_t kept = 0;
    for (size_t i = 0; i < s->holes_n; i++) {
        struct nx_hole h = s->holes[i];
        count_told(s, &h, acked_seq);
        if (h.to_seq > acked_seq) {
            h.from_seq = h.from_seq > acked_seq ? h.from_seq : acked_seq + 1;
            s->holes[kept++] = h;
        }
    }
    s->holes_n = kept;
}

uint64_t nx_spool_holes_lost(const struct nx_spool *s) {
    uint64_t n = 0;
    for (size_t i = 0; i < s->holes_n; i++) {
        const struct nx_hole *h = &s->holes[i];
        n += h->told_to_seq < h->from_seq
                 ? 0
                 : nx_settled_count(s->acked_seq, &s->ahead, h->from_seq,
                                    h->told_to_seq);
    }
    return n;
}

/* --- room --- */

static uint64_t open_n(const struct nx_spool *s, uint64_t from, uint64_t to) {
    return to - from + 1 - nx_settled_count(s->acked_seq, &s->ahead, from, to);
}

/* Beyond acked_seq they may pile up while an old batch is awaited. Nobody needs
 * to hear of them again. */
static void forget_settled(struct nx_spool *s) {
    size_t kept = 0;
    for (size_t i = 0; i < s->holes_n; i++) {
        struct nx_hole h = s->holes[i];
        if (open_n(s, h.from_seq, h.to_seq) == 0) {
            count_told(s, &h, h.to_seq);
        } else {
            s->holes[kept++] = h;
        }
    }
    s->holes_n = kept;
}

/* Makes one of two holes and of what is between: where that costs the fewest
 * results, and of those the fewest numbers. It takes a disk full of damage to
 * get here, or as many crashes while nothing is acknowledged. What was told of
 * either counts as told: who says that it lost fewer than it reported looks
 * like a copy. */
static void merge_nearest(struct nx_spool *s) {
    size_t best = 0;
    uint64_t best_cost = UINT64_MAX;
    uint64_t best_n = UINT64_MAX;
    for (size_t i = 0; i + 1 < s->holes_n; i++) {
        uint64_t from = s->holes[i].to_seq + 1;
        uint64_t to = s->holes[i + 1].from_seq - 1;
        uint64_t n = to - from + 1; /* 0: they touch, for other reasons */
        uint64_t cost = n > 0 ? open_n(s, from, to) : 0;
        if (cost < best_cost || (cost == best_cost && n < best_n)) {
            best = i;
            best_cost = cost;
            best_n = n;
        }
    }
    s->holes[best].to_seq = s->holes[best + 1].to_seq;
    if (s->holes[best + 1].told_to_seq >= s->holes[best + 1].from_seq) {
        s->holes[best].told_to_seq = s->holes[best + 1].told_to_seq;
    }
    s->holes_n--;
    memmove(&s->holes[best + 1], &s->holes[best + 2],
            (s->holes_n - best - 1) * sizeof(s->holes[0]));
}

bool nx_spool_hole_fits(struct nx_spool *s, uint64_t from,
                        enum nx_gap_reason reason) {
    if (s->holes_n == NX_SPOOL_HOLES_MAX) {
        forget_settled(s);
    }
    bool fits = s->holes_n < NX_SPOOL_HOLES_MAX;
    for (size_t i = 0; !fits && i < s->holes_n; i++) {
        fits = s->holes[i].to_seq + 1 == from && s->holes[i].reason == reason;
    }
    return fits;
}

/* --- holes --- */

/* from..to touches no hole but its neighbours. */
static void insert_hole(struct nx_spool *s, uint64_t from, uint64_t to,
                        enum nx_gap_reason reason) {
    size_t i = 0;
    while (i < s->holes_n && s->holes[i].to_seq < from) {
        i++;
    }
    if (i > 0 && s->holes[i - 1].to_seq + 1 == from &&
        s->holes[i - 1].reason == reason) {
        s->holes[i - 1].to_seq = to;
        return;
    }
    memmove(&s->holes[i + 1], &s->holes[i],
            (s->holes_n - i) * sizeof(s->holes[0]));
    s->holes[i] = (struct nx_hole){
        .from_seq = from, .to_seq = to, .reason = (uint8_t)reason};
    s->holes_n++;
    if (s->holes_n > NX_SPOOL_HOLES_MAX) {
        forget_settled(s);
    }
    if (s->holes_n > NX_SPOOL_HOLES_MAX) {
        merge_nearest(s);
    }
}

/* What is given up waits for no newer collector. */
static void forget_waiting(struct nx_spool *s, uint64_t from, uint64_t to) {
    size_t kept = 0;
    for (size_t i = 0; i < s->waiting_n; i++) {
        struct nx_seq_range r = s->waiting[i];
        if (from <= r.from_seq && to >= r.from_seq) {
            r.from_seq = to + 1;
        } else if (from <= r.to_seq && to >= r.to_seq) {
            r.to_seq = from - 1;
        }
        if (r.from_seq <= r.to_seq) {
            s->waiting[kept++] = r;
        }
    }
    s->waiting_n = kept;
}

void nx_spool_hole(struct nx_spool *s, uint64_t from, uint64_t to,
                   enum nx_gap_reason reason) {
    forget_waiting(s, from, to);
    from = from > s->acked_seq ? from : s->acked_seq + 1;
    while (from <= to) {
        const struct nx_hole *next = NULL; /* the first that ends behind from */
        for (size_t i = 0; next == NULL && i < s->holes_n; i++) {
            next = s->holes[i].to_seq >= from ? &s->holes[i] : NULL;
        }
        if (next != NULL && next->from_seq <= from) {
            from = next->to_seq + 1;
            continue;
        }
        uint64_t until =
            next != NULL && next->from_seq <= to ? next->from_seq - 1 : to;
        insert_hole(s, from, until, reason);
        from = until + 1;
    }
}
