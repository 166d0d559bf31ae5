#include "collector/engine/authority.h"

#include <stdlib.h>
#include <string.h>

#include "collector/engine/authority_priv.h"
#include "common/plants.h"
#include "common/rrtype.h"

#define BLIND_ROUNDS 2U       /* fewer than ROUNDS_MISSED and a half */
#define SOA_NUMBERS_BYTES 20U /* RFC 1035 section 3.3.13, after the names */

bool nx_serial_after(uint32_t a, uint32_t b) {
    return a != b && a - b < UINT32_C(0x80000000);
}

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

int nx_authority_delegation(struct nx_authority *a, uint32_t agent_id,
                            const struct nx_delegation *d, int64_t at_us,
                            uint32_t eps_us) {
    struct nx_auth_vantage *v = vantage_make(a, agent_id);
    if (v == NULL || d->servers_n > NX_DELEG_SERVERS_MAX) {
        return NX_ELIMIT;
    }
    v->problems = d->problems;
    /* A walk that did not arrive says nothing about the set. */
    if (d->servers_n == 0 ||
        ((d->problems & NX_DELEG_UNREACHED) != 0 && a->entries_n > 0)) {
        return 0;
    }
    int err = nx_auth_set(a, agent_id, d, at_us, eps_us);
    if (err != 0) {
        return err;
    }
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

/* RFC 2308 section 3 */
static uint32_t negative_ttl(uint32_t ttl_s, uint32_t minimum_s) {
    return ttl_s < minimum_s ? ttl_s : minimum_s;
}

static uint32_t larger(uint32_t a, uint32_t b) {
    return a > b ? a : b;
}

static void note_w(struct nx_authority *a, const uint8_t *owner, uint32_t ttl_s,
                   uint32_t minimum_s) {
    size_t i = 0;
    while (i < a->zones_n && !nx_dname_equal(a->zones[i].owner, owner)) {
        i++;
    }
    if (i == NX_AUTH_ZONES_MAX) {
        return;
    }
    if (i == a->zones_n) {
        a->zones_n++;
        (void)nx_dname_lower(owner, a->zones[i].owner);
        a->zones[i].w_s = a->zones[i].ttl_s = a->zones[i].minimum_s = 0;
    }
    struct nx_auth_zone *z = &a->zones[i];
    z->w_s = larger(z->w_s, negative_ttl(ttl_s, minimum_s));
    z->ttl_s = larger(z->ttl_s, ttl_s);
    z->minimum_s = larger(z->minimum_s, minimum_s);
}

/* Serials of two zones do not compare. */
static void note_outage_serial(struct nx_authority *a, uint32_t serial) {
    bool same =
        a->outage_serial_known && nx_dname_equal(a->outage_serial_of, a->apex);
    if (!same || nx_serial_after(serial, a->outage_serial)) {
        a->outage_serial = serial;
        a->outage_serial_known = true;
        memcpy(a->outage_serial_of, a->apex, sizeof(a->outage_serial_of));
    }
}

static void note_server_soa(struct nx_auth_server *s, uint32_t serial,
                            uint32_t ttl_s, uint32_t minimum_s) {
    s->serial = serial;
    s->serial_known = true;
    s->soa_ttl_s = ttl_s;
    s->soa_minimum_s = minimum_s;
    s->w_s = negative_ttl(nx_ttl_s(ttl_s), nx_ttl_s(minimum_s));
}

static void note_negative_soa(struct nx_authority *a, struct nx_auth_entry *e,
                              const struct nx_obs *obs) {
    const struct nx_answer *answer = obs->answer;
    if ((answer->flags & NX_ANS_SOA) == 0 || answer->soa_owner == NULL) {
        return;
    }
    note_w(a, answer->soa_owner, nx_ttl_s(obs->soa_ttl_s),
           nx_ttl_s(answer->soa_minimum_s));
    /* A server of both zones may answer for the parent's. */
    if (a->apex_known && nx_dname_equal(answer->soa_owner, a->apex)) {
        note_server_soa(&e->server, answer->soa_serial, obs->soa_ttl_s,
                        answer->soa_minimum_s);
        note_outage_serial(a, answer->soa_serial);
    }
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

static struct nx_auth_entry *touch(struct nx_authority *a, uint32_t agent_id,
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
    struct nx_auth_entry *e = touch(a, agent_id, obs, look);
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
            note_outage_serial(a, e->serial_bad);
        }
        note_negative_soa(a, e, obs);
    }
    e->word = (uint8_t)word;
    e->word_us = e->vain_us = look->rx_us;
}

static uint32_t be32(const uint8_t *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 |
           (uint32_t)p[3];
}

/* The five numbers of the first SOA of the answer, or NULL. The codec checked
 * lengths; names inside RDATA it did not. */
static const uint8_t *soa_numbers(const struct nx_answer *answer) {
    if ((answer->flags & NX_ANS_RDATA) == 0 || answer->rdata_n == 0 ||
        answer->rdata_len < 2) {
        return NULL;
    }
    size_t len = (size_t)answer->rdata[0] << 8 | answer->rdata[1];
    if (len + 2 > answer->rdata_len || len < SOA_NUMBERS_BYTES + 2) {
        return NULL;
    }
    return answer->rdata + 2 + len - SOA_NUMBERS_BYTES;
}

#define W_ROUND_US (2 * INT64_C(1000000))

/* Has the zone's negative TTL changed? A server that says nothing any more has
 * no part in it. */
static void note_w_change(struct nx_authority *a, int64_t at_us) {
    uint32_t w_s = 0;
    for (size_t i = 0; i < a->entries_n; i++) {
        const struct nx_auth_server *s = &a->entries[i].server;
        w_s = s->serial_known && s->class_ != NX_AUTH_SILENT
                  ? larger(w_s, s->w_s)
                  : w_s;
    }
    int64_t last_us = a->w_n > 0 ? a->w[a->w_n - 1].at_us : NX_TIME_UNKNOWN;
    /* Servers are asked one after the other: a round makes one step. What came
     * late takes none back. */
    bool same_round =
        a->w_n > 0 && at_us >= last_us && at_us - last_us < W_ROUND_US;
    at_us = nx_time_later(at_us, last_us);
    if (same_round) {
        at_us = a->w[--a->w_n].at_us;
    }
    if (a->w_n > 0 && a->w[a->w_n - 1].w_s == w_s) {
        return;
    }
    if (a->w_n == NX_AUTH_W_MAX) {
        memmove(a->w, a->w + 1, --a->w_n * sizeof(a->w[0]));
    }
    a->w[a->w_n++] = (struct nx_auth_w){at_us, w_s};
}

void nx_authority_soa(struct nx_authority *a, uint32_t agent_id,
                      const struct nx_obs *obs, const struct nx_look *look) {
    struct nx_auth_entry *e = touch(a, agent_id, obs, look);
    const uint8_t *numbers = soa_numbers(obs->answer);
    if (e == NULL || numbers == NULL) {
        return;
    }
    /* Was it the parent's before, without the delegation? */
    nx_above_is_there(&a->above, agent_id, obs, look->rx_us);
    uint32_t serial = be32(numbers);
    note_server_soa(&e->server, serial, obs->answer_ttl_s, be32(numbers + 16));
    note_w_change(a, look->rx_us);
    a->soa_w_s = larger(a->soa_w_s, e->server.w_s);
    a->soa_minimum_s = larger(a->soa_minimum_s, nx_ttl_s(be32(numbers + 16)));
    if (e->word >= NX_AUTH_WORD_DIFFERS) {
        /* Or was it restored between the two questions? */
        e->serial_bad = serial;
        e->bad_serial = true;
    } else if (e->word == NX_AUTH_WORD_GOOD && !e->good_serial &&
               look->tx_us >= e->server.good_since_us) {
        /* Read after the first good answer, so not the old version's. */
        e->serial_good = serial;
        e->good_serial = true;
    }
}
