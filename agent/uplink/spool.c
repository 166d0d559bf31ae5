#include "agent/uplink/spool.h"

#include <stdlib.h>
#include <string.h>

#include "agent/uplink/spool_priv.h"

#define AGE_EVERY_US INT64_C(60000000)

int nx_spool_new(const struct nx_spool_conf *conf,
                 const struct nx_spool_disk *disk, uint64_t epoch,
                 uint64_t boot, struct nx_spool **out,
                 struct nx_spool_found *found) {
    struct nx_spool *s = calloc(1, sizeof(*s));
    if (s == NULL) {
        return NX_ENOMEM;
    }
    s->conf = *conf;
    s->epoch = epoch;
    s->boot = boot;
    s->next_seq = 1;
    s->next_id = 1;
    s->tail = &s->first;
    s->sync_us = INT64_MAX;
    s->blocked_us = INT64_MAX;
    s->unsent = true;
    memset(found, 0, sizeof(*found));
    int err = NX_OK;
    if (disk != NULL) {
        s->disk = *disk;
        s->has_disk = true;
        err = nx_spool_open(s, found);
    }
    if (err != NX_OK) {
        nx_spool_free(&s);
        return err;
    }
    s->fresh_from = s->new_from = s->next_seq;
    nx_spool_lanes_back(s);
    *out = s;
    return NX_OK;
}

int nx_spool_close(struct nx_spool *s) {
    if (!s->has_disk) {
        return NX_OK;
    }
    nx_spool_flush(s);
    return s->problem == NX_OK ? nx_spool_write_ledger(s, true) : s->problem;
}

void nx_spool_free(struct nx_spool **spool) {
    struct nx_spool *s = *spool;
    if (s != NULL) {
        while (s->first != NULL) {
            nx_spool_remove_entry(s);
        }
        free(s->segments);
        free(s);
        *spool = NULL;
    }
}

/* --- memory --- */

static size_t cost(const struct nx_entry *e) {
    return e->head.len + sizeof(*e) + 32; /* and what malloc adds */
}

void nx_spool_remove_entry(struct nx_spool *s) {
    struct nx_entry *e = s->first;
    nx_spool_lanes_forget(s, e);
    s->first = e->next;
    if (s->first == NULL) {
        s->tail = &s->first;
    }
    s->memory_bytes -= cost(e);
    free(e->bytes);
    free(e);
}

void nx_spool_drop_entry(struct nx_spool *s, enum nx_gap_reason reason) {
    uint64_t from = s->first->head.first_seq;
    uint64_t to = nx_head_last(&s->first->head);
    nx_spool_remove_entry(s);
    nx_spool_hole(s, from, to, reason);
}

/* The newest batch is always held. */
static void fit_memory(struct nx_spool *s) {
    size_t max = s->has_disk ? NX_SPOOL_MEMORY_BYTES : s->conf.max_bytes;
    while (s->memory_bytes > max && s->first->next != NULL) {
        if (s->first->on_disk) {
            nx_spool_remove_entry(s);
        } else {
            nx_spool_drop_entry(s, NX_GAP_SPACE);
        }
    }
}

/* A disk that failed is left alone until the next tick tries it. */
static void store(struct nx_spool *s) {
    bool crowded = s->memory_bytes > NX_SPOOL_MEMORY_BYTES / 2;
    if (s->problem == NX_OK && (s->conf.sync_always || crowded)) {
        nx_spool_flush(s);
    } else if (s->sync_us == INT64_MAX) {
        s->sync_us = s->now_us + s->conf.sync_interval_us;
    }
    if (s->reserved_seq < s->next_seq - 1) {
        int err = nx_spool_reserve(s);
        (void)nx_spool_failed(s, err); /* it cannot be sent until it works */
    }
}

int nx_spool_take(struct nx_spool *s, uint8_t *bytes,
                  const struct nx_record_head *head) {
    if (head->len > NX_SPOOL_BATCH_MAX || head->len == 0) {
        return NX_ELIMIT;
    }
    struct nx_entry *e = calloc(1, sizeof(*e));
    if (e == NULL) {
        return NX_ENOMEM;
    }
    e->bytes = bytes;
    e->head = *head;
    *s->tail = e;
    s->tail = &e->next;
    s->memory_bytes += cost(e);
    return NX_OK;
}

int nx_spool_put(struct nx_spool *s, uint8_t *bytes, size_t len,
                 uint64_t first_seq, size_t n,
                 const struct nx_clock_sample *clock) {
    if (first_seq != s->next_seq || n == 0 || n > NX_BATCH_OBS_MAX) {
        free(bytes);
        return NX_ESTATE;
    }
    const struct nx_record_head head = {
        .len = len <= NX_SPOOL_BATCH_MAX ? (uint32_t)len : 0,
        .results_n = (uint32_t)n,
        .first_seq = first_seq,
        .boot = s->boot,
        .clock = *clock};
    s->now_us = clock->mono_us > s->now_us ? clock->mono_us : s->now_us;
    s->next_seq += n;
    int err = nx_spool_take(s, bytes, &head);
    if (err != NX_OK) {
        free(bytes);
        nx_spool_hole(s, first_seq, first_seq + n - 1, NX_GAP_SPACE);
        return err;
    }
    nx_spool_learn(s, s->boot, clock);
    if (s->has_disk) {
        store(s);
    }
    fit_memory(s);
    return NX_OK;
}

void nx_spool_lost(struct nx_spool *s, uint64_t first_seq, size_t n) {
    if (first_seq == s->next_seq && n > 0) {
        s->next_seq += n;
        nx_spool_hole(s, first_seq, first_seq + n - 1, NX_GAP_SPACE);
    }
}

void nx_spool_configure(struct nx_spool *s, const struct nx_spool_conf *conf) {
    s->conf = *conf;
    if (s->has_disk) {
        nx_spool_fit_disk(s);
        s->sync_us = s->first != NULL ? s->now_us : INT64_MAX;
        s->retry_us = s->now_us;
    }
    if (s->first != NULL) {
        fit_memory(s);
    }
}

/* --- acks --- */

static void go_forward(struct nx_spool *s, const struct nx_ack *ack,
                       int64_t now_us) {
    nx_spool_holes_settle(s, ack->acked_seq);
    s->acked_seq = ack->acked_seq;
    s->ahead = ack->ahead;
    while (s->first != NULL && nx_head_last(&s->first->head) <= s->acked_seq) {
        nx_spool_remove_entry(s);
    }
    while (s->segments_n > (s->open ? 1 : 0) &&
           s->segments[0].last_seq <= s->acked_seq) {
        nx_spool_remove_segment(s);
    }
    s->sync_us = s->first != NULL ? s->sync_us : INT64_MAX;
    s->progress_us = now_us;
}

static uint64_t settled_n(const struct nx_spool *s, uint64_t acked_seq,
                          const struct nx_ahead *ahead) {
    return nx_settled_count(acked_seq, ahead, 1, s->next_seq);
}

/* What was told as lost may have arrived all the same, with its ack still on
 * the way: the collector knows. */
static void count_lost(struct nx_spool *s, const struct nx_ack *ack) {
    uint64_t settled = settled_n(s, s->acked_seq, &s->ahead);
    uint64_t lost = ack->dropped_n < settled ? ack->dropped_n : settled;
    uint64_t in_holes = nx_spool_holes_lost(s);
    if (ack->dropped_known) {
        s->dropped_n = lost > in_holes ? lost - in_holes : 0;
    }
}

/* The collector stands before what it once acknowledged. Which of the numbers
 * that it still has were told as lost an older one does not say: as many as can
 * be. An agent that says that it lost fewer than it reported looks like a copy.
 */
static void go_back(struct nx_spool *s, const struct nx_ack *ack) {
    uint64_t seq = 0;
    s->acked_seq = ack->acked_seq;
    s->ahead = ack->ahead;
    uint64_t most_n =
        settled_n(s, s->acked_seq, &s->ahead) - nx_spool_holes_lost(s);
    s->dropped_n = s->dropped_n < most_n ? s->dropped_n : most_n;
    for (size_t i = 0; i < s->segments_n; i++) {
        if (s->segments[i].first_seq > 0) {
            nx_spool_hole(s, seq + 1, s->segments[i].first_seq - 1,
                          NX_GAP_SPACE);
            seq = s->segments[i].last_seq;
        }
    }
    for (const struct nx_entry *e = s->first; e != NULL; e = e->next) {
        nx_spool_hole(s, seq + 1, e->head.first_seq - 1, NX_GAP_SPACE);
        seq = nx_head_last(&e->head) > seq ? nx_head_last(&e->head) : seq;
    }
    nx_spool_hole(s, seq + 1, s->next_seq - 1, NX_GAP_SPACE);
    nx_spool_lanes_back(s);
}

static bool find_echo(const struct nx_spool *s, uint64_t echo,
                      int64_t *sent_us) {
    for (size_t i = 0; i < s->flights_n; i++) {
        if (s->flights[i].first_seq == echo && s->flights[i].once) {
            *sent_us = s->flights[i].sent_us;
            return true;
        }
    }
    return false;
}

static uint64_t top_of(const struct nx_ack *ack) {
    return ack->ahead.n > 0 ? ack->ahead.runs[ack->ahead.n - 1].to_seq
                            : ack->acked_seq;
}

bool nx_spool_behind(const struct nx_spool *s, const struct nx_ack *ack) {
    return ack->epoch == s->epoch && top_of(ack) >= s->next_seq;
}

bool nx_spool_ack(struct nx_spool *s, const struct nx_ack *ack,
                  bool answers_hello, int64_t now_us, int64_t *sent_us) {
    if (ack->epoch != s->epoch || top_of(ack) >= s->next_seq) {
        return false;
    }
    bool sample = ack->echo != 0 && find_echo(s, ack->echo, sent_us);
    s->ack_us = sample ? now_us - *sent_us : s->ack_us;
    uint64_t before_n = settled_n(s, s->acked_seq, &s->ahead);
    uint64_t now_n = settled_n(s, ack->acked_seq, &ack->ahead);
    bool same = now_n == before_n && ack->acked_seq == s->acked_seq;
    if (now_n > before_n && ack->acked_seq >= s->acked_seq) {
        go_forward(s, ack, now_us);
        nx_spool_flights_settle(s, ack->echo);
        count_lost(s, ack);
    } else if (answers_hello && !same) {
        go_back(s, ack); /* it may know more beyond what it lost */
        count_lost(s, ack);
    } else if (same) {
        nx_spool_flights_settle(s, ack->echo);
        count_lost(s, ack);
    }
    return sample;
}

/* --- time --- */

static void age_memory(struct nx_spool *s, int64_t now_us) {
    while (s->first != NULL &&
           now_us - s->first->head.clock.mono_us > s->conf.max_age_us) {
        nx_spool_drop_entry(s, NX_GAP_AGE);
    }
}

void nx_spool_tick(struct nx_spool *s, const struct nx_clock_sample *now) {
    s->now_us = now->mono_us > s->now_us ? now->mono_us : s->now_us;
    nx_spool_learn(s, s->boot, now);
    if (s->now_us >= s->age_us) {
        s->age_us = s->now_us + AGE_EVERY_US;
        nx_spool_age_disk(s, now);
        age_memory(s, s->now_us);
    }
    bool again = s->problem != NX_OK && s->now_us >= s->retry_us;
    if (again || (s->problem == NX_OK && s->now_us >= s->sync_us)) {
        nx_spool_flush(s);
    }
    if (again && s->reserved_seq < s->next_seq - 1) {
        (void)nx_spool_failed(s, nx_spool_reserve(s));
    }
}

int64_t nx_spool_tick_at(const struct nx_spool *s) {
    if (s->first == NULL && s->segments_n == 0 && s->problem == NX_OK) {
        return INT64_MAX;
    }
    int64_t at_us = s->problem != NX_OK ? s->retry_us : s->sync_us;
    return at_us < s->age_us ? at_us : s->age_us;
}

/* --- figures --- */

bool nx_spool_caught_up(const struct nx_spool *s) {
    return s->first == NULL || s->first->head.first_seq >= s->fresh_from;
}

void nx_spool_ledger(const struct nx_spool *s, struct nx_ledger *out) {
    uint64_t settled = settled_n(s, s->acked_seq, &s->ahead);
    uint64_t lost = s->dropped_n + nx_spool_holes_lost(s);
    out->produced = s->next_seq - 1;
    out->held = out->produced - settled;
    out->dropped = lost < settled ? lost : settled;
    for (size_t i = 0; i < s->holes_n; i++) {
        const struct nx_hole *h = &s->holes[i];
        uint64_t open_n =
            h->to_seq - h->from_seq + 1 -
            nx_settled_count(s->acked_seq, &s->ahead, h->from_seq, h->to_seq);
        out->held -= open_n;
        out->dropped += open_n;
    }
    /* After a start what is beyond the ack is known with the first one only:
     * what was settled as lost there is not held, as far as that can be. */
    uint64_t beyond_n = lost > settled ? lost - settled : 0;
    beyond_n = beyond_n < out->held ? beyond_n : out->held;
    out->held -= beyond_n;
    out->dropped += beyond_n;
    out->acked = out->produced - out->held - out->dropped;
}

uint64_t nx_spool_epoch(const struct nx_spool *s) {
    return s->epoch;
}

uint64_t nx_spool_next_seq(const struct nx_spool *s) {
    return s->next_seq;
}

size_t nx_spool_memory_bytes(const struct nx_spool *s) {
    return s->memory_bytes;
}

uint64_t nx_spool_disk_bytes(const struct nx_spool *s) {
    return s->disk_bytes;
}

uint64_t nx_spool_damaged(const struct nx_spool *s) {
    return s->damaged_n;
}

int nx_spool_problem(const struct nx_spool *s) {
    return s->problem;
}

size_t nx_spool_unread(const struct nx_spool *s, int *err) {
    size_t n = 0;
    for (size_t i = 0; i < s->segments_n; i++) {
        if (s->segments[i].unread != NX_OK) {
            *err = s->segments[i].unread;
            n++;
        }
    }
    return n;
}
