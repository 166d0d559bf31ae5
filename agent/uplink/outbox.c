#include "agent/uplink/outbox.h"

#include <stdlib.h>
#include <string.h>

struct entry {
    struct entry *next;
    uint8_t *bytes;
    size_t len;
    uint64_t first_seq;
    uint64_t last_seq;
    unsigned sent_n;
    int64_t sent_us; /* the last time */
};

struct nx_outbox {
    uint64_t epoch;
    size_t max_bytes;
    size_t bytes;
    uint64_t next_seq;
    uint64_t acked_seq;   /* what the collector is known to have */
    uint64_t acked_n;     /* results that arrived; neither acked nor held:
                             dropped */
    uint64_t gap_told;    /* highest number in a gap record that was sent */
    struct entry *first;  /* oldest held */
    struct entry **tail;  /* where the next entry goes */
    struct entry *cursor; /* next to send; NULL: all sent */
    int64_t progress_us;  /* last ack that moved, or first sending after */
    bool waiting;         /* something is sent and unanswered */
};

int nx_outbox_new(uint64_t epoch, uint64_t next_seq, size_t max_bytes,
                  struct nx_outbox **out) {
    struct nx_outbox *box = calloc(1, sizeof(*box));
    if (box == NULL) {
        return NX_ENOMEM;
    }
    box->epoch = epoch;
    box->next_seq = next_seq;
    box->acked_seq = next_seq - 1;
    box->max_bytes = max_bytes;
    box->tail = &box->first;
    *out = box;
    return NX_OK;
}

static size_t cost(const struct entry *e) {
    return e->len + sizeof(*e) + 32; /* and what malloc adds */
}

static uint64_t results_n(const struct entry *e) {
    return e->last_seq - e->first_seq + 1;
}

static void remove_first(struct nx_outbox *box) {
    struct entry *e = box->first;
    box->first = e->next;
    if (box->first == NULL) {
        box->tail = &box->first;
    }
    if (box->cursor == e) {
        box->cursor = e->next;
    }
    box->bytes -= cost(e);
    free(e->bytes);
    free(e);
}

void nx_outbox_free(struct nx_outbox **outbox) {
    struct nx_outbox *box = *outbox;
    if (box != NULL) {
        while (box->first != NULL) {
            remove_first(box);
        }
        free(box);
        *outbox = NULL;
    }
}

void nx_outbox_resize(struct nx_outbox *box, size_t max_bytes) {
    box->max_bytes = max_bytes;
    while (box->bytes > max_bytes && box->first->next != NULL) {
        remove_first(box);
    }
}

/* Holes in the middle cannot be told by one gap before the first batch: what
 * is held before a hole is given up, too. It takes lack of memory to get here.
 */
void nx_outbox_lost(struct nx_outbox *box, uint64_t first_seq, size_t n) {
    if (first_seq != box->next_seq) {
        return;
    }
    while (box->first != NULL) {
        remove_first(box);
    }
    box->next_seq += n;
}

static int lose(struct nx_outbox *box, uint8_t *bytes, uint64_t first_seq,
                size_t n) {
    free(bytes);
    nx_outbox_lost(box, first_seq, n);
    return NX_ENOMEM;
}

int nx_outbox_put(struct nx_outbox *box, uint8_t *bytes, size_t len,
                  uint64_t first_seq, size_t n) {
    if (first_seq != box->next_seq || n == 0) {
        free(bytes);
        return NX_ESTATE;
    }
    struct entry *e = calloc(1, sizeof(*e));
    if (e == NULL || len > NX_OUTBOX_BATCH_MAX) {
        free(e);
        return lose(box, bytes, first_seq, n);
    }
    *e = (struct entry){.bytes = bytes,
                        .len = len,
                        .first_seq = first_seq,
                        .last_seq = first_seq + n - 1};
    while (box->first != NULL && box->bytes + cost(e) > box->max_bytes) {
        remove_first(box);
    }
    *box->tail = e;
    box->tail = &e->next;
    box->bytes += cost(e);
    box->next_seq += n;
    if (box->cursor == NULL) {
        box->cursor = e;
    }
    return NX_OK;
}

int nx_outbox_peek(const struct nx_outbox *box, uint8_t *out, size_t *len,
                   uint64_t *first_seq) {
    const struct entry *e = box->cursor;
    if (e == NULL) {
        return NX_ENOTFOUND;
    }
    int err = NX_OK;
    if (box->acked_seq + 1 < box->first->first_seq) {
        const struct nx_gap gap = {.from_seq = box->acked_seq + 1,
                                   .to_seq = box->first->first_seq - 1,
                                   .reason = NX_GAP_SPACE};
        err = nx_codec_batch_add_gap(e->bytes, e->len, &gap, out,
                                     NX_MSG_MAX_BYTES, len);
    } else {
        memcpy(out, e->bytes, e->len);
        *len = e->len;
    }
    if (err == NX_OK) {
        *first_seq = e->first_seq;
    }
    return err;
}

void nx_outbox_sent(struct nx_outbox *box, int64_t now_mono_us) {
    struct entry *e = box->cursor;
    if (e == NULL) {
        return;
    }
    if (box->acked_seq + 1 < box->first->first_seq) {
        box->gap_told = box->first->first_seq - 1;
    }
    e->sent_n++;
    e->sent_us = now_mono_us;
    box->cursor = e->next;
    if (!box->waiting) {
        box->waiting = true;
        box->progress_us = now_mono_us;
    }
}

/* The collector stands before what it once acknowledged. What went out since
 * the connection began did not say so, and is not taken: once more. */
static void go_back(struct nx_outbox *box, uint64_t acked_seq) {
    box->cursor = box->first;
    box->waiting = false;
    box->acked_n = box->acked_n < acked_seq ? box->acked_n : acked_seq;
    box->acked_seq = acked_seq;
}

static void go_forward(struct nx_outbox *box, uint64_t acked_seq,
                       int64_t now_mono_us) {
    uint64_t held_from =
        box->first != NULL ? box->first->first_seq : box->next_seq;
    /* Some of what was dropped had arrived after all. What a gap record was
     * sent for may have been taken as lost: it stays dropped. */
    uint64_t from =
        box->acked_seq > box->gap_told ? box->acked_seq : box->gap_told;
    uint64_t until = acked_seq < held_from ? acked_seq : held_from - 1;
    if (until > from) {
        box->acked_n += until - from;
    }
    while (box->first != NULL && box->first->last_seq <= acked_seq) {
        box->acked_n += results_n(box->first);
        remove_first(box);
    }
    box->acked_seq = acked_seq;
    box->progress_us = now_mono_us;
    box->waiting = box->first != NULL && box->first != box->cursor;
}

static bool find_echo(const struct nx_outbox *box, uint64_t echo,
                      int64_t *sent_us) {
    for (const struct entry *e = box->first; e != NULL && e->sent_n > 0;
         e = e->next) {
        if (e->first_seq == echo) {
            *sent_us = e->sent_us;
            return e->sent_n == 1;
        }
    }
    return false;
}

bool nx_outbox_ack(struct nx_outbox *box, const struct nx_ack *ack,
                   bool answers_hello, int64_t now_mono_us, int64_t *sent_us) {
    if (ack->epoch != box->epoch || ack->acked_seq >= box->next_seq) {
        return false;
    }
    bool sample = ack->echo != 0 && find_echo(box, ack->echo, sent_us);
    if (ack->acked_seq > box->acked_seq) {
        go_forward(box, ack->acked_seq, now_mono_us);
    } else if (answers_hello && ack->acked_seq < box->acked_seq) {
        go_back(box, ack->acked_seq);
    }
    return sample;
}

void nx_outbox_rewind(struct nx_outbox *box, int64_t now_mono_us) {
    box->cursor = box->first;
    box->waiting = false;
    box->progress_us = now_mono_us;
}

int64_t nx_outbox_timeout_at(const struct nx_outbox *box, int64_t timeout_us) {
    return box->waiting ? box->progress_us + timeout_us : INT64_MAX;
}

void nx_outbox_ledger(const struct nx_outbox *box, struct nx_ledger *out) {
    uint64_t held =
        box->first != NULL ? box->next_seq - box->first->first_seq : 0;
    out->produced = box->next_seq - 1;
    out->held = held;
    out->acked = box->acked_n;
    out->dropped = out->produced - held - box->acked_n;
}

uint64_t nx_outbox_next_seq(const struct nx_outbox *box) {
    return box->next_seq;
}

size_t nx_outbox_bytes(const struct nx_outbox *box) {
    return box->bytes;
}
