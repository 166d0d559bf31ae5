/* The status of incidents as text that is ready to be sent, kept and brought up
 * to date piece by piece: what did not change since it was worked out last is
 * not worked out again, and what changed is worked out a few networks at a
 * time, so that nobody else has to wait. Pure.
 *
 * The text is that of nx_status_incident, as the engine judged last. A page
 * tells when it was true (as_of_us): nothing in it is older, pieces may be
 * newer. It is shown while it is at most nx_board_fresh_us old, and the time
 * that it took to make it; then until the next one is there, if that was begun
 * in time because somebody asks for it again and again. A verdict in it is as
 * old as the engine's own pace allows (engine.h). The forecast for all networks
 * is renewed after 1 ms for each target, a minute at most. Every piece knows
 * the revision in which it changed last, so that clients can be told what they
 * have not seen. A page changes as a whole: its head counts the networks that
 * are in it. */
#ifndef NX_COLLECTOR_BOARD_H
#define NX_COLLECTOR_BOARD_H

#include "collector/engine/engine.h"
#include "collector/status/status.h"

#define NX_BOARD_FRESH_US INT64_C(500000)
#define NX_BOARD_FRESH_PER_TARGET_US INT64_C(300) /* if that is more */
#define NX_BOARD_WARM_US INT64_C(5000000)  /* ... after it was asked for */
#define NX_BOARD_KEEP_US INT64_C(60000000) /* a page that nobody asks for */
/* Targets worked out while somebody asks: two milliseconds. */
#define NX_BOARD_SLICE 32U
#define NX_BOARD_SLICE_MAX 64U /* ... at a time by whoever has the time */
/* Pages of some networks, or in groups, at a time: a page that is one too many
 * waits until another one is gone. */
#define NX_BOARD_CHOICES_MAX 8U
/* While more of its targets wait for their first judgement, a page that never
 * was made waits too, and holds up no other: now they would be judged for it
 * alone, then drawn anew. */
#define NX_BOARD_BACKLOG 1000U

/* Bytes that outlive the page while somebody still sends them. Behind the text
 * of a network stands a comma (bytes[len]): lists are sent in as few pieces as
 * there are networks. */
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
    size_t targets_n;
    double weight, denied; /* denied: negative: not known */
    uint8_t state;         /* enum nx_state */
    uint8_t outlook;       /* enum nx_outlook */
    bool changed;          /* texts are to be made anew */
    bool lane_new, full_new;
};

struct nx_board_page {
    uint32_t incident_id;
    bool closed;
    int64_t as_of_us;        /* when it was true */
    uint64_t revision;       /* grows with each change of anything */
    uint64_t head_revision;  /* ... of the head */
    uint64_t sites_revision; /* ... of which networks there are */
    struct nx_blob *head; /* members but now and networks: "outlook":...,... */
    struct nx_board_site *sites; /* by name */
    size_t sites_n;
    size_t targets_n;
    struct nx_blob *lanes; /* of all sites, with commas between */
    /* Of a chosen page: */
    struct nx_blob *groups; /* the object; NULL: not asked for */
    uint64_t groups_digest;
    uint64_t tag; /* another one: it says something else */
};

/* What the page says now, to be read later, however it goes on; its texts are
 * shared. NX_ENOMEM. */
int nx_board_copy(const struct nx_board_page *page,
                  struct nx_board_page *out) NX_MUSTUSE;
/* Its head as an object; NULL: no memory. New reference. */
json_t *nx_board_head_of(const struct nx_board_page *page);
void nx_board_copy_fini(struct nx_board_page *copy);

struct nx_board;

int nx_board_new(struct nx_board **out) NX_MUSTUSE;
/* One for the last status of an incident: its page waits for no judgement,
 * verdicts are those of the moment. */
int nx_board_new_exact(struct nx_board **out) NX_MUSTUSE;
void nx_board_free(struct nx_board **board);

/* How old a page with so many targets may be when it is shown. */
int64_t nx_board_fresh_us(size_t targets_n);

/* The page of an incident, not older than nx_board_fresh_us and than what
 * operators told the engine; *out is borrowed until the next call for the
 * board. problem: why nothing can be stored now; NULL: all is stored.
 * NX_EAGAIN: it is being made, ask again when nx_board_work has worked.
 * NX_ENOTFOUND: no such incident. NX_ENOMEM, NX_EMALFORMED (a kept document):
 * it could not be made, now or in the last NX_BOARD_FRESH_US. */
int nx_board_page(struct nx_board *board, struct nx_engine *engine, uint32_t id,
                  const char *problem, int64_t now_us,
                  const struct nx_board_page **out) NX_MUSTUSE;

/* The same of some networks, or in groups (query NULL: of all): worked out once
 * for whoever asks for it now. What was worked out already for the page of all
 * of them, and not changed since, is taken from there. */
int nx_board_chosen(struct nx_board *board, struct nx_engine *engine,
                    uint32_t id, const struct nx_status_query *query,
                    const char *problem, int64_t now_us,
                    const struct nx_board_page **out) NX_MUSTUSE;

enum nx_board_work {
    NX_BOARD_IDLE,   /* nothing is to be kept up to date */
    NX_BOARD_READY,  /* all is up to date for a while, or waits for judgement */
    NX_BOARD_BUSY,   /* there is more to do */
    NX_BOARD_WANTED, /* ... for somebody who was told NX_EAGAIN */
};

/* Brings pages up to date that are waited for, or that were asked for in the
 * last NX_BOARD_WARM_US: works out about `targets` targets, 1 at least, or what
 * takes as long. */
enum nx_board_work nx_board_work(struct nx_board *board,
                                 struct nx_engine *engine, const char *problem,
                                 int64_t now_us, size_t targets);

/* How far a page has come for which NX_EAGAIN was said: networks that are
 * drawn, of all; 0 of 0 while targets are to be judged first, or the forecast.
 */
void nx_board_progress(const struct nx_board *board, uint32_t id,
                       size_t *drawn_n, size_t *networks_n);

/* Frees the pages that nobody asked for lately, and chosen ones that are old.
 */
void nx_board_tidy(struct nx_board *board, int64_t now_us);

#endif
