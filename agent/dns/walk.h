/* From the root to the zone that answers for a name, and every server of it.
 *
 * A pure state machine: it says what to ask (nx_walk_next), is told what came
 * back (nx_walk_result), and owns no clock and no socket. All queries are RD=0
 * and pass through the caller, who may delay them (token buckets) or refuse
 * them (result NULL), but must give one result for each query taken.
 *
 * One walk serves one name (in lower case). Each round:
 *   1. from the zone above the one found last time (from the root the first
 *      time, every NX_WALK_FULL_S and after a failure) it follows referrals,
 *      asking one server of each zone, in turn;
 *   2. the zone's own NS set is read and united with the parent's, and the
 *      addresses of its hosts are resolved by the same means, and again when
 *      their TTL is over (NX_WALK_RETRY_S .. NX_WALK_FULL_S): they are united
 *      with glue, which alone does where they are not to be had;
 *   3. every address of the zone is asked for every (name, qtype) and for the
 *      SOA of the apex: these queries have `observe` set, their results are
 *      observations of layer NX_LAYER_AUTHORITY;
 *      So are other addresses, for every (name, qtype): servers that left the
 *      zone's set, which no walk finds, and others (nx_walk_set_left);
 *      Where the last round met NXDOMAIN (once it did until all said otherwise,
 *      or for NX_WALK_AUDIT_S), and every NX_WALK_AUDIT_S, each address is
 *      asked for the NS set of the names between, too: which one is not there
 *      (RFC 8020)?
 *   4. every NX_WALK_AUDIT_S, and when the servers changed, the audit, observed
 *      likewise: each address for the SOA over TCP, the NS set, the DNSKEYs
 *      (with the EDNS sizes 512 and 4096, too) and every (name, qtype) with DO,
 *      the wildcards beside the name, below the apex, and beside the names
 *      between (so many at most), too;
 *      those of the parent for the DS: once one of them says that there is no
 *      such zone, in each round until all said otherwise. What is said of keys
 *      and signatures every NX_WALK_RETRY_S, once a DS or DNSKEY was seen; with
 *      the two EDNS sizes, if one of them brought nothing last time.
 * When the parent itself denies the name (the delegation was lost), the parent
 * is the zone found: its servers are the set, its denials the observations. */
#ifndef NX_AGENT_WALK_H
#define NX_AGENT_WALK_H

#include "agent/dns/hints.h"
#include "common/codec.h"

#define NX_WALK_FULL_S 600U
#define NX_WALK_AUDIT_S 300U
#define NX_WALK_RETRY_S 30U /* full walks after failures, hosts, keys */
#define NX_WALK_TYPES_MAX 16U
#define NX_WALK_LEFT_MAX 64U
#define NX_WALK_BETWEEN_MAX 4U   /* names below the apex, the highest ones */
#define NX_WALK_QUERIES_MAX 200U /* of steps 1 and 2 of one round */

struct nx_walk;

/* A query to send. Self-contained: may be copied and kept. */
struct nx_walk_query {
    uint32_t id;  /* for nx_walk_result */
    bool observe; /* report the result to the collector, too */
    bool left;    /* to a server of nx_walk_set_left */
    uint16_t type;
    uint16_t flags;        /* NX_Q_*; never RD */
    uint16_t udp_bytes;    /* EDNS size; 0: the usual one */
    struct nx_endpoint to; /* without server_name, see nx_walk_question */
    uint8_t name[NX_DNAME_MAX];
    uint8_t server_name[NX_DNAME_MAX];
};

/* hints: borrowed for the life of the walk. name: copied. NX_ENOMEM. */
int nx_walk_new(const struct nx_hints *hints, const uint8_t *name,
                struct nx_walk **out) NX_MUSTUSE;
void nx_walk_free(struct nx_walk **walk);

/* Rounds have the audit of step 4, beginning with the next one, or not (as
 * after nx_walk_new). */
void nx_walk_set_audit(struct nx_walk *walk, bool audit);

/* Rounds that begin from now on ask these servers, too, where they are not in
 * the set (copied; more than NX_WALK_LEFT_MAX are left out): servers that left
 * it, and those of zones above that denied the name. */
void nx_walk_set_left(struct nx_walk *walk, const struct nx_endpoint *servers,
                      size_t n);

/* One denied the name, or one above, before this walk began: the names between
 * are asked for in its first round with servers, and again as after NXDOMAIN in
 * that round (step 3). */
void nx_walk_doubt(struct nx_walk *walk);

/* Begins a round for these types (1..NX_WALK_TYPES_MAX).
 * NX_ESTATE: the last round is not over; NX_ELIMIT: too many types or none. */
int nx_walk_start(struct nx_walk *walk, const uint16_t *types, size_t types_n,
                  int64_t now_mono_us) NX_MUSTUSE;

/* The next query to send, or false: none before a result comes in (call it
 * again after each), or the round is over. Neighbouring queries go to
 * different servers. */
bool nx_walk_next(struct nx_walk *walk, struct nx_walk_query *out);

/* The question of q as a value; its pointers point into q. */
void nx_walk_question(const struct nx_walk_query *q, struct nx_question *out);

/* What came of query `id`: obs, and the reply's bytes when it was answered.
 * obs NULL: it was not sent. Unknown ids are ignored. */
void nx_walk_result(struct nx_walk *walk, uint32_t id, const struct nx_obs *obs,
                    const uint8_t *msg, size_t msg_len, int64_t now_mono_us);

/* The zone whose servers the round asks; NULL: none was found yet. Borrowed
 * until the next start. */
const uint8_t *nx_walk_apex(const struct nx_walk *walk);

/* After a round: did it ask the servers that the name has today? Not if the
 * walk did not arrive, and they are those of an earlier one. */
bool nx_walk_arrived(const struct nx_walk *walk);

/* ... and how many of them it could not ask, as they have no address, or there
 * was no room for it. */
unsigned nx_walk_unasked(const struct nx_walk *walk);

/* Is it a server of the zone found last? One that serves the parent, too,
 * speaks for that when it is asked for the DS (RFC 4035 section 3.1.4.1), and
 * may deny a zone that it has: nobody delegated it, and nobody needs it to. */
bool nx_walk_has(const struct nx_walk *walk, const struct nx_endpoint *at);

/* Is it a server of the zone found last, or of one above? True too when none
 * was found yet. */
bool nx_walk_lists(const struct nx_walk *walk, const struct nx_endpoint *at);

/* Is a round under way? */
bool nx_walk_busy(const struct nx_walk *walk);

/* True when there is something new to report about the delegation: once per
 * round before its first observed query is given out, and again at its end if
 * the problems changed. Call it after each nx_walk_next (also when that
 * returned false) and each nx_walk_result.
 * out's pointers are valid until the next nx_walk_start. */
bool nx_walk_delegation(struct nx_walk *walk, struct nx_delegation *out);

#endif
