/* A spool that was put back to an older copy, and its collector has numbers
 * that it would give again: what it holds moves to another epoch. All of that
 * is on the disk before the ledger names the new one, and only then the old
 * segments go; whichever epoch a start finds in the ledger, its segments are
 * there, and those of the other are removed. */
#include <stdlib.h>
#include <string.h>

#include "agent/uplink/spool_priv.h"

struct moving {
    struct nx_spool *from;
    struct nx_spool *to;
    const struct nx_ack *ack;
    uint64_t seq; /* what is below has moved, or will not */
    uint64_t lost_n;
};

/* How many of from..to the collector has: by what it told this run, or, of what
 * is the same in both, by what it tells now. */
static uint64_t has_n(const struct moving *m, uint64_t from, uint64_t to) {
    const struct nx_spool *s = m->from;
    const struct nx_ack *ack = m->ack;
    uint64_t told_n = nx_settled_count(s->acked_seq, &s->ahead, from, to);
    uint64_t last = to < s->same_seq ? to : s->same_seq;
    uint64_t same_n =
        from <= last ? nx_settled_count(ack->acked_seq, &ack->ahead, from, last)
                     : 0;
    return told_n > same_n ? told_n : same_n;
}

/* Numbers below seq that are nowhere. */
static void pass(struct moving *m, uint64_t seq) {
    if (m->seq < seq) {
        m->lost_n += seq - m->seq - has_n(m, m->seq, seq - 1);
        m->seq = seq;
    }
}

static int take(struct moving *m, const struct nx_record_head *head,
                const uint8_t *bytes) {
    struct nx_spool *to = m->to;
    const struct nx_batch_numbers numbers = {to->epoch, to->next_seq};
    const struct nx_batch_patch patch = {.numbers = &numbers};
    size_t cap = head->len + NX_PATCH_NUMBERS_MAX + 1; /* and of its length */
    size_t len = 0;
    uint8_t *out = malloc(cap);
    int err = out != NULL ? nx_codec_batch_patch(bytes, head->len, &patch, out,
                                                 cap, &len)
                          : NX_ENOMEM;
    if (err == NX_OK) {
        struct nx_record_head moved = *head;
        moved.first_seq = to->next_seq;
        moved.len = (uint32_t)len;
        err = nx_spool_take(to, out, &moved);
    }
    if (err != NX_OK) {
        free(out);
        return err;
    }
    to->next_seq += head->results_n;
    nx_spool_learn(to, head->boot, &head->clock);
    return NX_OK;
}

/* What is on the disk need not be in memory. */
static int write_some(struct nx_spool *to) {
    int err = NX_OK;
    if (to->has_disk && to->memory_bytes > NX_SPOOL_MEMORY_BYTES / 2) {
        err = nx_spool_write(to);
    }
    while (to->first != NULL && to->first->on_disk) {
        nx_spool_remove_entry(to);
    }
    return err;
}

static int move(struct moving *m, const struct nx_record_head *head,
                const uint8_t *bytes) {
    uint64_t last_seq = nx_head_last(head);
    if (head->first_seq < m->seq) {
        return NX_OK; /* written twice: a sync had failed in between */
    }
    pass(m, head->first_seq);
    if (has_n(m, head->first_seq, last_seq) == head->results_n) {
        m->seq = last_seq + 1;
        return NX_OK;
    }
    int err = take(m, head, bytes);
    if (err == NX_EMALFORMED || err == NX_ELIMIT) {
        return NX_OK; /* passed with what comes next */
    }
    m->seq = err == NX_OK ? last_seq + 1 : m->seq;
    return err == NX_OK ? write_some(m->to) : err;
}

/* What is damaged, or what the disk fails to read, is lost. */
static int move_record(struct moving *m, uint64_t id, uint64_t offset,
                       const struct nx_record_head *head) {
    struct nx_spool *s = m->from;
    size_t got = 0;
    if (!nx_record_sendable(head)) {
        return NX_OK;
    }
    uint8_t *bytes = malloc(head->len);
    int err = bytes != NULL ? s->disk.read(s->disk.user, id,
                                           offset + NX_RECORD_HEAD_BYTES, bytes,
                                           head->len, &got)
                            : NX_ENOMEM;
    if (err == NX_OK && got == head->len && nx_record_payload_ok(head, bytes)) {
        err = move(m, head, bytes);
    } else if (err == NX_EIO || err == NX_ENOTFOUND) {
        err = NX_OK;
    }
    free(bytes);
    return err;
}

/* As far as it is not in memory, too. */
static int move_segment(struct moving *m, uint64_t id) {
    struct nx_spool *s = m->from;
    uint64_t offset = NX_SEGMENT_HEAD_BYTES;
    uint64_t end_seq =
        s->first != NULL ? s->first->head.first_seq : s->next_seq;
    while (true) {
        struct nx_record_head head;
        int err = nx_spool_read_head(s, id, offset, &head);
        if (err == NX_ENOTFOUND || err == NX_EMALFORMED || err == NX_EIO ||
            (err == NX_OK && head.first_seq >= end_seq)) {
            return NX_OK;
        }
        err = err == NX_OK ? move_record(m, id, offset, &head) : err;
        if (err != NX_OK) {
            return err;
        }
        offset += NX_RECORD_HEAD_BYTES + head.len;
    }
}

static int move_all(struct moving *m) {
    struct nx_spool *s = m->from;
    int err = NX_OK;
    for (size_t i = 0; err == NX_OK && i < s->segments_n; i++) {
        err = move_segment(m, s->segments[i].id);
    }
    for (const struct nx_entry *e = s->first; err == NX_OK && e != NULL;
         e = e->next) {
        err = move(m, &e->head, e->bytes);
    }
    pass(m, s->next_seq);
    if (err == NX_OK && m->to->has_disk) {
        err = nx_spool_write(m->to);
    }
    if (err != NX_OK && s->segments_n == 0) { /* it was in memory only */
        (void)nx_spool_failed(m->to, err);
        err = err == NX_ENOMEM ? err : NX_OK;
    }
    return err;
}

static void remove_segments(struct nx_spool *s) {
    for (size_t i = 0; i < s->segments_n; i++) {
        (void)s->disk.remove(s->disk.user, s->segments[i].id);
    }
}

static struct nx_spool *empty_like(const struct nx_spool *s, uint64_t epoch) {
    struct nx_spool *to = calloc(1, sizeof(*to));
    if (to != NULL) {
        *to = (struct nx_spool){.conf = s->conf,
                                .disk = s->disk,
                                .has_disk = s->has_disk,
                                .epoch = epoch,
                                .boot = s->boot,
                                .next_seq = 1,
                                .unsent = true,
                                .next_id = s->next_id,
                                .segment_limit = s->segment_limit,
                                .generation = s->generation,
                                .sync_us = INT64_MAX,
                                .age_us = s->age_us,
                                .now_us = s->now_us,
                                .frames_n = s->frames_n,
                                .blocked_us = INT64_MAX,
                                .damaged_n = s->damaged_n};
        memcpy(to->frames, s->frames, sizeof(to->frames));
        to->tail = &to->first;
    }
    return to;
}

/* Both copies of the ledger, so that damage to one does not bring the old epoch
 * back. A first write that failed may be there all the same: the old epoch has
 * to be, before what the new one wrote goes. */
static int name_epoch(struct nx_spool *from, struct nx_spool *to) {
    int err = nx_spool_reserve(to);
    if (err == NX_OK) {
        (void)nx_spool_failed(to, nx_spool_reserve(to));
    } else if (nx_spool_write_ledger(from, false) == NX_OK) {
        remove_segments(to);
    }
    return err;
}

static int try_anew(struct nx_spool *s, struct nx_spool *to,
                    const struct nx_ack *ack, struct nx_spool_moved *moved) {
    struct moving m = {
        .from = s, .to = to, .ack = ack, .seq = s->acked_seq + 1};
    int err = move_all(&m);
    s->next_id = to->next_id;
    if (err != NX_OK) {
        remove_segments(to);
        return err;
    }
    moved->held = to->next_seq - 1;
    moved->lost = m.lost_n;
    to->next_seq += m.lost_n;
    nx_spool_hole(to, moved->held + 1, to->next_seq - 1, NX_GAP_DAMAGED);
    return to->has_disk ? name_epoch(s, to) : NX_OK;
}

static void become(struct nx_spool *s, struct nx_spool *to) {
    struct nx_spool old = *s;
    *s = *to;
    *to = old;
    s->tail = s->first != NULL ? s->tail : &s->first;
    to->tail = to->first != NULL ? to->tail : &to->first;
    s->fresh_from = s->new_from = s->next_seq;
    nx_spool_lanes_back(s);
}

int nx_spool_anew(struct nx_spool *s, const struct nx_ack *ack, uint64_t epoch,
                  struct nx_spool_moved *moved) {
    bool more = true;
    int err = NX_EFULL;
    while (err == NX_EFULL && more) {
        struct nx_spool *to = empty_like(s, epoch);
        err = to != NULL ? try_anew(s, to, ack, moved) : NX_ENOMEM;
        if (err == NX_OK) {
            remove_segments(s);
            become(s, to);
        }
        nx_spool_free(&to);
        more = s->segments_n > 0;
        for (size_t n = (s->segments_n + 3) / 4; err == NX_EFULL && n > 0;
             n--) {
            nx_spool_drop_segment(s, NX_GAP_SPACE);
        }
    }
    return err;
}
