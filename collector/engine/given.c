#include "collector/engine/given.h"

#include <string.h>

#include "collector/infer/look.h"

static bool has(const struct nx_given_ring *ring, uint32_t hash) {
    for (unsigned i = 0; i < ring->n; i++) {
        if (ring->at[i] == hash) {
            return true;
        }
    }
    return false;
}

static void add(struct nx_given_ring *ring, uint32_t hash) {
    if (hash == 0 || has(ring, hash)) {
        return;
    }
    ring->at[ring->next] = hash;
    ring->next = (uint8_t)((ring->next + 1U) % NX_GIVEN_MAX);
    ring->n = (uint8_t)(ring->n + (ring->n < NX_GIVEN_MAX ? 1U : 0U));
}

/* The record at *at of the RRset as the only one; 0: there are no more. */
static uint32_t next_record(const struct nx_answer *answer, size_t *at) {
    size_t left = answer->rdata_len - *at;
    if ((answer->flags & NX_ANS_RDATA) == 0 || left < 2) {
        return 0;
    }
    const uint8_t *p = answer->rdata + *at;
    size_t len = 2U + ((size_t)p[0] << 8 | p[1]);
    if (len > left) {
        return 0;
    }
    *at += len;
    return nx_rdata_hash(p, len);
}

void nx_given_forget(struct nx_given *given) {
    memset(given, 0, sizeof(*given));
}

void nx_given_age(struct nx_given *given) {
    given->old = nx_given_any(given);
}

static void renew(struct nx_given *given) {
    if (given->old) {
        nx_given_forget(given);
    }
}

void nx_given_note(struct nx_given *given, const struct nx_answer *answer) {
    size_t at = 0;
    renew(given);
    uint32_t record = next_record(answer, &at);
    add(&given->rrsets, nx_answer_hash(answer));
    for (; record != 0; record = next_record(answer, &at)) {
        add(&given->records, record);
    }
}

void nx_given_note_alias(struct nx_given *given) {
    renew(given);
    given->alias = true;
}

bool nx_given_any(const struct nx_given *given) {
    return given->rrsets.n > 0 || given->alias;
}

bool nx_given_has(const struct nx_given *given, uint32_t answer_hash) {
    return answer_hash != 0 && (has(&given->rrsets, answer_hash) ||
                                has(&given->records, answer_hash));
}

bool nx_given_covers(const struct nx_given *given,
                     const struct nx_answer *answer) {
    size_t at = 0;
    uint32_t record = next_record(answer, &at);
    bool all = record != 0 && (answer->flags & NX_ANS_PARTIAL) == 0;
    for (; record != 0 && all; record = next_record(answer, &at)) {
        all = has(&given->records, record);
    }
    return all;
}
