/* What the status of one incident is made from: its targets by network, rolled
 * up; the authoritative sides; the outlook. Inside of status_*.c. */
#ifndef NX_COLLECTOR_STATUS_SHEET_H
#define NX_COLLECTOR_STATUS_SHEET_H

#include "collector/engine/engine.h"
#include "collector/infer/home.h"
#include "collector/status/status.h"
#include "common/text.h"

struct nx_sheet_row {
    struct nx_target_view view;
    const struct nx_agent *agent;
    bool serves;    /* its layer, at reading: the target may be gone since;
                       it is not set aside, and its agent has weight */
    uint32_t whose; /* NSID (odd), else the server's address; at reading */
    uint32_t group; /* equal: seen through the same cached entries; within the
                       network, after nx_sheet_foresee everywhere */
};

/* One network and its rows[first .. first + n). */
struct nx_sheet_site {
    const char *network;
    size_t first, n;
    struct nx_labels labels;
    bool chosen; /* by the conditions */
    struct nx_rollup rollup;
    int64_t since_us;   /* the worst state's */
    bool crowded;       /* not all its resolvers have a target: no room */
    bool staffed;       /* an agent is there, or else ... */
    int64_t revoked_us; /* ... was until then */
};

/* An authoritative server of an item that denies the name, or differs. */
struct nx_sheet_wrong {
    bool alias; /* a server answers with an alias out of its zone */
    bool known;
    bool differs;     /* it has another RRset than the expected one */
    char server[160]; /* "ns2.example.net (198.51.100.2@53)" */
    bool serial_known;
    uint32_t serial;
    const uint8_t *gone; /* a server says that this name, the item's or one
                            above, does not exist; NULL: none */
    char denier[160];    /* that server */
    char lame[160];      /* one that does not serve the zone; empty: none */
};

/* How the verdicts of a network are read. */
enum nx_sheet_how {
    NX_SHEET_NOW,      /* as nx_sheet_init does it */
    NX_SHEET_JUDGED,   /* verdicts as the engine judged last */
    NX_SHEET_BARE,     /* likewise, and no roll-up: to be appended to others */
    NX_SHEET_BARE_NOW, /* as NX_SHEET_NOW, and no roll-up */
};

struct nx_sheet {
    const struct nx_incident *incident;
    int64_t now_us;
    struct nx_sheet_row *rows;
    size_t rows_n, rows_cap;
    struct nx_sheet_site *sites; /* by name; every network with an agent that
                                    has the labels asked for */
    size_t sites_n, sites_cap;
    const struct nx_agent **agents; /* all, by id */
    size_t agents_n, agents_cap;
    struct nx_rollup_target *rollup_targets; /* nx_sheet_targets */
    struct nx_rollup_member *members;        /* of site i */
    struct nx_verdict nobody;             /* of resolvers that have no target */
    struct nx_incident_forecast forecast; /* nx_sheet_foresee; else nothing */
    struct nx_auth_facts facts[NX_INCIDENT_ITEMS_MAX];
    struct nx_sheet_wrong wrong[NX_INCIDENT_ITEMS_MAX];
    int64_t audited_us;    /* newest word of any authority agent */
    bool audit_silent;     /* ... and that is long ago */
    enum nx_sheet_how how; /* nx_sheet_init_network */
    bool failed;           /* out of memory */
};

/* query: NULL: every network. NX_ENOTFOUND, NX_ENOMEM. Borrows from the engine
 * until it changes. */
int nx_sheet_init(struct nx_sheet *sheet, struct nx_engine *engine,
                  uint32_t incident_id, const struct nx_status_query *query,
                  int64_t now_us) NX_MUSTUSE;
/* The same of one network only. */
int nx_sheet_init_network(struct nx_sheet *sheet, struct nx_engine *engine,
                          uint32_t incident_id, const char *network,
                          int64_t now_us, enum nx_sheet_how how) NX_MUSTUSE;
/* The same without any network: the authoritative sides. NX_ENOTFOUND. */
int nx_sheet_init_head(struct nx_sheet *sheet, const struct nx_engine *engine,
                       uint32_t incident_id, int64_t now_us) NX_MUSTUSE;
void nx_sheet_fini(struct nx_sheet *sheet);

/* Works out the forecast of the incident: with very many targets that takes
 * long. False: no memory. */
bool nx_sheet_foresee(struct nx_sheet *sheet) NX_MUSTUSE;

/* Those of site i: its rows that serve, in their order, then one for nobody
 * where there is none, or where some have no room. */
struct nx_rollup_target *nx_sheet_targets(const struct nx_sheet *sheet,
                                          size_t i);

/* status_sheet_cache.c: which targets show the same cache? Within each network.
 * False: no memory. */
bool nx_sheet_group_sites(struct nx_sheet *sheet) NX_MUSTUSE;
/* Everywhere, a piece at a time; the sheet stays as it is meanwhile. False: no
 * memory. */
struct nx_sheet_caches;
bool nx_sheet_caches_new(struct nx_sheet *sheet,
                         struct nx_sheet_caches **out) NX_MUSTUSE;
/* About so many rows more. True: all of them are done. */
bool nx_sheet_caches_step(struct nx_sheet_caches *caches, size_t rows_n);
void nx_sheet_caches_free(struct nx_sheet_caches **caches); /* NULL: nothing */

/* status_sheet_join.c: a sheet of the networks of several. Appended in the
 * order of their names; then settled, once. Questions and names of agents are
 * borrowed from the engine still and must not be looked at when it has changed.
 * reserve: room for so many, if it is known; false: no memory. */
bool nx_sheet_reserve(struct nx_sheet *all, size_t sites_n,
                      size_t rows_n) NX_MUSTUSE;
bool nx_sheet_append(struct nx_sheet *all,
                     const struct nx_sheet *more) NX_MUSTUSE;
void nx_sheet_settle(struct nx_sheet *all);

/* Are all items observed, and good everywhere? */
bool nx_sheet_restored(const struct nx_sheet *sheet);
bool nx_sheet_observed(const struct nx_sheet *sheet);
enum nx_outlook nx_sheet_outlook(const struct nx_sheet *sheet);
enum nx_outlook nx_sheet_site_outlook(const struct nx_sheet *sheet,
                                      const struct nx_sheet_site *site);
/* The same from a network's state; stuck: one of its targets is. */
enum nx_outlook nx_sheet_outlook_in(const struct nx_sheet *sheet,
                                    unsigned state, unsigned unknown_reason,
                                    bool stuck);
bool nx_verdict_is_stuck(const struct nx_verdict *v, unsigned layer,
                         int64_t now_us);
/* From what the networks' outlooks are, each seen or not. */
enum nx_outlook nx_sheet_outlook_of(const struct nx_sheet *sheet,
                                    const bool seen[NX_OUTLOOK_UNKNOWN + 1]);

/* Parts of the document; new references, NULL when out of memory. */
json_t *nx_status_authority(struct nx_engine *engine,
                            const struct nx_sheet *sheet);
json_t *nx_status_negative(struct nx_engine *engine,
                           const struct nx_sheet *sheet);
/* Writes "why" and "advice" of a target (row), or of the network (NULL). */
void nx_status_put_advice(struct nx_text *out, const struct nx_sheet *sheet,
                          const struct nx_sheet_site *site,
                          const struct nx_sheet_row *row);
/* The part of "summary" that a forecast of all networks gives. hard_network:
 * the one that sets forecast->hard; NULL: none. */
json_t *nx_status_forecast(const struct nx_incident_forecast *forecast,
                           const char *hard_network);
/* The target that the network's state is about: of the worst ones the one that
 * clears last, or NULL. Resolvers for comparison do not speak for it. */
const struct nx_sheet_row *nx_sheet_worst_row(const struct nx_sheet *sheet,
                                              const struct nx_sheet_site *site);
/* In which layer the denial lives that the network's users get for an item. */
enum nx_home nx_sheet_home(const struct nx_sheet *sheet,
                           const struct nx_sheet_site *site, unsigned item);
/* Writes "lives_in": the layer, the evidence and what to do there; or null. */
void nx_status_put_home(struct nx_text *out, const struct nx_sheet *sheet,
                        const struct nx_sheet_site *site);
/* May users be sent to it, if it answers as restored? By the policy of the
 * agent that asks it. */
/* What tells caches apart that have equal lines: the NSID, else the
 * address. */
uint32_t nx_sheet_whose(const struct nx_target_view *view);
/* Does this server, by whatever transport, answer for every item, whoever of
 * the network asks? */
bool nx_sheet_answers(const struct nx_sheet *sheet,
                      const struct nx_sheet_site *site,
                      const struct nx_endpoint *at);
bool nx_sheet_may_suggest(const struct nx_endpoint *at);
/* It answers, and not as one that serves the zone (NS_LAME). */
bool nx_sheet_is_lame(const struct nx_auth_server *server);

void nx_sheet_note_wrong(const struct nx_auth_view *view, const uint8_t *item,
                         struct nx_sheet_wrong *out);
/* Writes a network, "targets" last. The length of what stands before them: with
 * a bracket behind it, it is the network without its targets. */
size_t nx_status_put_site(struct nx_text *out, const struct nx_sheet *sheet,
                          const struct nx_sheet_site *site);
/* The same as values. */
json_t *nx_status_site(const struct nx_sheet *sheet,
                       const struct nx_sheet_site *site);
/* How many networks are in each state: of all sites, or of those whose `mark`
 * is not zero. */
json_t *nx_status_states(const struct nx_sheet *sheet, const uint8_t *mark);
/* Expected share of queries denied now, by weight; negative: not known. */
double nx_members_denied(const struct nx_sheet *sheet, const uint8_t *mark);

/* Adds to the document of one network what its verdicts rest on: "meanwhile",
 * "authority_dig", and "evidence" of each target (nxclear-api(7)). */
bool nx_status_put_evidence(json_t *network, const struct nx_engine *engine,
                            const struct nx_sheet *sheet,
                            const struct nx_sheet_site *site);

/* What a target's verdict rests on, and what its numbers mean: sentences. NULL:
 * no memory. */
json_t *nx_status_remarks(const struct nx_target_evidence *evidence,
                          const struct nx_verdict *v);

/* The status of a closed incident as it was kept; NULL: there is none. New
 * reference. */
json_t *nx_status_kept(const struct nx_engine *engine, uint32_t id);
/* A network of it, where there is one; NULL: no such network. */
json_t *nx_status_kept_network(const struct nx_engine *engine, uint32_t id,
                               const char *network);
/* What a label of the labels of a network of it says; "": nothing. Room for a
 * number is borrowed: NX_LABEL_VALUE_MAX. */
const char *nx_status_kept_label(const json_t *labels, enum nx_label_key key,
                                 char *number);
/* Is a network of it one of those? */
bool nx_status_kept_holds(const struct nx_where *where, const json_t *site);
/* What the document says of all networks is to be so of these. */
bool nx_status_kept_count(json_t *kept, const json_t *sites);
/* Leaves in the document what the query asks for. */
bool nx_status_kept_choose(json_t *kept, const struct nx_status_query *query);

#endif
