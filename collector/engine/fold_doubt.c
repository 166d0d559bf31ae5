/* Is an answer to be believed (see fold.h)? */
#include <string.h>

#include "collector/engine/canaries.h"
#include "collector/engine/fold.h"

#define US_PER_S INT64_C(1000000)
#define LAYERS 2 /* of caches that keep a denial one after the other */

/* The address that it gives for canary names that do not exist. */
static bool is_rewritten(const struct nx_fold *f, const struct nx_obs *obs) {
    const struct nx_answer *answer = obs->answer;
    const struct nx_profile *p =
        nx_canaries_profile(f->engine, f->agent, &obs->question->to);
    return p->rewritten_len > 0 && answer->rdata_n == 1 &&
           answer->rdata_len == p->rewritten_len + 2U &&
           memcmp(answer->rdata + 2, p->rewritten, p->rewritten_len) == 0;
}

/* Can a denial from the outage be cached still? Then another answer than the
 * servers' may stand in its place; later it is what this resolver is given. */
static bool may_hold_denial(const struct nx_item *item, int64_t at_us) {
    const struct nx_auth_facts *facts = nx_authority_facts(item->authority);
    uint32_t w_s = facts->w_auth_s > facts->parent_w_s ? facts->w_auth_s
                                                       : facts->parent_w_s;
    int64_t life_us = ((int64_t)w_s + 1) * US_PER_S;
    return facts->restored_hi_us != NX_TIME_UNKNOWN &&
           at_us <= facts->restored_hi_us + LAYERS * life_us;
}

void nx_fold_doubt(const struct nx_fold *f, const struct nx_item *item,
                   const struct nx_obs *obs, struct nx_look *look) {
    if (look->kind != NX_KIND_POS || item->spec->rdata_n > 0) {
        return;
    }
    bool rewritten = is_rewritten(f, obs) &&
                     !nx_authority_gives(item->authority, obs->answer);
    bool unlike = !rewritten && may_hold_denial(item, look->tx_us) &&
                  nx_authority_differs(item->authority, obs->answer);
    look->flags |= rewritten ? NX_LOOK_REWRITTEN : 0U;
    look->flags |= unlike ? NX_LOOK_UNLIKE_SERVERS : 0U;
    look->kind = rewritten || unlike ? NX_KIND_POS_OTHER : look->kind;
}
