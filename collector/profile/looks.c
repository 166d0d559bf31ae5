/* Looks at canary names, and whether they are enough to believe in. */
#include <string.h>

#include "collector/profile/measure.h"
#include "common/hash.h"
#include "common/rrtype.h"

/* --- taking them --- */

/* nx_answer.rdata: two octets of length, then the address. */
static void take_rewritten(struct nx_canary_looks *looks,
                           const struct nx_answer *answer) {
    size_t len = answer->rdata_len > 2 ? answer->rdata_len - 2U : 0;
    if (answer->rdata_n == 1 && (len == 4 || len == 16) &&
        looks->rewritten.len == 0) {
        looks->rewritten.len = (uint8_t)len;
        memcpy(looks->rewritten.address, answer->rdata + 2, len);
    }
}

static void take_egress(struct nx_canary_looks *looks,
                        const struct nx_answer *answer,
                        const struct nx_endpoint *at) {
    if (answer->rdata_n == 1 && answer->rdata_len == at->address_len + 2) {
        looks->egress.len = at->address_len;
        memcpy(looks->egress.address, answer->rdata + 2, at->address_len);
        looks->egress_is_resolver =
            memcmp(answer->rdata + 2, at->address, at->address_len) == 0;
    }
}

static void take_nsid(struct nx_canary_looks *looks,
                      const struct nx_answer *answer) {
    struct nx_nsid nsid = {.len = answer->nsid_len};
    if (nsid.len == 0 || nsid.len > sizeof(nsid.bytes) ||
        looks->nsids_n == NX_CANARY_NSIDS_MAX) {
        return;
    }
    memcpy(nsid.bytes, answer->nsid, nsid.len);
    for (unsigned i = 0; i < looks->nsids_n; i++) {
        if (memcmp(&looks->nsids[i], &nsid, sizeof(nsid)) == 0) {
            return;
        }
    }
    looks->nsids[looks->nsids_n++] = nsid;
}

/* The first string of a TXT record (RFC 1035 section 3.3.14), behind its two
 * octets of length; as much of it as is kept. */
static void take_server(struct nx_canary_looks *looks,
                        const struct nx_answer *answer) {
    struct nx_nsid *id = &looks->server;
    size_t len = answer->rdata_len > 3 ? answer->rdata[2] : 0;
    if (len == 0 || len > answer->rdata_len - 3U || id->len > 0) {
        return; /* an empty one, none, or known already */
    }
    id->len = (uint8_t)(len < sizeof(id->bytes) ? len : sizeof(id->bytes));
    memcpy(id->bytes, answer->rdata + 3, id->len);
}

static void take_bogus_ede(struct nx_canary_looks *looks,
                           const struct nx_answer *answer) {
    if (answer->ede_n > 0 && !looks->bogus_ede_seen &&
        answer->rcode == NX_RCODE_SERVFAIL) {
        looks->bogus_ede_seen = true;
        looks->bogus_ede = answer->ede[0];
    }
}

/* A denial without SOA does not say whose it is. */
static bool is_foreign(const struct nx_canary_run *run, enum nx_canary which,
                       const struct nx_look *look,
                       const struct nx_answer *answer) {
    uint8_t apex[NX_DNAME_MAX];
    if (!nx_canary_in_zone(run, which) || !nx_kind_is_negative(look->kind) ||
        (answer->flags & NX_ANS_SOA) == 0) {
        return false;
    }
    nx_canary_apex(run, which, apex);
    return !nx_dname_equal(answer->soa_owner, apex);
}

void nx_canary_looks_add(struct nx_canary_looks *looks,
                         const struct nx_canary_run *run, enum nx_canary which,
                         const struct nx_obs *obs, int64_t theta_us,
                         uint32_t eps_us) {
    const struct nx_answer *answer = obs->answer;
    bool data = (answer->flags & NX_ANS_RDATA) != 0;
    if (answer->outcome == NX_LOCAL_ERROR || /* nobody was asked */
        looks->n[which] == NX_CANARY_LOOKS_MAX) {
        return;
    }
    struct nx_canary_look *to = &looks->of[which][looks->n[which]++];
    nx_look_from_obs(obs, NULL, NULL, theta_us, eps_us, &to->look);
    to->rdata_hash =
        data ? nx_hash(answer->rdata, answer->rdata_len, 1) | 1U : 0;
    looks->ede_seen = looks->ede_seen || answer->ede_n > 0;
    to->foreign = is_foreign(run, which, &to->look, answer);
    if (to->foreign) { /* its TTL is another zone's */
        to->look.kind = NX_KIND_OTHER;
    }
    if (which == NX_CANARY_EGRESS && data) {
        take_egress(looks, answer, &obs->question->to);
    }
    if (which == NX_CANARY_CAP && data && !run->sibling) {
        take_rewritten(looks, answer);
    }
    if (which == NX_CANARY_BOGUS) {
        take_bogus_ede(looks, answer);
    }
    if (which == NX_CANARY_NSID) {
        take_nsid(looks, answer);
    }
    if (data && (which == NX_CANARY_SERVER || which == NX_CANARY_HOSTNAME)) {
        take_server(looks, answer);
    }
}

/* --- are they enough? --- */

/* Below a zone in use NODATA is had by a type that is not known everywhere. */
static bool counts(const struct nx_canary_run *run, enum nx_canary which) {
    switch (which) {
    case NX_CANARY_NODATA:
        return !run->sibling;
    case NX_CANARY_CAP:
    case NX_CANARY_FLOOR:
    case NX_CANARY_END:
    case NX_CANARY_CLOCK:
    case NX_CANARY_CLOCK_NEXT:
    case NX_CANARY_COUNT:
        return true;
    case NX_CANARY_PREFETCH: /* there may be no such zone */
    case NX_CANARY_EGRESS:
    case NX_CANARY_RD0_CACHED:
    case NX_CANARY_RD0_FRESH:
    case NX_CANARY_NSID: /* as COUNT, of which there are enough */
    case NX_CANARY_SERVER:
    case NX_CANARY_HOSTNAME:
    case NX_CANARY_VALIDATES:
    case NX_CANARY_BOGUS:
    case NX_CANARIES_N_:
        break;
    }
    return false;
}

static enum nx_run_trouble trouble_of(const struct nx_canary_look *of,
                                      bool sibling) {
    if (of->foreign) {
        return NX_RUN_FOREIGN;
    }
    switch ((enum nx_kind)of->look.kind) {
    case NX_KIND_POS:
    case NX_KIND_POS_OTHER:
    case NX_KIND_NODATA: /* a wildcard of another type */
        return sibling ? NX_RUN_WILDCARD : NX_RUN_NO_TROUBLE;
    case NX_KIND_NXDOMAIN:
        break;
    case NX_KIND_REFERRAL:
    case NX_KIND_MISS:
    case NX_KIND_SERVFAIL:
    case NX_KIND_OTHER:
        return NX_RUN_UNREACHED;
    case NX_KIND_REFUSED:
        return NX_RUN_REFUSED;
    case NX_KIND_TIMEOUT:
    case NX_KIND_NETERR:
        return NX_RUN_SILENT;
    }
    return NX_RUN_NO_TROUBLE;
}

enum nx_run_trouble nx_canary_trouble(const struct nx_canary_looks *looks,
                                      const struct nx_canary_run *run) {
    unsigned n[NX_RUN_TROUBLES_N] = {0};
    unsigned wanted = 0;
    unsigned worst = NX_RUN_BROKEN_OFF;
    for (unsigned i = 0; i < NX_CANARIES_N_; i++) {
        if (!counts(run, (enum nx_canary)i)) {
            continue;
        }
        unsigned asked = nx_canary_visit(run, (enum nx_canary)i);
        wanted += asked;
        for (unsigned k = 0; k < looks->n[i]; k++) {
            n[trouble_of(&looks->of[i][k], run->sibling)]++;
        }
        n[NX_RUN_BROKEN_OFF] += asked > looks->n[i] ? asked - looks->n[i] : 0;
    }
    unsigned bad = 0;
    for (unsigned i = NX_RUN_BROKEN_OFF; i < NX_RUN_TROUBLES_N; i++) {
        bad += n[i];
        worst = n[i] > n[worst] ? i : worst;
    }
    return 4 * bad > wanted ? (enum nx_run_trouble)worst : NX_RUN_NO_TROUBLE;
}

const char *nx_run_trouble_text(unsigned trouble) {
    switch ((enum nx_run_trouble)trouble) {
    case NX_RUN_NO_TROUBLE:
        break;
    case NX_RUN_BROKEN_OFF:
        return "broken-off";
    case NX_RUN_SILENT:
        return "silent";
    case NX_RUN_REFUSED:
        return "refused";
    case NX_RUN_UNREACHED:
        return "zone-unreached";
    case NX_RUN_FOREIGN:
        return "zone-lost";
    case NX_RUN_WILDCARD:
        return "zone-wildcard";
    }
    return "none";
}

const char *nx_run_trouble_advice(unsigned trouble) {
    switch ((enum nx_run_trouble)trouble) {
    case NX_RUN_NO_TROUBLE:
        break;
    case NX_RUN_BROKEN_OFF:
        return "the agent did not ask to the end: it is away, or its policy "
               "lacks the canary zone";
    case NX_RUN_SILENT:
        return "the resolver does not answer";
    case NX_RUN_REFUSED:
        return "the resolver refuses to serve this agent";
    case NX_RUN_UNREACHED:
        return "the resolver does not reach the servers of the canary zone";
    case NX_RUN_FOREIGN:
        return "another zone denies the canary names: is the canary zone still "
               "delegated, with all that lies below it?";
    case NX_RUN_WILDCARD:
        return "names that do not exist are answered: the zone of sibling "
               "labels has a wildcard, or the resolver rewrites denials; only "
               "a canary zone (canary.zone) tells which";
    }
    return "";
}
