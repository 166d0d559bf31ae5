#include <string.h>

#include "agent/dns/walk_state.h"
#include "common/rrtype.h"

/* What a reply means to a descent. */
enum meaning {
    MEANS_BAD,      /* none, or from a server that does not serve the zone */
    MEANS_REFERRAL, /* ns_owner is the next zone */
    MEANS_ANSWER,   /* the zone's word on the name */
};

bool nx_walk_is_referral(const struct nx_answer *a, const uint8_t *apex,
                         const uint8_t *name) {
    return a->rcode == NX_RCODE_NOERROR && (a->flags & NX_ANS_NS) != 0 &&
           (a->flags & (NX_ANS_SOA | NX_ANS_RDATA)) == 0 && a->cname_n == 0 &&
           nx_dname_under(name, a->ns_owner) &&
           nx_dname_under(a->ns_owner, apex) &&
           !nx_dname_equal(a->ns_owner, apex);
}

static enum meaning meaning_of(const struct nx_obs *obs, const uint8_t *apex,
                               const uint8_t *name) {
    const struct nx_answer *a = obs != NULL ? obs->answer : NULL;
    if (a == NULL || a->outcome != NX_ANSWERED ||
        (a->rcode != NX_RCODE_NOERROR && a->rcode != NX_RCODE_NXDOMAIN)) {
        return MEANS_BAD;
    }
    if (nx_walk_is_referral(a, apex, name)) {
        return MEANS_REFERRAL;
    }
    /* A denial in the name of a zone above: the server does not serve ours. */
    bool above = (a->flags & NX_ANS_SOA) != 0 && a->cname_n == 0 &&
                 !nx_dname_under(a->soa_owner, apex);
    return (a->flags & NX_ANS_AA) != 0 && !above ? MEANS_ANSWER : MEANS_BAD;
}

void nx_walk_job_enter(struct walk_job *j, enum walk_phase phase) {
    j->phase = (uint8_t)phase;
    j->tries = 0;
    j->sticky = phase == PHASE_SOA || phase == PHASE_CUTS;
}

/* An address job is over; whole: it got all there is, else what is known stays
 * in use until it is looked for again soon. */
static void end_job(struct nx_walk *w, struct walk_job *j, bool whole) {
    struct walk_host *h = &w->hosts[j->host];
    h->own = !whole                      ? OWN_UNKNOWN
             : nx_walk_sees(h, WALK_OWN) ? OWN_WHOLE
                                         : OWN_NONE;
    (void)nx_walk_keep_seen(h, WALK_OWN, whole);
    j->ttl_s = whole ? j->ttl_s : 0;
    h->state = h->addresses_n > 0 ? HOST_KNOWN : HOST_FAILED;
    uint32_t ttl_s = j->ttl_s > NX_WALK_FULL_S ? NX_WALK_FULL_S : j->ttl_s;
    ttl_s = ttl_s < NX_WALK_RETRY_S ? NX_WALK_RETRY_S : ttl_s;
    h->looked_us = w->found_mono_us;
    h->until_us = w->found_mono_us + (int64_t)ttl_s * 1000000;
    j->active = false;
}

/* Nobody says where the name's zone is. What is known from before stays in
 * use: silence of the parent is no loss of the delegation. */
static void unreached(struct nx_walk *w, struct walk_job *j) {
    w->problems |= NX_DELEG_UNREACHED;
    if (w->deepest != WALK_NONE &&
        nx_dname_under(w->zones[w->deepest].apex, w->zones[j->zone].apex)) {
        j->zone = w->deepest;
    }
    nx_walk_job_enter(j, PHASE_ADDRESSES);
}

/* The zone is found; the root's own NS set is what the hints are for. */
static void found(const struct nx_walk *w, struct walk_job *j) {
    bool root = w->zones[j->zone].parent == WALK_NONE;
    nx_walk_job_enter(j, root ? PHASE_ADDRESSES : PHASE_CHILD_NS);
}

/* The name is of the zone, or of one between it and `apex`, or at that, which
 * the same server serves: it is asked for every cut there may be. */
static void settle(const struct nx_walk *w, struct walk_job *j,
                   const uint8_t *apex) {
    unsigned labels = nx_dname_labels(w->zones[j->zone].apex);
    if (nx_dname_labels(apex) <= labels) {
        found(w, j);
        return;
    }
    memcpy(j->apex, apex, nx_dname_len(apex));
    j->cut_labels = (uint8_t)(labels + 1);
    nx_walk_job_enter(j, PHASE_CUTS);
}

/* Was a zone below this one found in another round? */
static bool knows_deeper(const struct nx_walk *w, const struct walk_job *j) {
    const uint8_t *apex = w->zones[j->zone].apex;
    return w->deepest != WALK_NONE &&
           nx_dname_under(w->zones[w->deepest].apex, apex) &&
           !nx_dname_equal(w->zones[w->deepest].apex, apex);
}

/* Of late its servers dropped every question but those for addresses. Waiting
 * for all of them in each round would make rounds rare: one is asked. */
static bool known_mute(const struct nx_walk *w, const struct walk_job *j) {
    return w->found_mono_us < w->zones[j->zone].mute_until_mono_us;
}

void nx_walk_job_give_up(struct nx_walk *w, struct walk_job *j) {
    if (j->host != WALK_NONE) {
        end_job(w, j, false);
        return;
    }
    switch ((enum walk_phase)j->phase) {
    case PHASE_DESCEND:
        unreached(w, j);
        break;
    case PHASE_SOA:
        j->mute = true;
        if (known_mute(w, j) && !knows_deeper(w, j)) {
            found(w, j);
        } else {
            settle(w, j, w->name);
        }
        break;
    case PHASE_CUTS: /* a zone in between would have servers of its own */
        if (j->mute && !knows_deeper(w, j)) {
            /* servers that answer for nothing but addresses */
            w->zones[j->zone].mute_until_mono_us =
                w->found_mono_us + (int64_t)NX_WALK_AUDIT_S * 1000000;
            found(w, j);
        } else {
            unreached(w, j);
        }
        break;
    case PHASE_CHILD_NS:
    case PHASE_ADDRESSES:
        nx_walk_job_enter(j, PHASE_ADDRESSES);
        break;
    }
}

/* The apex of the zone an answer comes from, or NULL when it does not say. */
static const uint8_t *apex_of(const struct nx_answer *a, const uint8_t *zone,
                              const uint8_t *name, bool soa_asked) {
    if (a->cname_n > 0) {
        return NULL;
    }
    if (soa_asked && (a->flags & NX_ANS_RDATA) != 0) {
        return name;
    }
    if ((a->flags & NX_ANS_SOA) != 0) {
        return nx_dname_under(name, a->soa_owner) ? a->soa_owner : NULL;
    }
    bool ns = (a->flags & NX_ANS_NS) != 0 &&
              nx_dname_under(name, a->ns_owner) &&
              nx_dname_under(a->ns_owner, zone);
    return ns ? a->ns_owner : NULL;
}

/* Job 0 got the zone's word on the name. What is no apex itself needs no SOA to
 * say so: an alias, and the DS of a zone is its parent's. */
static void name_answered(struct nx_walk *w, struct walk_job *j,
                          const struct nx_answer *a) {
    const uint8_t *zone = w->zones[j->zone].apex;
    bool soa_asked = j->phase == PHASE_SOA;
    if (soa_asked) {
        w->zones[j->zone].mute_until_mono_us = 0;
    }
    const uint8_t *apex = apex_of(a, zone, w->name, soa_asked);
    if (apex != NULL || nx_dname_equal(w->name, zone)) {
        settle(w, j, apex != NULL ? apex : zone);
    } else if (a->cname_n > 0 || j->type == NX_TYPE_DS) {
        settle(w, j, nx_dname_parent(w->name));
    } else if (soa_asked) {
        settle(w, j, w->name);
    } else {
        nx_walk_job_enter(j, PHASE_SOA);
    }
}

/* Address jobs ask A, then AAAA. */
static void address_answered(struct nx_walk *w, struct walk_job *j,
                             const struct nx_obs *obs) {
    const struct nx_answer *a = obs->answer;
    /* RFC 2181 section 10.3: an NS name is no alias. */
    if (a->cname_n == 0 && (a->flags & NX_ANS_RDATA) != 0) {
        nx_walk_learn_addresses(w, j->host, a, j->type);
        j->ttl_s = j->ttl_s == 0 || obs->answer_ttl_s < j->ttl_s
                       ? obs->answer_ttl_s
                       : j->ttl_s;
    }
    if (j->type == NX_TYPE_A && a->rcode == NX_RCODE_NOERROR) {
        j->type = NX_TYPE_AAAA;
        nx_walk_job_enter(j, PHASE_DESCEND);
    } else {
        end_job(w, j, true);
    }
}

/* The zone's word on a possible cut: the NS set, or that there is none. */
static void cut_answered(struct nx_walk *w, struct walk_job *j,
                         const struct nx_answer *a, const uint8_t *msg,
                         size_t msg_len) {
    const uint8_t *cut = nx_walk_suffix(j->apex, j->cut_labels);
    j->mute = false;
    w->zones[j->zone].mute_until_mono_us = 0;
    if ((a->flags & NX_ANS_RDATA) != 0 && a->cname_n == 0) {
        int zone = nx_walk_learn_zone(w, j->zone, cut, NX_SECTION_ANSWER, msg,
                                      msg_len);
        if (zone == WALK_NONE) {
            unreached(w, j);
            return;
        }
        j->zone = zone;
    }
    if (j->cut_labels >= nx_dname_labels(j->apex)) {
        found(w, j);
    } else {
        j->cut_labels++;
        nx_walk_job_enter(j, PHASE_CUTS);
    }
}

/* So many servers are asked in vain: each twice, but those that may be mute
 * once, if they are several. */
static unsigned tries_of(const struct nx_walk *w, const struct walk_job *j) {
    unsigned n = nx_walk_addresses_n(w, j->zone);
    bool maybe_mute =
        j->phase == PHASE_SOA || (j->phase == PHASE_CUTS && j->mute);
    if (maybe_mute && known_mute(w, j)) {
        return 1;
    }
    unsigned limit = maybe_mute && n > 1 ? n : 2 * n;
    bool glued = j->host != WALK_NONE && w->hosts[j->host].addresses_n > 0;
    unsigned most = !glued             ? WALK_TRIES_MAX
                    : known_mute(w, j) ? 1
                                       : WALK_TRIES_GLUED_MAX;
    return limit < most ? limit : most;
}

/* No usable answer: the next server, until enough have been asked. */
static void try_next(struct nx_walk *w, struct walk_job *j) {
    unsigned limit = tries_of(w, j);
    j->sticky = false;
    j->tries++;
    if (j->tries >= limit) {
        nx_walk_job_give_up(w, j);
    }
}

static void follow(struct nx_walk *w, struct walk_job *j,
                   const struct nx_answer *a, const uint8_t *msg,
                   size_t msg_len) {
    int zone = nx_walk_learn_zone(w, j->zone, a->ns_owner, NX_SECTION_AUTHORITY,
                                  msg, msg_len);
    if (zone == WALK_NONE) {
        nx_walk_job_give_up(w, j);
        return;
    }
    /* Cut, and not to be had over TCP: there are more. */
    w->zones[zone].incomplete |= (a->flags & NX_ANS_TC) != 0;
    j->zone = zone;
    nx_walk_job_enter(j, PHASE_DESCEND);
}

static void note_server(struct nx_walk *w, const struct walk_job *j,
                        bool good) {
    struct walk_host *h = &w->hosts[j->server.host];
    if (j->server.address >= h->addresses_n) {
        return;
    }
    struct walk_address *a = &h->addresses[j->server.address];
    a->failures = good                      ? 0
                  : a->failures < UINT8_MAX ? (uint8_t)(a->failures + 1)
                                            : a->failures;
}

static void child_answered(struct nx_walk *w, struct walk_job *j,
                           const struct nx_answer *a, const uint8_t *msg,
                           size_t msg_len) {
    if ((a->flags & NX_ANS_RDATA) != 0 && a->cname_n == 0) {
        nx_walk_learn_child(w, j->zone, msg, msg_len);
        w->zones[j->zone].incomplete |= (a->flags & NX_ANS_TC) != 0;
    }
    nx_walk_job_enter(j, PHASE_ADDRESSES);
}

static void job_result(struct nx_walk *w, struct walk_job *j,
                       const struct nx_obs *obs, const uint8_t *msg,
                       size_t msg_len) {
    const uint8_t *apex = w->zones[j->zone].apex;
    const uint8_t *name =
        j->phase == PHASE_CUTS       ? nx_walk_suffix(j->apex, j->cut_labels)
        : j->phase == PHASE_CHILD_NS ? apex
                                     : nx_walk_job_target(w, j);
    enum meaning meaning = meaning_of(obs, apex, name);
    note_server(w, j, meaning != MEANS_BAD);
    if (meaning == MEANS_BAD) {
        try_next(w, j);
    } else if (meaning == MEANS_REFERRAL) {
        follow(w, j, obs->answer, msg, msg_len);
    } else if (j->phase == PHASE_CUTS) {
        cut_answered(w, j, obs->answer, msg, msg_len);
    } else if (j->phase == PHASE_CHILD_NS) {
        child_answered(w, j, obs->answer, msg, msg_len);
    } else if (j->host == WALK_NONE) {
        name_answered(w, j, obs->answer);
    } else {
        address_answered(w, j, obs);
    }
}

bool nx_walk_job_result(struct nx_walk *w, uint32_t id,
                        const struct nx_obs *obs, const uint8_t *msg,
                        size_t msg_len) {
    for (size_t i = 0; i < WALK_JOBS_MAX; i++) {
        struct walk_job *j = &w->jobs[i];
        if (j->active && j->asking && j->query_id == id) {
            j->asking = false;
            job_result(w, j, obs, msg, msg_len);
            return true;
        }
    }
    return false;
}
