#include "agent/plan/witness.h"

#include "common/plants.h"
#include "common/rrtype.h"

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

static uint16_t bit(const struct nx_witness *w,
                    const struct nx_witness_type *type) {
    return (uint16_t)(1U << (type - w->types));
}

static uint16_t all_types(const struct nx_witness *w) {
    return (uint16_t)((1U << w->types_n) - 1U);
}

/* What was seen in the rounds before. Where they were for other types, whoever
 * denied one is asked for all. */
static void carry_over(struct nx_witness *w, const struct nx_witness *old) {
    bool same = w->types_n == old->types_n;
    for (size_t i = 0; i < w->types_n; i++) {
        for (size_t k = 0; k < old->types_n; k++) {
            if (old->types[k].qtype == w->types[i].qtype) {
                w->types[i].missed = old->types[k].missed;
                same = same && i == k;
            }
        }
    }
    w->deniers = old->deniers;
    for (size_t i = 0; !same && i < w->deniers.n; i++) {
        w->deniers.list[i].types = all_types(w);
    }
    nx_deniers_expire(&w->deniers, w->begun_us);
}

void nx_witness_begin(struct nx_witness *w, const uint16_t *types, size_t n,
                      int64_t now_mono_us, nx_witness_tell *tell, void *user) {
    const struct nx_witness old = *w;
    for (size_t i = 0; i < w->types_n; i++) {
        if (!lists(types, n, w->types[i].qtype)) {
            tell(user, w->types[i].qtype, NX_GUARD_NO_WORD);
        }
    }
    *w = (struct nx_witness){.types_n = n, .begun_us = now_mono_us};
    for (size_t i = 0; i < n; i++) {
        w->types[i].qtype = types[i];
    }
    carry_over(w, &old);
}

size_t nx_witness_deniers(struct nx_witness *w, nx_witness_matters *matters,
                          const void *user, struct nx_endpoint *out,
                          size_t max) {
    struct nx_deniers *d = &w->deniers;
    size_t kept = 0;
    for (size_t i = 0; i < d->n; i++) {
        if (matters(user, &d->list[i].at)) {
            d->list[kept++] = d->list[i];
        }
    }
    d->n = kept;
    for (size_t i = 0; i < kept && i < max; i++) {
        out[i] = d->list[i].at;
    }
    return kept < max ? kept : max;
}

/* The record. */
static bool affirms(const struct nx_answer *a, const uint8_t *zone,
                    bool missed) {
    return nx_answer_affirms(a, zone) || nx_answer_is_back(a, zone, missed);
}

static void count(struct nx_witness_type *type, const struct nx_obs *obs,
                  const uint8_t *zone) {
    const struct nx_answer *a = obs->answer;
    unsigned f = obs->question->to.address_len == 16 ? 1 : 0;
    bool good = affirms(a, zone, type->missed);
    type->family[f].asked_n += good || !nx_answer_leaves(a, zone) ? 1 : 0;
    type->family[f].affirmed_n += good ? 1 : 0;
    type->family[f].way |=
        a->outcome != NX_UNREACHABLE && a->outcome != NX_LOCAL_ERROR;
}

/* The zone of a server that is asked because it denied: it may be one above,
 * whose way down to `zone` would lead back for the others. */
static const uint8_t *zone_of(const struct nx_witness *w, const uint8_t *name,
                              const struct nx_endpoint *at,
                              const uint8_t *zone) {
    const struct nx_denier *d = nx_deniers_find(&w->deniers, at);
    return d != NULL ? nx_name_above(name, d->zone_labels) : zone;
}

/* Only a denier matters, and in the name of the zone in which it denied. */
static bool denier_says(const struct nx_witness *w, const struct nx_obs *obs,
                        bool so(const struct nx_answer *answer,
                                const uint8_t *name, const uint8_t *zone)) {
    const struct nx_question *q = obs->question;
    const uint8_t *zone = zone_of(w, q->name, &q->to, NULL);
    return zone != NULL && so(obs->answer, q->name, zone);
}

static void deny_name(struct nx_witness *w, nx_witness_tell *tell, void *user) {
    if (!w->no_name) {
        w->no_name = true;
        tell(user, NX_GUARD_EVERY_TYPE, NX_GUARD_DENIED);
    }
}

static void deny(struct nx_witness *w, const struct nx_obs *obs,
                 const uint8_t *zone, struct nx_witness_type *type,
                 nx_witness_tell *tell, void *user) {
    const struct nx_denier denier = {
        .at = obs->question->to,
        .at_us = w->begun_us,
        .types = bit(w, type),
        .name = nx_answer_is_no_name(obs->answer),
        .zone_labels = (uint8_t)(zone != NULL ? nx_dname_labels(zone) : 0)};
    nx_deniers_add(&w->deniers, &denier);
    if (denier.name) {
        deny_name(w, tell, user);
    }
    type->missed |= nx_answer_ends_in(obs->answer, zone);
    if (!type->denied) {
        type->denied = true;
        tell(user, type->qtype, NX_GUARD_DENIED);
    }
}

/* Or the name itself, as an apex, when the parent is asked for its DS.
 * A server may have the name and deny one above, or not say in this round: only
 * a word on that one takes it back. */
static void hear_above(struct nx_witness *w, const struct nx_obs *obs,
                       const uint8_t *zone, nx_witness_tell *tell, void *user) {
    const struct nx_question *q = obs->question;
    unsigned labels = nx_dname_labels(q->name);
    if (nx_answer_is_no_name(obs->answer) && labels > 0) {
        bool parent = q->qtype == NX_TYPE_DS || zone == NULL;
        unsigned of_zone = parent ? labels - 1 : nx_dname_labels(zone);
        const struct nx_denier denier = {.at = q->to,
                                         .at_us = w->begun_us,
                                         .above = nx_above_bit(q->name),
                                         .zone_labels = (uint8_t)of_zone};
        nx_deniers_add(&w->deniers, &denier);
        deny_name(w, tell, user);
    } else if (denier_says(w, obs, nx_answer_shows_name)) {
        /* The parent of a zone says so of all that is below. */
        nx_deniers_remove_above(&w->deniers, &q->to,
                                q->qtype == NX_TYPE_DS ? NX_ABOVE_ALL
                                                       : nx_above_bit(q->name));
    }
}

void nx_witness_hear(struct nx_witness *w, const uint8_t *name,
                     const struct nx_obs *obs, const uint8_t *zone, bool left,
                     nx_witness_tell *tell, void *user) {
    const struct nx_question *q = obs->question;
    const struct nx_answer *a = obs->answer;
    if (!nx_dname_equal(q->name, name)) {
        if (nx_dname_under(name, q->name)) {
            hear_above(w, obs, zone, tell, user);
        }
        return;
    }
    struct nx_witness_type *type = find(w, q->qtype);
    if (type == NULL) {
        if (q->qtype == NX_TYPE_DS) { /* of the apex, at the parent's servers */
            hear_above(w, obs, zone, tell, user);
        }
        return;
    }
    if (left) {
        zone = zone_of(w, name, &q->to, zone);
    } else {
        count(type, obs, zone);
    }
    if (nx_answer_plants(a, zone)) {
        deny(w, obs, zone, type, tell, user);
    } else if (nx_answer_is_no_error(a)) {
        /* A server that left the set, or of a zone above, is asked for
         * nothing else. */
        if (denier_says(w, obs, nx_answer_leads_down)) {
            nx_deniers_remove_above(&w->deniers, &q->to, NX_ABOVE_ALL);
        }
        w->exists |= !left && (a->flags & NX_ANS_AA) != 0;
        nx_deniers_remove(&w->deniers, &q->to, bit(w, type));
    }
}

static unsigned affirmed_n(const struct nx_witness_type *type) {
    return type->family[0].affirmed_n + type->family[1].affirmed_n;
}

static bool is_good(const struct nx_witness *w,
                    const struct nx_witness_type *type, unsigned unasked_n) {
    unsigned asked_n = unasked_n;
    for (size_t f = 0; f < 2; f++) {
        asked_n += type->family[f].way ? type->family[f].asked_n : 0;
    }
    return !type->denied && !w->no_name && affirmed_n(type) > 0 &&
           2 * affirmed_n(type) >= asked_n &&
           !nx_deniers_any(&w->deniers, bit(w, type));
}

void nx_witness_end(const struct nx_witness *w,
                    const struct nx_witness_walk *walk, nx_witness_tell *tell,
                    void *user) {
    for (size_t i = 0; walk->arrived && i < w->types_n; i++) {
        const struct nx_witness_type *type = &w->types[i];
        if (is_good(w, type, walk->unasked_n)) {
            tell(user, type->qtype, NX_GUARD_GOOD);
        }
    }
    if (walk->arrived && w->exists && !w->no_name &&
        !nx_deniers_any(&w->deniers, 0)) {
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
