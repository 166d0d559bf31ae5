#include "collector/profile/measure.h"

#include <string.h>

#include "collector/profile/measure_priv.h"

#define US_PER_S INT64_C(1000000)
#define STALE_MAX_S 259200U /* RFC 8767 section 5: one to three days */
/* Less than this is left of a positive answer: it may be fetched anew while
 * caches are counted. */
#define COUNT_TTL_S                                                            \
    ((int32_t)(NX_CANARY_COUNT_MAX * NX_CANARY_COUNT_GAP_MS / 1000) + 5)

/* --- caps and floor --- */

static bool denied(const struct nx_look *look, enum nx_kind kind) {
    return look->kind == (unsigned)kind && look->r_s >= 0;
}

int64_t nx_measure_kept(const struct nx_canary_looks *looks,
                        enum nx_canary which, enum nx_kind kind) {
    int64_t cap_s = -1;
    const struct nx_look *first = &looks->of[which][0].look;
    for (unsigned i = 0; i < looks->n[which]; i++) {
        const struct nx_look *look = &looks->of[which][i].look;
        if (!denied(look, kind)) {
            continue;
        }
        int64_t age_s = (look->rx_us - first->rx_us + US_PER_S / 2) / US_PER_S;
        int64_t shown_s = look->r_s + age_s;
        bool limited = i == 0 || shown_s + NX_UNFAIR_S < cap_s;
        cap_s = cap_s < 0 || limited ? shown_s : cap_s;
    }
    return cap_s;
}

static uint32_t cap_of(const struct nx_canary_looks *looks,
                       enum nx_canary which, enum nx_kind kind) {
    int64_t cap_s = nx_measure_kept(looks, which, kind);
    if (cap_s < 0) {
        return NX_NOT_MEASURED;
    }
    return cap_s + NX_UNFAIR_S >= NX_CANARY_LONG_S ? 0 : (uint32_t)cap_s;
}

static int64_t life_of(uint32_t cap_s) {
    return cap_s == 0 ? NX_CANARY_LONG_S : (int64_t)cap_s;
}

/* Where all denials of a zone show one SOA, a run soon after another one sees
 * what is left of what the first one was shown: not the cap. (Of what was
 * shown, not of the cap: a lowered cap would hide below what is left of the old
 * one, run after run.) */
static uint32_t cap_again(uint32_t now_s, uint32_t before_s, uint32_t shown_s,
                          int64_t age_us) {
    bool known = before_s != NX_NOT_MEASURED && shown_s != NX_NOT_MEASURED &&
                 now_s != NX_NOT_MEASURED;
    int64_t left_s = life_of(shown_s) - age_us / US_PER_S;
    bool leftover =
        known && left_s > 0 && life_of(now_s) <= left_s + NX_UNFAIR_S;
    return leftover ? before_s : now_s;
}

static void caps_again(const struct nx_measured *before, int64_t before_us,
                       struct nx_measured *m) {
    bool shown = before->shown_us != 0;
    int64_t age_us = m->shown_us - (shown ? before->shown_us : before_us);
    m->nxdomain_cap_s = cap_again(
        m->nxdomain_cap_s, before->nxdomain_cap_s,
        shown ? before->nxdomain_shown_s : before->nxdomain_cap_s, age_us);
    m->nodata_cap_s = cap_again(
        m->nodata_cap_s, before->nodata_cap_s,
        shown ? before->nodata_shown_s : before->nodata_cap_s, age_us);
}

/* With one SOA for the zone the denial that came second shows the first one's,
 * which may have ticked. */
static uint32_t nodata_cap_of(const struct nx_canary_looks *looks,
                              const struct nx_measured *m) {
    uint32_t cap_s = cap_of(looks, NX_CANARY_NODATA, NX_KIND_NODATA);
    bool ticked = m->soa_clock == NX_SOA_CLOCK_SHARED_UNTIL_CHANGE &&
                  m->nxdomain_cap_s != NX_NOT_MEASURED &&
                  cap_s < m->nxdomain_cap_s &&
                  cap_s + NX_UNFAIR_S >= m->nxdomain_cap_s;
    return ticked ? m->nxdomain_cap_s : cap_s;
}

static void take_caps(const struct nx_canary_looks *looks,
                      const struct nx_measured *before, int64_t before_us,
                      struct nx_measured *m) {
    m->nxdomain_cap_s = cap_of(looks, NX_CANARY_CAP, NX_KIND_NXDOMAIN);
    m->nodata_cap_s = nodata_cap_of(looks, m);
    m->nxdomain_shown_s = m->nxdomain_cap_s;
    m->nodata_shown_s = m->nodata_cap_s;
    m->shown_us = looks->of[NX_CANARY_CAP][0].look.rx_us;
    if (before != NULL && m->soa_clock != NX_SOA_CLOCK_OWN) {
        caps_again(before, before_us, m);
    }
    const struct nx_look *least = &looks->of[NX_CANARY_FLOOR][0].look;
    m->floor_s =
        looks->n[NX_CANARY_FLOOR] > 0 && denied(least, NX_KIND_NXDOMAIN)
            ? (uint32_t)least->r_s
            : NX_NOT_MEASURED;
}

/* The estimator's: an upper limit for either kind of denial, so the larger
 * one; below a zone in use that of NXDOMAIN, where there is no other. 0: not
 * known, or none. */
static uint32_t cap_for_both(const struct nx_measured *m) {
    uint32_t a_s = m->nxdomain_cap_s;
    bool alone = m->sibling_w_s > 0 && m->nodata_cap_s == NX_NOT_MEASURED;
    uint32_t b_s = alone ? a_s : m->nodata_cap_s;
    if (a_s == NX_NOT_MEASURED || b_s == NX_NOT_MEASURED || a_s == 0 ||
        b_s == 0) {
        return 0;
    }
    return a_s > b_s ? a_s : b_s;
}

/* --- RD=0 --- */

static bool reached(const struct nx_look *look) {
    return look->kind != NX_KIND_TIMEOUT && look->kind != NX_KIND_NETERR &&
           look->kind != NX_KIND_OTHER && look->kind != NX_KIND_SERVFAIL;
}

/* A name that nobody asked for was answered: somebody was asked for it. */
static enum nx_rd0 answers_fresh(const struct nx_look *fresh) {
    return (fresh->flags & NX_LOOK_AA) != 0 ? NX_RD0_BYPASSES : NX_RD0_RECURSES;
}

static enum nx_rd0 rd0_of(const struct nx_canary_looks *looks) {
    const struct nx_look *cached = &looks->of[NX_CANARY_RD0_CACHED][0].look;
    const struct nx_look *fresh = &looks->of[NX_CANARY_RD0_FRESH][0].look;
    if (looks->n[NX_CANARY_RD0_CACHED] == 0 ||
        looks->n[NX_CANARY_RD0_FRESH] == 0) {
        return NX_RD0_UNKNOWN;
    }
    if (cached->kind == NX_KIND_REFUSED || fresh->kind == NX_KIND_REFUSED) {
        return NX_RD0_REFUSED;
    }
    if (cached->kind == NX_KIND_TIMEOUT && fresh->kind == NX_KIND_TIMEOUT) {
        return NX_RD0_REFUSED; /* without a word, as dnscache does */
    }
    if (nx_kind_is_negative(fresh->kind)) {
        return answers_fresh(fresh);
    }
    bool miss = fresh->kind == NX_KIND_MISS || fresh->kind == NX_KIND_REFERRAL;
    return denied(cached, NX_KIND_NXDOMAIN) && miss && reached(fresh)
               ? NX_RD0_HONOURED
               : NX_RD0_UNKNOWN;
}

/* --- how many caches --- */

/* Ends of the answers' lives, ascending; without those that may have been
 * fetched anew. */
static unsigned ends_of(const struct nx_canary_looks *looks, int64_t *out) {
    unsigned n = 0;
    for (unsigned i = 0; i < looks->n[NX_CANARY_COUNT]; i++) {
        const struct nx_look *look = &looks->of[NX_CANARY_COUNT][i].look;
        enum nx_kind kind = looks->sibling ? NX_KIND_NXDOMAIN : NX_KIND_POS;
        if (look->kind != (unsigned)kind || look->r_s < COUNT_TTL_S) {
            continue;
        }
        int64_t end_us = look->rx_us + look->r_s * US_PER_S;
        unsigned at = n++;
        while (at > 0 && out[at - 1] > end_us) {
            out[at] = out[at - 1];
            at--;
        }
        out[at] = end_us;
    }
    return n;
}

/* An entry's looks show ends within a second (and a round trip) of each other;
 * two entries were made two seconds apart or more. *once: entries seen in a
 * single look. */
static unsigned lines_of(const int64_t *ends_us, unsigned n, unsigned *once) {
    unsigned lines = 0;
    *once = 0;
    for (unsigned i = 0; i < n;) {
        unsigned k = i + 1;
        while (k < n && ends_us[k] - ends_us[i] <= US_PER_S + US_PER_S / 4) {
            k++;
        }
        *once += k - i == 1 ? 1 : 0;
        lines++;
        i = k;
    }
    return lines;
}

/* Answers that differ with each query to the authoritative server tell caches
 * apart whatever their TTLs. */
static unsigned answers_of(const struct nx_canary_looks *looks,
                           unsigned *once) {
    const struct nx_canary_look *of = looks->of[NX_CANARY_COUNT];
    unsigned n = looks->n[NX_CANARY_COUNT];
    unsigned answers = 0;
    *once = 0;
    for (unsigned i = 0; i < n; i++) {
        unsigned before = 0;
        unsigned all = 0;
        if (of[i].look.r_s < COUNT_TTL_S) {
            continue;
        }
        for (unsigned k = 0; k < n && of[i].rdata_hash != 0; k++) {
            bool same = of[k].rdata_hash == of[i].rdata_hash &&
                        of[k].look.r_s >= COUNT_TTL_S;
            before += same && k < i ? 1 : 0;
            all += same ? 1 : 0;
        }
        answers += all > 0 && before == 0 ? 1 : 0;
        *once += all == 1 ? 1 : 0;
    }
    return answers;
}

/* Two names below one wildcard that have nothing in common: there answers are
 * such. */
static bool differ(const struct nx_canary_looks *looks) {
    const struct nx_canary_look *one = looks->of[NX_CANARY_COUNT];
    const struct nx_canary_look *other = looks->of[NX_CANARY_NSID];
    bool seen = false;
    for (unsigned i = 0; i < looks->n[NX_CANARY_COUNT]; i++) {
        for (unsigned k = 0; k < looks->n[NX_CANARY_NSID]; k++) {
            bool both = one[i].rdata_hash != 0 && other[k].rdata_hash != 0;
            if (both && one[i].rdata_hash == other[k].rdata_hash) {
                return false;
            }
            seen = seen || both;
        }
    }
    return seen;
}

static void take_caches(const struct nx_canary_looks *looks,
                        struct nx_measured *m) {
    int64_t ends_us[NX_CANARY_LOOKS_MAX];
    unsigned n = ends_of(looks, ends_us);
    unsigned once = 0;
    unsigned answers_once = 0;
    unsigned lines = lines_of(ends_us, n, &once);
    unsigned answers = answers_of(looks, &answers_once);
    if (answers > lines || (answers > 0 && differ(looks))) {
        lines = answers;
        once = answers_once;
    }
    if (n < NX_CANARY_COUNT_MIN) {
        return;
    }
    m->caches_seen = (uint16_t)lines;
    /* One that was met once only says that there may be more of them. */
    m->profile.caches = once == 0 ? (uint16_t)lines : 0;
}

/* --- whose clock --- */

/* Of several caches one may answer for the first name and another one for the
 * next: two clocks look like one that is renewed, or like one per name. Ends
 * that are one show one clock all the same. */
static enum nx_soa_clock clock_of(const struct nx_canary_looks *looks,
                                  unsigned caches_seen) {
    enum nx_soa_clock clock = nx_measure_clock(looks);
    return caches_seen > 1 && clock != NX_SOA_CLOCK_SHARED_UNTIL_CHANGE
               ? NX_SOA_CLOCK_UNKNOWN
               : clock;
}

/* --- chain --- */

static enum nx_chain chain_of(const struct nx_canary_looks *looks) {
    const struct nx_canary_look *seen = &looks->of[NX_CANARY_EGRESS][0];
    if (looks->n[NX_CANARY_EGRESS] == 0 || seen->look.kind != NX_KIND_POS ||
        looks->egress.len == 0) { /* the agent may keep the data */
        return NX_CHAIN_UNKNOWN;
    }
    return looks->egress_is_resolver ? NX_CHAIN_OWN : NX_CHAIN_OTHER;
}

/* --- what it says of itself --- */

static enum nx_who who_of(const struct nx_canary_looks *looks) {
    enum nx_who who = NX_WHO_UNKNOWN;
    for (unsigned i = NX_CANARY_SERVER; i <= NX_CANARY_HOSTNAME; i++) {
        const struct nx_look *look = &looks->of[i][0].look;
        if (looks->n[i] == 0 || look->kind == NX_KIND_TIMEOUT ||
            look->kind == NX_KIND_NETERR) {
            continue;
        }
        bool refused = look->kind == NX_KIND_REFUSED;
        who = refused && who == NX_WHO_UNKNOWN ? NX_WHO_REFUSED
              : refused                        ? who
                                               : NX_WHO_NOTHING;
    }
    return looks->server.len > 0 ? NX_WHO_TOLD : who;
}

static enum nx_validates validates_of(const struct nx_canary_looks *looks) {
    const struct nx_look *look = &looks->of[NX_CANARY_VALIDATES][0].look;
    if (looks->n[NX_CANARY_VALIDATES] == 0 || look->kind != NX_KIND_POS) {
        return NX_VALIDATES_UNKNOWN;
    }
    return (look->flags & NX_LOOK_AD) != 0 ? NX_VALIDATES_SAID
                                           : NX_VALIDATES_NOT_SAID;
}

static bool bogus_seen(const struct nx_canary_looks *looks, enum nx_kind kind,
                       unsigned cd) {
    for (unsigned i = 0; i < looks->n[NX_CANARY_BOGUS]; i++) {
        const struct nx_look *look = &looks->of[NX_CANARY_BOGUS][i].look;
        if (look->kind == (unsigned)kind && (look->flags & NX_LOOK_CD) == cd) {
            return true;
        }
    }
    return false;
}

/* A failure is one of validation when the same question has an answer with
 * CD=1: else the zone may not have been reached. */
static enum nx_bogus bogus_of(const struct nx_canary_looks *looks) {
    bool failed = bogus_seen(looks, NX_KIND_SERVFAIL, 0) &&
                  bogus_seen(looks, NX_KIND_POS, NX_LOOK_CD);
    bool answered = bogus_seen(looks, NX_KIND_POS, 0);
    return failed == answered ? NX_BOGUS_UNKNOWN
           : failed           ? NX_BOGUS_FAILED
                              : NX_BOGUS_ANSWERED;
}

enum nx_ede nx_measured_ede(const struct nx_measured *m) {
    return m->ede_seen                   ? NX_EDE_YES
           : m->bogus == NX_BOGUS_FAILED ? NX_EDE_NO
                                         : NX_EDE_UNKNOWN;
}

static void take_words(const struct nx_canary_looks *looks,
                       struct nx_measured *m) {
    m->ede_seen = looks->ede_seen;
    m->bogus = (uint8_t)bogus_of(looks);
    m->bogus_ede_seen = m->bogus == NX_BOGUS_FAILED && looks->bogus_ede_seen;
    m->bogus_ede = m->bogus_ede_seen ? looks->bogus_ede : 0;
    m->instances_seen = looks->nsids_n;
    if (looks->nsids_n > 0) {
        m->nsid = looks->nsids[0];
    }
    m->asks_from = looks->egress;
    m->who = (uint8_t)who_of(looks);
    m->server = looks->server;
    m->validates = (uint8_t)validates_of(looks);
}

/* --- all of it --- */

static bool any_kind(const struct nx_canary_looks *looks, enum nx_canary which,
                     enum nx_kind kind) {
    for (unsigned i = 0; i < looks->n[which]; i++) {
        if (looks->of[which][i].look.kind == (unsigned)kind) {
            return true;
        }
    }
    return false;
}

static bool any_soa(const struct nx_canary_looks *looks) {
    return (looks->n[NX_CANARY_CAP] > 0 &&
            looks->of[NX_CANARY_CAP][0].look.r_s >= 0) ||
           (looks->n[NX_CANARY_END] > 0 &&
            looks->of[NX_CANARY_END][0].look.r_s >= 0);
}

/* Asked with AD=1 it does not say that the root is authentic, and gives what is
 * bogus. Either alone is not enough: PowerDNS Recursor validates for those who
 * ask for it, others hand on what they find bogus, or do not tell. Who stands
 * above, or another cache, may validate; a forwarder asks the next server where
 * one fails. */
static bool never_validates(const struct nx_measured *m) {
    return m->validates == NX_VALIDATES_NOT_SAID &&
           m->bogus == NX_BOGUS_ANSWERED && m->profile.caches == 1 &&
           !m->profile.chain_possible;
}

/* Who may stand above is not measured, so neither is whose clock it is (12.1),
 * unless the authoritative server was seen to be asked from here. dnsmasq,
 * whose way it is to renew the SOA, never asks one: another resolver stands
 * beside it, at the same address. Below a zone in use cap, floor and chain may
 * all be there unseen: not verified. */
void nx_measured_settle(struct nx_measured *m) {
    struct nx_profile *p = &m->profile;
    p->verified = m->sibling_w_s == 0;
    p->chain_possible =
        m->chain != NX_CHAIN_OWN || m->soa_clock == NX_SOA_CLOCK_SHARED_RENEWED;
    p->soa_clock = p->chain_possible && m->soa_clock == NX_SOA_CLOCK_OWN
                       ? NX_SOA_CLOCK_UNKNOWN
                       : m->soa_clock;
    p->never_validates = never_validates(m);
    p->cap_hi_s = cap_for_both(m);
    /* W = 1 shown as 1 is no floor, and 0 neither. */
    p->clamp_lo_s =
        m->floor_s != NX_NOT_MEASURED && m->floor_s > 1 ? m->floor_s : 0;
    p->stale_max_s = p->past_ttl == NX_PAST_TTL_SERVED ? STALE_MAX_S : 0;
    p->rewrites_nxdomain = m->rewrites_nxdomain;
    p->rewritten_len = m->rewrites_to.len;
    memcpy(p->rewritten, m->rewrites_to.address, sizeof(p->rewritten));
    nx_profile_weigh(p);
}

int nx_measure(const struct nx_canary_looks *looks,
               const struct nx_measured *before, int64_t before_us,
               struct nx_measured *out) {
    struct nx_measured m = {.nxdomain_cap_s = NX_NOT_MEASURED,
                            .nodata_cap_s = NX_NOT_MEASURED,
                            .floor_s = NX_NOT_MEASURED};
    bool rewritten =
        !looks->sibling && any_kind(looks, NX_CANARY_CAP, NX_KIND_POS);
    if (!rewritten && !any_kind(looks, NX_CANARY_CAP, NX_KIND_NXDOMAIN)) {
        return NX_ENOTFOUND;
    }
    nx_profile_default(&m.profile);
    m.rewrites_nxdomain = rewritten;
    m.rewrites_to = looks->rewritten;
    m.soa_shown = any_soa(looks);
    take_caches(looks, &m);
    m.soa_clock = (uint8_t)clock_of(looks, m.caches_seen);
    m.chain = (uint8_t)chain_of(looks);
    if (looks->sibling) {
        nx_measure_sibling_caps(looks, before, before_us, &m);
    } else {
        take_caps(looks, before, before_us, &m);
    }
    nx_measure_end(looks, m.caches_seen, &m.profile);
    take_words(looks, &m);
    m.profile.rd0 = (uint8_t)rd0_of(looks);
    nx_measured_settle(&m);
    *out = m;
    return 0;
}
