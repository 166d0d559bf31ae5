/* The world of a story: authoritative servers and recursive resolvers with
 * their caches, as far as nxclear can tell them apart. Times in microseconds
 * of virtual time, whose zero is a whole second of everybody's clock. */
#ifndef NX_TESTS_SCENARIO_MODEL_H
#define NX_TESTS_SCENARIO_MODEL_H

#include "common/obs.h"

#define MODEL_SERVERS_MAX 8U
#define MODEL_RESOLVERS_MAX 16U
#define MODEL_CACHES_MAX 4U
#define MODEL_RDATA_MAX 64U
#define US_PER_S INT64_C(1000000)

struct model_soa {
    uint32_t ttl_s, minimum_s, serial;
};

enum server_mood {
    SERVER_GOOD,
    SERVER_DENIES,
    SERVER_DIFFERS, /* another address */
    SERVER_REFUSES,
    SERVER_SILENT,
};

struct server {
    bool listed; /* in the delegation */
    enum server_mood mood;
    struct model_soa soa;
    struct nx_endpoint at;
    uint8_t name[NX_DNAME_MAX];
};

/* Whose age the TTL of the SOA shows (nxclear-estimator(7) 12). */
enum soa_clock { CLOCK_OWN, CLOCK_ZONE };

enum resolver_mood {
    RESOLVER_NORMAL,
    RESOLVER_SILENT,
    RESOLVER_REFUSES,
    RESOLVER_SERVFAIL,
    RESOLVER_POLICY, /* response policy zone: NXDOMAIN, EDE 15 */
    RESOLVER_STALE,  /* NXDOMAIN, TTL 30, EDE 3 */
};

/* Served until the second `end_s`; with `inclusive` for that second, too. */
struct cache {
    bool negative, nodata, no_soa, parent;
    bool old; /* another address, counting down */
    int64_t end_s;
    struct model_soa soa;
};

struct resolver {
    enum resolver_mood mood;
    enum soa_clock clock;
    bool inclusive;
    unsigned caches_n;
    struct cache caches[MODEL_CACHES_MAX];
    int64_t zone_end_s; /* CLOCK_ZONE: of the one SOA */
    uint32_t zone_serial;
    struct nx_endpoint at;
    unsigned asked_n; /* for the incident's name */
};

struct model {
    uint8_t name[NX_DNAME_MAX], apex[NX_DNAME_MAX], parent[NX_DNAME_MAX];
    struct server servers[MODEL_SERVERS_MAX];
    size_t servers_n;
    struct server parent_server; /* denies while the delegation is lost */
    bool lost;
    struct resolver resolvers[MODEL_RESOLVERS_MAX];
    size_t resolvers_n;
    unsigned turn; /* which server or cache is next */
};

/* One reply, with the memory its pointers point into. */
struct reply {
    struct nx_answer answer;
    uint32_t soa_ttl_s, answer_ttl_s;
    int64_t rtt_us;
    uint8_t rdata[MODEL_RDATA_MAX];
};

void model_init(struct model *m);
/* Adds one; NULL when there are too many. */
struct server *model_server(struct model *m);
struct resolver *model_resolver(struct model *m);

/* A negative answer into a cache now. */
void model_fill(struct resolver *r, unsigned cache, const struct cache *entry,
                int64_t now_us, uint32_t ttl_s);

void model_ask_resolver(struct model *m, struct resolver *r, int64_t now_us,
                        struct reply *out);
void model_ask_server(struct model *m, const struct server *s, bool soa,
                      struct reply *out);

#endif
