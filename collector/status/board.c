#include "collector/status/board.h"

#include <stdlib.h>

#include "collector/status/board_parts.h"

struct nx_board {
    struct nx_board_entry *pages;
    uint64_t revision; /* the last one given */
};

int64_t nx_board_fresh_us(size_t targets_n) {
    int64_t fresh_us = (int64_t)targets_n * NX_BOARD_FRESH_PER_TARGET_US;
    return fresh_us > NX_BOARD_FRESH_US ? fresh_us : NX_BOARD_FRESH_US;
}

/* --- pages --- */

static void page_fini(struct nx_board_entry *p) {
    nx_board_round_fini(&p->round);
    nx_board_foresight_fini(&p->foresight);
    nx_board_sites_free(p->shown.sites, p->shown.sites_n);
    nx_blob_unref(p->shown.head);
    nx_blob_unref(p->shown.lanes);
}

/* Nothing is left of it but why: whoever waits for it is told. */
static void page_failed(struct nx_board_entry *p, int err, int64_t now_us) {
    const struct nx_board_entry before = *p;
    page_fini(p);
    *p = (struct nx_board_entry){.shown.incident_id = before.shown.incident_id,
                                 .next = before.next,
                                 .asked_us = before.asked_us,
                                 .failed = err,
                                 .failed_us = now_us};
}

static struct nx_board_entry *find_page(const struct nx_board *board,
                                        uint32_t id) {
    struct nx_board_entry *p = board->pages;
    while (p != NULL && p->shown.incident_id != id) {
        p = p->next;
    }
    return p;
}

static void drop_page(struct nx_board *board, struct nx_board_entry *p) {
    struct nx_board_entry **link = &board->pages;
    while (*link != p) {
        link = &(*link)->next;
    }
    *link = p->next;
    page_fini(p);
    free(p);
}

static struct nx_board_entry *add_page(struct nx_board *board, uint32_t id) {
    struct nx_board_entry *p = calloc(1, sizeof(*p));
    if (p != NULL) {
        p->shown.incident_id = id;
        p->next = board->pages;
        board->pages = p;
    }
    return p;
}

static bool is_warm(const struct nx_board_entry *p, int64_t now_us) {
    return !p->shown.closed && now_us >= p->asked_us &&
           now_us - p->asked_us < NX_BOARD_WARM_US;
}

static bool is_fresh(const struct nx_board_entry *p,
                     const struct nx_engine *engine, const char *problem,
                     int64_t now_us) {
    int64_t fresh_us = nx_board_fresh_us(p->shown.targets_n) + p->took_us;
    if (!p->made || p->told != nx_engine_told(engine) ||
        p->problem != nx_board_hash(problem)) {
        return false;
    }
    return p->shown.closed || (now_us >= p->shown.as_of_us &&
                               now_us - p->shown.as_of_us < fresh_us);
}

/* Is the next one being made, and was it begun before this one was old? */
static bool is_followed(const struct nx_board_entry *p,
                        const struct nx_engine *engine, const char *problem,
                        bool warm) {
    int64_t fresh_us = nx_board_fresh_us(p->shown.targets_n) + p->took_us;
    return warm && p->made && p->round.running &&
           p->told == nx_engine_told(engine) &&
           p->problem == nx_board_hash(problem) &&
           p->round.as_of_us >= p->shown.as_of_us &&
           p->round.as_of_us - p->shown.as_of_us < fresh_us;
}

static bool is_early(const struct nx_board_entry *p,
                     const struct nx_engine *engine) {
    size_t targets_n = 0;
    size_t waiting_n = 0;
    nx_engine_backlog_of(engine, p->shown.incident_id, &targets_n, &waiting_n);
    return !p->made && waiting_n > NX_BOARD_BACKLOG;
}

/* What is small is made while it is asked for; else it is waited for. */
static int make(struct nx_board *board, struct nx_board_entry *p,
                struct nx_engine *engine, const char *problem, int64_t now_us) {
    int err = is_early(p, engine)
                  ? NX_EAGAIN
                  : nx_board_round(p, engine, problem, now_us, NX_BOARD_SLICE,
                                   &board->revision);
    if (err != 0 && err != NX_EAGAIN) {
        page_failed(p, err, now_us);
        return err;
    }
    p->waited_for = err == NX_EAGAIN || !is_fresh(p, engine, problem, now_us);
    return p->waited_for ? NX_EAGAIN : 0;
}

int nx_board_page(struct nx_board *board, struct nx_engine *engine, uint32_t id,
                  const char *problem, int64_t now_us,
                  const struct nx_board_page **out) {
    struct nx_board_entry *p = find_page(board, id);
    if (nx_engine_incident(engine, id) == NULL) {
        if (p != NULL) {
            drop_page(board, p);
        }
        return NX_ENOTFOUND;
    }
    p = p != NULL ? p : add_page(board, id);
    if (p == NULL) {
        return NX_ENOMEM;
    }
    bool warm = is_warm(p, now_us);
    p->asked_us = now_us;
    if (p->failed != 0 && now_us >= p->failed_us &&
        now_us - p->failed_us < NX_BOARD_FRESH_US) {
        return p->failed;
    }
    p->failed = 0;
    if (!is_fresh(p, engine, problem, now_us) &&
        !is_followed(p, engine, problem, warm)) {
        int err =
            p->waited_for ? NX_EAGAIN : make(board, p, engine, problem, now_us);
        if (err != 0) {
            return err;
        }
    }
    *out = &p->shown;
    return 0;
}

/* --- bringing them up to date --- */

/* What is waited for comes first, then what is oldest. *early: others are
 * wanted, but not yet. */
static struct nx_board_entry *most_wanted(struct nx_board *board,
                                          const struct nx_engine *engine,
                                          int64_t now_us, bool *early) {
    struct nx_board_entry *best = NULL;
    *early = false;
    for (struct nx_board_entry *p = board->pages; p != NULL; p = p->next) {
        if (p->failed != 0 || (!p->waited_for && !is_warm(p, now_us))) {
            continue;
        }
        if (is_early(p, engine)) {
            *early = true;
            continue;
        }
        if (best == NULL || (p->waited_for && !best->waited_for) ||
            (p->waited_for == best->waited_for &&
             p->shown.as_of_us < best->shown.as_of_us)) {
            best = p;
        }
    }
    return best;
}

/* A forecast in the background takes turns with the round. */
static int work_on(struct nx_board *board, struct nx_board_entry *p,
                   struct nx_engine *engine, const char *problem,
                   int64_t now_us, size_t targets) {
    bool due = !p->made || p->told != nx_engine_told(engine) ||
               p->problem != nx_board_hash(problem) ||
               now_us - p->shown.as_of_us >= NX_BOARD_FRESH_US / 2 ||
               now_us < p->shown.as_of_us;
    if (p->made && !p->foresight.running && nx_board_forecast_due(p, now_us) &&
        nx_board_foresee(p, engine, p->shown.sites, p->shown.sites_n,
                         p->shown.targets_n, now_us) != 0) {
        return NX_ENOMEM;
    }
    bool foresee = p->foresight.running && !(p->round.running && p->round.all);
    if (foresee && (p->turn ^= true)) {
        int err = nx_board_foresee_on(p, engine, targets);
        return err == 0 ? NX_EAGAIN : err;
    }
    if (!due && !p->round.running) {
        return foresee ? NX_EAGAIN : 0;
    }
    int err =
        nx_board_round(p, engine, problem, now_us, targets, &board->revision);
    return err == 0 && p->foresight.running ? NX_EAGAIN : err;
}

enum nx_board_work nx_board_work(struct nx_board *board,
                                 struct nx_engine *engine, const char *problem,
                                 int64_t now_us, size_t targets) {
    bool early = false;
    struct nx_board_entry *p = most_wanted(board, engine, now_us, &early);
    if (p == NULL) {
        return early ? NX_BOARD_READY : NX_BOARD_IDLE;
    }
    if (nx_engine_incident(engine, p->shown.incident_id) == NULL) {
        drop_page(board, p);
        return NX_BOARD_BUSY;
    }
    int err = work_on(board, p, engine, problem, now_us, targets);
    if (err != 0 && err != NX_EAGAIN) {
        page_failed(p, err, now_us);
        return NX_BOARD_BUSY;
    }
    if (p->waited_for && is_fresh(p, engine, problem, now_us)) {
        p->waited_for = false;
    }
    return err != NX_EAGAIN ? NX_BOARD_READY
           : p->waited_for  ? NX_BOARD_WANTED
                            : NX_BOARD_BUSY;
}

void nx_board_progress(const struct nx_board *board, uint32_t id,
                       size_t *drawn_n, size_t *networks_n) {
    const struct nx_board_entry *p = find_page(board, id);
    bool draws = p != NULL && p->round.running;
    *drawn_n = draws ? p->round.at : 0;
    *networks_n = draws ? p->round.sites_n : 0;
}

/* --- life --- */

void nx_board_tidy(struct nx_board *board, int64_t now_us) {
    struct nx_board_entry *next = NULL;
    for (struct nx_board_entry *p = board->pages; p != NULL; p = next) {
        next = p->next;
        if (now_us - p->asked_us > NX_BOARD_KEEP_US || now_us < p->asked_us) {
            drop_page(board, p);
        }
    }
}

int nx_board_new(struct nx_board **out) {
    struct nx_board *board = calloc(1, sizeof(*board));
    if (board == NULL) {
        return NX_ENOMEM;
    }
    *out = board;
    return 0;
}

void nx_board_free(struct nx_board **board) {
    while (*board != NULL && (*board)->pages != NULL) {
        drop_page(*board, (*board)->pages);
    }
    free(*board);
    *board = NULL;
}
