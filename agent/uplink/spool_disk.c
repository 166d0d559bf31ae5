/* Segments and ledger: writing, and giving room. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "agent/uplink/spool_priv.h"

#define SEGMENT_MIN_BYTES (64U * 1024U)
#define SEGMENT_MAX_BYTES (1024U * 1024U)
#define SEGMENTS_WANTED 64U /* of max_bytes: what a drop costs at once */
#define SEGMENT_SMALL_BYTES (16U * 1024U) /* on a disk that is full */

bool nx_spool_failed(struct nx_spool *s, int err) {
    if (err == NX_OK) {
        return false;
    }
    s->problem = err;
    s->retry_us = s->now_us + NX_SPOOL_RETRY_US;
    return true;
}

/* --- ledger --- */

_Static_assert(NX_SPOOL_HOLES_MAX == NX_LEDGER_HOLES_MAX,
               "what is held outlives a crash");

static int write_copy(struct nx_spool *s, uint64_t reserved_seq, bool clean) {
    uint8_t bytes[NX_LEDGER_BLOCK_BYTES];
    struct nx_ledger_block block = {.generation = s->generation + 1,
                                    .epoch = s->epoch,
                                    .reserved_seq = reserved_seq,
                                    .acked_seq = s->acked_seq,
                                    .dropped_n = s->dropped_n,
                                    .same_seq = s->same_seq,
                                    .unsent = s->unsent,
                                    .clean = clean};
    assert(s->holes_n <= NX_LEDGER_HOLES_MAX);
    block.holes_n = (uint32_t)s->holes_n;
    memcpy(block.holes, s->holes, s->holes_n * sizeof(s->holes[0]));
    nx_ledger_pack(&block, bytes);
    int err = s->disk.ledger_write(s->disk.user,
                                   (unsigned)(block.generation & 1), bytes);
    if (err == NX_OK) {
        s->generation = block.generation;
    }
    return err;
}

/* One copy, or both: whoever finds only the older one adds
 * NX_SPOOL_RESERVE_MAX, and must not be below what was given out. */
static int write_ledger(struct nx_spool *s, uint64_t reserved_seq, bool clean) {
    bool far = reserved_seq > s->reserved_seq + NX_SPOOL_RESERVE_MAX;
    int err = write_copy(s, reserved_seq, clean);
    if (err == NX_OK && far) {
        err = write_copy(s, reserved_seq, clean);
    }
    if (err == NX_OK) {
        s->reserved_seq = reserved_seq;
    }
    return err;
}

int nx_spool_write_ledger(struct nx_spool *s, bool clean) {
    uint64_t last_seq = s->next_seq - 1;
    return write_ledger(
        s, clean || s->reserved_seq < last_seq ? last_seq : s->reserved_seq,
        clean);
}

int nx_spool_reserve(struct nx_spool *s) {
    uint64_t seq =
        s->next_seq - 1 +
        (uint64_t)NX_SPOOL_RESERVE_BATCHES * s->conf.batch_max_results;
    return write_ledger(s, seq > s->reserved_seq ? seq : s->reserved_seq,
                        false);
}

/* --- what is known of clocks --- */

void nx_spool_learn(struct nx_spool *s, uint64_t boot,
                    const struct nx_clock_sample *clock) {
    size_t i = 0;
    if (!clock->offset_known) {
        return;
    }
    while (i < s->frames_n && s->frames[i].boot != boot) {
        i++;
    }
    if (i == NX_SPOOL_FRAMES_MAX) { /* the oldest boot makes room */
        memmove(&s->frames[0], &s->frames[1],
                (NX_SPOOL_FRAMES_MAX - 1) * sizeof(s->frames[0]));
        i--;
    }
    s->frames_n = i < s->frames_n ? s->frames_n : i + 1;
    s->frames[i] = (struct nx_frame){boot, *clock};
}

/* --- giving room --- */

bool nx_spool_segment_room(struct nx_spool *s) {
    if (s->segments_n < s->segments_cap) {
        return true;
    }
    size_t cap = s->segments_cap + 64;
    struct nx_segment *grown = realloc(s->segments, cap * sizeof(*s->segments));
    if (grown == NULL) {
        return false;
    }
    s->segments = grown;
    s->segments_cap = cap;
    return true;
}

void nx_spool_remove_segment(struct nx_spool *s) {
    /* One that cannot be unlinked is found again at the next start. */
    (void)s->disk.remove(s->disk.user, s->segments[0].id);
    s->disk_bytes -= s->segments[0].bytes;
    s->segments_n--;
    s->open = s->open && s->segments_n > 0;
    memmove(&s->segments[0], &s->segments[1],
            s->segments_n * sizeof(*s->segments));
}

/* Its numbers are in the ledger before it goes: the reason survives, too. */
void nx_spool_drop_segment(struct nx_spool *s, enum nx_gap_reason reason) {
    uint64_t first_seq = s->segments[0].first_seq;
    uint64_t last_seq = s->segments[0].last_seq;
    const struct nx_segment *next = &s->segments[1];
    if (s->segments_n > 1 && next->first_seq > 0 &&
        next->first_seq <= last_seq) { /* not read: it may be in the next */
        last_seq = next->first_seq - 1;
    }
    while (s->first != NULL && s->first->on_disk &&
           nx_head_last(&s->first->head) <= last_seq) {
        nx_spool_remove_entry(s);
    }
    if (first_seq > 0 && first_seq <= last_seq && last_seq > s->acked_seq) {
        nx_spool_hole(s, first_seq, last_seq, reason);
        (void)nx_spool_failed(s, nx_spool_write_ledger(s, false));
    }
    nx_spool_remove_segment(s);
}

void nx_spool_fit_disk(struct nx_spool *s) {
    while (s->segments_n > 1 && (s->disk_bytes > s->conf.max_bytes ||
                                 s->segments_n > NX_SPOOL_SEGMENTS_MAX)) {
        nx_spool_drop_segment(s, NX_GAP_SPACE);
    }
}

/* The age of the newest record; of another boot only by the collector's time:
 * wall clocks jump. Less than 0: not known. */
static int64_t age_of(const struct nx_spool *s, const struct nx_segment *seg,
                      const struct nx_clock_sample *now) {
    if (seg->boot == s->boot) {
        return now->mono_us - seg->clock.mono_us;
    }
    if (!seg->clock.offset_known || !now->offset_known) {
        return -1;
    }
    return (now->mono_us - now->offset_us) -
           (seg->clock.mono_us - seg->clock.offset_us);
}

void nx_spool_age_disk(struct nx_spool *s, const struct nx_clock_sample *now) {
    while (s->segments_n > 0 && s->segments[0].first_seq > 0 &&
           age_of(s, &s->segments[0], now) > s->conf.max_age_us) {
        nx_spool_drop_segment(s, NX_GAP_AGE);
    }
}

/* --- writing --- */

static struct nx_segment *last(struct nx_spool *s) {
    return &s->segments[s->segments_n - 1];
}

uint64_t nx_spool_segment_bytes(const struct nx_spool *s) {
    uint64_t n = s->conf.max_bytes / SEGMENTS_WANTED;
    n = n < SEGMENT_MIN_BYTES ? SEGMENT_MIN_BYTES : n;
    n = n > SEGMENT_MAX_BYTES ? SEGMENT_MAX_BYTES : n;
    return s->segment_limit > 0 && n > s->segment_limit ? s->segment_limit : n;
}

static int append(struct nx_spool *s, const void *bytes, size_t len) {
    int err = s->disk.append(s->disk.user, last(s)->id, bytes, len);
    last(s)->bytes += len; /* some of it may be there in any case */
    s->disk_bytes += len;
    return err;
}

static int begin_segment(struct nx_spool *s) {
    uint8_t bytes[NX_SEGMENT_HEAD_BYTES];
    if (!nx_spool_segment_room(s)) {
        return NX_ENOMEM;
    }
    const struct nx_segment_head head = {s->epoch, s->next_id};
    s->segments[s->segments_n++] = (struct nx_segment){.id = s->next_id++};
    s->open = true;
    nx_segment_head_pack(&head, bytes);
    return append(s, bytes, sizeof(bytes));
}

static int append_record(struct nx_spool *s, struct nx_entry *e) {
    uint8_t bytes[NX_RECORD_HEAD_BYTES];
    const struct nx_segment_head segment = {s->epoch, last(s)->id};
    nx_record_head_pack(&segment, &e->head, e->bytes, bytes);
    int err = append(s, bytes, sizeof(bytes));
    if (err == NX_OK) {
        err = append(s, e->bytes, e->head.len);
    }
    return err;
}

/* Writes what fits into one segment, and syncs it. *from: the first entry that
 * is not written; moved. */
static int write_segment(struct nx_spool *s, struct nx_entry **from) {
    int err = s->open ? NX_OK : begin_segment(s);
    struct nx_entry *e = *from;
    while (err == NX_OK && e != NULL &&
           (last(s)->bytes < nx_spool_segment_bytes(s) || e == *from)) {
        err = append_record(s, e);
        e = err == NX_OK ? e->next : e;
    }
    if (err == NX_OK) {
        err = s->disk.sync(s->disk.user, last(s)->id);
    }
    if (err != NX_OK) {
        return err; /* nothing of it counts */
    }
    struct nx_segment *seg = last(s);
    for (; *from != e; *from = (*from)->next) {
        const struct nx_record_head *h = &(*from)->head;
        (*from)->on_disk = true;
        seg->first_seq = seg->first_seq > 0 ? seg->first_seq : h->first_seq;
        seg->last_seq = nx_head_last(h);
        seg->boot = h->boot;
        seg->clock = h->clock;
    }
    s->open = seg->bytes < nx_spool_segment_bytes(s);
    return NX_OK;
}

/* A segment that failed takes no more; without a record it goes. */
static void abandon_segment(struct nx_spool *s) {
    if (s->open && last(s)->first_seq == 0) {
        (void)s->disk.remove(s->disk.user, last(s)->id);
        s->disk_bytes -= last(s)->bytes;
        s->segments_n--;
    }
    s->open = false;
}

static int write_all(struct nx_spool *s) {
    struct nx_entry *e = s->first;
    int err = NX_OK;
    while (e != NULL && e->on_disk) {
        e = e->next;
    }
    while (err == NX_OK && e != NULL) {
        err = write_segment(s, &e);
    }
    return err;
}

/* Others may have filled the disk: nothing is dropped for a room that is not
 * there. */
static bool newest_fits(struct nx_spool *s) {
    struct nx_entry *newest = s->first;
    while (newest->next != NULL) {
        newest = newest->next;
    }
    int err = begin_segment(s);
    if (err == NX_OK) {
        err = append_record(s, newest);
    }
    if (err == NX_OK) {
        err = s->disk.sync(s->disk.user, last(s)->id);
    }
    abandon_segment(s); /* it only was a try */
    return err == NX_OK;
}

/* The older half of what is in memory only. False: that is one batch. */
static bool drop_half(struct nx_spool *s) {
    size_t n = 0;
    for (const struct nx_entry *e = s->first; e != NULL; e = e->next) {
        n++;
    }
    for (size_t i = 0; i < n / 2; i++) {
        nx_spool_drop_entry(s, NX_GAP_SPACE);
    }
    return n > 1;
}

/* The disk is full: the oldest makes room, if that helps. Smaller segments from
 * now on, so that this costs an eighth of what fits at most. */
static bool make_room(struct nx_spool *s) {
    uint64_t limit = s->disk_bytes / 8;
    s->segment_limit =
        limit > SEGMENT_SMALL_BYTES ? limit : SEGMENT_SMALL_BYTES;
    if (s->segments_n == 0) {
        return newest_fits(s) && drop_half(s);
    }
    nx_spool_drop_segment(s, NX_GAP_SPACE);
    return true;
}

int nx_spool_write(struct nx_spool *s) {
    int err = write_all(s);
    if (err != NX_OK) {
        abandon_segment(s);
    }
    return err;
}

void nx_spool_flush(struct nx_spool *s) {
    int err = nx_spool_write(s);
    while (err == NX_EFULL && make_room(s)) {
        err = nx_spool_write(s);
    }
    if (!nx_spool_failed(s, err)) {
        s->problem = NX_OK;
        s->sync_us = INT64_MAX;
        nx_spool_fit_disk(s);
    }
}

int nx_spool_read_head(struct nx_spool *s, uint64_t id, uint64_t offset,
                       struct nx_record_head *out) {
    uint8_t bytes[NX_RECORD_HEAD_BYTES];
    const struct nx_segment_head segment = {s->epoch, id};
    size_t got = 0;
    int err =
        s->disk.read(s->disk.user, id, offset, bytes, sizeof(bytes), &got);
    if (err != NX_OK) {
        return err == NX_ENOTFOUND ? NX_EMALFORMED : err;
    }
    if (got == 0) {
        return NX_ENOTFOUND;
    }
    return got == sizeof(bytes) ? nx_record_head_parse(&segment, bytes, out)
                                : NX_EMALFORMED;
}
