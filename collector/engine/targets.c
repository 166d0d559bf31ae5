#include "collector/engine/targets.h"

#include <stdlib.h>
#include <string.h>

#include "collector/engine/canaries.h"
#include "collector/engine/doubt.h"
#include "common/hash.h"

#define RING_FIRST 8U
/* Targets of closed incidents that make room for one. */
#define LEAVE_FOR_ONE 16U
/* From a question to when it is asked again, however few tokens there are. */
#define AGAIN_US INT64_C(60000000)

static void key_of(struct nx_target_key *key, uint32_t agent_id,
                   uint32_t item_id, const struct nx_endpoint *at) {
    memset(key, 0, sizeof(*key));
    memcpy(key->address, at->address, at->address_len);
    key->address_len = at->address_len;
    key->scope_id = at->scope_id;
    key->port = at->port;
    key->transport = at->transport;
    key->agent_id = agent_id;
    key->item_id = item_id;
}

static unsigned key_hash(const struct nx_target_key *key) {
    uint64_t word[4];
    _Static_assert(sizeof(*key) == sizeof(word), "key has no padding");
    memcpy(word, key, sizeof(word));
    uint64_t h = 0;
    for (size_t i = 0; i < 4; i++) {
        h = (h ^ word[i]) * UINT64_C(0x9e3779b97f4a7c15);
        h ^= h >> 29;
    }
    return (unsigned)(h ^ h >> 32);
}

static struct nx_target *find(const struct nx_engine *engine,
                              const struct nx_target_key *key, unsigned hash) {
    struct nx_target *found = NULL;
    HASH_FIND_BYHASHVALUE(hh, engine->by_key, key, sizeof(*key), hash, found);
    return found;
}

struct nx_target *nx_targets_find(const struct nx_engine *engine,
                                  const struct nx_agent_state *agent,
                                  const struct nx_item *item,
                                  const struct nx_endpoint *at) {
    struct nx_target_key key;
    key_of(&key, agent->agent.id, item->id, at);
    return find(engine, &key, key_hash(&key));
}

/* The one that came after the last one then, if it is that. */
static struct nx_target *guess(const struct nx_engine *engine,
                               const struct nx_target_key *key) {
    size_t n = engine->targets_n;
    if (engine->found_slot >= n) {
        return NULL;
    }
    size_t next = engine->targets[engine->found_slot]->next_slot;
    struct nx_target *t = next < n ? engine->targets[next] : NULL;
    return t != NULL && memcmp(&t->key, key, sizeof(*key)) == 0 ? t : NULL;
}

/* With very many targets a walk through the table costs more than all else that
 * is done to one. */
struct nx_target *nx_targets_next(struct nx_engine *engine,
                                  const struct nx_agent_state *agent,
                                  const struct nx_item *item,
                                  const struct nx_endpoint *at) {
    struct nx_target_key key;
    key_of(&key, agent->agent.id, item->id, at);
    struct nx_target *t = guess(engine, &key);
    if (t == NULL) {
        t = find(engine, &key, key_hash(&key));
    }
    if (t != NULL) {
        if (engine->found_slot < engine->targets_n) {
            engine->targets[engine->found_slot]->next_slot = t->slot;
        }
        engine->found_slot = t->slot;
    }
    return t;
}

/* An agent may say that it saw very many resolvers: it has room for twice as
 * many as it can list, and for those that it does not list only while half of
 * that is free. */
static bool has_share(const struct nx_agent_state *agent,
                      const struct nx_item *item,
                      const struct nx_endpoint *at) {
    size_t share_n = nx_agent_uses(agent, at) ? 2U * NX_HELLO_RESOLVERS_MAX
                                              : NX_HELLO_RESOLVERS_MAX;
    size_t n = 0;
    for (const struct nx_target *t = agent->targets; t != NULL;
         t = t->agent_next) {
        n += t->item == item ? 1 : 0;
    }
    return n < share_n;
}

static int reserve(struct nx_engine *engine) {
    if (engine->targets_n == engine->settings.targets_max) {
        (void)nx_cases_leave(engine, LEAVE_FOR_ONE);
    }
    if (engine->targets_n == engine->settings.targets_max) {
        return NX_ELIMIT;
    }
    if (engine->targets_n < engine->targets_cap) {
        return 0;
    }
    size_t cap = engine->targets_cap == 0 ? 64 : 2 * engine->targets_cap;
    void *targets = realloc(engine->targets, cap * sizeof(*engine->targets));
    if (targets == NULL) {
        return NX_ENOMEM;
    }
    engine->targets = targets;
    int64_t *due_us = realloc(engine->due_us, cap * sizeof(*due_us));
    if (due_us == NULL) {
        return NX_ENOMEM;
    }
    engine->due_us = due_us;
    engine->targets_cap = cap;
    return 0;
}

static void verdict_init(struct nx_verdict *v) {
    *v = (struct nx_verdict){.state = NX_STATE_UNKNOWN,
                             .unknown_reason = NX_UNKNOWN_NEVER_SEEN,
                             .denied_ratio = -1,
                             .denied_upper95 = -1,
                             .p_clear = -1,
                             .refill_negative_probability = -1,
                             .earliest_clear_us = NX_TIME_UNKNOWN,
                             .clear_lo_us = NX_TIME_UNKNOWN,
                             .clear_hi_us = NX_TIME_UNKNOWN,
                             .last_look_us = NX_TIME_UNKNOWN,
                             .next_probe_us = NX_TIME_UNKNOWN};
}

static struct nx_target *target_new(struct nx_agent_state *agent,
                                    struct nx_item *item,
                                    const struct nx_endpoint *at) {
    struct nx_target *t = calloc(1, sizeof(*t));
    if (t == NULL) {
        return NULL;
    }
    t->agent = agent;
    t->item = item;
    t->question = (struct nx_question){
        .name = item->spec->name, .qtype = item->spec->qtype, .to = *at};
    t->question.to.server_name = NULL;
    t->heard_us = NX_TIME_UNKNOWN;
    t->told_us = NX_TIME_UNKNOWN;
    t->since_us = NX_TIME_UNKNOWN;
    t->until_us = NX_TIME_UNKNOWN;
    verdict_init(&t->verdict);
    if (at->server_name != NULL) {
        size_t len = nx_dname_len(at->server_name);
        t->server_name = malloc(len);
        if (t->server_name == NULL) {
            free(t);
            return NULL;
        }
        memcpy(t->server_name, at->server_name, len);
        t->question.to.server_name = t->server_name;
    }
    return t;
}

static void target_free(struct nx_target *t) {
    free(t->looks);
    free(t->denied);
    free(t->server_name);
    free(t);
}

static void link_lists(struct nx_target *t) {
    t->item_next = t->item->targets;
    if (t->item_next != NULL) {
        t->item_next->item_prev = t;
    }
    t->item->targets = t;
    t->item->targets_n++;
    t->agent_next = t->agent->targets;
    if (t->agent_next != NULL) {
        t->agent_next->agent_prev = t;
    }
    t->agent->targets = t;
}

static void unlink_lists(struct nx_target *t) {
    *(t->item_prev != NULL ? &t->item_prev->item_next : &t->item->targets) =
        t->item_next;
    if (t->item_next != NULL) {
        t->item_next->item_prev = t->item_prev;
    }
    t->item->targets_n--;
    *(t->agent_prev != NULL ? &t->agent_prev->agent_next : &t->agent->targets) =
        t->agent_next;
    if (t->agent_next != NULL) {
        t->agent_next->agent_prev = t->agent_prev;
    }
}

int nx_targets_make(struct nx_engine *engine, struct nx_agent_state *agent,
                    struct nx_item *item, const struct nx_endpoint *at,
                    struct nx_target **out) {
    struct nx_target_key key;
    key_of(&key, agent->agent.id, item->id, at);
    unsigned hash = key_hash(&key);
    struct nx_target *t = find(engine, &key, hash);
    if (t != NULL) {
        if (t->question.to.layer != at->layer ||
            t->question.to.withheld != at->withheld) {
            t->changed_us = engine->now_us;
        }
        t->question.to.layer = at->layer; /* as the agent's owner has it now */
        t->question.to.withheld = at->withheld;
        *out = t;
        return 0;
    }
    int err = has_share(agent, item, at) ? reserve(engine) : NX_ELIMIT;
    if (err != 0) {
        return err;
    }
    t = target_new(agent, item, at);
    if (t == NULL) {
        return NX_ENOMEM;
    }
    t->key = key;
    HASH_ADD_KEYPTR_BYHASHVALUE(hh, engine->by_key, &t->key, sizeof(t->key),
                                hash, t);
    if (t->hh.tbl == NULL) {
        target_free(t);
        return NX_ENOMEM;
    }
    t->slot = engine->targets_n++;
    engine->targets[t->slot] = t;
    engine->due_us[t->slot] = INT64_MIN;
    link_lists(t);
    item->owner->ordered = false;
    *out = t;
    return 0;
}

void nx_targets_drop(struct nx_engine *engine, struct nx_target *t) {
    HASH_DELETE(hh, engine->by_key, t);
    t->item->owner->ordered = false;
    engine->over_n -= t->over ? 1 : 0;
    engine->settled_n -= t->settled ? 1 : 0;
    t->item->settled_n -= t->settled ? 1 : 0;
    size_t last = --engine->targets_n;
    engine->targets[t->slot] = engine->targets[last];
    engine->due_us[t->slot] = engine->due_us[last];
    engine->targets[t->slot]->slot = t->slot;
    unlink_lists(t);
    target_free(t);
}

/* --- the ring --- */

static size_t oldest_i(const struct nx_target *t) {
    return t->looks_n < t->cap_n ? 0 : t->next_i;
}

static int grow(struct nx_target *t) {
    uint16_t cap = (uint16_t)(t->cap_n == 0 ? RING_FIRST : 2U * t->cap_n);
    struct nx_look *looks = malloc(cap * sizeof(*looks));
    if (looks == NULL) {
        return NX_ENOMEM;
    }
    for (uint16_t i = 0; i < t->looks_n; i++) {
        looks[i] = t->looks[(oldest_i(t) + i) % t->cap_n];
    }
    free(t->looks);
    t->looks = looks;
    t->next_i = t->looks_n;
    t->cap_n = cap;
    return 0;
}

/* What an agent kept while it was cut off comes beside fresh looks. */
static void note_time(struct nx_target *t, const struct nx_look *look) {
    if (t->looks_n > 0 && look->tx_us + NX_LATE_US < t->pushed_us) {
        t->mixed = true;
    }
    if (t->looks_n == 0 || look->tx_us > t->pushed_us) {
        t->pushed_us = look->tx_us;
    }
}

static void replace_oldest(struct nx_target *t, const struct nx_look *look) {
    uint16_t oldest = 0;
    for (uint16_t i = 1; i < t->looks_n; i++) {
        if (t->looks[i].tx_us < t->looks[oldest].tx_us) {
            oldest = i;
        }
    }
    if (look->tx_us > t->looks[oldest].tx_us) {
        t->looks[oldest] = *look;
    }
}

bool nx_kind_tells_of_name(unsigned kind) {
    return kind == NX_KIND_POS || kind == NX_KIND_POS_OTHER ||
           nx_kind_is_negative(kind) || kind == NX_KIND_SERVFAIL;
}

int nx_target_push(struct nx_target *t, const struct nx_look *look) {
    int err = 0;
    if (t->looks_n == t->cap_n && t->cap_n < NX_LOOKS_MAX) {
        err = grow(t);
        if (t->cap_n == 0) {
            return err;
        }
    }
    note_time(t, look);
    t->denial_seen = t->denial_seen || nx_kind_is_negative(look->kind);
    if (nx_kind_tells_of_name(look->kind)) {
        t->told_us = nx_time_later(t->told_us, look->rx_us);
    }
    t->nxdomain_seen = t->nxdomain_seen || look->kind == NX_KIND_NXDOMAIN;
    if (t->mixed && t->looks_n == t->cap_n) {
        replace_oldest(t, look);
        return err;
    }
    t->looks[t->next_i] = *look;
    t->next_i = (uint16_t)(t->next_i + 1U == t->cap_n ? 0 : t->next_i + 1U);
    if (t->looks_n < t->cap_n) {
        t->looks_n++;
    }
    return err;
}

static void copy_name(const uint8_t *name, uint8_t *out) {
    memcpy(out, name, nx_dname_len(name));
}

/* Kept as long as the target: views point into it. Without memory less is
 * said. */
void nx_target_denied_by(struct nx_target *t, const struct nx_answer *answer,
                         const struct nx_look *look) {
    bool alias = answer->denied_name != NULL;
    bool other = look->soa_rel != NX_SOA_NONE && look->soa_rel != NX_SOA_APEX;
    if (!nx_kind_is_negative(look->kind) || look->tx_us < t->pushed_us) {
        return;
    }
    if (t->denied == NULL && (alias || other)) {
        t->denied = malloc(sizeof(*t->denied));
    }
    if (t->denied == NULL) {
        return;
    }
    t->denied->alias = alias;
    t->denied->other_zone = other;
    if (alias) {
        copy_name(answer->denied_name, t->denied->name);
    }
    if (other) {
        copy_name(answer->soa_owner, t->denied->zone);
    }
}

static unsigned twin_flag(unsigned kind) {
    bool answered = kind == NX_KIND_POS || kind == NX_KIND_POS_OTHER ||
                    nx_kind_is_negative(kind);
    return answered                   ? NX_LOOK_TWIN_ANSWERED
           : kind == NX_KIND_SERVFAIL ? NX_LOOK_TWIN_FAILED
                                      : 0U;
}

/* The newest look of the ring that was sent before, but not long before. */
static struct nx_look *look_before(struct nx_target *t,
                                   const struct nx_look *look) {
    struct nx_look *newest = NULL;
    for (size_t i = 0; i < t->looks_n; i++) {
        struct nx_look *l = &t->looks[(oldest_i(t) + i) % (size_t)t->cap_n];
        bool before = l->tx_us < look->tx_us;
        if (before && (newest == NULL || l->tx_us > newest->tx_us)) {
            newest = l;
        }
    }
    bool late = newest != NULL && look->tx_us - newest->tx_us > AGAIN_US;
    return late ? NULL : newest;
}

bool nx_target_twin(struct nx_target *t, const struct nx_look *look) {
    struct nx_look *newest = look_before(t, look);
    unsigned flag = twin_flag(look->kind);
    if (newest == NULL || flag == 0 || newest->kind != NX_KIND_SERVFAIL) {
        return false;
    }
    newest->flags |= flag;
    return true;
}

bool nx_target_sized(struct nx_target *t, const struct nx_look *look) {
    struct nx_look *newest = look_before(t, look);
    bool said = false;
    if (newest == NULL || !nx_look_is_lost(newest)) {
        return false;
    }
    for (unsigned i = 0; i < NX_SIZES_N; i++) {
        if (look->sized[i] != NX_SIZED_NONE) {
            newest->sized[i] = look->sized[i];
            said = true;
        }
    }
    return said;
}

size_t nx_target_looks(const struct nx_target *t, struct nx_look *out) {
    for (size_t i = 0; i < t->looks_n; i++) {
        const struct nx_look *look =
            &t->looks[(oldest_i(t) + i) % (size_t)t->cap_n];
        size_t j = i; /* nearly sorted: insertion */
        while (j > 0 && out[j - 1].tx_us > look->tx_us) {
            out[j] = out[j - 1];
            j--;
        }
        out[j] = *look;
    }
    return t->looks_n;
}

int nx_engine_target_evidence(const struct nx_engine *engine,
                              uint32_t incident_id, unsigned item,
                              uint32_t agent_id, const struct nx_endpoint *at,
                              struct nx_target_evidence *out) {
    const struct nx_case *c = nx_cases_find(engine, incident_id);
    const struct nx_agent_state *agent = nx_agents_find(engine, agent_id);
    if (c == NULL || agent == NULL || !nx_case_open(c) ||
        item >= c->incident.items_n) {
        return NX_ENOTFOUND;
    }
    const struct nx_target *t =
        nx_targets_find(engine, agent, &c->items[item], at);
    if (t == NULL) {
        return NX_ENOTFOUND;
    }
    out->looks_n = nx_doubted_looks(engine, t, out->looks);
    out->profile = *nx_canaries_profile(engine, agent, at);
    out->measured = nx_book_measured(engine->book, agent->agent.network, at,
                                     agent_id, engine->now_us);
    return 0;
}
