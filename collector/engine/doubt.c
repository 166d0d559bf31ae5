#include "collector/engine/doubt.h"

#include "collector/engine/canaries.h"
#include "collector/engine/targets.h"
#include "common/rrtype.h"

/* Canary names are asked for with type A: it speaks for addresses. */
static bool is_measured(const struct nx_profile *profile, uint16_t qtype) {
    return (qtype == NX_TYPE_A || qtype == NX_TYPE_AAAA) && profile->verified &&
           !profile->rewrites_nxdomain;
}

/* NXDOMAIN is of all types of the name. */
static bool is_denied_beside(const struct nx_engine *engine,
                             const struct nx_target *t) {
    const struct nx_case *c = t->item->owner;
    for (unsigned i = 0; i < c->incident.items_n; i++) {
        const struct nx_item *item = &c->items[i];
        const struct nx_target *beside =
            nx_dname_equal(item->spec->name, t->item->spec->name)
                ? nx_targets_find(engine, t->agent, item, &t->question.to)
                : NULL;
        if (beside != NULL && beside->nxdomain_seen) {
            return true;
        }
    }
    return false;
}

/* The hash of the address that is given for what does not exist; 0: none. */
static uint32_t made_up_by(const struct nx_profile *profile,
                           const struct nx_given *given) {
    uint32_t hash =
        profile->rewritten_len > 0
            ? nx_address_hash(profile->rewritten, profile->rewritten_len)
            : 0;
    return nx_given_has(given, hash) ? 0 : hash;
}

/* The device's own resolver shows no aliases. Behind an alias it is for others
 * to say what is there. */
static bool is_foreign(const struct nx_given *given, const struct nx_target *t,
                       const struct nx_look *look) {
    if (given->alias && ((look->flags & NX_LOOK_CNAME) != 0 ||
                         t->question.to.transport == NX_SYSTEM)) {
        return false;
    }
    return nx_given_any(given) && (look->flags & NX_LOOK_OF_SERVERS) == 0 &&
           !nx_given_has(given, look->answer_hash);
}

/* Data that the agent keeps may be the address that is given for what does not
 * exist. */
static bool may_be_made_up(const struct nx_profile *profile,
                           const struct nx_target *t,
                           const struct nx_look *look) {
    return profile->rewrites_nxdomain &&
           (look->flags & NX_LOOK_DATA_WITHHELD) != 0 &&
           ((look->flags & NX_LOOK_AA) != 0 || !t->denial_seen);
}

static void doubt_withheld(const struct nx_profile *profile,
                           const struct nx_target *t, struct nx_look *looks,
                           size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (looks[i].kind == NX_KIND_POS &&
            may_be_made_up(profile, t, &looks[i])) {
            looks[i].kind = NX_KIND_POS_OTHER;
        }
    }
}

size_t nx_doubted_looks(const struct nx_engine *engine,
                        const struct nx_target *t, struct nx_look *out) {
    size_t n = nx_target_looks(t, out);
    const struct nx_profile *profile =
        nx_canaries_profile(engine, t->agent, &t->question.to);
    doubt_withheld(profile, t, out, n);
    if (t->item->spec->rdata_n > 0) {
        return n;
    }
    const struct nx_given *given = nx_authority_given(t->item->authority);
    uint32_t made_up = made_up_by(profile, given);
    bool hands_on = is_measured(profile, t->item->spec->qtype) ||
                    t->denial_seen || is_denied_beside(engine, t);
    for (size_t i = 0; i < n; i++) {
        struct nx_look *look = &out[i];
        if (look->kind != NX_KIND_POS || look->answer_hash == 0) {
            continue;
        }
        bool rewritten = made_up != 0 && look->answer_hash == made_up;
        bool own = (look->flags & NX_LOOK_AA) != 0; /* no cache of theirs */
        bool foreign =
            !rewritten && (own || !hands_on) && is_foreign(given, t, look);
        bool unlike = foreign && (own || !given->many);
        look->flags |= unlike    ? NX_LOOK_UNLIKE_SERVERS
                       : foreign ? NX_LOOK_NOT_COMPARED
                                 : 0U;
        look->kind = rewritten || unlike ? NX_KIND_POS_OTHER : look->kind;
    }
    return n;
}
