#include "collector/engine/left.h"

#include <stdlib.h>
#include <string.h>

#include "common/plants.h"

#define US_PER_S INT64_C(1000000)

const char *nx_left_class_text(unsigned class_) {
    static const char *const text[] = {"harmless", "silent", "pending",
                                       "settling", "denies"};
    return class_ <= NX_LEFT_DENIES ? text[class_] : "?";
}

void nx_left_init(struct nx_left *left) {
    *left = (struct nx_left){.unkept_until_us = NX_TIME_UNKNOWN,
                             .fed_us = NX_TIME_UNKNOWN};
}

void nx_left_fini(struct nx_left *left) {
    free(left->list);
    nx_left_init(left);
}

/* --- who is remembered --- */

static struct nx_left_server *find(const struct nx_left *left,
                                   const struct nx_endpoint *at) {
    for (size_t i = 0; i < left->n; i++) {
        if (nx_endpoint_same_server(&left->list[i].at, at)) {
            return &left->list[i];
        }
    }
    return NULL;
}

static int make(struct nx_left *left, const struct nx_endpoint *at,
                const uint8_t *name, struct nx_left_server **out) {
    struct nx_left_server *list =
        realloc(left->list, (left->n + 1) * sizeof(*list));
    if (list == NULL) {
        return NX_ENOMEM;
    }
    left->list = list;
    struct nx_left_server *s = &list[left->n++];
    left->changes_n++;
    *s = (struct nx_left_server){.at = *at,
                                 .left_us = NX_TIME_UNKNOWN,
                                 .until_us = NX_TIME_UNKNOWN,
                                 .last_us = NX_TIME_UNKNOWN,
                                 .class_ = NX_LEFT_PENDING};
    s->at.server_name = NULL;
    if (name != NULL) {
        (void)nx_dname_lower(name, s->name);
        s->named = true;
    }
    *out = s;
    return 0;
}

static struct nx_left_sight *sight_of(struct nx_left_server *s,
                                      uint32_t agent_id) {
    for (unsigned i = 0; i < s->sights_n; i++) {
        if (s->sights[i].agent_id == agent_id) {
            return &s->sights[i];
        }
    }
    if (s->sights_n == NX_LEFT_VANTAGES_MAX) {
        return NULL;
    }
    struct nx_left_sight *sight = &s->sights[s->sights_n++];
    *sight = (struct nx_left_sight){.agent_id = agent_id,
                                    .last_us = NX_TIME_UNKNOWN,
                                    .vain_us = NX_TIME_UNKNOWN,
                                    .denied_us = NX_TIME_UNKNOWN,
                                    .well_us = NX_TIME_UNKNOWN};
    return sight;
}

int nx_left_add(struct nx_left *left, const struct nx_endpoint *at,
                const uint8_t *name, const uint8_t *zone, int64_t at_us,
                uint32_t ttl_s, uint32_t w_s,
                const struct nx_left_sight *sight) {
    struct nx_left_server *s = find(left, at);
    int64_t until_us = at_us + (int64_t)nx_left_kept_s(ttl_s) * US_PER_S;
    if (s == NULL && left->n == NX_LEFT_MAX) {
        /* Rather ask nothing than too much. */
        left->unkept_until_us = nx_time_later(left->unkept_until_us, until_us);
        return 0;
    }
    int err = s == NULL ? make(left, at, name, &s) : 0;
    if (err != 0) {
        return err;
    }
    if (zone != NULL) {
        (void)nx_dname_lower(zone, s->zone);
        s->zone_known = true;
    }
    s->left_us = nx_time_later(s->left_us, at_us);
    s->until_us = nx_time_later(s->until_us, until_us);
    s->w_s = w_s > s->w_s ? w_s : s->w_s;
    if (sight != NULL) {
        struct nx_left_sight *own = sight_of(s, sight->agent_id);
        if (own != NULL) {
            *own = *sight;
        }
    }
    return 0;
}

static void remove_at(struct nx_left *left, size_t i) {
    left->n--;
    left->changes_n++;
    memmove(&left->list[i], &left->list[i + 1],
            (left->n - i) * sizeof(left->list[0]));
}

const struct nx_left_server *nx_left_find(const struct nx_left *left,
                                          const struct nx_endpoint *at) {
    return find(left, at);
}

void nx_left_back(struct nx_left *left, const struct nx_endpoint *at) {
    const struct nx_left_server *s = find(left, at);
    if (s == NULL) {
        return;
    }
    /* What denies still goes on to count in the set. */
    for (unsigned i = 0; i < s->sights_n; i++) {
        const struct nx_left_sight *sight = &s->sights[i];
        if (sight->denied_us != NX_TIME_UNKNOWN &&
            sight->well_us != NX_TIME_UNKNOWN) {
            left->fed_us = nx_time_later(
                left->fed_us, nx_time_sooner(sight->well_us, s->until_us));
            left->fed_w_s = s->w_s > left->fed_w_s ? s->w_s : left->fed_w_s;
        }
    }
    remove_at(left, (size_t)(s - left->list));
}

void nx_left_forget(struct nx_left *left, uint32_t agent_id) {
    for (size_t i = 0; i < left->n; i++) {
        struct nx_left_server *s = &left->list[i];
        for (unsigned k = 0; k < s->sights_n; k++) {
            if (s->sights[k].agent_id == agent_id) {
                s->sights[k] = s->sights[--s->sights_n];
                break;
            }
        }
    }
}

/* --- what they say --- */

static bool is_cut(const struct nx_answer *answer) {
    return (answer->flags & NX_ANS_TC) != 0;
}

static void note(struct nx_left_sight *sight, bool denied, bool answered,
                 int64_t at_us) {
    sight->last_us = at_us;
    if (denied) {
        sight->denied_us = sight->vain_us = at_us;
        sight->well_us = NX_TIME_UNKNOWN;
    } else if (answered && sight->well_us == NX_TIME_UNKNOWN) {
        sight->well_us = at_us;
    }
}

bool nx_left_answer(struct nx_left *left, uint32_t agent_id,
                    const struct nx_obs *obs, const struct nx_look *look,
                    int64_t blind_us) {
    const struct nx_answer *answer = obs->answer;
    struct nx_left_server *s = find(left, &obs->question->to);
    struct nx_left_sight *sight = s != NULL ? sight_of(s, agent_id) : NULL;
    if (sight == NULL || look->rx_us < sight->last_us) {
        return false; /* not one of them, or older than what we know */
    }
    const uint8_t *zone = s->zone_known ? s->zone : NULL;
    bool answered = answer->outcome == NX_ANSWERED;
    bool denied = answered && nx_answer_plants(answer, zone);
    bool gap = left->gap_us > 0 &&
               nx_time_past(sight->last_us, left->gap_us, look->rx_us);
    note(sight, denied, answered && !is_cut(answer), look->rx_us);
    if (!answered && s->class_ != NX_LEFT_SILENT) {
        sight->vain_us =
            nx_time_later(sight->vain_us, gap ? look->rx_us : blind_us);
    }
    if (denied && (answer->flags & NX_ANS_SOA) != 0) {
        uint32_t ttl_s = nx_ttl_s(obs->soa_ttl_s);
        uint32_t minimum_s = nx_ttl_s(answer->soa_minimum_s);
        uint32_t w_s = ttl_s < minimum_s ? ttl_s : minimum_s;
        s->w_s = w_s > s->w_s ? w_s : s->w_s;
    }
    s->answered = answered;
    s->outcome = answer->outcome;
    s->bare = answered && nx_answer_is_bare(answer, zone);
    s->rcode = answer->rcode;
    s->last_us = nx_time_later(s->last_us, look->rx_us);
    return denied && look->rx_us < s->until_us;
}

/* --- what follows --- */

static enum nx_left_class class_of(const struct nx_left_sight *sight,
                                   const struct nx_left_rules *rules,
                                   int64_t now_us) {
    bool denied = sight->denied_us != NX_TIME_UNKNOWN;
    bool asked = sight->last_us != NX_TIME_UNKNOWN &&
                 sight->last_us >= rules->woke_us &&
                 !nx_time_past(sight->last_us, rules->patience_us, now_us);
    if (denied && sight->well_us == NX_TIME_UNKNOWN) {
        return asked && nx_time_past(sight->vain_us, rules->patience_us,
                                     sight->last_us)
                   ? NX_LEFT_SILENT
                   : NX_LEFT_DENIES;
    }
    if (denied && !nx_time_past(sight->well_us, rules->settle_us, now_us)) {
        return NX_LEFT_SETTLES;
    }
    if (!asked) {
        return NX_LEFT_PENDING;
    }
    return sight->well_us != NX_TIME_UNKNOWN ? NX_LEFT_HARMLESS
                                             : NX_LEFT_SILENT;
}

/* A vantage that is gone counts while no other one looks. */
static enum nx_left_class worst_of(const struct nx_left_server *s,
                                   const struct nx_left_rules *rules,
                                   int64_t now_us) {
    enum nx_left_class worst = NX_LEFT_HARMLESS;
    bool any_fresh = false;
    for (unsigned i = 0; i < s->sights_n; i++) {
        any_fresh |=
            s->sights[i].last_us != NX_TIME_UNKNOWN &&
            s->sights[i].last_us >= rules->woke_us &&
            !nx_time_past(s->sights[i].last_us, rules->patience_us, now_us);
    }
    for (unsigned i = 0; i < s->sights_n; i++) {
        const struct nx_left_sight *sight = &s->sights[i];
        bool gone = nx_time_past(sight->last_us, rules->patience_us, now_us) ||
                    sight->last_us < rules->woke_us;
        enum nx_left_class is = class_of(sight, rules, now_us);
        if (!(any_fresh && gone) && is > worst) {
            worst = is;
        }
    }
    return s->sights_n > 0 ? worst : NX_LEFT_PENDING;
}

/* The last instant at which it may feed a cache. */
static int64_t fed_by(const struct nx_left_server *s,
                      const struct nx_left_rules *rules) {
    int64_t fed_us = NX_TIME_UNKNOWN;
    for (unsigned i = 0; i < s->sights_n; i++) {
        const struct nx_left_sight *sight = &s->sights[i];
        if (sight->denied_us == NX_TIME_UNKNOWN) {
            continue;
        }
        int64_t end_us = s->until_us;
        if (sight->well_us != NX_TIME_UNKNOWN) {
            end_us = sight->well_us;
        } else if (nx_time_past(sight->vain_us, rules->patience_us,
                                sight->last_us)) {
            /* By what was seen alone: it is the same after a restart. */
            end_us = sight->vain_us + rules->patience_us;
        }
        fed_us = nx_time_later(fed_us, nx_time_sooner(end_us, s->until_us));
    }
    return fed_us;
}

void nx_left_step(struct nx_left *left, const struct nx_left_rules *rules,
                  int64_t now_us) {
    left->gap_us = rules->patience_us / 2;
    for (size_t i = left->n; i-- > 0;) {
        struct nx_left_server *s = &left->list[i];
        s->class_ = (uint8_t)worst_of(s, rules, now_us);
        s->unasked = s->last_us == NX_TIME_UNKNOWN &&
                     nx_time_past(nx_time_later(s->left_us, rules->woke_us),
                                  rules->patience_us, now_us);
        if (now_us < s->until_us) {
            continue;
        }
        int64_t fed_us = fed_by(s, rules);
        if (fed_us != NX_TIME_UNKNOWN) {
            left->fed_us = nx_time_later(left->fed_us, fed_us);
            left->fed_w_s = s->w_s > left->fed_w_s ? s->w_s : left->fed_w_s;
        }
        remove_at(left, i);
    }
}

int64_t nx_left_shut_until(const struct nx_left *left, int64_t now_us) {
    int64_t until_us = left->unkept_until_us > now_us ? left->unkept_until_us
                                                      : NX_TIME_UNKNOWN;
    for (size_t i = 0; i < left->n; i++) {
        const struct nx_left_server *s = &left->list[i];
        if (s->class_ >= NX_LEFT_PENDING && s->until_us > now_us) {
            until_us = nx_time_later(until_us, s->until_us);
        }
    }
    return until_us;
}

int64_t nx_left_fed(const struct nx_left *left,
                    const struct nx_left_rules *rules, uint32_t *w_s) {
    int64_t fed_us = left->fed_us;
    *w_s = left->fed_w_s;
    for (size_t i = 0; i < left->n; i++) {
        const struct nx_left_server *s = &left->list[i];
        int64_t one_us = fed_by(s, rules);
        if (one_us != NX_TIME_UNKNOWN) {
            fed_us = nx_time_later(fed_us, one_us);
            *w_s = s->w_s > *w_s ? s->w_s : *w_s;
        }
    }
    return fed_us;
}
