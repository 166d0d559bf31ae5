/* What an auditor notes about the authoritative side: one table of stable tags,
 * each with its weight and with what to do. Texts are printable ASCII: names
 * from strangers are escaped. Pure. */
#ifndef NX_COLLECTOR_AUDIT_FINDING_H
#define NX_COLLECTOR_AUDIT_FINDING_H

#include "collector/audit/paper.h"
#include "common/codec.h"

#define NX_FINDING_DETAIL_MAX 256U

enum nx_finding_tag {
    /* the answer for the name */
    NX_FIND_STILL_NEGATIVE,
    NX_FIND_OTHER_ANSWER,
    NX_FIND_ALIAS_OUT_OF_ZONE,
    NX_FIND_ALIAS_UNFOLLOWED,
    NX_FIND_WILDCARD,
    /* the servers */
    NX_FIND_NS_LAME,
    NX_FIND_NS_SILENT,
    NX_FIND_NO_TCP,
    NX_FIND_NO_EDNS,
    NX_FIND_LARGE_ANSWERS_LOST,
    NX_FIND_SERIAL_MISMATCH,
    NX_FIND_FLAPPING,
    /* the delegation */
    NX_FIND_NS_SET_DIFFERS,
    NX_FIND_NS_NO_ADDRESS,
    NX_FIND_GLUE_DIFFERS,
    NX_FIND_GLUE_MISSING,
    NX_FIND_NS_SET_CHANGED,
    NX_FIND_OLD_SERVER_DENIES,
    NX_FIND_OLD_SERVER_UNSEEN,
    NX_FIND_PARENT_DENIES,
    NX_FIND_NAME_ABOVE_DENIED,
    NX_FIND_ZONE_NOT_REACHED,
    /* DNSSEC */
    NX_FIND_DS_WITHOUT_KEY,
    NX_FIND_KEY_WITHOUT_DS,
    NX_FIND_DNSKEY_DIFFERS,
    NX_FIND_NOT_SIGNED,
    NX_FIND_SIGNATURE_EXPIRED,
    NX_FIND_SIGNATURE_ENDS_SOON,
    NX_FIND_SIGNATURE_NOT_YET,
    NX_FIND_NSEC3_ITERATIONS,
    /* negative caching */
    NX_FIND_NEGATIVE_TTL_LONG,
    NX_FIND_DENIAL_TTL_LONG,
    /* who says so */
    NX_FIND_AUDITOR_SILENT,
    NX_FIND_AUDITOR_NO_WAY,
    NX_FIND_DECLARED_ONLY,
};
#define NX_FINDINGS_N (NX_FIND_DECLARED_ONLY + 1)

/* error: names fail or stay denied; warning: some resolvers have trouble, or
 * will soon; note: worth knowing. */
enum nx_severity { NX_NOTE, NX_WARNING, NX_ERROR };

const char *nx_finding_tag_text(enum nx_finding_tag tag); /* "NS_LAME" */
const char *nx_severity_text(enum nx_severity severity);
enum nx_severity nx_finding_severity(enum nx_finding_tag tag);
const char *nx_finding_advice(enum nx_finding_tag tag); /* what to do */

struct nx_finding {
    enum nx_finding_tag tag;
    bool has_server;
    struct nx_endpoint server; /* server_name NULL: it is in the detail */
    char detail[NX_FINDING_DETAIL_MAX]; /* begins with the server, if any */
};

/* Writes "ns1.example.com 192.0.2.1@53" into out (cap bytes); returns out. */
char *nx_finding_server(const struct nx_endpoint *at, const uint8_t *name,
                        char *out, size_t cap);

/* A server of the zone as it is now. */
struct nx_audit_server {
    struct nx_endpoint at; /* server_name: borrowed, or NULL */
    uint8_t sides;         /* NX_SIDE_*; 0: not told */
};

struct nx_audit_case {
    const uint8_t *name;            /* of the item */
    const uint8_t *apex;            /* NULL: no zone is known yet */
    const struct nx_papers *papers; /* of the item; server names inside */
    const struct nx_audit_server *servers;
    size_t servers_n;
    uint32_t negative_ttl_s; /* W as sent; 0: not known */
    int64_t now_us;
};

/* Servers of the set whose papers are whole: every question of the audit was
 * asked, whatever came of it; of the EDNS sizes both or (an older agent) none.
 */
size_t nx_audited_n(const struct nx_audit_case *c);

/* What the papers of servers in the set show, worst first, each once. At most
 * max are written; returns their number. */
size_t nx_findings_of(const struct nx_audit_case *c, struct nx_finding *out,
                      size_t max);

#endif
