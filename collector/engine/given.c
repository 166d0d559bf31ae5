#include "collector/engine/given.h"

#include <string.h>

#include "collector/infer/look.h"

static unsigned place_of(const struct nx_given_list *list, uint32_t hash) {
    unsigned i = 0;
    while (i < list->n && list->at[i] != hash) {
        i++;
    }
    return i;
}

static bool has(const struct nx_given_list *list, uint32_t hash) {
    return place_of(list, hash) < list->n;
}

/* To the newest place; false: it is full, and the oldest went. */
static bool add(struct nx_given_list *list, uint32_t hash) {
    unsigned i = place_of(list, hash);
    bool fits = i < NX_GIVEN_MAX;
    if (hash == 0) {
        return true;
    }
    if (i == list->n && fits) {
        list->n++;
    }
    i = i < list->n ? i : 0;
    memmove(list->at + i, list->at + i + 1,
            (list->n - 1U - i) * sizeof(list->at[0]));
    list->at[list->n - 1U] = hash;
    return fits;
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
    bool fits = add(&given->rrsets, nx_answer_hash(answer));
    /* Of a whole one the records tell it, too. */
    given->many |= !fits && (answer->flags & NX_ANS_PARTIAL) != 0;
    for (; record != 0; record = next_record(answer, &at)) {
        given->many |= !add(&given->records, record);
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
