/* What an earlier run left on the disk. Nothing there is believed without its
 * checksum; what is damaged becomes a hole. What the disk fails to read stays,
 * with the numbers that it must hold: sending tries it for a while and gives it
 * up then. What merely cannot be read now (no right to, no file left) is left
 * as it is, and so is all the rest: the next start may be able to. */
#include <stdlib.h>
#include <string.h>

#include "agent/uplink/spool_priv.h"

struct opening {
    struct nx_spool *spool;
    struct nx_spool_found *found;
    uint64_t *ids;
    size_t ids_n;
    size_t ids_cap;
    bool no_memory;
    uint8_t *payload;  /* NX_RECORD_PAYLOAD_MAX */
    uint64_t last_seq; /* of the newest good record */
    uint64_t unsure_n; /* numbers that a damaged ledger may have reserved */
    size_t pending_n;  /* of the newest segments, unread from some record on:
                          what they hold ends where the next one begins */
};

/* --- ledger --- */

static bool written(const uint8_t bytes[NX_LEDGER_BLOCK_BYTES]) {
    for (size_t i = 0; i < NX_LEDGER_BLOCK_BYTES; i++) {
        if (bytes[i] != 0) {
            return true;
        }
    }
    return false;
}

/* False: there is none, or none is whole. A copy that the disk fails to read is
 * as good as a damaged one, as long as the other is whole. */
static bool read_ledger(struct opening *o, struct nx_ledger_block *out,
                        int *err) {
    struct nx_spool *s = o->spool;
    bool have = false;
    bool failed = false;
    *err = NX_OK;
    for (unsigned slot = 0; slot < 2; slot++) {
        uint8_t bytes[NX_LEDGER_BLOCK_BYTES];
        struct nx_ledger_block block;
        int got = s->disk.ledger_read(s->disk.user, slot, bytes);
        if (got == NX_EIO) {
            failed = true;
            o->unsure_n = NX_SPOOL_RESERVE_MAX;
        } else if (got != NX_OK) {
            *err = got == NX_ENOTFOUND ? *err : got;
        } else if (nx_ledger_parse(bytes, &block) != NX_OK) {
            o->unsure_n = written(bytes) ? NX_SPOOL_RESERVE_MAX : o->unsure_n;
        } else if (!have || block.generation > out->generation) {
            *out = block;
            have = true;
        }
    }
    *err = failed && !have && *err == NX_OK ? NX_EIO : *err;
    return have;
}

static void take_ledger(struct nx_spool *s, const struct nx_ledger_block *l) {
    s->epoch = l->epoch;
    s->generation = l->generation;
    s->reserved_seq = l->reserved_seq;
    s->acked_seq = l->acked_seq;
    s->dropped_n = l->dropped_n;
    for (size_t i = 0; i < l->holes_n; i++) {
        if (l->holes[i].from_seq > l->acked_seq) {
            s->holes[s->holes_n++] = l->holes[i];
        }
    }
}

/* --- segments --- */

static void see_id(void *arg, uint64_t id) {
    struct opening *o = arg;
    if (o->ids_n == o->ids_cap) {
        size_t cap = o->ids_cap + 64;
        uint64_t *grown = realloc(o->ids, cap * sizeof(*grown));
        if (grown == NULL) {
            o->no_memory = true;
            return;
        }
        o->ids = grown;
        o->ids_cap = cap;
    }
    o->ids[o->ids_n++] = id;
}

static int by_number(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* The newest count: ids without bound would need memory without bound. */
static int list_segments(struct opening *o) {
    struct nx_spool *s = o->spool;
    int err = s->disk.list(s->disk.user, see_id, o);
    if (err != NX_OK || o->no_memory) {
        return err != NX_OK ? err : NX_ENOMEM;
    }
    if (o->ids_n > 0) {
        qsort(o->ids, o->ids_n, sizeof(*o->ids), by_number);
        s->next_id = o->ids[o->ids_n - 1] + 1;
    }
    return NX_OK;
}

static int read_segment_head(struct nx_spool *s, uint64_t id,
                             struct nx_segment_head *out) {
    uint8_t bytes[NX_SEGMENT_HEAD_BYTES];
    size_t got = 0;
    int err = s->disk.read(s->disk.user, id, 0, bytes, sizeof(bytes), &got);
    return err != NX_OK           ? err
           : got != sizeof(bytes) ? NX_EMALFORMED
                                  : nx_segment_head_parse(bytes, out);
}

/* *whole: its head is, and *epoch what is there. */
static int epoch_of(struct nx_spool *s, uint64_t id, uint64_t *epoch,
                    bool *whole) {
    struct nx_segment_head head = {0};
    int err = read_segment_head(s, id, &head);
    *whole = err == NX_OK && head.id == id;
    *epoch = *whole ? head.epoch : *epoch;
    return err == NX_EMALFORMED ? NX_OK : err;
}

/* A newer version's spool is left as it is: what it holds is not lost yet. Nor
 * is what may not be read. */
static int check_heads(struct opening *o) {
    struct nx_spool *s = o->spool;
    for (unsigned slot = 0; slot < 2; slot++) {
        uint8_t bytes[NX_LEDGER_BLOCK_BYTES];
        struct nx_ledger_block block;
        if (s->disk.ledger_read(s->disk.user, slot, bytes) == NX_OK &&
            nx_ledger_parse(bytes, &block) == NX_EVERSION) {
            return NX_EVERSION;
        }
    }
    for (size_t i = 0; i < o->ids_n; i++) {
        struct nx_segment_head head;
        int err = read_segment_head(s, o->ids[i], &head);
        if (err != NX_OK && err != NX_EMALFORMED && err != NX_EIO &&
            err != NX_ENOTFOUND) {
            return err;
        }
    }
    return NX_OK;
}

/* Numbers up to to_seq are in no record that was read: in one that was not, or
 * lost. */
static void pass_over(struct opening *o, uint64_t to_seq) {
    struct nx_spool *s = o->spool;
    uint64_t from_seq = o->last_seq + 1;
    if (o->pending_n == 0) {
        nx_spool_hole(s, from_seq, to_seq, NX_GAP_DAMAGED);
    }
    for (; o->pending_n > 0; o->pending_n--) {
        struct nx_segment *seg = &s->segments[s->segments_n - o->pending_n];
        if (from_seq <= to_seq) {
            seg->first_seq = seg->first_seq > 0 ? seg->first_seq : from_seq;
            seg->last_seq = to_seq;
        }
    }
}

static int check_payload(struct opening *o, uint64_t id, uint64_t offset,
                         const struct nx_record_head *head, bool *whole) {
    struct nx_spool *s = o->spool;
    size_t got = 0;
    int err = s->disk.read(s->disk.user, id, offset + NX_RECORD_HEAD_BYTES,
                           o->payload, head->len, &got);
    *whole = err == NX_OK && got == head->len &&
             nx_record_payload_ok(head, o->payload);
    return err;
}

static void take_record(struct opening *o, struct nx_segment *seg,
                        const struct nx_record_head *head) {
    struct nx_spool *s = o->spool;
    nx_spool_learn(s, head->boot, &head->clock);
    if (head->first_seq <= o->last_seq) {
        return; /* written twice: a sync had failed in between */
    }
    pass_over(o, head->first_seq - 1);
    o->last_seq = nx_head_last(head);
    seg->first_seq = seg->first_seq > 0 ? seg->first_seq : head->first_seq;
    seg->last_seq = o->last_seq;
    seg->boot = head->boot;
    seg->clock = head->clock;
}

/* Of a version with other limits: whole, but it can never be sent. */
static void give_up_record(struct opening *o,
                           const struct nx_record_head *head) {
    if (head->first_seq > o->last_seq) {
        pass_over(o, head->first_seq - 1);
        nx_spool_hole(o->spool, head->first_seq, nx_head_last(head),
                      NX_GAP_DAMAGED);
        o->last_seq = nx_head_last(head);
        o->found->too_large += head->results_n;
    }
}

/* *good: to its end, as far as it was read. *unread: not all of it was. NX_EIO:
 * neither are the heads of its last records. */
static int scan(struct opening *o, struct nx_segment *seg, bool *good,
                bool *unread) {
    struct nx_record_head head;
    uint64_t offset = NX_SEGMENT_HEAD_BYTES;
    int err = NX_OK;
    *good = true;
    while ((err = nx_spool_read_head(o->spool, seg->id, offset, &head)) ==
           NX_OK) {
        bool whole = false;
        if (!nx_record_sendable(&head)) {
            give_up_record(o, &head);
            whole = true;
        } else if ((err = check_payload(o, seg->id, offset, &head, &whole)) !=
                       NX_OK &&
                   err != NX_EIO) {
            return err;
        } else if (whole || err == NX_EIO) {
            *unread = *unread || !whole;
            whole = true;
            take_record(o, seg, &head);
        }
        *good = *good && whole;
        offset += NX_RECORD_HEAD_BYTES + head.len;
    }
    seg->bytes = offset;
    *unread = *unread || err == NX_EIO;
    *good = *good && (err == NX_ENOTFOUND || err == NX_EIO); /* the end */
    return err == NX_ENOTFOUND || err == NX_EMALFORMED ? NX_OK : err;
}

static int add_segment(struct nx_spool *s, const struct nx_segment *seg) {
    if (!nx_spool_segment_room(s)) {
        return NX_ENOMEM;
    }
    s->segments[s->segments_n++] = *seg;
    s->disk_bytes += seg->bytes;
    return NX_OK;
}

static int open_segment(struct opening *o, size_t i, uint64_t epoch) {
    struct nx_spool *s = o->spool;
    struct nx_segment seg = {.id = o->ids[i]};
    uint64_t its_epoch = 0;
    bool good = false;
    bool unread = false;
    int err = epoch_of(s, seg.id, &its_epoch, &good);
    good = good && its_epoch == epoch;
    if (err == NX_OK && good) {
        err = scan(o, &seg, &good, &unread);
    }
    if (err == NX_ENOTFOUND) {
        return NX_OK; /* gone since: an agent that runs is looked at */
    }
    if (err != NX_OK && err != NX_EIO) {
        return err;
    }
    o->found->unread += unread || err == NX_EIO ? 1 : 0;
    if (err == NX_EIO) {
        seg.bytes = nx_spool_segment_bytes(s); /* how long it is, who knows */
        err = add_segment(s, &seg);
        o->pending_n += err == NX_OK ? 1 : 0;
        return err;
    }
    bool torn_end = i + 1 == o->ids_n; /* that is how a crash looks */
    o->found->damaged += good || torn_end ? 0 : 1;
    if (seg.first_seq == 0) {
        (void)s->disk.remove(s->disk.user, seg.id);
        return NX_OK;
    }
    return add_segment(s, &seg);
}

/* Of those that were not read, the ones that no number is missing for. */
static void remove_needless(struct nx_spool *s) {
    size_t kept = 0;
    for (size_t i = 0; i < s->segments_n; i++) {
        if (s->segments[i].first_seq > 0) {
            s->segments[kept++] = s->segments[i];
        } else {
            (void)s->disk.remove(s->disk.user, s->segments[i].id);
            s->disk_bytes -= s->segments[i].bytes;
        }
    }
    s->segments_n = kept;
}

/* --- the whole --- */

static int count_results(struct opening *o, uint64_t id) {
    struct nx_spool *s = o->spool;
    uint64_t offset = NX_SEGMENT_HEAD_BYTES;
    struct nx_record_head head;
    bool whole = false;
    int err = epoch_of(s, id, &s->epoch, &whole);
    while (err == NX_OK && whole) {
        err = nx_spool_read_head(s, id, offset, &head);
        if (err == NX_OK) {
            o->found->given_up += head.results_n;
            offset += NX_RECORD_HEAD_BYTES + head.len;
        }
    }
    o->found->unread += err == NX_EIO ? 1 : 0;
    return err == NX_ENOTFOUND || err == NX_EMALFORMED || err == NX_EIO ? NX_OK
                                                                        : err;
}

/* Without its ledger nobody knows which numbers were given out: what is there
 * cannot be sent. It is reported as lost in the new spool. */
static int give_up_old(struct opening *o) {
    struct nx_spool *s = o->spool;
    uint64_t epoch = s->epoch;
    int err = NX_OK;
    for (size_t i = 0; err == NX_OK && i < o->ids_n; i++) {
        err = count_results(o, o->ids[i]);
    }
    if (err != NX_OK) {
        return err;
    }
    s->epoch = epoch;
    s->next_seq = o->found->given_up + 1;
    nx_spool_hole(s, 1, o->found->given_up, NX_GAP_DAMAGED);
    return NX_OK;
}

/* The newest copy of the ledger may be the damaged one: what was told since the
 * other is not known. It counts as told, and so never as delivered. */
static void doubt_holes(struct nx_spool *s) {
    for (size_t i = 0; i < s->holes_n; i++) {
        s->holes[i].told_to_seq = s->holes[i].to_seq;
    }
}

static int take_old(struct opening *o, const struct nx_ledger_block *ledger) {
    struct nx_spool *s = o->spool;
    int err = NX_OK;
    take_ledger(s, ledger);
    for (size_t i = 0; err == NX_OK && i < o->ids_n; i++) {
        err = open_segment(o, i, ledger->epoch);
    }
    uint64_t last_seq = ledger->reserved_seq + o->unsure_n;
    last_seq = o->last_seq > last_seq ? o->last_seq : last_seq;
    s->next_seq = last_seq + 1;
    /* Of the older copy of the ledger who knows. */
    s->same_seq =
        ledger->unsent || o->unsure_n > 0 ? ledger->same_seq : last_seq;
    uint64_t from = o->last_seq > s->acked_seq ? o->last_seq : s->acked_seq;
    bool pending = o->pending_n > 0; /* they may be there */
    pass_over(o, last_seq);
    remove_needless(s);
    if (o->unsure_n > 0) {
        doubt_holes(s);
    }
    o->found->old = true;
    o->found->clean = ledger->clean;
    o->found->unsure = !pending && last_seq > from ? last_seq - from : 0;
    return err;
}

static int open_with(struct opening *o) {
    struct nx_spool *s = o->spool;
    struct nx_ledger_block ledger = {0};
    int err = NX_OK;
    bool have = read_ledger(o, &ledger, &err);
    if (err == NX_OK) {
        err = list_segments(o);
    }
    if (err == NX_OK) {
        err = check_heads(o);
    }
    if (err == NX_OK && have) {
        err = take_old(o, &ledger);
    } else if (err == NX_OK) {
        err = give_up_old(o);
    }
    if (err == NX_OK) {
        nx_spool_fit_disk(s);
        err = nx_spool_reserve(s);
    }
    /* Not before the ledger tells of them. */
    for (size_t i = 0; err == NX_OK && !have && i < o->ids_n; i++) {
        (void)s->disk.remove(s->disk.user, o->ids[i]);
    }
    return err;
}

int nx_spool_open(struct nx_spool *s, struct nx_spool_found *found) {
    struct opening o = {
        .spool = s, .found = found, .payload = malloc(NX_RECORD_PAYLOAD_MAX)};
    int err = o.payload != NULL ? open_with(&o) : NX_ENOMEM;
    free(o.payload);
    free(o.ids);
    if (err == NX_OK) {
        struct nx_ledger ledger;
        nx_spool_ledger(s, &ledger);
        found->held = ledger.held;
    }
    return err;
}
