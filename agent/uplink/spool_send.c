/* The message: a batch as it is sent, with the gaps below it and its clock. */
#include <stdlib.h>
#include <string.h>

#include "agent/uplink/spool_priv.h"

#define DRAIN_GAP_US (1000000 / NX_SPOOL_DRAIN_PER_S)
#define BLOCKED_US INT64_C(1000000)    /* until the disk is tried again */
#define DRIFT_PPM 15                   /* as clocksync.h */
#define WALL_ERROR_US INT64_C(1000000) /* of a wall clock that is trusted */
#define SANE_US (INT64_C(1) << 58)

/* The oldest batch tells of every hole below it, so that nothing is missing
 * before it and the collector takes it however many runs it keeps. */
_Static_assert(NX_SPOOL_HOLES_MAX <= NX_PATCH_GAPS_MAX, "all fit a message");

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

static int read_payload(struct nx_spool *s, const struct nx_place *p,
                        uint8_t *out) {
    size_t got = 0;
    int err =
        s->disk.read(s->disk.user, p->segment_id,
                     p->offset + NX_RECORD_HEAD_BYTES, out, p->head.len, &got);
    if (err != NX_OK) {
        return err;
    }
    return got == p->head.len && nx_record_payload_ok(&p->head, out)
               ? NX_OK
               : NX_EMALFORMED;
}

static int make_message(struct nx_spool *s, const struct nx_place *p,
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

static int message_at(struct nx_spool *s, const struct nx_place *p,
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
    struct nx_place p;
    s->peeked = false;
    s->blocked_us = INT64_MAX;
    s->unread = NX_OK;
    s->tried_id = 0;
    s->rests = now->mono_us < s->unread_us;
    while (nx_spool_next_place(s, now->mono_us, &p)) {
        bool reserved =
            !s->has_disk || nx_head_last(&p.head) <= s->reserved_seq;
        int err = reserved ? message_at(s, &p, now, out, len) : NX_EAGAIN;
        if (err == NX_EAGAIN) { /* until the ledger can be written */
            s->blocked_us = now->mono_us + BLOCKED_US;
            return NX_ENOTFOUND;
        }
        if (err == NX_OK) {
            if (s->tried_id != 0) { /* a file of the other lane failed */
                s->unread_us = now->mono_us + BLOCKED_US;
            }
            if (p.entry == NULL) { /* off the disk */
                nx_spool_was_read(s, &p);
            }
            s->peeked = true;
            s->peeked_head = p.head;
            s->peeked_crc = nx_codec_crc(out, *len);
            *first_seq = p.head.first_seq;
            return NX_OK;
        }
        if (nx_spool_is_unread(s, &p, err)) {
            break;
        }
        nx_spool_give_up(s, p.head.first_seq, nx_head_last(&p.head));
    }
    if (s->unread == NX_EAGAIN) { /* it rests */
        s->blocked_us = s->unread_us;
    } else if (s->unread != NX_OK) {
        s->unread_us = s->blocked_us = now->mono_us + BLOCKED_US;
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
                           first_seq == s->again_seq,
                           drain};
    s->again_seq = first_seq == s->again_seq ? 0 : s->again_seq;
    s->sent_top = last_seq > s->sent_top ? last_seq : s->sent_top;
    if (!s->peeked_beyond) {
        s->lanes[s->peeked_lane].seq = last_seq + 1;
    }
    if (drain) {
        int64_t from_us = s->drain_us > now_us ? s->drain_us : now_us;
        s->drain_us = from_us + DRAIN_GAP_US;
        s->kept_turn =
            s->peeked_lane == NX_LANE_DRAIN ? NX_LANE_FRESH : NX_LANE_DRAIN;
    }
    s->peeked = false;
    if (s->unsent) {
        s->unsent = false;
        if (s->has_disk) { /* else it may be sent twice, from a copy */
            (void)nx_spool_failed(s, nx_spool_write_ledger(s, false));
        }
    }
}
