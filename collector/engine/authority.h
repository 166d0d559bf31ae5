/* The authoritative side of one incident item (name, type): which servers
 * answer for it, what each said last, and what follows for the caches
 * (nxclear-estimator(7) 5.1, 6). A fold over delegation records and
 * observations of layer authority, from one or more authority agents
 * (vantages). Pure.
 *
 * A server is good when it gave the expected answer with AA; or, for a CNAME
 * that leaves the zone, its own part of the chain. It denies when its answer
 * could leave a denial in a cache (plants.h): an answer with nothing in it
 * does.
 *
 * A server that gives no answer of use (timeout, SERVFAIL, REFUSED; positive
 * without AA: lame) is neither good nor does it deny. First it is waited for,
 * because it may deny for others. But a name server that is dead for good must
 * not hold the guard shut: after settle_us without a useful answer (five times
 * that, if its last one was a denial) it is set aside as NX_AUTH_SILENT, stays
 * in the view as a finding, and the others decide. (One that was good last and
 * is silent for five times that is shown as silent, too, but takes nothing
 * back.) What is not known yet of a server keeps a set from being called good;
 * one that joins a good set, or that another vantage sees good, only holds the
 * guard, or not even that. A vantage that fell silent
 * is set aside the same way while another one speaks. Where rounds of the audit
 * are rare, both wait for two rounds in vain at least. */
#ifndef NX_COLLECTOR_AUTHORITY_H
#define NX_COLLECTOR_AUTHORITY_H

#include "collector/audit/finding.h"
#include "collector/audit/ttls.h"
#include "collector/engine/above.h"
#include "collector/engine/given.h"
#include "collector/engine/incident.h"
#include "collector/engine/left.h"
#include "common/codec.h"

#define NX_AUTH_VANTAGES_MAX 16U

enum nx_auth_class {
    NX_AUTH_GOOD,
    NX_AUTH_SILENT,  /* set aside: no useful answer for long */
    NX_AUTH_PENDING, /* nothing known yet */
    NX_AUTH_DIFFERS, /* another RRset than the expected one */
    NX_AUTH_DENIES,
};
const char *nx_auth_class_text(unsigned class_);

/* One authoritative server of an item as last seen; of several vantages the
 * one that saw the worst. */
struct nx_auth_server {
    struct nx_endpoint at; /* server_name set */
    uint8_t class_;        /* enum nx_auth_class */
    bool asked;
    uint8_t kind;    /* enum nx_kind of the last answer for the name */
    uint8_t outcome; /* enum nx_outcome */
    uint16_t rcode;
    bool aa;
    bool good;
    bool alias;    /* its answer is a CNAME out of its zone */
    bool stops;    /* ... to a name inside, of which it says nothing */
    bool bare;     /* ... has nothing in it: NODATA to resolvers (plants.h) */
    bool in_vain;  /* rounds of the audit brought nothing of use, ever */
    bool no_way;   /* no vantage can ask any of its address family */
    uint8_t sides; /* NX_SIDE_*; 0: not told */
    bool serial_known;
    uint32_t serial;
    uint32_t w_s; /* min(SOA TTL, MINIMUM) as sent; 0: not known */
    uint32_t soa_ttl_s, soa_minimum_s;
    int64_t last_bad_us, good_since_us, last_us; /* NX_TIME_UNKNOWN */
};

/* How facts.outage_lo_us is known. */
enum nx_outage_known {
    NX_OUTAGE_UNKNOWN,  /* nobody looked, nothing was declared */
    NX_OUTAGE_NONE,     /* no server was ever seen bad, none was declared */
    NX_OUTAGE_ASSUMED,  /* so far back as could matter at most */
    NX_OUTAGE_OBSERVED, /* the last good answer before the first bad one */
    NX_OUTAGE_DECLARED,
};
const char *nx_outage_known_text(unsigned known); /* NULL: unknown */

/* The zone's negative TTL as its servers send it: the largest of theirs, from
 * when it was first seen. */
struct nx_auth_w {
    int64_t at_us;
    uint32_t w_s;
};
#define NX_AUTH_W_MAX 16U /* then the oldest go */

struct nx_auth_view {
    struct nx_auth_facts facts;
    bool proven;          /* nx_authority_proven: resolvers may be asked */
    uint8_t outage_known; /* enum nx_outage_known */
    int64_t heard_us;     /* newest answer of any server; NX_TIME_UNKNOWN */
    bool apex_known;
    uint8_t apex[NX_DNAME_MAX];
    const struct nx_auth_server *servers;
    size_t servers_n;
    uint32_t problems; /* NX_DELEG_* */
    uint32_t glue;     /* NX_GLUE_* */
    const struct nx_papers *papers;
    const struct nx_auth_w *w; /* its changes, oldest first */
    size_t w_n;
    int64_t verified_at_us; /* NX_TIME_UNKNOWN */
    unsigned places_n; /* vantages that saw all good for the settle time; 0: not
                          verified, or by the operator's word */
    const struct nx_left_server *left; /* the set, caches may still know them */
    size_t left_n;
    int64_t left_shut_us; /* they hold the guard shut so long at most;
                             NX_TIME_UNKNOWN: they do not */
    const struct nx_above *above;
    bool blind; /* most servers are not good, and nobody has a way to some */
};

/* A server that says that there is no such name. */
struct nx_auth_denier {
    struct nx_endpoint at; /* server_name NULL: not of the set */
    const uint8_t *name;   /* the highest one; points into the item's */
    bool parent;           /* it is the zone itself */
};

/* Server i of view.above about this item; false: it took all back, or it is the
 * same as an earlier one. */
bool nx_auth_denier(const struct nx_auth_view *view, size_t i,
                    const uint8_t *item, struct nx_auth_denier *out);

struct nx_auth_rules {
    int64_t settle_us;
    int64_t interval_us; /* between two rounds of the audit */
    unsigned vantages;   /* agents that must see all good */
    bool audited;        /* an authority agent is there to be asked */
    /* Those that were heard lately; no more than can tell. */
    uint32_t auditors[NX_AUTH_VANTAGES_MAX];
    size_t auditors_n;
    int64_t woke_us; /* what was seen before is of another process */
};

struct nx_authority;

int nx_authority_new(struct nx_authority **out) NX_MUSTUSE;
void nx_authority_free(struct nx_authority **authority);

/* The current server set as one vantage sees it. Servers that left it are no
 * part of it any more, what they did stays in the facts; while caches may know
 * them they can hold the guard shut (left.h). at_us: collector time.
 * NX_ENOMEM, NX_ELIMIT (too many vantages). */
int nx_authority_delegation(struct nx_authority *authority, uint32_t agent_id,
                            const struct nx_delegation *delegation,
                            int64_t at_us, uint32_t eps_us) NX_MUSTUSE;

/* A server was in the zone's set before the item was known, and is not any more
 * at at_us; no cache keeps an old set beyond until_us. Ignored when that is
 * over, when it is in the set, or is known to have left it. NX_ENOMEM. */
int nx_authority_remember(struct nx_authority *authority,
                          const struct nx_endpoint *at, const uint8_t *name,
                          int64_t at_us, int64_t until_us) NX_MUSTUSE;

/* An observation of the item's own question; look: the same, normalised. A
 * server that neither is in the set nor left it lately is ignored. A bad answer
 * takes the proof back (nx_authority_proven) before the next step. */
void nx_authority_answer(struct nx_authority *authority, uint32_t agent_id,
                         const struct nx_obs *obs, const struct nx_look *look);

/* An observation of the apex's SOA. */
void nx_authority_soa(struct nx_authority *authority, uint32_t agent_id,
                      const struct nx_obs *obs, const struct nx_look *look);

/* An answer to a question of the audit (nx_paper_is) about this item, whose
 * name and type are given; another's is ignored. A denial of the zone by its
 * parent, or of a name between, takes the proof back before the next step
 * (above.h). NX_ENOMEM. */
int nx_authority_paper(struct nx_authority *authority, uint32_t agent_id,
                       const uint8_t *name, uint16_t qtype,
                       const struct nx_obs *obs, int64_t at_us) NX_MUSTUSE;

/* An answer to any question for a name above the item's, in its zone: likewise.
 * NX_ENOMEM. */
int nx_authority_above(struct nx_authority *authority, uint32_t agent_id,
                       const struct nx_obs *obs, int64_t at_us) NX_MUSTUSE;

/* The agent is no authority agent any more. */
void nx_authority_forget(struct nx_authority *authority, uint32_t agent_id);

/* Works out the facts at now_us. True: they differ from those of the step
 * before in more than the movement of restored_lo. */
bool nx_authority_step(struct nx_authority *authority,
                       const struct nx_auth_rules *rules,
                       const struct nx_incident *incident, int64_t now_us);

/* As of the last step; borrowed. */
const struct nx_auth_facts *
nx_authority_facts(const struct nx_authority *authority);

/* Rule 1: may resolvers be asked? Verified (which takes in that no server that
 * left the set denies), and that is no old news: every server was looked at by
 * this process, and not longer ago than a vantage may be silent. While nobody
 * was there to see it, one may have turned bad. */
bool nx_authority_proven(const struct nx_authority *authority);

/* NXDOMAIN was seen for the name or one above it, with another type: it denies
 * this item as well (RFC 8020), so the proof waits until every server was asked
 * for this one after at_us. */
void nx_authority_doubt(struct nx_authority *authority, int64_t at_us);

/* So long do caches keep the present NS set: the longest of the TTLs that
 * parent and zone give it; 0: not known. */
uint32_t nx_authority_ns_ttl(const struct nx_authority *authority);

/* Servers that left the set and are to be asked still; borrowed until the next
 * change. *changes_n grows when one comes or goes. */
const struct nx_left_server *nx_authority_left(const struct nx_authority *a,
                                               size_t *n, uint64_t *changes_n);

/* What good servers gave since the last of them was bad. When one left the set,
 * or a vantage went, it begins anew with the next answer; with the last vantage
 * it ends. */
const struct nx_given *nx_authority_given(const struct nx_authority *authority);

/* Apex of the zone that answers for the name; NULL when not known yet. */
const uint8_t *nx_authority_apex(const struct nx_authority *authority);

/* The highest name between apex and name that a server denied, and with it the
 * name (RFC 8020); NULL: none that we know of. */
const uint8_t *nx_authority_ancestor(const struct nx_authority *authority);

/* A bit for each address family. */
static inline uint8_t nx_auth_family(const struct nx_endpoint *at) {
    return at->address_len == 16 ? 2 : 1;
}

/* The families by which this agent reached some name server, of any zone: what
 * it does not reach by those is no lack of its own. */
void nx_authority_reached(struct nx_authority *authority, uint32_t agent_id,
                          uint8_t families);

/* Borrowed until the next call of a function above. NX_ENOMEM. */
int nx_authority_view(struct nx_authority *authority,
                      struct nx_auth_view *out) NX_MUSTUSE;

#define NX_AUTH_FINDINGS_MAX 64U

/* What the audit found, see nx_findings_of and nx_audited_n; name: the item's.
 */
struct nx_auth_audit {
    struct nx_finding list[NX_AUTH_FINDINGS_MAX];
    size_t n;
    size_t audited_n;
    struct nx_audit_ttls ttls;
};
void nx_authority_audit(const struct nx_auth_view *view, const uint8_t *name,
                        int64_t now_us, struct nx_auth_audit *out);

#endif
