/* The status of incidents as text that is ready to be sent, kept and brought up
 * to date piece by piece: what did not change since it was asked for last is
 * not worked out again. Pure.
 *
 * The text is that of nx_status_incident, as the engine judged last: at most
 * NX_BOARD_FRESH_US behind, and a verdict as old as the engine's own pace
 * allows (engine.h). Every piece knows the revision in which it changed last,
 * so that clients can be told what they have not seen. */
#ifndef NX_COLLECTOR_BOARD_H
#define NX_COLLECTOR_BOARD_H

#include "collector/engine/engine.h"

#define NX_BOARD_FRESH_US INT64_C(500000)
#define NX_BOARD_WARM_US INT64_C(5000000)  /* ... after it was asked for */
#define NX_BOARD_KEEP_US INT64_C(60000000) /* a page that nobody asks for */

/* Bytes that outlive the page while somebody still sends them. */
struct nx_blob {
    unsigned refs;
    size_t len;
    char bytes[];
};
struct nx_blob *nx_blob_ref(struct nx_blob *blob);
void nx_blob_unref(struct nx_blob *blob); /* NULL: nothing */

/* A network: objects of the list "networks". */
struct nx_board_site {
    char network[NX_TEXT_LABEL_MAX];
    uint64_t stamp;         /* of what the texts were made from */
    uint64_t revision;      /* the lane or its targets changed */
    uint64_t lane_revision; /* the lane changed */
    struct nx_blob *lane;   /* without "targets" */
    struct nx_blob *full;
    uint8_t state;   /* enum nx_state */
    uint8_t outlook; /* enum nx_outlook */
    bool changed;    /* texts are to be made anew */
};

struct nx_board_page {
    uint32_t incident_id;
    bool closed;
    int64_t now_us;          /* when it was true */
    uint64_t revision;       /* grows with each change of anything */
    uint64_t head_revision;  /* ... of the head */
    uint64_t sites_revision; /* ... of which networks there are */
    struct nx_blob *head; /* members but now and networks: "outlook":...,... */
    struct nx_board_site *sites; /* by name */
    size_t sites_n;
    struct nx_blob *lanes; /* of all sites, with commas between */
};

struct nx_board;

int nx_board_new(struct nx_board **out) NX_MUSTUSE;
void nx_board_free(struct nx_board **board);

/* The page of an incident, brought up to date when it is older than
 * NX_BOARD_FRESH_US or the engine was told something by an operator. Borrowed
 * until the next call for the board. problem: why nothing can be stored now;
 * NULL: all is stored. NULL: no such incident, or no memory. */
const struct nx_board_page *nx_board_page(struct nx_board *board,
                                          struct nx_engine *engine, uint32_t id,
                                          const char *problem, int64_t now_us);

/* Brings a page up to date before anybody has to wait for that: one that was
 * asked for in the last NX_BOARD_WARM_US and is half as old as it may become.
 * False: there is nothing to be kept warm. */
bool nx_board_work(struct nx_board *board, struct nx_engine *engine,
                   const char *problem, int64_t now_us);

/* Frees the pages that nobody asked for lately. */
void nx_board_tidy(struct nx_board *board, int64_t now_us);

#endif
