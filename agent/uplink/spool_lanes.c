/* The two lanes: what is sent next, and when. */
#include <string.h>

#include "agent/uplink/spool_priv.h"

#define UNREAD_MAX 60U /* times, a second apart, then it is damaged */

/* --- lanes --- */

static uint64_t beyond(uint64_t seq, uint64_t from_seq, uint64_t to_seq) {
    return seq >= from_seq && seq <= to_seq ? to_seq + 1 : seq;
}

uint64_t nx_spool_skip_known(const struct nx_spool *s, uint64_t seq) {
    uint64_t before = 0;
    while (before != seq) {
        before = seq;
        seq = nx_settled_skip(s->acked_seq, &s->ahead, seq);
        for (size_t i = 0; i < s->holes_n; i++) {
            seq = beyond(seq, s->holes[i].from_seq, s->holes[i].to_seq);
        }
    }
    return seq;
}

/* ... and that is to be sent: neither on its way nor kept back. */
static uint64_t skip(const struct nx_spool *s, uint64_t seq) {
    uint64_t before = 0;
    while (before != seq) {
        before = seq;
        seq = nx_spool_skip_known(s, seq);
        for (size_t i = 0; i < s->waiting_n; i++) {
            seq = beyond(seq, s->waiting[i].from_seq, s->waiting[i].to_seq);
        }
        for (size_t i = 0; i < s->flights_n; i++) {
            seq = beyond(seq, s->flights[i].first_seq, s->flights[i].last_seq);
        }
    }
    return seq;
}

void nx_spool_lanes_forget(struct nx_spool *s, const struct nx_entry *entry) {
    for (size_t i = 0; i < NX_LANES; i++) {
        if (s->lanes[i].entry == entry) {
            s->lanes[i].entry = NULL;
        }
    }
    s->peeked = false;
}

void nx_spool_lanes_begin(struct nx_spool *s) {
    memset(s->lanes, 0, sizeof(s->lanes));
    s->lanes[NX_LANE_DRAIN].seq = 1;
    s->lanes[NX_LANE_FRESH].seq = s->fresh_from;
    s->kept_turn = NX_LANE_DRAIN;
    s->peeked = false;
}

void nx_spool_lanes_back(struct nx_spool *s) {
    s->flights_n = 0;
    s->passed_n = 0;
    s->again_seq = 0;
    nx_spool_lanes_begin(s);
}

void nx_spool_ended(struct nx_spool *s) {
    nx_spool_lanes_back(s);
}

void nx_spool_connected(struct nx_spool *s, int64_t now_us) {
    s->fresh_from = s->new_from = s->next_seq;
    s->waiting_n = 0;
    s->ack_us = 0;
    s->progress_us = now_us;
    nx_spool_lanes_back(s);
}

/* The collector takes NX_AHEAD_MAX runs of numbers beyond what it misses, and
 * there is one for each interruption of a long drain. While all are taken the
 * fresh lane continues the newest: it begins with what was kept since. */
static void join_newest_run(struct nx_spool *s) {
    uint64_t from = s->new_from;
    if (s->ahead.n == NX_AHEAD_MAX) {
        uint64_t to_seq = s->ahead.runs[NX_AHEAD_MAX - 1].to_seq;
        from = nx_spool_skip_known(s, to_seq + 1);
        from = from < s->fresh_from ? from : s->fresh_from;
    }
    if (from != s->fresh_from) {
        s->fresh_from = from;
        s->lanes[NX_LANE_FRESH] = (struct nx_lane){.seq = from};
    }
}

/* --- finding a batch --- */

/* In memory is the newest of it, without a hole that is none. */
static bool find_entry(const struct nx_spool *s, struct nx_lane *lane,
                       struct nx_place *out) {
    struct nx_entry *e = lane->entry;
    if (e == NULL || e->head.first_seq > lane->seq) {
        e = s->first;
    }
    while (e != NULL && nx_head_last(&e->head) < lane->seq) {
        e = e->next;
    }
    if (e == NULL) {
        return false;
    }
    lane->entry = e;
    *out = (struct nx_place){.head = e->head, .entry = e};
    return true;
}

static const struct nx_segment *segment_of(const struct nx_spool *s,
                                           uint64_t seq) {
    for (size_t i = 0; i < s->segments_n; i++) {
        if (s->segments[i].first_seq > 0 && s->segments[i].last_seq >= seq) {
            return &s->segments[i];
        }
    }
    return NULL;
}

/* Reads on in the segment to the record at or behind the number; fails where
 * *out is then. */
static int find_record(struct nx_spool *s, struct nx_lane *lane,
                       const struct nx_segment *seg, struct nx_place *out) {
    if (lane->segment_id != seg->id || lane->segment_offset == 0) {
        lane->segment_id = seg->id;
        lane->segment_offset = NX_SEGMENT_HEAD_BYTES;
    }
    *out = (struct nx_place){.segment_id = seg->id,
                             .offset = lane->segment_offset};
    if (s->rests) {
        return NX_EAGAIN;
    }
    int err = nx_spool_read_head(s, seg->id, lane->segment_offset, &out->head);
    while (err == NX_OK && nx_head_last(&out->head) < lane->seq) {
        lane->segment_offset += NX_RECORD_HEAD_BYTES + out->head.len;
        err = nx_spool_read_head(s, seg->id, lane->segment_offset, &out->head);
    }
    out->offset = lane->segment_offset;
    return err;
}

static struct nx_segment *segment_at(struct nx_spool *s, uint64_t id) {
    for (size_t i = 0; i < s->segments_n; i++) {
        if (s->segments[i].id == id) {
            return &s->segments[i];
        }
    }
    return NULL;
}

/* One more try of the file, and that was too often? Lanes that meet the same
 * file in one look try it once. */
static bool tried_too_often(struct nx_spool *s, uint64_t id) {
    struct nx_segment *seg = segment_at(s, id);
    if (seg == NULL || seg->unread_n >= UNREAD_MAX) {
        return seg != NULL;
    }
    seg->unread_n += id != s->tried_id ? 1 : 0;
    s->tried_id = id;
    return false;
}

/* Another place of the file says nothing of the one that fails: after a
 * reconnection all before it is read again. */
void nx_spool_was_read(struct nx_spool *s, const struct nx_place *place) {
    struct nx_segment *seg = segment_at(s, place->segment_id);
    if (seg != NULL &&
        (seg->unread == NX_OK || seg->unread_at == place->offset)) {
        seg->unread_n = 0;
        seg->unread = NX_OK;
    }
}

bool nx_spool_is_unread(struct nx_spool *s, const struct nx_place *place,
                        int err) {
    bool damaged = err == NX_OK || err == NX_ENOTFOUND ||
                   err == NX_EMALFORMED || err == NX_ELIMIT ||
                   (err == NX_EIO && tried_too_often(s, place->segment_id));
    if (!damaged) { /* a lane that has nothing wrong does not excuse another */
        s->unread = err;
    }
    struct nx_segment *seg = err != NX_OK && err != NX_EAGAIN
                                 ? segment_at(s, place->segment_id)
                                 : NULL;
    if (seg != NULL) {
        seg->unread = damaged ? NX_OK : err;
        seg->unread_at = place->offset;
    }
    return !damaged;
}

/* It does not hold the number after all: it was not read at the start, and the
 * next one may. */
static bool is_in_next(struct nx_spool *s, uint64_t id, uint64_t seq) {
    size_t i = 0;
    while (s->segments[i].id != id) {
        i++;
    }
    if (i + 1 == s->segments_n || s->segments[i + 1].first_seq == 0 ||
        s->segments[i + 1].first_seq > seq) {
        return false;
    }
    s->segments[i].last_seq = seq - 1;
    return true;
}

void nx_spool_give_up(struct nx_spool *s, uint64_t from, uint64_t to) {
    struct nx_ledger before;
    struct nx_ledger after;
    nx_spool_ledger(s, &before);
    nx_spool_hole(s, from, to, NX_GAP_DAMAGED);
    nx_spool_ledger(s, &after);
    s->damaged_n += after.dropped - before.dropped;
}

/* The batch at or behind the lane's number and below limit. What should be
 * there and is not becomes a hole. */
static bool find(struct nx_spool *s, struct nx_lane *lane, uint64_t limit,
                 struct nx_place *out) {
    while ((lane->seq = skip(s, lane->seq)) < limit) {
        uint64_t memory_from =
            s->first != NULL ? s->first->head.first_seq : s->next_seq;
        if (lane->seq >= memory_from && find_entry(s, lane, out)) {
            return true;
        }
        const struct nx_segment *seg = segment_of(s, lane->seq);
        uint64_t missing_to = seg != NULL ? seg->last_seq : memory_from - 1;
        if (seg != NULL && seg->first_seq > lane->seq) {
            missing_to = seg->first_seq - 1;
        } else if (seg != NULL) {
            int err = find_record(s, lane, seg, out);
            if (nx_spool_is_unread(s, out, err)) {
                return false;
            }
            if (err == NX_OK && out->head.first_seq <= lane->seq) {
                return true;
            }
            if (err != NX_OK && is_in_next(s, seg->id, lane->seq)) {
                continue;
            }
            missing_to = err == NX_OK ? out->head.first_seq - 1 : missing_to;
        }
        missing_to = missing_to >= lane->seq ? missing_to : s->next_seq - 1;
        nx_spool_give_up(s, lane->seq, missing_to);
    }
    return false;
}

static size_t drains_n(const struct nx_spool *s) {
    size_t n = 0;
    for (size_t i = 0; i < s->flights_n; i++) {
        n += s->flights[i].drain ? 1 : 0;
    }
    return n;
}

static bool drain_may(const struct nx_spool *s, int64_t now_us) {
    return drains_n(s) < NX_SPOOL_DRAIN_WINDOW && now_us >= s->drain_us;
}

int64_t nx_spool_pace_us(const struct nx_spool *s) {
    int64_t newest_us = INT64_MIN;
    unsigned n = 0;
    for (size_t i = 0; i < s->flights_n; i++) {
        if (!s->flights[i].drain) {
            newest_us = s->flights[i].sent_us;
            n++;
        }
    }
    return n == 0              ? INT64_MIN
           : n < NX_SPOOL_PACE ? newest_us + s->ack_us / NX_SPOOL_PACE
                               : INT64_MAX;
}

/* Leaves the drain its window, whatever of it is not answered. */
static bool fresh_may(const struct nx_spool *s) {
    return s->flights_n - drains_n(s) <
           NX_SPOOL_FLIGHT_MAX - NX_SPOOL_DRAIN_WINDOW;
}

/* The lane's next batch that the collector has room for. Those it has none for
 * stay where they are: what goes instead is behind a run that it has, and makes
 * that longer. */
static bool find_taken(struct nx_spool *s, enum nx_lane_name name,
                       uint64_t limit, struct nx_place *out) {
    struct nx_lane *lane = &s->lanes[name];
    s->peeked_lane = name;
    s->peeked_beyond = false;
    if (!find(s, lane, limit, out)) {
        return false;
    }
    struct nx_lane beyond = *lane;
    while (!nx_spool_room(s, &out->head)) {
        beyond.seq = nx_spool_behind_run(s, nx_head_last(&out->head));
        if (beyond.seq == 0 || !find(s, &beyond, limit, out)) {
            return false;
        }
        s->peeked_beyond = true;
    }
    return true;
}

bool nx_spool_next_place(struct nx_spool *s, int64_t now_us,
                         struct nx_place *out) {
    if (s->waiting_n == NX_SPOOL_WAITING_MAX) {
        return false;
    }
    bool may = drain_may(s, now_us);
    s->kept_rests = false;
    join_newest_run(s);
    bool fresh = fresh_may(s) && find_taken(s, NX_LANE_FRESH, s->next_seq, out);
    if (fresh && out->head.first_seq >= s->new_from) {
        return true;
    }
    if (!may || (fresh && s->kept_turn == NX_LANE_FRESH)) {
        return may;
    }
    /* The oldest ends the holes: what is kept behind them takes turns with
     * it, and does not fill the window in its place. */
    bool found = find_taken(s, NX_LANE_DRAIN, s->fresh_from, out) ||
                 (fresh && find_taken(s, NX_LANE_FRESH, s->next_seq, out));
    s->kept_rests = !found;
    return found;
}

int64_t nx_spool_send_at(const struct nx_spool *s) {
    if (s->blocked_us != INT64_MAX) {
        return s->blocked_us;
    }
    bool kept = skip(s, s->lanes[NX_LANE_DRAIN].seq) < s->fresh_from ||
                skip(s, s->lanes[NX_LANE_FRESH].seq) < s->new_from;
    return kept && !s->kept_rests && drain_may(s, INT64_MAX) ? s->drain_us
                                                             : INT64_MAX;
}
