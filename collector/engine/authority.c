#include "collector/engine/authority.h"

#include <stdlib.h>
#include <string.h>

#include "collector/engine/authority_priv.h"
#include "common/plants.h"
#include "common/rrtype.h"

#define BLIND_ROUNDS 2U /* fewer than ROUNDS_MISSED and a half */

int nx_authority_new(struct nx_authority **out) {
    struct nx_authority *a = calloc(1, sizeof(*a));
    if (a == NULL) {
        return NX_ENOMEM;
    }
    a->outage_lo_us = NX_TIME_UNKNOWN;
    a->left_lo_us = NX_TIME_UNKNOWN;
    a->left_hi_us = NX_TIME_UNKNOWN;
    a->bad_us = NX_TIME_UNKNOWN;
    a->gone_bad_us = NX_TIME_UNKNOWN;
    a->verified_at_us = NX_TIME_UNKNOWN;
    a->left_shut_us = NX_TIME_UNKNOWN;
    a->doubt_us = NX_TIME_UNKNOWN;
    nx_above_init(&a->above);
    nx_left_init(&a->left);
    a->facts.outage_lo_us = NX_TIME_UNKNOWN;
    a->facts.restored_lo_us = NX_TIME_UNKNOWN;
    a->facts.restored_hi_us = NX_TIME_UNKNOWN;
    *out = a;
    return 0;
}

void nx_authority_free(struct nx_authority **authority) {
    if (*authority != NULL) {
        free((*authority)->entries);
        nx_left_fini(&(*authority)->left);
        nx_above_fini(&(*authority)->above);
        free((*authority)->shown);
        nx_papers_fini(&(*authority)->papers);
        free(*authority);
        *authority = NULL;
    }
}

const uint8_t *nx_authority_apex(const struct nx_authority *a) {
    return a->apex_known ? a->apex : NULL;
}

const struct nx_auth_facts *nx_authority_facts(const struct nx_authority *a) {
    return &a->facts;
}

/* --- the server set --- */

const struct nx_auth_vantage *nx_auth_vantage(const struct nx_authority *a,
                                              uint32_t agent_id) {
    for (size_t i = 0; i < a->vantages_n; i++) {
        if (a->vantages[i].agent_id == agent_id) {
            return &a->vantages[i];
        }
    }
    return NULL;
}

static struct nx_auth_vantage *vantage(struct nx_authority *a, uint32_t id) {
    const struct nx_auth_vantage *v = nx_auth_vantage(a, id);
    return v != NULL ? &a->vantages[v - a->vantages] : NULL;
}

static struct nx_auth_vantage *vantage_make(struct nx_authority *a,
                                            uint32_t id) {
    struct nx_auth_vantage *v = vantage(a, id);
    if (v == NULL && a->vantages_n < NX_AUTH_VANTAGES_MAX) {
        v = &a->vantages[a->vantages_n++];
        *v = (struct nx_auth_vantage){.agent_id = id,
                                      .last_us = NX_TIME_UNKNOWN,
                                      .blind_us = NX_TIME_UNKNOWN};
    }
    return v;
}

void nx_authority_reached(struct nx_authority *a, uint32_t agent_id,
                          uint8_t families) {
    struct nx_auth_vantage *v = vantage(a, agent_id);
    if (v != NULL) {
        v->reached = families;
    }
}

int nx_authority_delegation(struct nx_authority *a, uint32_t agent_id,
                            const struct nx_delegation *d, int64_t at_us,
                            uint32_t eps_us) {
    struct nx_auth_vantage *v = vantage_make(a, agent_id);
    if (v == NULL || d->servers_n > NX_DELEG_SERVERS_MAX) {
        return NX_ELIMIT;
    }
    v->problems = d->problems;
    v->glue = d->glue;
    /* A walk that did not arrive says nothing about the set. */
    if (d->servers_n == 0 ||
        ((d->problems & NX_DELEG_UNREACHED) != 0 && a->entries_n > 0)) {
        return 0;
    }
    int err = nx_auth_set(a, agent_id, d, at_us, eps_us);
    if (err != 0) {
        return err;
    }
    v->unasked_n = d->unasked_n;
    (void)nx_dname_lower(d->apex, a->apex);
    memcpy(v->apex, a->apex, sizeof(v->apex));
    v->apex_known = a->apex_known = true;
    a->ns_ttl_s = d->ns_ttl_s;
    return 0;
}

/* What it saw stays true. A server that denied last did until it was asked
 * last, at least; the other vantages see what it does now. */
static void keep_times(struct nx_authority *a, const struct nx_auth_entry *e) {
    if (e->bad_seen) {
        bool good = e->word == NX_AUTH_WORD_GOOD;
        a->left_lo_us = nx_time_later(a->left_lo_us, e->bad_lo_us);
        a->left_hi_us = nx_time_later(a->left_hi_us,
                                      good ? e->good_hi_us : e->server.last_us);
    }
}

void nx_authority_forget(struct nx_authority *a, uint32_t agent_id) {
    size_t kept = 0;
    for (size_t i = 0; i < a->entries_n; i++) {
        if (a->entries[i].agent_id != agent_id) {
            a->entries[kept++] = a->entries[i];
        } else {
            keep_times(a, &a->entries[i]);
        }
    }
    a->entries_n = kept;
    if (kept > 0) {
        nx_given_age(&a->given); /* it may have made up what it saw */
    } else {
        nx_given_forget(&a->given); /* nobody is left to say more */
    }
    struct nx_auth_vantage *v = vantage(a, agent_id);
    if (v != NULL) {
        a->gone_bad_us = nx_time_later(a->gone_bad_us, a->bad_us);
        *v = a->vantages[--a->vantages_n];
    }
    if (kept == 0) { /* nobody would hear more of those */
        a->above.crowded_us = NX_TIME_UNKNOWN;
    }
    nx_left_forget(&a->left, agent_id);
    nx_above_forget(&a->above, agent_id);
    a->heard = a->heard && a->entries_n > 0;
}

/* --- answers --- */

/* zone: the one that the vantage asks this server for. */
static enum nx_auth_word word_of(const struct nx_authority *a,
                                 const uint8_t *zone, const struct nx_obs *obs,
                                 const struct nx_look *look) {
    bool aa = (look->flags & NX_LOOK_AA) != 0;
    if (look->kind == NX_KIND_POS && nx_answer_affirms(obs->answer, zone)) {
        return NX_AUTH_WORD_GOOD;
    }
    if (nx_answer_is_back(obs->answer, zone, a->missed)) {
        return NX_AUTH_WORD_GOOD;
    }
    if (nx_answer_leaves(obs->answer, zone)) {
        return NX_AUTH_WORD_NONE;
    }
    if (nx_answer_plants(obs->answer, zone)) {
        return NX_AUTH_WORD_DENIES;
    }
    return aa && look->kind == NX_KIND_POS_OTHER ? NX_AUTH_WORD_DIFFERS
                                                 : NX_AUTH_WORD_NONE;
}

static void turn_good(struct nx_auth_entry *e, const struct nx_look *look) {
    if (e->word != NX_AUTH_WORD_GOOD) {
        e->server.good_since_us = look->rx_us;
        e->good_hi_us = look->rx_us + look->eps_us;
        e->good_serial = false;
    }
    e->bad_serial = false;
    e->last_good_us = look->rx_us;
}

void nx_auth_turn_bad(struct nx_authority *a, struct nx_auth_entry *e,
                      const struct nx_look *look) {
    int64_t lo_us = look->tx_us - look->eps_us;
    a->bad_us = nx_time_later(a->bad_us, lo_us);
    if (!a->bad_seen) {
        a->bad_seen = true;
        a->outage_lo_us = e->last_good_us; /* unknown, if never good */
    }
    if (!a->bad_open) {
        a->bad_open = true;
        a->bad_from_us = e->last_good_us;
    }
    a->proven = false;       /* at once, not with the next step */
    a->set_verified = false; /* though it were good again by then */
    nx_given_forget(&a->given);
    e->bad_seen = true;
    e->bad_lo_us = nx_time_later(e->bad_lo_us, lo_us);
    e->server.last_bad_us = look->rx_us;
    e->server.good_since_us = NX_TIME_UNKNOWN;
}

struct nx_auth_entry *nx_auth_touch(struct nx_authority *a, uint32_t agent_id,
                                    const struct nx_obs *obs,
                                    const struct nx_look *look) {
    struct nx_auth_entry *e = nx_auth_entry(a, agent_id, &obs->question->to);
    struct nx_auth_vantage *v = vantage(a, agent_id);
    if (e == NULL || v == NULL) {
        return NULL;
    }
    if (obs->answer->outcome == NX_ANSWERED) {
        if (look->rx_us >= v->last_us) { /* one that comes late is no news */
            v->last_us = look->rx_us;
            v->vain_n = 0;
        }
        nx_above_heard(&a->above, look->rx_us);
    }
    if (e->asked_us == NX_TIME_UNKNOWN) {
        e->asked_us = look->tx_us;
    }
    return e;
}

/* Whose own way is cut off hears of no server whether it is silent: what it
 * asks in vain meanwhile does not count. True: that is so. */
static bool note_vain(struct nx_authority *a, struct nx_auth_vantage *v,
                      int64_t at_us) {
    unsigned servers_n = 0;
    bool alone = true;
    for (size_t i = 0; i < a->entries_n; i++) {
        servers_n += a->entries[i].agent_id == v->agent_id ? 1U : 0U;
    }
    for (size_t i = 0; i < a->vantages_n; i++) {
        alone = alone && a->vantages[i].last_us <= v->last_us;
    }
    if (++v->vain_n < BLIND_ROUNDS * servers_n) {
        return false;
    }
    v->blind_us = nx_time_later(v->blind_us, at_us);
    if (alone) {
        nx_above_blind(&a->above, at_us);
    }
    return true;
}

const struct nx_given *nx_authority_given(const struct nx_authority *a) {
    return &a->given;
}

/* At the end of a way out of the zone a server has no say. */
static void note_given(struct nx_authority *a, const struct nx_answer *answer,
                       const uint8_t *zone) {
    if (nx_answer_affirms(answer, zone)) {
        nx_given_note(&a->given, answer);
    } else if ((answer->flags & NX_ANS_AA) != 0 &&
               nx_answer_leaves(answer, zone)) {
        nx_given_note_alias(&a->given);
    }
}

void nx_authority_answer(struct nx_authority *a, uint32_t agent_id,
                         const struct nx_obs *obs, const struct nx_look *look) {
    struct nx_auth_entry *e = nx_auth_touch(a, agent_id, obs, look);
    struct nx_auth_vantage *v = vantage(a, agent_id);
    bool answered = obs->answer->outcome == NX_ANSWERED;
    bool blind = e != NULL && v != NULL && !answered &&
                 look->rx_us > v->last_us && note_vain(a, v, look->rx_us);
    int64_t blind_us = v != NULL ? v->blind_us : NX_TIME_UNKNOWN;
    const uint8_t *zone = v != NULL && v->apex_known ? v->apex : NULL;
    /* The zone's own servers naming the zone itself lead nobody down. */
    if (e == NULL || !nx_answer_plants(obs->answer, zone)) {
        nx_above_leads_down(&a->above, agent_id, obs, look->rx_us);
    }
    if (!blind && nx_left_answer(&a->left, agent_id, obs, look, blind_us)) {
        a->bad_us = nx_time_later(a->bad_us, look->tx_us - look->eps_us);
        a->proven = false;       /* at once, not with the next step */
        a->set_verified = false; /* it may be back in the set by then */
    }
    if (e == NULL || look->rx_us < e->server.last_us) {
        return; /* not in the set, or older than what we know */
    }
    struct nx_auth_server *s = &e->server;
    e->way |= obs->answer->outcome != NX_UNREACHABLE &&
              obs->answer->outcome != NX_LOCAL_ERROR;
    enum nx_auth_word word = word_of(a, zone, obs, look);
    s->asked = true;
    s->kind = look->kind;
    s->outcome = obs->answer->outcome;
    s->rcode = obs->answer->rcode;
    s->aa = (look->flags & NX_LOOK_AA) != 0;
    s->alias = nx_answer_leaves(obs->answer, zone);
    s->stops = nx_answer_stops(obs->answer, zone);
    s->bare = nx_answer_is_bare(obs->answer, zone);
    /* Nobody asked it for long: this is the first time in vain. */
    bool gap = a->left.gap_us > 0 &&
               nx_time_past(s->last_us, a->left.gap_us, look->rx_us);
    s->last_us = look->rx_us;
    if (word <= NX_AUTH_WORD_GOOD) {
        note_given(a, obs->answer, zone);
    }
    if (word == NX_AUTH_WORD_NONE) {
        if (s->class_ != NX_AUTH_SILENT || e->word == NX_AUTH_WORD_NONE) {
            e->vain_us =
                nx_time_later(e->vain_us, gap ? look->rx_us : blind_us);
        }
        return;
    }
    a->heard = true;
    if (word == NX_AUTH_WORD_GOOD) {
        turn_good(e, look);
        if (look->r_s > (int32_t)a->positive_ttl_s) {
            a->positive_ttl_s = (uint32_t)look->r_s;
        }
    } else {
        nx_auth_turn_bad(a, e, look);
        a->missed = a->missed || nx_answer_ends_in(obs->answer, zone);
        if (e->bad_serial) {
            nx_auth_outage_serial(a, e->serial_bad);
        }
        nx_auth_negative_soa(a, e, obs);
    }
    e->word = (uint8_t)word;
    e->word_us = e->vain_us = look->rx_us;
}
