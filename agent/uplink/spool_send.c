/* The two lanes: what is sent next, and when. */
#include <stdlib.h>
#include <string.h>

#include "agent/uplink/spool_priv.h"

#define DRAIN_GAP_US (1000000 / NX_SPOOL_DRAIN_PER_S)
#define BLOCKED_US INT64_C(1000000)    /* until the ledger is tried again */
#define DRIFT_PPM 15                   /* as clocksync.h */
#define WALL_ERROR_US INT64_C(1000000) /* of a wall clock that is trusted */
#define SANE_US (INT64_C(1) << 58)

/* The oldest batch tells of every hole below it, so that nothing is missing
 * before it and the collector takes it however many runs it keeps. */
_Static_assert(NX_SPOOL_HOLES_MAX <= NX_PATCH_GAPS_MAX, "all fit a message");

/* --- lanes --- */

static uint64_t beyond(uint64_t seq, uint64_t from_seq, uint64_t to_seq) {
    return seq >= from_seq && seq <= to_seq ? to_seq + 1 : seq;
}

/* The first number from seq on that the collector misses. */
static uint64_t skip_known(const struct nx_spool *s, uint64_t seq) {
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
        seq = skip_known(s, seq);
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
    s->peeked = false;
}

void nx_spool_lanes_back(struct nx_spool *s) {
    s->flights_n = 0;
    s->passed_n = 0;
    nx_spool_lanes_begin(s);
}

void nx_spool_connected(struct nx_spool *s, int64_t now_us) {
    s->fresh_from = s->new_from = s->next_seq;
    s->waiting_n = 0;
    s->progress_us = now_us;
    nx_spool_lanes_back(s);
}

/* The collector takes NX_AHEAD_MAX runs of numbers beyond what it misses, and
 * there is one for each interruption of a long drain. When all are taken, the
 * fresh lane continues the newest: it begins with what was kept since. */
static void join_newest_run(struct nx_spool *s) {
    if (s->ahead.n < NX_AHEAD_MAX) {
        return;
    }
    uint64_t from = skip_known(s, s->ahead.runs[s->ahead.n - 1].to_seq + 1);
    if (from < s->fresh_from) {
        s->fresh_from = from;
        s->lanes[NX_LANE_FRESH] = (struct nx_lane){.seq = from};
    }
}

/* --- finding a batch --- */

/* Where the batch at or behind a lane's number is. */
struct place {
    struct nx_record_head head;
    const struct nx_entry *entry; /* in memory, or NULL: */
    uint64_t segment_id;
    uint64_t offset;
};

/* In memory is the newest of it, without a hole that is none. */
static bool find_entry(const struct nx_spool *s, struct nx_lane *lane,
                       struct place *out) {
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
    *out = (struct place){.head = e->head, .entry = e};
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

/* Reads on in the segment to the record at or behind the number. */
static int find_record(struct nx_spool *s, struct nx_lane *lane,
                       const struct nx_segment *seg, struct place *out) {
    if (lane->segment_id != seg->id || lane->segment_offset == 0) {
        lane->segment_id = seg->id;
        lane->segment_offset = NX_SEGMENT_HEAD_BYTES;
    }
    int err = nx_spool_read_head(s, seg->id, lane->segment_offset, &out->head);
    while (err == NX_OK && nx_head_last(&out->head) < lane->seq) {
        lane->segment_offset += NX_RECORD_HEAD_BYTES + out->head.len;
        err = nx_spool_read_head(s, seg->id, lane->segment_offset, &out->head);
    }
    out->entry = NULL;
    out->segment_id = seg->id;
    out->offset = lane->segment_offset;
    return err;
}

/* The batch at or behind the lane's number and below limit. What should be
 * there and is not becomes a hole. */
static bool find(struct nx_spool *s, struct nx_lane *lane, uint64_t limit,
                 struct place *out) {
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
        } else if (seg != NULL && find_record(s, lane, seg, out) == NX_OK) {
            if (out->head.first_seq <= lane->seq) {
                return true;
            }
            missing_to = out->head.first_seq - 1;
        }
        missing_to = missing_to >= lane->seq ? missing_to : s->next_seq - 1;
        nx_spool_hole(s, lane->seq, missing_to, NX_GAP_DAMAGED);
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

/* Leaves the drain its window, whatever of it is not answered. */
static bool fresh_may(const struct nx_spool *s) {
    return s->flights_n - drains_n(s) <
           NX_SPOOL_FLIGHT_MAX - NX_SPOOL_DRAIN_WINDOW;
}

/* The lane's next batch that the collector has room for. Those it has none for
 * stay where they are: what goes instead is behind a run that it has, and makes
 * that longer. */
static bool find_taken(struct nx_spool *s, enum nx_lane_name name,
                       uint64_t limit, struct place *out) {
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

static bool next_place(struct nx_spool *s, int64_t now_us, struct place *out) {
    if (s->waiting_n == NX_SPOOL_WAITING_MAX) {
        return false;
    }
    bool may = drain_may(s, now_us);
    s->kept_rests = false;
    join_newest_run(s);
    if (fresh_may(s) && find_taken(s, NX_LANE_FRESH, s->next_seq, out)) {
        return may || out->head.first_seq >= s->new_from;
    }
    bool found = may && find_taken(s, NX_LANE_DRAIN, s->fresh_from, out);
    s->kept_rests = may && !found;
    return found;
}

/* --- the message --- */

static uint64_t drift_us(int64_t a_us, int64_t b_us) {
    int64_t apart = a_us > b_us ? a_us - b_us : b_us - a_us;
    return (uint64_t)(apart / 1000000 * DRIFT_PPM);
}

static bool sane(const struct nx_clock_sample *c) {
    return c->mono_us < SANE_US && c->mono_us > -SANE_US &&
           c->wall_us < SANE_US && c->wall_us > -SANE_US &&
           c->offset_us < SANE_US && c->offset_us > -SANE_US;
}

/* The wall clock was as wrong then as it is today, give or take as much. */
static void offset_by_wall(const struct nx_clock_sample *now,
                           struct nx_clock_sample *clock) {
    int64_t wrong_us = now->wall_us - (now->mono_us - now->offset_us);
    clock->offset_us = clock->mono_us - (clock->wall_us - wrong_us);
    clock->offset_error_us =
        (uint64_t)(WALL_ERROR_US + (wrong_us < 0 ? -wrong_us : wrong_us));
    clock->offset_known = true;
}

/* True: the batch needs this clock in place of its own. */
static bool better_clock(const struct nx_spool *s,
                         const struct nx_record_head *head,
                         const struct nx_clock_sample *now,
                         struct nx_clock_sample *clock) {
    *clock = head->clock;
    if (clock->offset_known || !sane(clock) || !sane(now)) {
        return false;
    }
    const struct nx_clock_sample *from = NULL;
    for (size_t i = 0; i < s->frames_n; i++) {
        from = s->frames[i].boot == head->boot ? &s->frames[i].clock : from;
    }
    from = now->offset_known && head->boot == s->boot ? now : from;
    if (from != NULL && sane(from)) {
        clock->offset_us = from->offset_us;
        clock->offset_error_us =
            from->offset_error_us + drift_us(from->mono_us, clock->mono_us);
        clock->offset_known = true;
    } else if (now->offset_known) {
        offset_by_wall(now, clock);
    }
    return clock->offset_known;
}

/* The open holes below the batch. *news: not all were told before. */
static size_t gaps_below(const struct nx_spool *s, uint64_t first_seq,
                         struct nx_gap *out, bool *news) {
    size_t n = 0;
    for (size_t i = 0; i < s->holes_n && n < NX_PATCH_GAPS_MAX; i++) {
        const struct nx_hole *h = &s->holes[i];
        uint64_t size = h->to_seq - h->from_seq + 1;
        if (h->to_seq >= first_seq ||
            nx_settled_count(s->acked_seq, &s->ahead, h->from_seq, h->to_seq) ==
                size) {
            continue;
        }
        out[n++] = (struct nx_gap){h->from_seq, h->to_seq, h->reason};
        *news = *news || h->told_to_seq < h->to_seq;
    }
    return n;
}

static void set_told(struct nx_spool *s, const struct nx_gap *gaps, size_t n) {
    for (size_t i = 0; i < s->holes_n && n > 0; i++) {
        if (s->holes[i].from_seq == gaps->from_seq) {
            s->holes[i].told_to_seq = s->holes[i].to_seq;
            gaps++;
            n--;
        }
    }
}

/* That they are told is in the ledger before it can be true: after a crash in
 * between they must not pass for delivered. False: it cannot be written. */
static bool tell_gaps(struct nx_spool *s, uint64_t first_seq,
                      struct nx_gap *out, size_t *n) {
    struct nx_hole before[NX_SPOOL_HOLES_MAX];
    bool news = false;
    *n = gaps_below(s, first_seq, out, &news);
    if (!news) {
        return true;
    }
    memcpy(before, s->holes, sizeof(before));
    set_told(s, out, *n);
    if (s->has_disk && nx_spool_failed(s, nx_spool_write_ledger(s, false))) {
        memcpy(s->holes, before, sizeof(before));
        return false;
    }
    return true;
}

static int read_payload(struct nx_spool *s, const struct place *p,
                        uint8_t *out) {
    size_t got = 0;
    int err =
        s->disk.read(s->disk.user, p->segment_id,
                     p->offset + NX_RECORD_HEAD_BYTES, out, p->head.len, &got);
    return err == NX_OK && got == p->head.len &&
                   nx_record_payload_ok(&p->head, out)
               ? NX_OK
               : NX_EMALFORMED;
}

static int make_message(struct nx_spool *s, const struct place *p,
                        const uint8_t *bytes, const struct nx_clock_sample *now,
                        uint8_t *out, size_t *len) {
    struct nx_clock_sample clock;
    struct nx_gap gaps[NX_PATCH_GAPS_MAX];
    size_t gaps_n = 0;
    bool patched = better_clock(s, &p->head, now, &clock);
    if (!tell_gaps(s, p->head.first_seq, gaps, &gaps_n)) {
        return NX_EAGAIN;
    }
    struct nx_batch_patch patch = {
        .gaps = gaps, .gaps_n = gaps_n, .clock = patched ? &clock : NULL};
    int err = nx_codec_batch_patch(bytes, p->head.len, &patch, out,
                                   NX_MSG_MAX_BYTES, len);
    if (err == NX_ELIMIT) { /* no room is left in it: other batches tell them */
        patch.gaps_n = 0;
        err = nx_codec_batch_patch(bytes, p->head.len, &patch, out,
                                   NX_MSG_MAX_BYTES, len);
    }
    return err;
}

static int message_at(struct nx_spool *s, const struct place *p,
                      const struct nx_clock_sample *now, uint8_t *out,
                      size_t *len) {
    if (p->entry != NULL) {
        return make_message(s, p, p->entry->bytes, now, out, len);
    }
    if (!nx_record_sendable(&p->head)) {
        return NX_ELIMIT;
    }
    uint8_t *bytes = malloc(p->head.len);
    if (bytes == NULL) {
        return NX_ENOMEM;
    }
    int err = read_payload(s, p, bytes);
    if (err == NX_OK) {
        err = make_message(s, p, bytes, now, out, len);
    }
    free(bytes);
    return err;
}

int nx_spool_peek(struct nx_spool *s, const struct nx_clock_sample *now,
                  uint8_t *out, size_t *len, uint64_t *first_seq) {
    struct place p;
    s->peeked = false;
    s->blocked_us = INT64_MAX;
    while (next_place(s, now->mono_us, &p)) {
        bool reserved =
            !s->has_disk || nx_head_last(&p.head) <= s->reserved_seq;
        int err = reserved ? message_at(s, &p, now, out, len) : NX_EAGAIN;
        if (err == NX_EAGAIN) { /* until the ledger can be written */
            s->blocked_us = now->mono_us + BLOCKED_US;
            return NX_ENOTFOUND;
        }
        if (err == NX_OK) {
            s->peeked = true;
            s->peeked_head = p.head;
            s->peeked_crc = nx_codec_crc(out, *len);
            *first_seq = p.head.first_seq;
            return NX_OK;
        }
        if (err == NX_ENOMEM) {
            return err;
        }
        nx_spool_hole(s, p.head.first_seq, nx_head_last(&p.head),
                      NX_GAP_DAMAGED);
    }
    return NX_ENOTFOUND;
}

void nx_spool_sent(struct nx_spool *s, int64_t now_us) {
    if (!s->peeked) {
        return;
    }
    uint64_t first_seq = s->peeked_head.first_seq;
    uint64_t last_seq = nx_head_last(&s->peeked_head);
    bool drain = s->peeked_lane == NX_LANE_DRAIN || first_seq < s->new_from;
    if (s->flights_n == 0) {
        s->progress_us = now_us;
    }
    s->flights[s->flights_n++] =
        (struct nx_flight){first_seq,
                           last_seq,
                           now_us,
                           s->peeked_crc,
                           !drain && first_seq > s->sent_top,
                           drain};
    s->sent_top = last_seq > s->sent_top ? last_seq : s->sent_top;
    if (!s->peeked_beyond) {
        s->lanes[s->peeked_lane].seq = last_seq + 1;
    }
    if (drain) {
        int64_t from_us = s->drain_us > now_us ? s->drain_us : now_us;
        s->drain_us = from_us + DRAIN_GAP_US;
    }
    s->peeked = false;
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
