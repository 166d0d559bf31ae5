/* Inside the board: a page and what is being made of it. */
#ifndef NX_COLLECTOR_BOARD_PARTS_H
#define NX_COLLECTOR_BOARD_PARTS_H

#include <jansson.h>

#include "collector/infer/forecaster.h"
#include "collector/status/board.h"
#include "collector/status/json_scan.h"
#include "collector/status/status_group.h"
#include "collector/status/status_sheet.h"

/* What a page is to show of the incident; sight is borrowed from itself. */
struct nx_board_choice {
    struct nx_status_query query;
    struct nx_sight sight;
};

/* A kept document on its way; text: NULL: it is none. */
struct nx_board_kept {
    const char *text; /* the engine's */
    struct nx_scan scan;
    bool in_networks;    /* the scan is */
    bool has_incident;   /* the head does */
    struct nx_text head; /* members but those that a page says itself */
    json_t *chosen;      /* lanes of a choice: what is said of all is counted
                            again; NULL: all are shown */
    size_t cap;          /* of the round's sites */
    struct nx_kept_groups *groups; /* NULL: none are asked for */
    bool read;                     /* all of it: the groups are written */
    struct nx_text groups_text;
};

/* The page to be, network by network. */
struct nx_board_round {
    bool running;
    bool all;         /* every network is worked out, and the forecast */
    bool redraw;      /* every network is, for what is said of the servers */
    bool others;      /* not the networks that are shown */
    uint64_t told;    /* nx_engine_told when it began */
    uint64_t problem; /* hash of it */
    int64_t as_of_us; /* it began */
    struct nx_board_site *sites;
    size_t sites_n, at;
    size_t targets_n;
    struct nx_board_kept kept;
};

/* The forecast of all networks to be: first their verdicts are copied, so that
 * it is one of one moment's, then it is worked out. */
struct nx_board_foresight {
    bool running;
    int64_t as_of_us;
    char (*names)[NX_TEXT_LABEL_MAX];
    size_t names_n, at;
    struct nx_sheet sheet;          /* rows, rollup_targets, members, sites */
    bool settled;                   /* ... which are all there */
    struct nx_sheet_caches *caches; /* being told apart */
    struct nx_forecaster *forecaster;
    struct nx_asked *resolvers; /* of each row, for groups by resolver */
    size_t resolvers_cap;
    struct nx_grouper *grouper;
    struct nx_blob *groups; /* so far */
    size_t groups_cap;
};

struct nx_board_entry {
    struct nx_board_page shown; /* first: pages are found by it */
    struct nx_board_entry *next;
    struct nx_board_choice *choice;     /* NULL: every network */
    const struct nx_board_entry *whole; /* during a round: the page of all, when
                                           texts can be taken from it */
    bool exact; /* verdicts are judged now, where they may have changed */
    bool made;
    bool waited_for;  /* somebody was told NX_EAGAIN, */
    int64_t waits_us; /* ... first then */
    int failed;       /* it could not be made: why */
    int64_t failed_us;
    bool turn; /* of the forecast */
    int64_t asked_us;
    int64_t took_us;  /* to make what is shown */
    uint64_t told;    /* nx_engine_told of what is shown */
    uint64_t problem; /* hash of it */
    uint64_t servers; /* hash of what networks are told of them */
    struct nx_board_round round;
    struct nx_board_foresight foresight;
    bool foreseen; /* once at least */
    struct nx_incident_forecast forecast;
    int64_t forecast_us;
    char hard_network[NX_TEXT_LABEL_MAX]; /* of the forecast; "": none */
};

/* --- board_blob.c --- */

/* These bytes and what ends them; NULL: no memory. */
struct nx_blob *nx_blob_of_bytes(const char *bytes, size_t len,
                                 const char *end);
/* The lanes of all sites, with commas between. */
struct nx_blob *nx_blob_of_lanes(const struct nx_board_page *page);
/* Adds to what nobody else has yet; NULL: it begins. cap: for how much there is
 * room. False: no memory. */
bool nx_blob_add(struct nx_blob **blob, size_t *cap, const char *bytes,
                 size_t len);
/* Takes `text` over. True: it is another one than before. */
bool nx_blob_put(struct nx_blob **at, struct nx_blob *text);

/* --- board_choice.c --- */

/* NULL: no memory. */
struct nx_board_choice *
nx_board_choice_new(const struct nx_status_query *query);
bool nx_board_choice_is(const struct nx_board_choice *choice,
                        const struct nx_status_query *query);
/* Does it leave networks out? */
bool nx_board_choice_narrows(const struct nx_board_choice *choice);
/* What the text says: of all sites, the head and the groups. */
uint64_t nx_board_choice_tag(const struct nx_board_page *page);

/* --- board_survey.c --- */

/* Which networks there are now, and which of them changed since they were
 * worked out: begins a round. NX_ENOMEM. */
int nx_board_survey(struct nx_board_entry *p, struct nx_engine *engine,
                    int64_t now_us) NX_MUSTUSE;
/* The texts that are shown are those to be, until they are made anew. */
void nx_board_take_texts(struct nx_board_site *site,
                         const struct nx_board_site *shown);
void nx_board_sites_free(struct nx_board_site *sites, size_t n);

/* --- board_foresight.c --- */

/* Is the forecast of all networks old? */
bool nx_board_forecast_due(const struct nx_board_entry *p, int64_t now_us);
/* Begins anew, for these networks with so many targets. NX_ENOMEM. */
int nx_board_foresee(struct nx_board_entry *p, struct nx_engine *engine,
                     const struct nx_board_site *sites, size_t sites_n,
                     size_t targets_n, int64_t now_us) NX_MUSTUSE;
/* Goes on with it. NX_EAGAIN: there is more to do. NX_ENOMEM. */
int nx_board_foresee_on(struct nx_board_entry *p, struct nx_engine *engine,
                        size_t budget) NX_MUSTUSE;
void nx_board_foresight_fini(struct nx_board_foresight *foresight);

/* --- board_kept.c --- */

/* Begins, within a round. NX_EMALFORMED. */
int nx_board_kept_begin(struct nx_board_entry *p, const char *text) NX_MUSTUSE;
/* Goes on with it. NX_EAGAIN: there is more to do, or, when the text is kept no
 * longer, another round. NX_ENOMEM, NX_EMALFORMED. */
int nx_board_kept_on(struct nx_board_entry *p, struct nx_engine *engine,
                     size_t budget) NX_MUSTUSE;
void nx_board_kept_fini(struct nx_board_kept *kept);

/* --- board_round.c --- */

/* Takes both texts over. False: no memory for one of them. */
bool nx_board_put_texts(struct nx_board_site *site, struct nx_blob *lane,
                        struct nx_blob *full);

/* Begins a round, or goes on with it. *revision: the last one given. NX_EAGAIN:
 * there is more to do. Else the page is to be dropped: NX_ENOMEM,
 * NX_EMALFORMED. */
int nx_board_round(struct nx_board_entry *p, struct nx_engine *engine,
                   const char *problem, int64_t now_us, size_t budget,
                   uint64_t *revision) NX_MUSTUSE;
void nx_board_round_fini(struct nx_board_round *round);
uint64_t nx_board_hash(const char *problem);

/* --- board_head.c --- */

/* Takes the text over: a status without networks and brackets; NULL: no memory,
 * false. */
bool nx_board_put_head(struct nx_board_entry *p, struct nx_blob *text,
                       uint64_t revision);
/* The head of the page that is shown. False: no memory. */
bool nx_board_render_head(struct nx_board_entry *p, struct nx_engine *engine,
                          const char *problem, int64_t now_us,
                          uint64_t revision);

#endif
