#include "agent/plan/guard.h"

#include <stdlib.h>
#include <string.h>

#include "agent/uplink/clocksync.h"
struct own_word {
    int64_t at_us;
    uint16_t qtype;
    uint8_t word; /* enum nx_guard_word, never NO_WORD */
    uint8_t name[NX_DNAME_MAX];
};

struct nx_guard {
    bool planned; /* there was a plan, and the last one was taken */
    int64_t heard_us;
    int64_t stood_us; /* proofs from before do not hold */
    bool looked;      /* at the clocks, and they said: */
    int64_t mono_us, wall_us;
    bool overflow; /* a denial did not fit */
    size_t words_n;
    struct own_word words[NX_GUARD_WORDS_MAX];
};

int nx_guard_new(struct nx_guard **out) {
    struct nx_guard *guard = calloc(1, sizeof(*guard));
    if (guard == NULL) {
        return NX_ENOMEM;
    }
    *out = guard;
    return NX_OK;
}

void nx_guard_free(struct nx_guard **guard) {
    free(*guard);
    *guard = NULL;
}

/* --- the plan's word --- */

static bool fresh(const struct nx_guard *guard, const struct nx_policy *policy,
                  int64_t at_us, int64_t now_us) {
    return at_us >= guard->stood_us &&
           now_us - at_us <= (int64_t)policy->proof_s * 1000000;
}

bool nx_guard_proven(const struct nx_guard *guard,
                     const struct nx_policy *policy, int64_t now_mono_us) {
    return guard->planned && fresh(guard, policy, guard->heard_us, now_mono_us);
}

int64_t nx_guard_lapses(const struct nx_guard *guard,
                        const struct nx_policy *policy, int64_t now_mono_us) {
    int64_t first = INT64_MAX;
    if (nx_guard_proven(guard, policy, now_mono_us)) {
        first = guard->heard_us;
    }
    for (size_t i = 0; i < guard->words_n; i++) {
        const struct own_word *own = &guard->words[i];
        if (own->word == NX_GUARD_GOOD && own->at_us < first &&
            fresh(guard, policy, own->at_us, now_mono_us)) {
            first = own->at_us;
        }
    }
    return first == INT64_MAX ? first
                              : first + (int64_t)policy->proof_s * 1000000 + 1;
}

void nx_guard_plan(struct nx_guard *guard, int64_t now_mono_us) {
    guard->planned = true;
    guard->heard_us = now_mono_us;
    /* Nobody knows what did not fit. While the table is full, more may not. */
    guard->overflow = guard->overflow && guard->words_n == NX_GUARD_WORDS_MAX;
}

void nx_guard_lapse(struct nx_guard *guard) {
    guard->planned = false;
}

void nx_guard_stood(struct nx_guard *guard, int64_t now_mono_us) {
    nx_guard_lapse(guard);
    guard->stood_us = now_mono_us;
}

bool nx_guard_clocks(struct nx_guard *guard, int64_t now_mono_us,
                     int64_t now_wall_us) {
    int64_t counted_us = now_mono_us - guard->mono_us;
    int64_t passed_us = now_wall_us - guard->wall_us;
    bool stood = guard->looked && passed_us > counted_us + NX_STOOD_US;
    guard->looked = true;
    guard->mono_us = now_mono_us;
    guard->wall_us = now_wall_us;
    if (stood) {
        nx_guard_stood(guard, now_mono_us);
    }
    return stood;
}

void nx_guard_heard(struct nx_guard *guard, const struct nx_policy *policy,
                    int64_t now_mono_us) {
    if (nx_guard_proven(guard, policy, now_mono_us)) {
        guard->heard_us = now_mono_us;
    }
}

/* --- our own word --- */

static size_t find(const struct nx_guard *guard, const uint8_t *name,
                   uint16_t qtype) {
    size_t i = 0;
    while (i < guard->words_n &&
           (guard->words[i].qtype != qtype ||
            !nx_dname_equal(guard->words[i].name, name))) {
        i++;
    }
    return i;
}

/* A free place, or for a denial that of a good word; words_n: there is none. */
static struct own_word *place(struct nx_guard *guard, enum nx_guard_word word) {
    if (guard->words_n < NX_GUARD_WORDS_MAX) {
        return &guard->words[guard->words_n++];
    }
    for (size_t i = 0; word == NX_GUARD_DENIED && i < guard->words_n; i++) {
        if (guard->words[i].word == NX_GUARD_GOOD) {
            return &guard->words[i];
        }
    }
    return NULL;
}

bool nx_guard_own(struct nx_guard *guard, const uint8_t *name, uint16_t qtype,
                  enum nx_guard_word word, int64_t at_mono_us) {
    size_t i = find(guard, name, qtype);
    bool known = i < guard->words_n;
    bool denies = word == NX_GUARD_DENIED;
    if (word == NX_GUARD_NO_WORD) {
        if (known) {
            guard->words[i] = guard->words[--guard->words_n];
        }
        return false;
    }
    struct own_word *own = known ? &guard->words[i] : place(guard, word);
    if (own == NULL) { /* rather ask nothing than too much */
        bool turned = denies && !guard->overflow;
        guard->overflow = guard->overflow || denies;
        return turned;
    }
    bool turned = denies && (!known || own->word != NX_GUARD_DENIED);
    memcpy(own->name, name, nx_dname_len(name));
    own->qtype = qtype;
    own->word = (uint8_t)word;
    own->at_us = at_mono_us;
    return turned;
}

/* --- both --- */

static bool denied(const struct nx_guard *guard, const uint8_t *name,
                   uint16_t qtype) {
    size_t i = find(guard, name, qtype);
    return i < guard->words_n && guard->words[i].word == NX_GUARD_DENIED;
}

/* There is nothing below a name that does not exist (RFC 8020): it may be the
 * one that a resolver asks for first (RFC 9156). */
static bool no_such_name(const struct nx_guard *guard, const uint8_t *name) {
    bool none = denied(guard, name, NX_GUARD_EVERY_TYPE);
    while (!none && name[0] != 0) {
        name = nx_dname_parent(name);
        none = denied(guard, name, NX_GUARD_EVERY_TYPE);
    }
    return none;
}

enum nx_guard_state nx_guard_state(const struct nx_guard *guard,
                                   const struct nx_policy *policy,
                                   const uint8_t *name, uint16_t qtype,
                                   int64_t now_mono_us) {
    if (guard->overflow || denied(guard, name, qtype) ||
        no_such_name(guard, name)) {
        return NX_GUARD_DENIES;
    }
    size_t i = find(guard, name, qtype);
    bool said = i < guard->words_n;
    if (said && fresh(guard, policy, guard->words[i].at_us, now_mono_us)) {
        return NX_GUARD_OPEN;
    }
    if (policy->own_proof) {
        return said ? NX_GUARD_LAPSED : NX_GUARD_AWAITS;
    }
    return nx_guard_proven(guard, policy, now_mono_us) ? NX_GUARD_OPEN
                                                       : NX_GUARD_LAPSED;
}
