#include "agent/plan/policy.h"

#include <string.h>

#define PORT_DNS 53U

const char *nx_refusal_text(enum nx_refusal refusal) {
    switch (refusal) {
    case NX_REFUSAL_NONE:
        return "allowed";
#define NX_REFUSAL_TEXT_(name, text)                                           \
    case NX_REFUSAL_##name:                                                    \
        return text;
        NX_REFUSAL_MAP(NX_REFUSAL_TEXT_)
#undef NX_REFUSAL_TEXT_
    case NX_REFUSAL_N:
        break;
    }
    return "unknown reason";
}

static bool is_below(const uint8_t *const *zones, size_t n,
                     const uint8_t *name) {
    for (size_t i = 0; i < n; i++) {
        if (nx_dname_under(name, zones[i])) {
            return true;
        }
    }
    return false;
}

bool nx_policy_is_canary(const struct nx_policy *policy, const uint8_t *name) {
    return is_below(policy->canary_zones, policy->canary_zones_n, name);
}

const uint8_t *nx_policy_sibling_zone(const struct nx_policy *policy,
                                      const uint8_t *name) {
    for (size_t i = 0; i < policy->sibling_zones_n; i++) {
        const uint8_t *zone = policy->sibling_zones[i];
        if (nx_dname_under(name, zone) &&
            nx_dname_labels(name) == nx_dname_labels(zone) + 1) {
            return zone;
        }
    }
    return NULL;
}

bool nx_policy_is_sibling_zone(const struct nx_policy *policy,
                               const uint8_t *name) {
    size_t i = 0;
    while (i < policy->sibling_zones_n &&
           !nx_dname_equal(policy->sibling_zones[i], name)) {
        i++;
    }
    return i < policy->sibling_zones_n;
}

/* Beside the names of canary zones a resolver may be asked who it is, by NSID
 * too, and for what exists everywhere: no answer of either harms anybody. */
static bool is_harmless(const struct nx_task *task) {
    static const uint8_t server[] = "\2id\6server";
    static const uint8_t host[] = "\10hostname\4bind";
    if (task->chaos) {
        return !task->ad && task->qtype == NX_TYPE_TXT &&
               (nx_dname_equal(task->name, server) ||
                nx_dname_equal(task->name, host));
    }
    return (task->ad || task->nsid) && !task->rd0 &&
           task->qtype == NX_TYPE_NS && task->name[0] == 0;
}

/* One letter and eight hex digits: the collector's own making, and nobody's
 * name. Its answer shows nothing that another type would. */
static bool is_made_up(const struct nx_task *task) {
    const uint8_t *label = task->name;
    bool made = label[0] == 9 && label[1] >= 'a' && label[1] <= 'z';
    for (unsigned i = 2; made && i <= 9; i++) {
        made = (label[i] >= '0' && label[i] <= '9') ||
               (label[i] >= 'a' && label[i] <= 'f');
    }
    return made && (task->qtype == NX_TYPE_A || task->qtype == NX_TYPE_AAAA);
}

/* One label below the zone, that does not exist. With RD=0 too: what a
 * forwarder keeps of that (nxclear-estimator(7) 12.9) is nobody's name either.
 * Or the zone itself, of a type that is for private use (RFC 6895 section 3.1):
 * nobody asks for that, and the name is there. */
static bool is_sibling(const struct nx_policy *policy,
                       const struct nx_task *task) {
    bool plain = task->canary && task->kind == NX_TASK_RESOLVER &&
                 !task->nsid && !task->chaos && !task->ad;
    if (nx_rrtype_is_private(task->qtype)) {
        return plain && !task->rd0 &&
               nx_policy_is_sibling_zone(policy, task->name);
    }
    return plain && is_made_up(task) &&
           nx_policy_sibling_zone(policy, task->name) != NULL;
}

/* A canary name may be denied, so it needs a zone that the owner gave for it;
 * RD=0 has side effects on forwarders (nxclear-estimator(7) 12.9) and is for
 * canary names alone. */
static enum nx_refusal check_name(const struct nx_policy *policy,
                                  const struct nx_task *task) {
    if (task->sibling) {
        return is_sibling(policy, task) ? NX_REFUSAL_NONE : NX_REFUSAL_SIBLING;
    }
    if (task->canary || task->rd0 || task->nsid || task->chaos || task->ad) {
        bool plain = !task->chaos && !task->ad;
        bool any = policy->canary_zones_n > 0 || policy->sibling_zones_n > 0;
        bool may = (plain && nx_policy_is_canary(policy, task->name)) ||
                   (any && is_harmless(task));
        return task->canary && task->kind == NX_TASK_RESOLVER && may
                   ? NX_REFUSAL_NONE
                   : NX_REFUSAL_CANARY;
    }
    return is_below(policy->zones, policy->zones_n, task->name)
               ? NX_REFUSAL_NONE
               : NX_REFUSAL_ZONE;
}

static bool type_ok(const struct nx_policy *policy, uint16_t type) {
    for (size_t i = 0; i < policy->types_n; i++) {
        if (policy->types[i] == type) {
            return true;
        }
    }
    return policy->types_n == 0;
}

const struct nx_resolver *nx_policy_resolver(const struct nx_resolver *list,
                                             size_t n,
                                             const struct nx_endpoint *at) {
    for (size_t i = 0; i < n; i++) {
        const struct nx_endpoint *e = &list[i].at;
        if (e->address_len == at->address_len && e->port == at->port &&
            e->transport == at->transport && e->scope_id == at->scope_id &&
            memcmp(e->address, at->address, e->address_len) == 0) {
            return &list[i];
        }
    }
    return NULL;
}

/* As a walk could have found it, too. */
static bool is_server(const struct nx_endpoint *at) {
    return at->port == PORT_DNS && at->transport == NX_UDP && at->scope_id == 0;
}

static enum nx_refusal check_target(const struct nx_policy *policy,
                                    const struct nx_resolver *resolvers,
                                    size_t resolvers_n,
                                    const struct nx_task *task) {
    if (task->kind == NX_TASK_AUTHORITY) {
        return !policy->authority_role ? NX_REFUSAL_ROLE
               : task->has_endpoint && !is_server(&task->endpoint)
                   ? NX_REFUSAL_SERVER
                   : NX_REFUSAL_NONE;
    }
    /* Rule 1: during the outage a query could plant the denial. */
    if (!task->canary && !task->authority_verified) {
        return NX_REFUSAL_UNVERIFIED;
    }
    if (!task->canary && task->authority_epoch == 0) { /* the first is 1 */
        return NX_REFUSAL_PROOF;
    }
    if (task->has_endpoint &&
        (!nx_endpoint_takes(&task->endpoint, task->name, task->qtype) ||
         (task->canary && task->endpoint.transport == NX_SYSTEM))) {
        return NX_REFUSAL_SYSTEM;
    }
    if (task->has_endpoint &&
        nx_policy_resolver(resolvers, resolvers_n, &task->endpoint) == NULL) {
        return NX_REFUSAL_RESOLVER;
    }
    return NX_REFUSAL_NONE;
}

/* Meta types and 128..255 are no RRsets (RFC 6895 section 3.1): a plan that
 * names them wants something else (ANY, AXFR). */
static bool is_rrset_type(uint16_t type) {
    return type != 0 && type != NX_TYPE_OPT && (type < 128 || type > 255);
}

enum nx_refusal nx_policy_check(const struct nx_policy *policy,
                                const struct nx_resolver *resolvers,
                                size_t resolvers_n,
                                const struct nx_task *task) {
    enum nx_refusal name = check_name(policy, task);
    if (name != NX_REFUSAL_NONE) {
        return name;
    }
    if (!is_rrset_type(task->qtype) || !type_ok(policy, task->qtype)) {
        return NX_REFUSAL_TYPE;
    }
    if (task->interval_ms < policy->min_interval_ms) {
        return NX_REFUSAL_INTERVAL;
    }
    if (task->visit_n < 1 || task->visit_n > NX_VISIT_N_MAX ||
        task->visit_gap_ms > NX_VISIT_GAP_MAX_MS) {
        return NX_REFUSAL_VISIT;
    }
    return check_target(policy, resolvers, resolvers_n, task);
}

const struct nx_rate *nx_policy_rate(const struct nx_policy *policy,
                                     const struct nx_resolver *resolver) {
    bool own = resolver->named && resolver->at.layer != NX_LAYER_CONTROL;
    return own || nx_endpoint_is_private(&resolver->at) ? &policy->own_rate
                                                        : &policy->public_rate;
}

void nx_policy_withhold(const struct nx_policy *policy, struct nx_obs *obs,
                        struct nx_answer *answer) {
    if (policy->replies == NX_REPLIES_ALL) {
        return;
    }
    obs->wire = NULL;
    obs->wire_len = 0;
    if (policy->replies == NX_REPLIES_NONE) {
        *answer = *obs->answer;
        answer->rdata = NULL;
        answer->rdata_len = 0;
        answer->rdata_n = 0;
        answer->flags &= (uint16_t)~NX_ANS_PARTIAL; /* not cut: withheld */
        obs->answer = answer;
    }
}
