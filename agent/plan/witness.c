#include "agent/plan/witness.h"

#include "common/plants.h"

static struct nx_witness_type *find(struct nx_witness *w, uint16_t qtype) {
    for (size_t i = 0; i < w->types_n; i++) {
        if (w->types[i].qtype == qtype) {
            return &w->types[i];
        }
    }
    return NULL;
}

static bool lists(const uint16_t *types, size_t n, uint16_t qtype) {
    size_t i = 0;
    while (i < n && types[i] != qtype) {
        i++;
    }
    return i < n;
}

void nx_witness_begin(struct nx_witness *w, const uint16_t *types, size_t n,
                      nx_witness_tell *tell, void *user) {
    for (size_t i = 0; i < w->types_n; i++) {
        if (!lists(types, n, w->types[i].qtype)) {
            tell(user, w->types[i].qtype, NX_GUARD_NO_WORD);
        }
    }
    *w = (struct nx_witness){.types_n = n};
    for (size_t i = 0; i < n; i++) {
        w->types[i].qtype = types[i];
    }
}

/* The record, or the zone's own part of a chain that leaves it. */
static bool affirms(const struct nx_answer *a, const uint8_t *zone) {
    return a->outcome == NX_ANSWERED && a->rcode == NX_RCODE_NOERROR &&
           (a->flags & NX_ANS_AA) != 0 &&
           ((a->flags & NX_ANS_RDATA) != 0 || nx_answer_leaves(a, zone));
}

static void count(struct nx_witness_type *type, const struct nx_obs *obs,
                  const uint8_t *zone) {
    uint8_t outcome = obs->answer->outcome;
    unsigned f = obs->question->to.address_len == 16 ? 1 : 0;
    type->family[f].asked_n++;
    type->family[f].affirmed_n += affirms(obs->answer, zone) ? 1 : 0;
    type->family[f].way |=
        outcome != NX_UNREACHABLE && outcome != NX_LOCAL_ERROR;
}

void nx_witness_hear(struct nx_witness *w, const struct nx_obs *obs,
                     const uint8_t *zone, bool left, nx_witness_tell *tell,
                     void *user) {
    const struct nx_answer *a = obs->answer;
    struct nx_witness_type *type = find(w, obs->question->qtype);
    if (type == NULL) {
        return;
    }
    if (!left) {
        count(type, obs, zone);
    }
    if (a->outcome == NX_ANSWERED && a->rcode == NX_RCODE_NXDOMAIN &&
        a->cname_n == 0 && !w->no_name) {
        w->no_name = true;
        tell(user, NX_GUARD_EVERY_TYPE, NX_GUARD_DENIED);
    }
    if (nx_answer_plants(a, zone) && !type->denied) {
        type->denied = true;
        tell(user, type->qtype, NX_GUARD_DENIED);
    }
}

static unsigned affirmed_n(const struct nx_witness_type *type) {
    return type->family[0].affirmed_n + type->family[1].affirmed_n;
}

static bool is_good(const struct nx_witness_type *type) {
    unsigned asked_n = 0;
    for (size_t f = 0; f < 2; f++) {
        asked_n += type->family[f].way ? type->family[f].asked_n : 0;
    }
    return !type->denied && affirmed_n(type) > 0 &&
           2 * affirmed_n(type) >= asked_n;
}

void nx_witness_end(const struct nx_witness *w, nx_witness_tell *tell,
                    void *user) {
    bool exists = false;
    for (size_t i = 0; i < w->types_n; i++) {
        const struct nx_witness_type *type = &w->types[i];
        exists = exists || (affirmed_n(type) > 0 && !w->no_name);
        if (is_good(type)) {
            tell(user, type->qtype, NX_GUARD_GOOD);
        }
    }
    if (exists) {
        tell(user, NX_GUARD_EVERY_TYPE, NX_GUARD_NO_WORD);
    }
}

void nx_witness_forget(const struct nx_witness *w, nx_witness_tell *tell,
                       void *user) {
    for (size_t i = 0; i < w->types_n; i++) {
        tell(user, w->types[i].qtype, NX_GUARD_NO_WORD);
    }
    tell(user, NX_GUARD_EVERY_TYPE, NX_GUARD_NO_WORD);
}
