/* What follows from the state of the servers (see authority.h). */
#include "collector/engine/authority_priv.h"

#define US_PER_S INT64_C(1000000)
#define WORD_WAITS_US (60 * US_PER_S)
#define PATIENCE_DENIED 5 /* settle times for a server that denied last */
#define ROUNDS_MISSED                                                          \
    2 /* rounds of the audit without an answer: it happens                     \
       */

/* Within this time the next rounds of the audit brought news, if there was any:
 * one lost packet is no silence, nor is the pause between two rounds. */
static int64_t rounds_us(const struct nx_auth_rules *rules) {
    return ROUNDS_MISSED * rules->interval_us + rules->interval_us / 2 +
           US_PER_S;
}

/* So many settle times, but no less than some rounds of the audit. */
static int64_t patience_us(const struct nx_auth_rules *rules,
                           int settle_times) {
    return nx_time_later(settle_times * rules->settle_us, rounds_us(rules));
}

static struct nx_left_rules left_rules(const struct nx_auth_rules *rules) {
    return (struct nx_left_rules){.settle_us = rules->settle_us,
                                  .patience_us =
                                      patience_us(rules, PATIENCE_DENIED),
                                  .woke_us = rules->woke_us};
}

static enum nx_auth_class class_of(const struct nx_auth_entry *e,
                                   const struct nx_auth_rules *rules,
                                   int64_t now_us) {
    bool denied = e->word == NX_AUTH_WORD_DENIES;
    switch ((enum nx_auth_word)e->word) {
    case NX_AUTH_WORD_GOOD:
        return NX_AUTH_GOOD;
    case NX_AUTH_WORD_NONE:
        return nx_time_past(nx_time_later(e->asked_us, e->vain_us),
                            patience_us(rules, 1), now_us)
                   ? NX_AUTH_SILENT
                   : NX_AUTH_PENDING;
    case NX_AUTH_WORD_DIFFERS:
    case NX_AUTH_WORD_DENIES:
        break;
    }
    /* Asked in vain since, by one who hears others. */
    if (nx_time_past(e->vain_us, patience_us(rules, PATIENCE_DENIED),
                     e->server.last_us)) {
        return NX_AUTH_SILENT;
    }
    return denied ? NX_AUTH_DENIES : NX_AUTH_DIFFERS;
}

/* --- vantages --- */

/* A vantage without news for long counts only while no other has any. */
static bool vantage_stale(const struct nx_auth_vantage *v,
                          const struct nx_auth_rules *rules, int64_t now_us) {
    return v->last_us == NX_TIME_UNKNOWN ||
           nx_time_past(v->last_us, patience_us(rules, PATIENCE_DENIED),
                        now_us);
}

static bool any_fresh(const struct nx_authority *a,
                      const struct nx_auth_rules *rules, int64_t now_us) {
    for (size_t i = 0; i < a->vantages_n; i++) {
        if (!vantage_stale(&a->vantages[i], rules, now_us)) {
            return true;
        }
    }
    return false;
}

struct tally {
    unsigned good_n, blocking_n;
    unsigned waited_n;     /* nothing is known of them yet, none denied */
    int64_t good_since_us; /* latest of the good servers */
    int64_t last_good_us;
};

/* Is it good as another vantage sees it, one that has news? */
static bool good_elsewhere(const struct nx_authority *a,
                           const struct nx_auth_rules *rules,
                           const struct nx_auth_entry *e, int64_t now_us) {
    for (size_t i = 0; i < a->entries_n; i++) {
        const struct nx_auth_entry *other = &a->entries[i];
        const struct nx_auth_vantage *v = nx_auth_vantage(a, other->agent_id);
        if (other != e && other->server.class_ == NX_AUTH_GOOD && v != NULL &&
            !vantage_stale(v, rules, now_us) &&
            nx_endpoint_same_server(&other->server.at, &e->server.at)) {
            return true;
        }
    }
    return false;
}

static void tally_vantage(const struct nx_authority *a, uint32_t agent_id,
                          struct tally *t) {
    *t = (struct tally){.good_since_us = NX_TIME_UNKNOWN,
                        .last_good_us = NX_TIME_UNKNOWN};
    for (size_t i = 0; i < a->entries_n; i++) {
        const struct nx_auth_entry *e = &a->entries[i];
        if (e->agent_id != agent_id) {
            continue;
        }
        if (e->server.class_ == NX_AUTH_GOOD) {
            t->good_n++;
            t->good_since_us = nx_time_later(t->good_since_us, e->good_hi_us);
            t->last_good_us = nx_time_later(t->last_good_us, e->last_good_us);
        } else if (e->server.class_ == NX_AUTH_PENDING) {
            t->waited_n++;
        } else if (e->server.class_ != NX_AUTH_SILENT) {
            t->blocking_n++;
        }
    }
}

struct judgement {
    bool all_good;
    bool mute; /* no word of any, and an alias out of the zone is why */
    int64_t settled_us; /* when the newest vantage of these had */
    unsigned settled_n; /* vantages that saw all good for settle_us */
};

/* Nothing was heard of it by anybody who has news. */
static bool is_waited_for(const struct nx_authority *a,
                          const struct nx_auth_rules *rules,
                          const struct nx_auth_entry *e, int64_t now_us) {
    const struct nx_auth_vantage *v = nx_auth_vantage(a, e->agent_id);

    return e->server.class_ == NX_AUTH_PENDING && v != NULL &&
           (!vantage_stale(v, rules, now_us) || !any_fresh(a, rules, now_us)) &&
           !good_elsewhere(a, rules, e, now_us);
}

/* Good for so long, and looked at until then: whenever it is asked. */
static bool settled(const struct tally *t, const struct nx_auth_rules *rules,
                    int64_t now_us) {
    return nx_time_past(t->good_since_us, rules->settle_us, now_us) &&
           t->good_since_us + rules->settle_us - t->last_good_us <=
               rounds_us(rules);
}

/* A server that nothing is known of keeps a set from being called good. One
 * that joins a verified set takes nothing back: it only holds the guard
 * (looked_at). */
static struct judgement judge(const struct nx_authority *a,
                              const struct nx_auth_rules *rules,
                              int64_t now_us) {
    struct judgement j = {.settled_us = NX_TIME_UNKNOWN};
    unsigned good_n = 0;
    unsigned blocking_n = 0;
    bool fresh = any_fresh(a, rules, now_us);
    for (size_t i = 0; i < a->entries_n && !a->set_verified; i++) {
        const struct nx_auth_entry *e = &a->entries[i];
        blocking_n += is_waited_for(a, rules, e, now_us) ? 1U : 0U;
    }
    for (size_t i = 0; i < a->entries_n; i++) {
        j.mute |= a->entries[i].server.alias;
    }
    for (size_t i = 0; i < a->vantages_n; i++) {
        struct tally t;
        tally_vantage(a, a->vantages[i].agent_id, &t);
        if (fresh && vantage_stale(&a->vantages[i], rules, now_us)) {
            continue;
        }
        good_n += t.good_n;
        blocking_n += t.blocking_n;
        if (t.good_n > 0 && t.blocking_n + t.waited_n == 0 &&
            settled(&t, rules, now_us)) {
            j.settled_n++;
            j.settled_us =
                nx_time_later(j.settled_us, t.good_since_us + rules->settle_us);
        }
    }
    j.all_good = good_n > 0 && blocking_n == 0;
    j.mute = j.mute && good_n + blocking_n == 0;
    return j;
}

/* --- the step --- */

static bool facts_differ(const struct nx_auth_facts *a,
                         const struct nx_auth_facts *b) {
    return a->outage_lo_us != b->outage_lo_us ||
           a->restored_hi_us != b->restored_hi_us ||
           a->observed != b->observed || a->all_ns_good != b->all_ns_good ||
           a->verified != b->verified || a->serial_moves != b->serial_moves ||
           a->serial_known != b->serial_known ||
           a->serial_restored != b->serial_restored ||
           a->w_auth_s != b->w_auth_s || a->w_wire_s != b->w_wire_s ||
           a->soa_minimum_s != b->soa_minimum_s || a->w_nsec_s != b->w_nsec_s ||
           a->positive_ttl_s != b->positive_ttl_s ||
           a->parent_w_s != b->parent_w_s || a->ns_ttl_s != b->ns_ttl_s ||
           a->keys_ttl_s != b->keys_ttl_s ||
           a->keys_until_us != b->keys_until_us || a->no_keys != b->no_keys ||
           a->old_w_s != b->old_w_s || a->fed_us != b->fed_us ||
           a->deleg_changed_ns != b->deleg_changed_ns ||
           a->ancestor_denied != b->ancestor_denied ||
           a->above_denied != b->above_denied || a->held != b->held ||
           a->old_servers_negative != b->old_servers_negative ||
           a->ns_negative != b->ns_negative || a->ns_total != b->ns_total ||
           a->bad_n != b->bad_n || a->epoch != b->epoch;
}

/* Whoever is there to be asked has told the set, and asked every server. */
static bool all_looked(const struct nx_authority *a,
                       const struct nx_auth_rules *rules) {
    if (rules->auditors_n == 0) { /* they may come yet */
        return false;
    }
    for (size_t i = 0; i < rules->auditors_n; i++) {
        uint32_t agent_id = rules->auditors[i];
        const struct nx_auth_vantage *v = nx_auth_vantage(a, agent_id);
        if (v == NULL ? a->vantages_n < NX_AUTH_VANTAGES_MAX : !v->apex_known) {
            return false;
        }
        for (size_t k = 0; k < a->entries_n; k++) {
            if (a->entries[k].agent_id == agent_id &&
                a->entries[k].server.class_ == NX_AUTH_PENDING) {
                return false;
            }
        }
    }
    return true;
}

/* Nothing was heard, or nothing can be: the operator's word, unless somebody
 * saw otherwise since, who is gone now. It opens the guard when all who could
 * have seen otherwise have looked; or they have no room to, which nobody tells.
 */
static void verified_by_word(const struct nx_authority *a,
                             const struct nx_auth_rules *rules,
                             const struct nx_incident *incident, int64_t now_us,
                             struct nx_auth_facts *f) {
    int64_t at_us = nx_auth_declared_us(incident, now_us);
    int64_t most_us =
        nx_time_later(patience_us(rules, PATIENCE_DENIED), WORD_WAITS_US);
    int64_t opened_us = incident->opened_us;
    f->observed = at_us != NX_TIME_UNKNOWN;
    f->all_ns_good = f->observed && at_us > a->gone_bad_us;
    f->verified =
        f->all_ns_good && nx_time_past(at_us, rules->settle_us, now_us) &&
        (!rules->audited ||
         (nx_time_past(opened_us, rules->settle_us, now_us) &&
          (all_looked(a, rules) || nx_time_past(opened_us, most_us, now_us))));
}

/* Of a name with addresses of both families one is enough to judge it by. */
static bool same_machine(const struct nx_auth_entry *a,
                         const struct nx_auth_entry *b) {
    return nx_endpoint_same_server(&a->server.at, &b->server.at) ||
           (a->named && b->named &&
            a->server.at.address_len != b->server.at.address_len &&
            nx_dname_equal(a->name, b->name));
}

/* Name servers that none of those who have news can ask, at most: what one
 * finds no address of another one may have. */
static unsigned unasked_of(const struct nx_authority *a,
                           const struct nx_auth_rules *rules, int64_t now_us) {
    unsigned least_n = NX_DELEG_UNASKED_MAX;
    bool fresh = any_fresh(a, rules, now_us);
    bool told = false;
    for (size_t i = 0; i < a->vantages_n; i++) {
        const struct nx_auth_vantage *v = &a->vantages[i];
        if (!v->apex_known || (fresh && vantage_stale(v, rules, now_us))) {
            continue;
        }
        least_n = v->unasked_n < least_n ? v->unasked_n : least_n;
        told = true;
    }
    return told ? least_n : 0;
}

/* A dead server is set aside. One that no vantage has a way to, as without
 * IPv6, or an address of, may be well, and deny: then the others have to be
 * half of all. */
static bool is_blind(const struct nx_authority *a,
                     const struct nx_auth_rules *rules, int64_t now_us) {
    unsigned unseen_n = unasked_of(a, rules, now_us);
    unsigned all_n = unseen_n;
    unsigned good_n = 0;
    for (size_t i = 0; i < a->entries_n; i++) {
        const struct nx_auth_entry *e = &a->entries[i];
        bool counted = false;
        bool good = false;
        bool way = false;
        for (size_t k = 0; k < a->entries_n && !counted; k++) {
            const struct nx_auth_entry *o = &a->entries[k];
            if (same_machine(e, o)) {
                counted = k < i;
                good |= o->server.class_ == NX_AUTH_GOOD;
                way |= o->way;
            }
        }
        all_n += counted ? 0U : 1U;
        good_n += !counted && good ? 1U : 0U;
        unseen_n += !counted && !good && !way ? 1U : 0U;
    }
    return unseen_n > 0 && 2 * good_n < all_n;
}

/* Verified holds until something bad is seen: a vantage that falls silent
 * afterwards proves nothing. */
static void facts_verified(struct nx_authority *a,
                           const struct nx_auth_rules *rules,
                           const struct judgement *j,
                           const struct nx_incident *incident, int64_t now_us,
                           struct nx_auth_facts *f) {
    bool was_blind = a->blind;
    a->blind = a->heard && j->all_good && !a->set_verified &&
               nx_auth_declared_us(incident, now_us) == NX_TIME_UNKNOWN &&
               is_blind(a, rules, now_us);
    bool by_word =
        !a->heard ||
        (j->mute && nx_auth_declared_us(incident, now_us) != NX_TIME_UNKNOWN);
    if (!by_word) {
        f->observed = true;
        f->all_ns_good = j->all_good;
        f->verified = j->all_good && !a->blind &&
                      (a->set_verified || j->settled_n >= rules->vantages);
    } else {
        verified_by_word(a, rules, incident, now_us, f);
    }
    a->set_verified = f->verified;
    int64_t was_shut_us = a->left_shut_us;
    a->left_shut_us = nx_left_shut_until(&a->left, now_us);
    bool was_held = a->above_held;
    a->above_held = nx_above_holds(&a->above, patience_us(rules, 1),
                                   patience_us(rules, PATIENCE_DENIED), now_us);
    f->above_denied = nx_above_denied(&a->above);
    f->held = a->left_shut_us != NX_TIME_UNKNOWN || a->above_held || a->blind;
    f->verified = f->verified && !f->held;
    f->epoch = a->facts.epoch + (f->all_ns_good != a->facts.all_ns_good);
    if (!f->verified) {
        a->verified_at_us = NX_TIME_UNKNOWN;
    } else if (!a->facts.verified) {
        bool by_set = a->heard && j->settled_us != NX_TIME_UNKNOWN &&
                      was_shut_us == NX_TIME_UNKNOWN && !was_held && !was_blind;
        a->verified_at_us = by_set ? j->settled_us : now_us;
    }
}

/* What a vantage saw before it fell silent goes on to count, as `verified`. */
static unsigned places_of(const struct nx_authority *a,
                          const struct nx_auth_facts *f,
                          const struct judgement *j) {
    if (!f->verified || !a->heard) {
        return 0;
    }
    return j->settled_n > a->places_n ? j->settled_n : a->places_n;
}

bool nx_authority_proven(const struct nx_authority *a) {
    return a->proven;
}

void nx_authority_doubt(struct nx_authority *a, int64_t at_us) {
    a->proven = false;
    a->doubt_us = nx_time_later(a->doubt_us, at_us);
}

/* A vantage that is gone for good does not hold the guard shut while another
 * one looks. */
static bool looked_at(const struct nx_authority *a,
                      const struct nx_auth_rules *rules, int64_t now_us) {
    int64_t most_us = patience_us(rules, PATIENCE_DENIED);
    bool any = false;
    for (size_t i = 0; i < a->entries_n; i++) {
        const struct nx_auth_entry *e = &a->entries[i];
        const struct nx_auth_vantage *v = nx_auth_vantage(a, e->agent_id);
        if (v == NULL || vantage_stale(v, rules, now_us)) {
            continue;
        }
        if (e->server.last_us < nx_time_later(rules->woke_us, a->doubt_us) ||
            nx_time_past(e->server.last_us, most_us, now_us) ||
            (e->server.last_us <= v->blind_us && v->last_us > v->blind_us) ||
            is_waited_for(a, rules, e, now_us)) {
            return false;
        }
        any = true;
    }
    return any;
}

bool nx_authority_step(struct nx_authority *a,
                       const struct nx_auth_rules *rules,
                       const struct nx_incident *incident, int64_t now_us) {
    struct nx_auth_facts f = {0};
    for (size_t i = 0; i < a->entries_n; i++) {
        struct nx_auth_entry *e = &a->entries[i];
        e->server.class_ = (uint8_t)class_of(e, rules, now_us);
        e->server.good = e->server.class_ == NX_AUTH_GOOD;
        /* Told before it is set aside, which the guard waits for. */
        e->server.in_vain = e->server.asked && e->word == NX_AUTH_WORD_NONE &&
                            nx_time_past(nx_time_later(e->asked_us, e->vain_us),
                                         rounds_us(rules), e->server.last_us);
        e->quiet = e->server.good && e->server.last_us > e->word_us &&
                   nx_time_past(e->word_us, patience_us(rules, PATIENCE_DENIED),
                                now_us);
    }
    struct judgement j = judge(a, rules, now_us);
    const struct nx_left_rules left = left_rules(rules);
    nx_left_step(&a->left, &left, now_us);
    facts_verified(a, rules, &j, incident, now_us, &f);
    nx_auth_facts_restored(a, &left, incident, now_us, &f);
    nx_auth_facts_w(a, &f);
    nx_auth_facts_zone(a, &left, &f);
    nx_auth_facts_outage(a, incident, &f);
    nx_authority_bad(a, &f);
    a->outage_known = (uint8_t)nx_auth_outage_known(a, incident);
    unsigned places_n = places_of(a, &f, &j);
    bool changed = facts_differ(&f, &a->facts) || places_n != a->places_n;
    a->facts = f;
    a->places_n = places_n;
    a->proven = f.verified && (!a->heard || looked_at(a, rules, now_us));
    return changed;
}
