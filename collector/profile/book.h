/* The book of resolvers: which ones there are, what was measured of each and
 * when, and which is being measured. A pure state machine.
 *
 * A resolver is kept by network and address: what one network's agents reach
 * at an address is not what another's do. Nor do all agents of a network reach
 * the same at a private one (nx_endpoint_is_private: 127.0.0.1, or 192.168.1.1
 * behind the router of a line each): there each agent has a resolver of its
 * own. In one network one resolver is
 * measured at a time, since two addresses may be one server, whose zones' SOA
 * they would share. What is older than NX_PROFILE_AGED_US is shown, and not
 * believed.
 *
 * What agents say is not believed either: a network has
 * NX_BOOK_OF_NETWORK_MAX resolvers; once an hour those are forgotten that no
 * agent uses and that were not measured, not for long, or whose room is
 * needed. */
#ifndef NX_COLLECTOR_BOOK_H
#define NX_COLLECTOR_BOOK_H

#include "collector/profile/measure.h"

#define NX_BOOK_NETWORK_MAX 64U /* bytes of a network's name with the NUL */
#define NX_BOOK_RESOLVERS_MAX 40000U
#define NX_BOOK_OF_NETWORK_MAX 1024U /* of one network, noted from agents */
/* What was measured of a resolver that nobody uses is forgotten after this. */
#define NX_BOOK_KEPT_DAYS 14
#define NX_BOOK_KEPT_US (NX_BOOK_KEPT_DAYS * INT64_C(86400) * 1000000)

/* Where and how canary names are asked for. */
struct nx_canary_conf {
    bool on;
    bool sibling; /* zone is in use: sibling labels (nx_canary_run) */
    uint8_t zone[NX_DNAME_MAX];
    uint8_t bogus_zone[NX_DNAME_MAX]; /* the root: there is none */
    uint32_t every_s; /* between two measurements of a resolver: a day */
    uint16_t count_n; /* looks that count caches */
};

/* What was measured of one resolver. */
struct nx_book_row {
    char network[NX_BOOK_NETWORK_MAX];
    struct nx_endpoint at; /* without layer and server_name */
    uint32_t agent_id;     /* whose, at a private address; else 0 */
    int64_t used_us;       /* an agent has it; NX_TIME_UNKNOWN: not yet */
    int64_t serving_us;    /* ... for its network's users, likewise */
    int64_t measured_us;   /* NX_TIME_UNKNOWN: never */
    int64_t failed_us;     /* a later attempt; NX_TIME_UNKNOWN: none */
    uint8_t trouble;       /* ... and why: enum nx_run_trouble */
    bool measuring;
    struct nx_measured measured;
};

/* What for do agents have it, or had it within the last hour? */
enum nx_book_use {
    NX_BOOK_UNUSED,
    NX_BOOK_SERVING,    /* the network's users ask it */
    NX_BOOK_COMPARISON, /* it is asked for comparison: control, upstream */
};
enum nx_book_use nx_book_use(const struct nx_book_row *row, int64_t now_us);
const char *nx_book_use_text(enum nx_book_use use); /* "serving" */

struct nx_book;

int nx_book_new(const struct nx_canary_conf *conf,
                struct nx_book **out) NX_MUSTUSE;
void nx_book_free(struct nx_book **book);

/* From the store. One at a private address that does not say whose it is is
 * left out: those were kept so once. NX_ELIMIT, NX_ENOMEM. */
int nx_book_put(struct nx_book *book, const struct nx_book_row *row) NX_MUSTUSE;

/* What was measured of it where this agent asks, if it has not aged; else NULL.
 */
const struct nx_measured *nx_book_measured(const struct nx_book *book,
                                           const char *network,
                                           const struct nx_endpoint *at,
                                           uint32_t agent_id, int64_t now_us);
/* ... what the estimator is to take for it. */
const struct nx_profile *nx_book_profile(const struct nx_book *book,
                                         const char *network,
                                         const struct nx_endpoint *at,
                                         uint32_t agent_id, int64_t now_us);

/* By network, address, port, transport, scope, agent: as strcmp(3). */
int nx_book_row_order(const struct nx_book_row *a, const struct nx_book_row *b);
/* In this order. NX_ENOMEM. */
int nx_book_rows(const struct nx_book *book,
                 void (*visit)(void *user, const struct nx_book_row *row),
                 void *user) NX_MUSTUSE;

/* The same in the order in which they were noted. */
void nx_book_each(const struct nx_book *book,
                  void (*visit)(void *user, const struct nx_book_row *row),
                  void *user);

/* --- runs --- */

/* An agent that is there uses this resolver; it may be the next one. One that
 * is not known yet is noted, unless there are too many. */
void nx_book_offer(struct nx_book *book, const char *network,
                   const struct nx_endpoint *at, uint32_t agent_id,
                   int64_t now_us);
/* How often a resolver was not noted. */
unsigned nx_book_turned_away(const struct nx_book *book);

/* Makes the resolvers of a network (NULL: of all) due now, but those that are
 * being measured, or whose last run began less than NX_BOOK_AGAIN_US ago. They
 * are measured one after the other, the longest untried first. By then the SOA
 * that the last run left in a resolver that shows one for all names of
 * clock.ZONE is over: the rest of one would hide whose clock it is. */
#define NX_BOOK_AGAIN_US (INT64_C(75) * 1000000)
_Static_assert(NX_BOOK_AGAIN_US > (NX_CANARY_CLOCK_S + 8) * INT64_C(1000000),
               "a SOA that a lost look renewed");
struct nx_book_asked {
    unsigned due_n;     /* will be measured */
    unsigned running_n; /* are being measured */
    unsigned recent_n;  /* left alone ... */
    int64_t again_us;   /* ... the first of them until then */
};
void nx_book_measure(struct nx_book *book, const char *network, int64_t now_us,
                     struct nx_book_asked *out);

/* Makes this one due within NX_BOOK_WANT_US, not all at the same time, and
 * before others of its network; but not where its last run began less than
 * NX_BOOK_WANT_AGAIN_US ago, nor while what was tried last gave nothing: that
 * is tried again as ever. */
#define NX_BOOK_WANT_US (INT64_C(30) * 1000000)
#define NX_BOOK_WANT_AGAIN_US (INT64_C(600) * 1000000)
void nx_book_want(struct nx_book *book, const char *network,
                  const struct nx_endpoint *at, uint32_t agent_id,
                  int64_t now_us);

/* Is a resolver due that an agent has offered since the last begin? */
bool nx_book_wants(const struct nx_book *book);

/* With sibling labels: the negative TTL that the zone's servers send. */
void nx_book_w_set(struct nx_book *book, uint32_t w_s);

/* After the offers of now_us: begins a run in each network that has none, at
 * the due resolver whose last attempt is the oldest, by an agent that offered
 * it. After attempts that gave nothing it is due 600 s, 1200 s, ... later, and
 * agents take turns: one may refuse canary names, another one not. */
void nx_book_begin(struct nx_book *book, int64_t now_us,
                   void (*begun)(void *user, uint32_t agent_id), void *user);
/* The run of this agent at this resolver; false: none. */
bool nx_book_run(const struct nx_book *book, const char *network,
                 const struct nx_endpoint *at, uint32_t agent_id,
                 struct nx_canary_run *out);

/* An observation that may belong to a run; false: it does not. */
bool nx_book_look(struct nx_book *book, const char *network, uint32_t agent_id,
                  const struct nx_obs *obs, int64_t theta_us, uint32_t eps_us);

/* Ends what is over at now_us (all: everything, without a result). ended:
 * row: what was measured; NULL: nothing could be. */
void nx_book_end(struct nx_book *book, int64_t now_us, bool all,
                 void (*ended)(void *user, uint32_t agent_id,
                               const struct nx_book_row *row),
                 void *user);

#endif
