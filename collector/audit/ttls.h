/* How long caches may hold what a zone's delegation, keys and record are now,
 * and when its signatures end: what matters before a change. From the papers of
 * an audit; pure. */
#ifndef NX_COLLECTOR_AUDIT_TTLS_H
#define NX_COLLECTOR_AUDIT_TTLS_H

#include "collector/audit/finding.h"

#define NX_TTL_UNKNOWN UINT32_MAX /* above the largest, RFC 2181 section 8 */

/* Of several servers the longest TTL. */
struct nx_audit_ttls {
    uint32_t ns_s;             /* NS set, as the zone's own servers say */
    uint32_t ds_s;             /* DS, as the parent's servers say */
    uint32_t dnskey_s;         /* DNSKEY of the apex */
    uint32_t record_s;         /* the item's record */
    int64_t signatures_end_us; /* the earliest end of a signature over record
                                  or keys; INT64_MIN: none was seen */
};

void nx_audit_ttls_init(struct nx_audit_ttls *out); /* nothing known */
void nx_audit_ttls_of(const struct nx_audit_case *c, struct nx_audit_ttls *out);
/* Of two items together: the longest, and the earliest end. */
void nx_audit_ttls_join(struct nx_audit_ttls *all,
                        const struct nx_audit_ttls *one);

#endif
