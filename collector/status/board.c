#include "collector/status/board.h"

#include <stdlib.h>

#include "collector/status/board_parts.h"

struct nx_board {
    struct nx_board_entry *pages;
    uint64_t revision; /* the last one given */
    bool exact;
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
    nx_blob_unref(p->shown.groups);
}

/* Nothing is left of it but who it is. */
static void page_reset(struct nx_board_entry *p) {
    const struct nx_board_entry before = *p;
    page_fini(p);
    *p = (struct nx_board_entry){.shown.incident_id = before.shown.incident_id,
                                 .next = before.next,
                                 .choice = before.choice,
                                 .exact = before.exact,
                                 .asked_us = before.asked_us};
}

/* Nothing is left of it but why: whoever waits for it is told. */
static void page_failed(struct nx_board_entry *p, int err, int64_t now_us) {
    page_reset(p);
    p->failed = err;
    p->failed_us = now_us;
}

static struct nx_board_entry *find_page(const struct nx_board *board,
                                        uint32_t id,
                                        const struct nx_status_query *query) {
    struct nx_board_entry *p = board->pages;
    while (p != NULL && (p->shown.incident_id != id ||
                         !nx_board_choice_is(p->choice, query))) {
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
    free(p->choice);
    free(p);
}

/* A place for one more: that of the oldest that nobody waits for. */
static bool make_room(struct nx_board *board) {
    struct nx_board_entry *oldest = NULL;
    size_t n = 0;
    for (struct nx_board_entry *p = board->pages; p != NULL; p = p->next) {
        n += p->choice != NULL ? 1 : 0;
        if (p->choice != NULL && !p->waited_for &&
            (oldest == NULL || p->asked_us <= oldest->asked_us)) {
            oldest = p;
        }
    }
    if (n >= NX_BOARD_CHOICES_MAX && oldest != NULL) {
        drop_page(board, oldest);
        n--;
    }
    return n < NX_BOARD_CHOICES_MAX;
}

static int add_page(struct nx_board *board, uint32_t id,
                    const struct nx_status_query *query,
                    struct nx_board_entry **out) {
    if (query != NULL && !make_room(board)) {
        return NX_EAGAIN;
    }
    struct nx_board_entry *p = calloc(1, sizeof(*p));
    struct nx_board_choice *choice =
        query != NULL ? nx_board_choice_new(query) : NULL;
    if (p == NULL || (query != NULL && choice == NULL)) {
        free(p);
        return NX_ENOMEM;
    }
    p->shown.incident_id = id;
    p->choice = choice;
    p->exact = board->exact;
    p->next = board->pages;
    board->pages = p;
    *out = p;
    return 0;
}

static bool is_warm(const struct nx_board_entry *p, int64_t now_us) {
    return !p->shown.closed && p->choice == NULL && now_us >= p->asked_us &&
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
    return !p->made && !p->exact && waiting_n > NX_BOARD_BACKLOG &&
           !nx_board_choice_narrows(p->choice);
}

static int begin_or_go_on(struct nx_board *board, struct nx_board_entry *p,
                          struct nx_engine *engine, const char *problem,
                          int64_t now_us, size_t targets) {
    p->whole =
        p->choice != NULL ? find_page(board, p->shown.incident_id, NULL) : NULL;
    int err =
        nx_board_round(p, engine, problem, now_us, targets, &board->revision);
    p->whole = NULL;
    return err;
}

/* What is small is made while it is asked for; else it is waited for. */
static int make(struct nx_board *board, struct nx_board_entry *p,
                struct nx_engine *engine, const char *problem, int64_t now_us) {
    int err = is_early(p, engine) ? NX_EAGAIN
                                  : begin_or_go_on(board, p, engine, problem,
                                                   now_us, NX_BOARD_SLICE);
    if (err != 0 && err != NX_EAGAIN) {
        page_failed(p, err, now_us);
        return err;
    }
    p->waited_for = err == NX_EAGAIN || !is_fresh(p, engine, problem, now_us);
    p->waits_us = now_us;
    return p->waited_for ? NX_EAGAIN : 0;
}

int nx_board_chosen(struct nx_board *board, struct nx_engine *engine,
                    uint32_t id, const struct nx_status_query *query,
                    const char *problem, int64_t now_us,
                    const struct nx_board_page **out) {
    struct nx_board_entry *p = find_page(board, id, query);
    if (nx_engine_incident(engine, id) == NULL) {
        if (p != NULL) {
            drop_page(board, p);
        }
        return NX_ENOTFOUND;
    }
    int added = p != NULL ? 0 : add_page(board, id, query, &p);
    if (added != 0) {
        return added;
    }
    bool warm = is_warm(p, now_us);
    p->asked_us = now_us;
    if (p->failed != 0 && now_us >= p->failed_us &&
        now_us - p->failed_us < NX_BOARD_FRESH_US) {
        return p->failed;
    }
    p->failed = 0;
    if (p->choice != NULL && p->made && !is_fresh(p, engine, problem, now_us)) {
        page_reset(p); /* groups and forecast are made with the rest */
    }
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

int nx_board_page(struct nx_board *board, struct nx_engine *engine, uint32_t id,
                  const char *problem, int64_t now_us,
                  const struct nx_board_page **out) {
    return nx_board_chosen(board, engine, id, NULL, problem, now_us, out);
}

/* --- bringing them up to date --- */

static bool is_before(const struct nx_board_entry *p,
                      const struct nx_board_entry *other) {
    if (p->waited_for != other->waited_for) {
        return p->waited_for;
    }
    return p->waited_for ? p->waits_us < other->waits_us
                         : p->shown.as_of_us < other->shown.as_of_us;
}

/* What is waited for longest comes first, then what is oldest. *early: others
 * are wanted, but not yet. */
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
        if (best == NULL || is_before(p, best)) {
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
    int err = begin_or_go_on(board, p, engine, problem, now_us, targets);
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
    const struct nx_board_entry *p = board->pages;
    while (p != NULL && (p->shown.incident_id != id || !p->round.running)) {
        p = p->next;
    }
    bool draws = p != NULL;
    *drawn_n = draws ? p->round.at : 0;
    *networks_n = draws ? p->round.sites_n : 0;
}

/* --- life --- */

/* It would be made anew. */
static bool is_spent(const struct nx_board_entry *p, int64_t now_us) {
    return p->choice != NULL && !p->waited_for &&
           now_us - p->shown.as_of_us >
               nx_board_fresh_us(p->shown.targets_n) + p->took_us;
}

void nx_board_tidy(struct nx_board *board, int64_t now_us) {
    struct nx_board_entry *next = NULL;
    for (struct nx_board_entry *p = board->pages; p != NULL; p = next) {
        next = p->next;
        if (now_us - p->asked_us > NX_BOARD_KEEP_US || now_us < p->asked_us ||
            is_spent(p, now_us)) {
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

int nx_board_new_exact(struct nx_board **out) {
    int err = nx_board_new(out);
    if (err == 0) {
        (*out)->exact = true;
    }
    return err;
}

void nx_board_free(struct nx_board **board) {
    while (*board != NULL && (*board)->pages != NULL) {
        drop_page(*board, (*board)->pages);
    }
    free(*board);
    *board = NULL;
}
