/* Canary names: what is asked of a resolver to learn its habits
 * (nxclear-estimator(7) 5.1). They lie in a zone of their own that the operator
 * runs for it, where a cached denial does nobody harm:
 *
 *     ZONE            negative TTL a week; *.many.ZONE has an address
 *     short.ZONE      negative TTL 1 s
 *     end.ZONE        ... 8 s
 *     clock.ZONE      ... 60 s
 *     whoami.ZONE     answers with the address that asked (optional)
 *     prefetch.ZONE   negative TTL 20 s (optional)
 *
 * Three more are asked that are in no zone of the operator's, see below; and,
 * where there is one, names in a zone whose delegation is bogus: its parent,
 * which is signed, has a DS for it, and it has no key. Who validates fails.
 *
 * No two runs share a name that does not exist: the first label is the run's.
 * Pure. */
#ifndef NX_COLLECTOR_CANARY_H
#define NX_COLLECTOR_CANARY_H

#include "common/codec.h"

#define NX_CANARY_LONG_S 604800
#define NX_CANARY_CLOCK_S 60
#define NX_CANARY_PREFETCH_S 20
/* Octets that names have beside the zone's. */
#define NX_CANARY_LABELS_MAX 32U
/* A second cache that takes half of the queries is overlooked by so many of
 * them in one of 64 runs; fewer do not count caches. */
#define NX_CANARY_COUNT_MIN 7U
#define NX_CANARY_COUNT_MAX 16U
/* Between the looks that count caches: further apart than a TTL is rounded on
 * either side, so that each cache that is filled by one of them shows an end of
 * its own. */
#define NX_CANARY_COUNT_GAP_MS 2100U

enum nx_canary {
    NX_CANARY_CAP,        /* fresh name, NXDOMAIN for a week: twice */
    NX_CANARY_NODATA,     /* fresh name, NODATA for a week: twice */
    NX_CANARY_FLOOR,      /* fresh name, W = 1 */
    NX_CANARY_END,        /* W = 8, looked at until after its end */
    NX_CANARY_CLOCK,      /* W = 60, looked at for 9 s ... */
    NX_CANARY_CLOCK_NEXT, /* ... and another name of the zone meanwhile */
    NX_CANARY_PREFETCH,   /* W = 20, looked at in its last tenth */
    NX_CANARY_COUNT,      /* a name that exists: an end per cache */
    NX_CANARY_EGRESS,     /* who asks the authoritative server? */
    NX_CANARY_RD0_CACHED, /* RD=0: the first one again */
    NX_CANARY_RD0_FRESH,  /* RD=0: nobody asked for it before */
    NX_CANARY_NSID,       /* a name that exists, with NSID: who answers? */
    NX_CANARY_SERVER,     /* TXT of id.server in class CH: likewise */
    NX_CANARY_HOSTNAME,   /* ... of hostname.bind */
    NX_CANARY_VALIDATES,  /* NS of the root with AD=1: does it say AD? */
    NX_CANARY_BOGUS,      /* a name in the bogus zone; CD=1 once it failed */
    NX_CANARIES_N_
};

/* Names and times of a run at one resolver. */
struct nx_canary_run {
    const uint8_t *zone;
    const uint8_t *bogus_zone; /* NULL: there is none */
    uint32_t id;               /* makes the names fresh */
    bool v6;                   /* the resolver's address is IPv6 */
    uint16_t count_n; /* looks that count caches, 1..NX_CANARY_COUNT_MAX */
    /* Where no zone is run for canary names: sibling labels. All names lie
     * directly below the zone, which is in use, and none exists. A cap below
     * the zone's W, a floor above it, clock, countdown and number of caches are
     * seen there as below a canary zone, RD=0 too; the end of a denial where W
     * is a minute at most. NODATA is had of the zone's own name, by a type for
     * private use, and NSID of the root. Of chains nothing is seen. */
    bool sibling;
    uint32_t w_s; /* ... negative TTL that the zone's servers send */
};

/* NX_ELIMIT: names would be too long below this zone. */
int nx_canary_zone_check(const uint8_t *zone) NX_MUSTUSE;

/* Must canary names rest while an incident of this name is open? It lies
 * below the canary zone or below any name above it of two labels or more: one
 * of those is the parent zone, whose denials they would renew if the delegation
 * of the canary zone were lost with it. (A top-level domain is not counted:
 * everything is below it, unless the incident is its own.) */
bool nx_canary_disturbs(const uint8_t *zone, const uint8_t *name);

/* The task for one of the questions, without endpoint; name goes to
 * name_out (NX_DNAME_MAX). */
void nx_canary_task(const struct nx_canary_run *run, enum nx_canary which,
                    uint8_t *name_out, struct nx_task *out);

/* Which of the run's questions is this? NX_CANARIES_N_: none. */
enum nx_canary nx_canary_of(const struct nx_canary_run *run,
                            const struct nx_question *question);

/* Does its name lie in the zone, or below? */
bool nx_canary_in_zone(const struct nx_canary_run *run, enum nx_canary which);

/* The zone that denies the question's name: whose SOA a denial shows. */
void nx_canary_apex(const struct nx_canary_run *run, enum nx_canary which,
                    uint8_t *out);

/* How many of them this question gives. */
unsigned nx_canary_visit(const struct nx_canary_run *run, enum nx_canary which);

/* How many looks all of them give when none is lost. */
unsigned nx_canary_looks(const struct nx_canary_run *run);

/* From the plan's receipt until the last answer came, with room for jitter and
 * a slow resolver that is asked once a second. */
int64_t nx_canary_lasts_us(const struct nx_canary_run *run);

#endif
