#include "common/settled.h"

bool nx_settled_valid(uint64_t acked_seq, const struct nx_ahead *ahead) {
    uint64_t before = acked_seq;
    if (ahead->n > NX_AHEAD_MAX || acked_seq == UINT64_MAX) {
        return false;
    }
    for (size_t i = 0; i < ahead->n; i++) {
        const struct nx_seq_range *r = &ahead->runs[i];
        if (r->from_seq <= before || r->from_seq - before < 2 ||
            r->to_seq < r->from_seq || r->to_seq == UINT64_MAX) {
            return false;
        }
        before = r->to_seq;
    }
    return true;
}

uint64_t nx_settled_skip(uint64_t acked_seq, const struct nx_ahead *ahead,
                         uint64_t seq) {
    seq = seq > acked_seq ? seq : acked_seq + 1;
    for (size_t i = 0; i < ahead->n; i++) {
        const struct nx_seq_range *r = &ahead->runs[i];
        if (seq >= r->from_seq && seq <= r->to_seq) {
            return r->to_seq + 1;
        }
    }
    return seq;
}

static uint64_t overlap(uint64_t a_from, uint64_t a_to, uint64_t b_from,
                        uint64_t b_to) {
    uint64_t from = a_from > b_from ? a_from : b_from;
    uint64_t to = a_to < b_to ? a_to : b_to;
    return to >= from ? to - from + 1 : 0;
}

uint64_t nx_settled_count(uint64_t acked_seq, const struct nx_ahead *ahead,
                          uint64_t from, uint64_t to) {
    uint64_t n = acked_seq > 0 ? overlap(from, to, 1, acked_seq) : 0;
    for (size_t i = 0; i < ahead->n; i++) {
        n += overlap(from, to, ahead->runs[i].from_seq, ahead->runs[i].to_seq);
    }
    return n;
}

/* The runs with from..to among them, touching ones joined: one more than fits
 * at most. */
static size_t joined(const struct nx_ahead *ahead, uint64_t from, uint64_t to,
                     struct nx_seq_range *out) {
    size_t n = 0;
    size_t i = 0;
    while (i < ahead->n && ahead->runs[i].to_seq + 1 < from) {
        out[n++] = ahead->runs[i++];
    }
    struct nx_seq_range whole = {from, to};
    for (; i < ahead->n && ahead->runs[i].from_seq <= to + 1; i++) {
        const struct nx_seq_range *r = &ahead->runs[i];
        whole.from_seq =
            r->from_seq < whole.from_seq ? r->from_seq : whole.from_seq;
        whole.to_seq = r->to_seq > whole.to_seq ? r->to_seq : whole.to_seq;
    }
    out[n++] = whole;
    while (i < ahead->n) {
        out[n++] = ahead->runs[i++];
    }
    return n;
}

int nx_settled_add(uint64_t *acked_seq, struct nx_ahead *ahead, uint64_t from,
                   uint64_t to, uint64_t *new_n) {
    struct nx_seq_range runs[NX_AHEAD_MAX + 1];
    if (from == 0 || from > to || to == UINT64_MAX) {
        return NX_ERANGE;
    }
    uint64_t known_n = nx_settled_count(*acked_seq, ahead, from, to);
    uint64_t acked = *acked_seq;
    size_t first = 0; /* of the runs that are left beyond acked */
    size_t n = to > acked ? joined(ahead, from, to, runs) : 0;
    while (first < n && runs[first].from_seq <= acked + 1) {
        acked = runs[first].to_seq > acked ? runs[first].to_seq : acked;
        first++;
    }
    if (n - first > NX_AHEAD_MAX) {
        return NX_EFULL;
    }
    *new_n = to - from + 1 - known_n;
    if (n > 0) {
        ahead->n = n - first;
        for (size_t i = first; i < n; i++) {
            ahead->runs[i - first] = runs[i];
        }
    }
    *acked_seq = acked;
    return NX_OK;
}
