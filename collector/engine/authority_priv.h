/* Inside of authority.c, authority_facts.c, authority_papers.c, authority_set.c
 * and others. */
#ifndef NX_COLLECTOR_AUTHORITY_PRIV_H
#define NX_COLLECTOR_AUTHORITY_PRIV_H

#include "collector/engine/authority.h"

#define NX_AUTH_ZONES_MAX 4U

/* What the last useful answer said. */
enum nx_auth_word {
    NX_AUTH_WORD_NONE,
    NX_AUTH_WORD_GOOD,
    NX_AUTH_WORD_DIFFERS,
    NX_AUTH_WORD_DENIES,
};

/* One server as one vantage sees it. */
struct nx_auth_entry {
    uint32_t agent_id;
    uint8_t word;     /* enum nx_auth_word */
    bool bad_seen;    /* differed or denied at some time */
    bool way;         /* it was asked: there is a way to it from there */
    bool quiet;       /* good, but without a useful answer for long: shown so,
                         and takes nothing back */
    bool good_serial; /* `serial_good` was read while it was good */
    uint32_t serial_good;
    bool bad_serial; /* `serial_bad` was read after a bad answer; it counts when
                        the next one is bad too */
    uint32_t serial_bad;
    int64_t asked_us;     /* first question */
    int64_t word_us;      /* last useful answer */
    int64_t vain_us;      /* ... or later: the vantage was blind until then */
    int64_t last_good_us; /* last good answer */
    int64_t good_hi_us;   /* first good one after the last bad, latest */
    int64_t bad_lo_us;    /* last bad one, earliest */
    struct nx_auth_server server; /* at.server_name: see name */
    bool named;
    uint8_t name[NX_DNAME_MAX];
};

struct nx_auth_vantage {
    uint32_t agent_id;
    uint32_t problems;
    uint32_t glue;
    uint32_t unasked_n; /* name servers of its set that it cannot ask */
    int64_t last_us;    /* newest answer of any server */
    int64_t blind_us;   /* no server had answered for rounds, then */
    uint8_t reached;    /* nx_authority_reached */
    unsigned vain_n;    /* questions without an answer since the last one */
    bool apex_known;
    uint8_t apex[NX_DNAME_MAX]; /* of the zone whose set it sees */
};

/* The largest negative TTL that servers sent with a zone's SOA in denials. */
struct nx_auth_zone {
    uint8_t owner[NX_DNAME_MAX];
    uint32_t w_s;
    uint32_t ttl_s;     /* ... as sent, whatever MINIMUM says */
    uint32_t minimum_s; /* the largest */
};

struct nx_authority {
    struct nx_auth_vantage vantages[NX_AUTH_VANTAGES_MAX];
    size_t vantages_n;
    struct nx_auth_entry *entries;
    size_t entries_n;
    struct nx_auth_server *shown; /* of the last view */
    struct nx_papers papers;
    uint32_t denial_ttl_s; /* largest NSEC TTL sent with a denial */
    uint32_t keys_ttl_s;   /* largest of DS and DNSKEY */
    bool keys_seen;        /* a DS or DNSKEY, ever */
    int64_t keys_until_us; /* caches hold those that were replaced; 0: none */
    int64_t ds_seen_us, dnskey_seen_us; /* at first; 0: not yet */

    bool apex_known;
    uint8_t apex[NX_DNAME_MAX];
    bool ancestor_known;
    uint8_t ancestor[NX_DNAME_MAX]; /* the highest that was denied */
    struct nx_auth_zone zones[NX_AUTH_ZONES_MAX];
    size_t zones_n;
    struct nx_auth_w w[NX_AUTH_W_MAX];
    size_t w_n;
    uint32_t soa_w_s; /* from SOA queries ... */
    uint32_t soa_minimum_s;
    uint32_t positive_ttl_s; /* the largest that good servers sent */
    struct nx_given given;
    bool outage_serial_known;
    uint32_t outage_serial;
    uint8_t outage_serial_of[NX_DNAME_MAX]; /* apex of the zone */

    bool heard; /* some server said something useful */
    bool bad_seen;
    bool missed; /* ... and in this zone, not at the end of a way out of it */
    int64_t outage_lo_us; /* last good before the first bad */
    bool bad_open;        /* some server is bad; since the last good answer: */
    int64_t bad_from_us;  /* NX_TIME_UNKNOWN: it never was good */
    uint8_t bad_n;        /* earlier times of that kind, oldest first */
    struct nx_bad_interval bad[NX_BAD_MAX];
    /* Servers that left the set while they were bad, and what agents saw that
     * are no authority agents any more. */
    int64_t left_lo_us, left_hi_us;
    int64_t bad_us;      /* newest denial, or other RRset, of anyone ... */
    int64_t gone_bad_us; /* ... before a vantage went */
    bool set_changed;
    struct nx_left left;
    int64_t left_shut_us; /* as of the last step */
    struct nx_above above;
    bool above_held; /* as of the last step */
    bool blind;      /* ... too: see is_blind */

    uint32_t ns_ttl_s;
    uint32_t set_ttl_s; /* the longest NS TTL of the present set */
    bool set_verified;  /* all of the set good for the settle time */
    int64_t verified_at_us;
    unsigned places_n;    /* vantages that saw it, while verified */
    uint8_t outage_known; /* enum nx_outage_known */
    bool proven;
    int64_t doubt_us; /* nx_authority_doubt; NX_TIME_UNKNOWN */
    struct nx_auth_facts facts;
};

/* Closes the interval that is over, and fills f->bad. The first one began with
 * the outage, the last one ended with the restoration, whoever says when. f has
 * its other facts. */
void nx_authority_bad(struct nx_authority *a, struct nx_auth_facts *f);

/* authority_zone.c: w_auth_s, parent_w_s and other TTLs; then, of f with its
 * times, the serial, the delegation, and how many servers there are. */
void nx_auth_facts_w(const struct nx_authority *a, struct nx_auth_facts *f);
void nx_auth_facts_zone(const struct nx_authority *a,
                        const struct nx_left_rules *left,
                        struct nx_auth_facts *f);

/* authority_times.c: when the zone was restored; then, of f with that and the
 * TTLs, when the outage began. How the outage is known. */
void nx_auth_facts_restored(const struct nx_authority *a,
                            const struct nx_left_rules *left,
                            const struct nx_incident *incident, int64_t now_us,
                            struct nx_auth_facts *f);
void nx_auth_facts_outage(const struct nx_authority *a,
                          const struct nx_incident *incident,
                          struct nx_auth_facts *f);
enum nx_outage_known nx_auth_outage_known(const struct nx_authority *a,
                                          const struct nx_incident *incident);
/* The operator's word for the restoration, if that time has come; or
 * NX_TIME_UNKNOWN. */
int64_t nx_auth_declared_us(const struct nx_incident *incident, int64_t now_us);

/* authority.c: NULL when this agent told nothing. */
const struct nx_auth_vantage *nx_auth_vantage(const struct nx_authority *a,
                                              uint32_t agent_id);

/* An answer of this server, or none, was told: its entry, or NULL. */
struct nx_auth_entry *nx_auth_touch(struct nx_authority *a, uint32_t agent_id,
                                    const struct nx_obs *obs,
                                    const struct nx_look *look);

/* A bad answer, tx and rx of it in look: the proof goes, times are kept; the
 * word itself is the caller's to set. */
void nx_auth_turn_bad(struct nx_authority *a, struct nx_auth_entry *e,
                      const struct nx_look *look);

/* authority_set.c: the entry of a vantage for a server of the set, or NULL; the
 * transport is left out: truncation moves a question to TCP. */
struct nx_auth_entry *nx_auth_entry(struct nx_authority *a, uint32_t agent_id,
                                    const struct nx_endpoint *at);
/* The servers that the delegation lists are the vantage's set now. NX_ENOMEM.
 */
int nx_auth_set(struct nx_authority *a, uint32_t agent_id,
                const struct nx_delegation *d, int64_t at_us,
                uint32_t eps_us) NX_MUSTUSE;

/* authority_view.c: is entry i the worst word on its server? Of equals, the
 * first. */
bool nx_auth_is_worst(const struct nx_authority *a, size_t i);

/* authority_soa.c: of a denial with a SOA, what it tells of the zone and of the
 * server; the zone's newest serial while it was bad. */
void nx_auth_negative_soa(struct nx_authority *a, struct nx_auth_entry *e,
                          const struct nx_obs *obs);
/* Of a denial in the zone that is none of the item: its negative TTL. */
void nx_auth_denial_soa(struct nx_authority *a, const struct nx_obs *obs);
void nx_auth_outage_serial(struct nx_authority *a, uint32_t serial);

/* Serial number arithmetic, RFC 1982 section 3.2: a later than b? */
bool nx_serial_after(uint32_t a, uint32_t b);

#endif
