/* All authoritative sides of an incident together, as the status document shows
 * them. Inside of status_audit.c, status_authority.c and status_findings.c. */
#ifndef NX_COLLECTOR_STATUS_AUDIT_H
#define NX_COLLECTOR_STATUS_AUDIT_H

#include "collector/audit/finding.h"
#include "collector/audit/ttls.h"
#include "collector/status/status_sheet.h"

#define NX_AUDITORS_TEXT_MAX 160U

struct nx_status_audit {
    const struct nx_incident *incident;
    struct nx_auth_server *servers; /* each once */
    size_t servers_n;
    struct nx_left_server *left; /* the NS set lately; each once */
    size_t left_n;
    struct nx_auth_denier *deniers; /* of names above, and each once of one */
    size_t deniers_n;
    struct nx_auth_facts facts; /* of all items together */
    uint8_t outage_known;
    int64_t verified_at_us;
    bool blind;         /* of one of the items */
    unsigned places_n;  /* that verified it: of the item with the fewest */
    int64_t audited_us; /* of the sheet */
    int64_t now_us;
    bool silent;
    uint32_t problems;
    uint32_t glue;
    bool declared;               /* restored by the operator's word alone */
    struct nx_finding *findings; /* of the items' papers, each once */
    size_t findings_n;
    const struct nx_papers *papers; /* of the first item; NULL: closed */
    const struct nx_auth_w *w;      /* likewise */
    size_t w_n;
    size_t audited_n; /* servers asked everything, of the worst item */
    struct nx_audit_ttls ttls;
    char auditors[NX_AUDITORS_TEXT_MAX]; /* nx_status_auditors */
};

/* Gathers it from all items of the sheet's incident; what it points at is the
 * engine's until that changes. NX_ENOMEM; fini in any case. */
int nx_status_audit_init(struct nx_status_audit *audit,
                         struct nx_engine *engine,
                         const struct nx_sheet *sheet) NX_MUSTUSE;
void nx_status_audit_fini(struct nx_status_audit *audit);

/* The agents in the role authority that were heard of, by name: "a, b and 3
 * more". Into out, of NX_AUDITORS_TEXT_MAX. NX_ENOMEM. */
int nx_status_auditors(struct nx_engine *engine, char *out) NX_MUSTUSE;

/* What was found out about a server itself, into its object; false: out of
 * memory. */
bool nx_status_put_server(json_t *object, const struct nx_status_audit *audit,
                          const struct nx_auth_server *server);
/* The negative TTL in time; new reference, NULL: out of memory. */
json_t *nx_status_w_history(const struct nx_status_audit *audit);

/* "NXDOMAIN", "timeout": what the server said last; out: 12 bytes. */
const char *nx_status_kind_text(const struct nx_auth_server *server, char *out);
bool nx_status_serials_agree(const struct nx_status_audit *audit);

/* Objects with tag, severity, server, detail, advice. New reference, NULL:
 * out of memory. */
json_t *nx_status_findings(const struct nx_status_audit *audit);
/* Their details alone, for those who read rather than sort. */
json_t *nx_status_details(const json_t *findings);

#endif
