/* The set of name servers as each vantage sees it (see authority.h). */
#include <stdlib.h>
#include <string.h>

#include "collector/engine/authority_priv.h"

#define US_PER_S INT64_C(1000000)

struct nx_auth_entry *nx_auth_entry(struct nx_authority *a, uint32_t agent_id,
                                    const struct nx_endpoint *at) {
    for (size_t i = 0; i < a->entries_n; i++) {
        struct nx_auth_entry *e = &a->entries[i];
        if (e->agent_id == agent_id &&
            nx_endpoint_same_server(&e->server.at, at)) {
            return e;
        }
    }
    return NULL;
}

static bool listed(const struct nx_delegation *d,
                   const struct nx_endpoint *at) {
    for (size_t i = 0; i < d->servers_n; i++) {
        if (nx_endpoint_same_server(&d->servers[i], at)) {
            return true;
        }
    }
    return false;
}

/* --- who leaves it --- */

/* What the vantage saw of it in the set. */
static struct nx_left_sight sight_of(const struct nx_auth_entry *e) {
    bool denies = e->word == NX_AUTH_WORD_DENIES;
    return (struct nx_left_sight){
        .agent_id = e->agent_id,
        .last_us = e->server.last_us,
        .vain_us = e->vain_us,
        .denied_us = denies ? e->word_us : NX_TIME_UNKNOWN,
        .well_us = denies ? NX_TIME_UNKNOWN : e->word_us};
}

/* A server that leaves the set while it is bad ends an outage by leaving.
 * zone: it left that one's own set, so caches may still know it; NULL: the
 * parent's, asked while the delegation was lost. */
static int leave(struct nx_authority *a, const struct nx_auth_entry *e,
                 const uint8_t *zone, int64_t at_us) {
    if (e->word >= NX_AUTH_WORD_DIFFERS) {
        a->left_lo_us = nx_time_later(a->left_lo_us, e->bad_lo_us);
        a->left_hi_us = nx_time_later(a->left_hi_us, at_us);
    }
    if (zone == NULL) {
        return 0;
    }
    const struct nx_left_sight sight = sight_of(e);
    bool denies = e->word == NX_AUTH_WORD_DENIES;
    return nx_left_add(&a->left, &e->server.at, e->named ? e->name : NULL, zone,
                       at_us, a->set_ttl_s, denies ? e->server.w_s : 0, &sight);
}

static int drop_unlisted(struct nx_authority *a, uint32_t agent_id,
                         const struct nx_delegation *d, int64_t at_us) {
    /* Not a->apex: another vantage may see the zone's delegation already, or
     * still, when this one does not. */
    const struct nx_auth_vantage *v = nx_auth_vantage(a, agent_id);
    bool of_zone =
        v != NULL && v->apex_known && nx_dname_under(v->apex, d->apex);
    bool same_zone = of_zone && nx_dname_equal(v->apex, d->apex);
    size_t kept = 0;
    int err = 0;
    for (size_t i = 0; i < a->entries_n; i++) {
        const struct nx_auth_entry *e = &a->entries[i];
        if (err == 0 && e->agent_id == agent_id && !listed(d, &e->server.at)) {
            err = leave(a, e, of_zone ? v->apex : NULL, at_us);
            a->set_changed = a->set_changed || same_zone;
        }
        if (err != 0 || e->agent_id != agent_id || listed(d, &e->server.at)) {
            a->entries[kept++] = *e;
        }
    }
    /* What another set's TTL was, and what it gave, says nothing of this
     * one's. */
    if (kept < a->entries_n) {
        a->set_ttl_s = 0;
        nx_given_age(&a->given);
    }
    a->entries_n = kept;
    return err;
}

/* --- who is in it --- */

static void entry_init(struct nx_auth_entry *e, uint32_t agent_id,
                       const struct nx_endpoint *at) {
    *e = (struct nx_auth_entry){.agent_id = agent_id,
                                .asked_us = NX_TIME_UNKNOWN,
                                .word_us = NX_TIME_UNKNOWN,
                                .vain_us = NX_TIME_UNKNOWN,
                                .last_good_us = NX_TIME_UNKNOWN,
                                .good_hi_us = NX_TIME_UNKNOWN,
                                .bad_lo_us = NX_TIME_UNKNOWN};
    e->server.at = *at;
    e->server.at.server_name = NULL;
    e->server.class_ = NX_AUTH_PENDING;
    e->server.last_bad_us = NX_TIME_UNKNOWN;
    e->server.good_since_us = NX_TIME_UNKNOWN;
    e->server.last_us = NX_TIME_UNKNOWN;
    if (at->server_name != NULL) {
        (void)nx_dname_lower(at->server_name, e->name);
        e->named = true;
    }
}

static int add_listed(struct nx_authority *a, uint32_t agent_id,
                      const struct nx_delegation *d) {
    size_t n = a->entries_n + d->servers_n;
    struct nx_auth_entry *grown = realloc(a->entries, n * sizeof(*grown));
    if (grown == NULL) {
        return NX_ENOMEM;
    }
    a->entries = grown;
    for (size_t i = 0; i < d->servers_n; i++) {
        struct nx_auth_entry *e = nx_auth_entry(a, agent_id, &d->servers[i]);
        if (e == NULL) {
            e = &a->entries[a->entries_n++];
            entry_init(e, agent_id, &d->servers[i]);
        }
        e->server.sides = d->sides != NULL ? d->sides[i] : 0;
    }
    return 0;
}

/* Does each vantage that knows a set have it in there? */
static bool listed_by_all(struct nx_authority *a,
                          const struct nx_endpoint *at) {
    for (size_t i = 0; i < a->entries_n; i++) {
        if (nx_auth_entry(a, a->entries[i].agent_id, at) == NULL) {
            return false;
        }
    }
    return true;
}

/* What was seen of it while it was out of the set goes on to count: else one
 * that denied and fell silent would be waited for like one that never spoke.
 * Not a->missed: whether it denied the name, or the end of a way out of the
 * zone, is not known any more, and with it an alias would pass for the record.
 */
static void carry(struct nx_authority *a, const struct nx_left_server *s) {
    for (unsigned i = 0; i < s->sights_n; i++) {
        const struct nx_left_sight *sight = &s->sights[i];
        struct nx_auth_entry *e = nx_auth_entry(a, sight->agent_id, &s->at);
        if (e == NULL || sight->denied_us == NX_TIME_UNKNOWN ||
            sight->well_us != NX_TIME_UNKNOWN ||
            e->word_us >= sight->denied_us) {
            continue;
        }
        const struct nx_look look = {.tx_us = sight->denied_us,
                                     .rx_us = sight->denied_us};
        nx_auth_turn_bad(a, e, &look);
        a->heard = true;
        e->word = NX_AUTH_WORD_DENIES;
        e->word_us = sight->denied_us;
        e->vain_us = sight->vain_us;
        e->asked_us =
            e->asked_us != NX_TIME_UNKNOWN ? e->asked_us : sight->denied_us;
        e->server.last_us = nx_time_later(e->server.last_us, sight->last_us);
        e->server.asked = true;
        e->server.bare = s->bare;
        e->server.outcome = s->outcome;
        e->server.rcode = s->rcode;
        e->server.w_s = e->server.serial_known ? e->server.w_s : s->w_s;
    }
}

/* What one vantage alone sees may be an old set. */
static void take_back(struct nx_authority *a, const struct nx_delegation *d) {
    for (size_t i = 0; i < d->servers_n; i++) {
        const struct nx_left_server *s = nx_left_find(&a->left, &d->servers[i]);
        if (s != NULL && listed_by_all(a, &d->servers[i])) {
            /* One that does harm, or did not long ago, settles anew. */
            a->set_verified = a->set_verified && s->class_ <= NX_LEFT_SILENT;
            carry(a, s);
            nx_left_back(&a->left, &d->servers[i]);
        }
    }
}

int nx_auth_set(struct nx_authority *a, uint32_t agent_id,
                const struct nx_delegation *d, int64_t at_us, uint32_t eps_us) {
    int err = add_listed(a, agent_id, d);
    if (err == 0) {
        err = drop_unlisted(a, agent_id, d, at_us + eps_us);
    }
    if (err == 0) {
        take_back(a, d);
    }
    if (err == 0 && d->ns_ttl_s > a->set_ttl_s) {
        a->set_ttl_s = d->ns_ttl_s;
    }
    return err;
}

int nx_authority_remember(struct nx_authority *a, const struct nx_endpoint *at,
                          const uint8_t *name, int64_t at_us,
                          int64_t until_us) {
    int64_t rest_s = (until_us - at_us + US_PER_S - 1) / US_PER_S;
    if (until_us <= at_us || nx_left_find(&a->left, at) != NULL) {
        return 0;
    }
    for (size_t i = 0; i < a->entries_n; i++) {
        if (nx_endpoint_same_server(&a->entries[i].server.at, at)) {
            return 0;
        }
    }
    uint32_t ttl_s =
        rest_s < NX_LEFT_TTL_MAX_S ? (uint32_t)rest_s : NX_LEFT_TTL_MAX_S;
    return nx_left_add(&a->left, at, name, nx_authority_apex(a), at_us, ttl_s,
                       0, NULL);
}

uint32_t nx_authority_ns_ttl(const struct nx_authority *a) {
    return a->set_ttl_s;
}

const struct nx_left_server *nx_authority_left(const struct nx_authority *a,
                                               size_t *n, uint64_t *changes_n) {
    *n = a->left.n;
    *changes_n = a->left.changes_n;
    return a->left.list;
}
