/* What an audit asks besides: names above, the parent, DS and DNSKEY. */
#include <string.h>

#include "collector/engine/authority_priv.h"
#include "common/plants.h"
#include "common/rrtype.h"

const uint8_t *nx_authority_ancestor(const struct nx_authority *a) {
    /* The zone itself is another matter: its delegation was lost. */
    bool inside = a->ancestor_known && a->apex_known &&
                  nx_dname_under(a->ancestor, a->apex) &&
                  !nx_dname_equal(a->ancestor, a->apex);
    return inside ? a->ancestor : NULL;
}

static int hear_above(struct nx_authority *a, uint32_t agent_id,
                      const struct nx_obs *obs, int64_t at_us) {
    if (nx_answer_is_no_name(obs->answer)) {
        a->proven = false; /* at once, not with the next step */
        a->bad_us = nx_time_later(a->bad_us, at_us);
    }
    return nx_above_hear(&a->above, agent_id, obs, a->apex, at_us);
}

int nx_authority_above(struct nx_authority *a, uint32_t agent_id,
                       const struct nx_obs *obs, int64_t at_us) {
    bool ours = a->apex_known && nx_dname_under(obs->question->name, a->apex) &&
                nx_auth_entry(a, agent_id, &obs->question->to) != NULL;
    return ours ? hear_above(a, agent_id, obs, at_us) : 0;
}

/* The highest name that a server denied: it denies all below (RFC 8020). What
 * was cached of it may outlive its return, so it is not forgotten. */
static void note_between(struct nx_authority *a, const struct nx_obs *obs) {
    const uint8_t *name = obs->question->name;
    bool denied = nx_answer_is_no_name(obs->answer) &&
                  (obs->answer->flags & NX_ANS_AA) != 0;
    const uint8_t *known = nx_authority_ancestor(a);
    if (denied && (known == NULL || nx_dname_under(known, name))) {
        (void)nx_dname_lower(name, a->ancestor);
        a->ancestor_known = true;
    }
}

/* Of the zone, when the parent's servers are asked. Not by one that has the
 * zone itself, and is asked for that. */
static int note_parent(struct nx_authority *a, uint32_t agent_id,
                       const struct nx_obs *obs, int64_t at_us) {
    bool theirs = nx_auth_entry(a, agent_id, &obs->question->to) == NULL;
    return theirs ? hear_above(a, agent_id, obs, at_us) : 0;
}

static bool has_set(unsigned flags) {
    const unsigned set = NX_ANS_AA | NX_ANS_RDATA;
    return (flags & (set | NX_ANS_TC)) == set;
}

/* What is cut off says nothing of what is there. */
static bool tells_of_keys(const struct nx_answer *said) {
    return said->outcome == NX_ANSWERED && (said->flags & NX_ANS_AA) != 0 &&
           (said->flags & NX_ANS_TC) == 0 &&
           (said->rcode == NX_RCODE_NOERROR ||
            said->rcode == NX_RCODE_NXDOMAIN);
}

/* DS and DNSKEY sets that are there, and those that are no more: caches may
 * hold one as long as its TTL says after the server gave it last. */
static void note_keys(struct nx_authority *a, enum nx_paper_kind kind,
                      uint32_t agent_id, const struct nx_obs *obs,
                      int64_t at_us) {
    const struct nx_answer *said = obs->answer;
    const struct nx_paper *old =
        nx_papers_find(&a->papers, kind, agent_id, &obs->question->to);
    int64_t *seen_us =
        kind == NX_PAPER_DS ? &a->ds_seen_us : &a->dnskey_seen_us;
    if (!tells_of_keys(said)) {
        return;
    }
    *seen_us = *seen_us == 0 || at_us < *seen_us ? at_us : *seen_us;
    if (has_set(said->flags)) {
        a->keys_seen = true;
        uint32_t kept_s = nx_left_kept_s(obs->answer_ttl_s);
        a->keys_ttl_s = kept_s > a->keys_ttl_s ? kept_s : a->keys_ttl_s;
    }
    if (old == NULL || at_us < old->at_us || !has_set(old->flags) ||
        (old->rdata_len == said->rdata_len && said->rdata_len > 0 &&
         memcmp(old->rdata, said->rdata, said->rdata_len) == 0)) {
        return;
    }
    int64_t kept_us = (int64_t)nx_left_kept_s(old->ttl_s) * INT64_C(1000000);
    a->keys_until_us = nx_time_later(a->keys_until_us, at_us + kept_us);
}

/* How long caches may keep a denial of this server, though it never denied the
 * item while somebody looked: a wildcard that is not there tells that. */
static void note_denial(struct nx_authority *a, enum nx_paper_kind kind,
                        uint32_t agent_id, const struct nx_obs *obs) {
    const struct nx_answer *said = obs->answer;
    bool ours = (said->flags & NX_ANS_AA) != 0 &&
                nx_auth_entry(a, agent_id, &obs->question->to) != NULL;
    if (kind == NX_PAPER_WILDCARD && !ours) {
        return;
    }
    if (said->proof.denial != NX_DENIAL_NONE &&
        said->proof.denial_ttl_s > a->denial_ttl_s) {
        a->denial_ttl_s = said->proof.denial_ttl_s;
    }
    if (kind == NX_PAPER_WILDCARD) {
        nx_auth_denial_soa(a, obs);
    }
}

int nx_authority_paper(struct nx_authority *a, uint32_t agent_id,
                       const uint8_t *name, uint16_t qtype,
                       const struct nx_obs *obs, int64_t at_us) {
    int kind = a->apex_known
                   ? nx_paper_kind_of(obs->question, name, qtype, a->apex)
                   : -1;
    if (kind < 0) {
        return 0;
    }
    if (kind == NX_PAPER_BETWEEN) {
        note_between(a, obs);
        return nx_authority_above(a, agent_id, obs, at_us);
    }
    int err = kind == NX_PAPER_DS ? note_parent(a, agent_id, obs, at_us) : 0;
    if (err != 0) {
        return err;
    }
    if (kind == NX_PAPER_DS || kind == NX_PAPER_DNSKEY) {
        note_keys(a, (enum nx_paper_kind)kind, agent_id, obs, at_us);
    }
    if (kind == NX_PAPER_ANSWER || kind == NX_PAPER_WILDCARD) {
        note_denial(a, (enum nx_paper_kind)kind, agent_id, obs);
    }
    if (kind == NX_PAPER_NS && (obs->answer->flags & NX_ANS_AA) != 0 &&
        obs->answer_ttl_s > a->set_ttl_s &&
        nx_auth_entry(a, agent_id, &obs->question->to) != NULL) {
        a->set_ttl_s = obs->answer_ttl_s;
    }
    return nx_papers_put(&a->papers, (enum nx_paper_kind)kind, agent_id, obs,
                         at_us);
}
