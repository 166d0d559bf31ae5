#include "common/plants.h"

#include "common/dname.h"
#include "common/rrtype.h"

static bool has(const struct nx_answer *answer, unsigned flag) {
    return (answer->flags & flag) != 0;
}

/* The NS set in the authority section leads nowhere. */
static bool leads_back(const struct nx_answer *answer, const uint8_t *zone) {
    const uint8_t *owner = answer->ns_owner;
    if (owner == NULL || zone == NULL) {
        return false;
    }
    return nx_dname_equal(owner, zone) ||
           (has(answer, NX_ANS_AA) && nx_dname_under(zone, owner));
}

bool nx_answer_is_bare(const struct nx_answer *answer, const uint8_t *zone) {
    bool recursive = has(answer, NX_ANS_RA) && !has(answer, NX_ANS_AA);
    if (!nx_answer_is_no_error(answer) || answer->cname_n > 0 || recursive ||
        has(answer, NX_ANS_TC | NX_ANS_RDATA | NX_ANS_SOA)) {
        return false;
    }
    return !has(answer, NX_ANS_NS) || leads_back(answer, zone);
}

bool nx_answer_plants(const struct nx_answer *answer, const uint8_t *zone) {
    if (answer->outcome != NX_ANSWERED) {
        return false;
    }
    bool nodata = nx_answer_is_no_error(answer) && has(answer, NX_ANS_SOA) &&
                  !has(answer, NX_ANS_RDATA | NX_ANS_TC);
    return answer->rcode == NX_RCODE_NXDOMAIN || nodata ||
           nx_answer_is_bare(answer, zone);
}

/* Only the end is known. Of a chain that leaves the zone and comes back others
 * have a say in between: whether they deny there, resolvers' own answers show.
 */
bool nx_answer_ends_in(const struct nx_answer *answer, const uint8_t *zone) {
    const uint8_t *end = answer->denied_name;
    return answer->cname_n == 0 ||
           (end != NULL && zone != NULL && nx_dname_under(end, zone));
}

bool nx_answer_affirms(const struct nx_answer *answer, const uint8_t *zone) {
    return nx_answer_is_no_error(answer) && has(answer, NX_ANS_AA) &&
           has(answer, NX_ANS_RDATA) && nx_answer_ends_in(answer, zone);
}

static bool is_alias(const struct nx_answer *answer, const uint8_t *zone) {
    return nx_answer_is_no_error(answer) && answer->cname_n > 0 &&
           answer->denied_name != NULL && zone != NULL;
}

/* An alias, and no word of what is at its end. */
static bool is_open(const struct nx_answer *answer, const uint8_t *zone) {
    return is_alias(answer, zone) &&
           !has(answer, NX_ANS_SOA | NX_ANS_RDATA | NX_ANS_TC);
}

bool nx_answer_leaves(const struct nx_answer *answer, const uint8_t *zone) {
    const uint8_t *end = answer->denied_name;
    if (has(answer, NX_ANS_RDATA)) {
        return is_alias(answer, zone) && !nx_answer_ends_in(answer, zone);
    }
    if (!is_open(answer, zone)) {
        return false;
    }
    bool child = has(answer, NX_ANS_NS) && answer->ns_owner != NULL &&
                 !nx_dname_equal(answer->ns_owner, zone) &&
                 nx_dname_under(answer->ns_owner, zone) &&
                 nx_dname_under(end, answer->ns_owner);
    return child || !nx_dname_under(end, zone);
}

bool nx_answer_stops(const struct nx_answer *answer, const uint8_t *zone) {
    return is_open(answer, zone) && !nx_answer_leaves(answer, zone);
}

bool nx_answer_is_back(const struct nx_answer *answer, const uint8_t *zone,
                       bool missed) {
    return missed && has(answer, NX_ANS_AA) && nx_answer_leaves(answer, zone);
}

bool nx_answer_is_no_name(const struct nx_answer *answer) {
    return answer->outcome == NX_ANSWERED &&
           answer->rcode == NX_RCODE_NXDOMAIN && answer->cname_n == 0;
}

bool nx_answer_is_no_error(const struct nx_answer *answer) {
    return answer->outcome == NX_ANSWERED && answer->rcode == NX_RCODE_NOERROR;
}

static bool is_referral(const struct nx_answer *answer) {
    return has(answer, NX_ANS_NS) && answer->ns_owner != NULL &&
           answer->cname_n == 0 && !has(answer, NX_ANS_SOA | NX_ANS_RDATA);
}

bool nx_answer_leads_down(const struct nx_answer *answer, const uint8_t *name,
                          const uint8_t *zone) {
    return nx_answer_is_no_error(answer) && is_referral(answer) &&
           nx_dname_under(name, answer->ns_owner) &&
           nx_dname_under(answer->ns_owner, zone) &&
           !nx_dname_equal(answer->ns_owner, zone);
}

bool nx_answer_shows_name(const struct nx_answer *answer, const uint8_t *name,
                          const uint8_t *zone) {
    return nx_answer_leads_down(answer, name, zone) ||
           (nx_answer_is_no_error(answer) && has(answer, NX_ANS_AA) &&
            !is_referral(answer));
}

const uint8_t *nx_name_above(const uint8_t *name, unsigned labels) {
    for (unsigned n = nx_dname_labels(name); n > labels; n--) {
        name = nx_dname_parent(name);
    }
    return name;
}

uint64_t nx_above_bit(const uint8_t *name) {
    return UINT64_C(1) << (nx_dname_labels(name) % 64U);
}
