/* What the numbers of a verdict mean, and what it rests on, in sentences. */
#include <math.h>
#include <stdio.h>

#include "collector/infer/evidence.h"
#include "collector/status/status_sheet.h"
#include "collector/status/status_text.h"
#include "common/ede.h"

#define REMARK_MAX 256U

static const char *flag_meaning(unsigned flag) {
    switch ((enum nx_flag)flag) {
    case NX_FLAG_NO_SOA:
        return "the denial comes without SOA: its age is not shown";
    case NX_FLAG_NON_DECREMENTING:
        return "the TTL does not count down: it says nothing about the end";
    case NX_FLAG_DISPLAY_CAPPED:
        return "the TTL shown is capped: the entry lives longer than it says";
    case NX_FLAG_TTL_RAISED:
        return "the TTL shown was raised above what the zone sends";
    case NX_FLAG_EARLY_CLEAR:
        return "it cleared before its TTL was over: flushed, restarted or "
               "evicted";
    case NX_FLAG_OBSERVER_PLANTED:
        return "a query of our own may have planted the entry";
    case NX_FLAG_SERIAL_CURRENT:
        return "the denial carries the SOA serial of the restored zone";
    case NX_FLAG_SHARED_SOA:
        return "the SOA's age is the zone's, not the entry's: the entry may "
               "be younger";
    case NX_FLAG_RESOLVER_CLOCK_STEP:
        return "the resolver's clock stepped";
    case NX_FLAG_FLAPPING:
        return "answers change back and forth";
    case NX_FLAG_MIXED:
        return "several caches answer at this address";
    case NX_FLAG_INCONSISTENT:
        return "the looks contradict each other";
    case NX_FLAG_LINE_EXPIRED_UNVERIFIED:
        return "an entry seen has passed its end; a look after it is missing";
    case NX_FLAG_CD_ANSWERED:
        return "asked without validation (CD=1) it answers";
    case NX_FLAG_CD_FAILS:
        return "asked without validation (CD=1) it fails, too: it is not "
               "DNSSEC";
    case NX_FLAG_TRUNCATED:
        return "answers are truncated, and TCP gives nothing better";
    case NX_FLAG_HOSTS_FILE:
        return "the answer stands in /etc/hosts of the agent's host: it says "
               "nothing about caches";
    case NX_FLAG_SIZE_LIMITED:
        return "asked with several EDNS sizes: large answers are lost over "
               "UDP, and come over TCP";
    case NX_FLAG_SIZE_BLOCKED:
        return "asked with several EDNS sizes: large answers are lost over "
               "UDP, and TCP gives nothing better";
    case NX_FLAG_OWN_ZONE:
        return "authoritative, and the TTL stands still: the resolver has the "
               "zone itself, or hands on what a server of it says";
    case NX_FLAG_RENEWED:
        return "this answer came again after all entries with it had ended";
    case NX_FLAG_REWRITTEN:
        return "this resolver gives an address for canary names that do not "
               "exist";
    case NX_FLAG_REFERRAL:
        return "the answer names the servers of another zone: it is neither "
               "the record nor a denial";
    case NX_FLAG_UNLIKE_SERVERS:
        return "no name server was seen to give this; no answer was named with "
               "--expect";
    case NX_FLAG_DATA_WITHHELD:
        return "the agent's policy keeps the record data: any answer counts as "
               "the restored one, an old or a wrong one too";
    case NX_FLAG_NOT_COMPARED:
        return "name servers were seen to give more different records than are "
               "kept, and not this one: any answer counts as the restored one";
    case NX_FLAG_NSEC_ALIVE:
        return "it answers, but NSEC records of before may live that are kept "
               "longer than the SOA: it may deny again (RFC 8198)";
    case NX_FLAG_CANARY_RESOLVES:
        return "canary names were resolved here meanwhile, and their denials "
               "showed their SOA: the resolver works, and denies this name";
    case NX_FLAG_N_:
        break;
    }
    return "";
}

static bool add_remark(json_t *list, const char *text) {
    return text[0] == '\0' || nx_json_add(list, json_string(text));
}

static const char *plural(unsigned n) {
    return n == 1 ? "" : "s";
}

/* "no negative in 59 tries: ..." */
static void write_tries(const struct nx_verdict *v, char *out) {
    out[0] = '\0';
    if (v->positives_in_row > 0 && v->denied_upper95 >= 0) {
        unsigned tries = v->positives_in_row;
        (void)snprintf(out, REMARK_MAX,
                       "no negative in %u %s: at most %.0f %% of queries are "
                       "still denied (95 %% confidence)",
                       tries, tries == 1 ? "try" : "tries",
                       ceil(v->denied_upper95 * 100.0 - 1e-9));
    }
}

static void write_lines(const struct nx_verdict *v, char *out) {
    unsigned looks = 0;
    out[0] = '\0';
    for (unsigned i = 0; i < v->lines_n; i++) {
        looks += v->lines[i].looks_n;
    }
    if (v->lines_n == 1) {
        (void)snprintf(out, REMARK_MAX, "%u look%s agree%s on one cached entry",
                       looks, plural(looks), looks == 1 ? "s" : "");
    } else if (v->lines_n > 1) {
        (void)snprintf(out, REMARK_MAX,
                       "%u looks fall on %u cached entries: so many caches "
                       "answer at this address, at least",
                       looks, (unsigned)v->lines_n);
    }
}

static void write_refill(const struct nx_verdict *v, char *out) {
    out[0] = '\0';
    if (v->refill_negative_probability > 0) {
        (void)snprintf(out, REMARK_MAX,
                       "when the entry ends, the next one is negative again "
                       "with probability %.0f %%: a name server still denies",
                       v->refill_negative_probability * 100.0);
    }
}

static const char *sign_meaning(enum nx_policy_sign sign) {
    switch (sign) {
    case NX_POLICY_NO_SIGN:
        break;
    case NX_POLICY_EDE:
        return "policy: the denial says so itself";
    case NX_POLICY_SOA_ADDITIONAL:
        return "policy: the SOA stands in the additional section, where "
               "response policy zones put theirs";
    case NX_POLICY_SOA_QNAME:
        return "policy: the SOA is of the name itself, which is no zone";
    case NX_POLICY_SOA_FOREIGN:
        return "policy: the SOA is of a zone that the name does not lie in";
    case NX_POLICY_LOCAL_DATA:
        return "policy: the denial is authoritative and has no SOA: made from "
               "local data";
    }
    return "";
}

/* What makes it a policy: the newest denial that has a sign, or that it lasts.
 */
static const char *policy_meaning(const struct nx_target_evidence *evidence,
                                  const struct nx_verdict *v) {
    enum nx_policy_sign sign = NX_POLICY_NO_SIGN;
    for (size_t n = evidence->looks_n; n > 0 && sign == NX_POLICY_NO_SIGN;
         n--) {
        const struct nx_look *look = &evidence->looks[n - 1];
        sign = nx_kind_is_negative(look->kind) ? nx_look_policy_sign(look)
                                               : NX_POLICY_NO_SIGN;
    }
    if (v->state != NX_STATE_POLICY_BLOCKED) {
        return "";
    }
    if (sign != NX_POLICY_NO_SIGN) {
        return sign_meaning(sign);
    }
    unsigned bare = 1U << NX_FLAG_CANARY_RESOLVES | 1U << NX_FLAG_NO_SOA;
    return (v->flags & bare) == bare
               ? "policy: the denial has no SOA, which this resolver shows of "
                 "what it has cached"
               : "policy: the denials go on after every cached one should have "
                 "ended";
}

static void write_ede(const struct nx_verdict *v, char *out) {
    char text[NX_EDE_TEXT_MAX];
    out[0] = '\0';
    if (v->ede != 0) {
        (void)snprintf(out, REMARK_MAX,
                       "the answers say so themselves (RFC 8914): %s",
                       nx_ede_write(v->ede, text));
    }
}

json_t *nx_status_remarks(const struct nx_target_evidence *evidence,
                          const struct nx_verdict *v) {
    char text[REMARK_MAX];
    json_t *list = json_array();
    write_tries(v, text);
    bool ok = add_remark(list, text);
    write_lines(v, text);
    ok = ok && add_remark(list, text);
    write_refill(v, text);
    ok = ok && add_remark(list, text);
    ok = ok && add_remark(list, policy_meaning(evidence, v));
    write_ede(v, text);
    ok = ok && add_remark(list, text);
    for (unsigned i = 0; ok && i < NX_FLAG_N_; i++) {
        ok = (v->flags & 1U << i) == 0 || add_remark(list, flag_meaning(i));
    }
    if (!ok) {
        json_decref(list);
        return NULL;
    }
    return list;
}
