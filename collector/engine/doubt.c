#include "collector/engine/doubt.h"

#include "collector/engine/canaries.h"
#include "collector/engine/targets.h"
#include "common/rrtype.h"

#define LAYERS 2 /* of caches that keep a denial one after the other */

/* Until when may a denial from the outage be cached? Later than that another
 * answer is what this resolver is given. */
static int64_t denials_end_us(const struct nx_auth_facts *facts) {
    return facts->restored_hi_us != NX_TIME_UNKNOWN
               ? facts->restored_hi_us + LAYERS * nx_longest_life_us(facts)
               : INT64_MAX; /* it goes on */
}

/* Canary names are asked for with type A. */
static bool is_measured(const struct nx_profile *profile, uint16_t qtype) {
    return qtype == NX_TYPE_A && profile->verified &&
           !profile->rewrites_nxdomain;
}

void nx_doubt(const struct nx_item *item, const struct nx_profile *profile,
              bool denial_seen, struct nx_look *looks, size_t n) {
    if (item->spec->rdata_n > 0) {
        return;
    }
    const struct nx_authority *a = item->authority;
    uint32_t made_up =
        profile->rewritten_len > 0
            ? nx_address_hash(profile->rewritten, profile->rewritten_len)
            : 0;
    made_up = nx_authority_gives(a, made_up) ? 0 : made_up;
    bool hands_on = is_measured(profile, item->spec->qtype) || denial_seen;
    uint32_t theirs = nx_authority_one_answer(a);
    int64_t end_us = denials_end_us(nx_authority_facts(a));
    n = made_up != 0 || theirs != 0 ? n : 0;
    for (size_t i = 0; i < n; i++) {
        struct nx_look *look = &looks[i];
        if (look->kind != NX_KIND_POS || look->answer_hash == 0) {
            continue;
        }
        bool rewritten = look->answer_hash == made_up;
        bool own = (look->flags & NX_LOOK_AA) != 0; /* no cache of theirs */
        bool unlike = !rewritten && theirs != 0 && (own || !hands_on) &&
                      look->answer_hash != theirs && look->tx_us <= end_us;
        look->flags |= unlike ? NX_LOOK_UNLIKE_SERVERS : 0U;
        look->kind = rewritten || unlike ? NX_KIND_POS_OTHER : look->kind;
    }
}

size_t nx_doubted_looks(const struct nx_engine *engine,
                        const struct nx_target *t, struct nx_look *out) {
    size_t n = nx_target_looks(t, out);
    nx_doubt(t->item, nx_canaries_profile(engine, t->agent, &t->question.to),
             t->denial_seen, out, n);
    return n;
}
