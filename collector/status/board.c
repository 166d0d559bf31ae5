#include "collector/status/board.h"

#include <stdlib.h>
#include <string.h>

#include "collector/status/board_parts.h"
#include "collector/status/status_text.h"
#include "common/hash.h"
#include "common/rfc3339.h"

/* A forecast for all networks takes about so much of the time per target. */
#define FORECAST_PACE_US 1000
#define FORECAST_PACE_MAX_US INT64_C(60000000)

struct nx_board {
    struct nx_board_entry *pages;
    uint64_t revision; /* the last one given */
};

/* --- networks --- */

static void site_fini(struct nx_board_site *site) {
    nx_blob_unref(site->lane);
    nx_blob_unref(site->full);
}

/* From a network of the status document, whose targets it loses. */
static bool render_site(struct nx_board_site *site, json_t *network,
                        uint64_t revision) {
    struct nx_blob *full = nx_blob_of(network, 0);
    bool ok = full != NULL && json_object_del(network, "targets") == 0;
    struct nx_blob *lane = ok ? nx_blob_of(network, 0) : NULL;
    if (lane == NULL) {
        nx_blob_unref(full);
        return false;
    }
    if (nx_blob_put(&site->lane, lane)) {
        site->lane_revision = revision;
    }
    if (nx_blob_put(&site->full, full)) {
        site->revision = revision;
    }
    return true;
}

/* --- which networks there are, and which changed --- */

/* The old sites beside the stamps of the new ones. */
struct survey {
    struct nx_board_site *sites;
    size_t n, cap;
    int64_t now_us;
    bool failed;
};

static struct nx_board_site *survey_add(struct survey *s, const char *network) {
    if (s->n > 0 && strcmp(s->sites[s->n - 1].network, network) == 0) {
        return &s->sites[s->n - 1];
    }
    if (s->n == s->cap) {
        size_t cap = s->cap == 0 ? 64 : 2 * s->cap;
        void *grown = realloc(s->sites, cap * sizeof(*s->sites));
        if (grown == NULL) {
            s->failed = true;
            return NULL;
        }
        s->sites = grown;
        s->cap = cap;
    }
    struct nx_board_site *site = &s->sites[s->n++];
    memset(site, 0, sizeof(*site));
    memcpy(site->network, network, strlen(network) + 1);
    return site;
}

/* Every network with an agent, as in a sheet; agents come by network. */
static void survey_agent(void *user, const struct nx_agent_view *view) {
    if (view->agent->accepted && !view->agent->authority) {
        (void)survey_add(user, view->agent->network);
    }
}

static int by_network(const void *a, const void *b) {
    const struct nx_board_site *x = a;
    const struct nx_board_site *y = b;
    return strcmp(x->network, y->network);
}

static struct nx_board_site *find_site(struct nx_board_site *sites, size_t n,
                                       const char *network) {
    struct nx_board_site key;
    if (n == 0) {
        return NULL;
    }
    memcpy(key.network, network, strlen(network) + 1);
    return bsearch(&key, sites, n, sizeof(*sites), by_network);
}

/* Mixes the moments at which the network's targets were judged into its stamp.
 * One that never was is worked out each time. Targets come by network, too. */
struct stamper {
    struct survey *survey;
    size_t at;
};

static void stamp_target(void *user, const struct nx_agent *agent,
                         int64_t judged_us) {
    struct stamper *st = user;
    struct survey *s = st->survey;
    while (st->at < s->n &&
           strcmp(s->sites[st->at].network, agent->network) < 0) {
        st->at++;
    }
    if (st->at < s->n &&
        strcmp(s->sites[st->at].network, agent->network) == 0) {
        struct nx_board_site *site = &s->sites[st->at];
        int64_t seen_us = judged_us != INT64_MIN ? judged_us : s->now_us;
        site->stamp = nx_hash_u64((uint64_t)seen_us, site->stamp + agent->id);
    }
}

/* --- a page --- */

static void page_free(struct nx_board_entry *p) {
    for (size_t i = 0; i < p->shown.sites_n; i++) {
        site_fini(&p->shown.sites[i]);
    }
    free(p->shown.sites);
    nx_blob_unref(p->shown.head);
    nx_blob_unref(p->shown.lanes);
    json_decref(p->forecast);
    free(p);
}

/* Moves what is kept of the old sites into the new ones. */
static void take_over(struct nx_board_entry *p, struct survey *s,
                      uint64_t revision) {
    bool others = s->n != p->shown.sites_n || !p->made;
    for (size_t i = 0; i < s->n; i++) {
        struct nx_board_site *old =
            find_site(p->shown.sites, p->shown.sites_n, s->sites[i].network);
        if (old == NULL) {
            others = true;
            continue;
        }
        uint64_t stamp = s->sites[i].stamp;
        s->sites[i] = *old;
        memset(old, 0, sizeof(*old)); /* a name once found is not found again */
        memcpy(old->network, s->sites[i].network, sizeof(old->network));
        s->sites[i].changed = stamp != s->sites[i].stamp;
        s->sites[i].stamp = stamp;
    }
    for (size_t i = 0; i < p->shown.sites_n; i++) {
        site_fini(&p->shown.sites[i]);
    }
    free(p->shown.sites);
    p->shown.sites = s->sites;
    p->shown.sites_n = s->n;
    if (others) {
        p->shown.sites_revision = revision;
    }
}

static int survey(struct nx_board_entry *p, struct nx_engine *engine,
                  uint64_t revision, int64_t now_us, bool all) {
    struct survey s = {.now_us = now_us};
    struct stamper st = {.survey = &s};
    if (!nx_engine_incident(engine, p->shown.incident_id)->audit) {
        nx_engine_agents(engine, survey_agent, &s);
    }
    int err = s.failed ? NX_ENOMEM
                       : nx_engine_judged(engine, p->shown.incident_id,
                                          stamp_target, &st);
    if (err != 0) {
        free(s.sites);
        return err;
    }
    take_over(p, &s, revision);
    for (size_t i = 0; i < s.n; i++) {
        s.sites[i].changed |= all || s.sites[i].full == NULL;
    }
    return 0;
}

static bool wants_changed(void *user, const struct nx_agent *agent) {
    const struct nx_board_entry *p = user;
    const struct nx_board_site *site =
        find_site(p->shown.sites, p->shown.sites_n, agent->network);
    return site != NULL && site->changed;
}

/* Draws the networks of a sheet that changed. */
static bool render_sites(struct nx_board_entry *p, const struct nx_sheet *sheet,
                         uint64_t revision) {
    for (size_t i = 0; i < sheet->sites_n; i++) {
        struct nx_board_site *site = find_site(p->shown.sites, p->shown.sites_n,
                                               sheet->sites[i].network);
        if (site == NULL || !site->changed) {
            continue;
        }
        json_t *network = nx_status_site(sheet, &sheet->sites[i]);
        bool ok = network != NULL && render_site(site, network, revision);
        json_decref(network);
        if (!ok) {
            return false;
        }
        site->state = sheet->sites[i].rollup.state;
        site->outlook = (uint8_t)nx_sheet_site_outlook(sheet, &sheet->sites[i]);
        site->changed = false;
    }
    return true;
}

/* --- bringing it up to date --- */

static bool forecast_is_due(const struct nx_board_entry *p, int64_t now_us) {
    int64_t pace_us = (int64_t)p->targets_n * FORECAST_PACE_US;
    pace_us = pace_us < FORECAST_PACE_MAX_US ? pace_us : FORECAST_PACE_MAX_US;
    return p->forecast == NULL || now_us - p->forecast_us >= pace_us ||
           now_us < p->forecast_us;
}

/* With a forecast of everything the sheet has all targets, else those of
 * networks that changed. */
static int render(struct nx_board_entry *p, struct nx_engine *engine,
                  const char *problem, uint64_t revision, int64_t now_us,
                  bool all) {
    struct nx_sheet sheet;
    bool forecast = all || forecast_is_due(p, now_us);
    int err = nx_sheet_init_judged(&sheet, engine, p->shown.incident_id, now_us,
                                   forecast ? NULL : wants_changed, p);
    if (err != 0) {
        return err;
    }
    if (forecast) {
        json_decref(p->forecast);
        p->forecast = nx_status_summary(&sheet);
        p->forecast_us = now_us;
        p->targets_n = sheet.rows_n;
    }
    bool ok = p->forecast != NULL && render_sites(p, &sheet, revision) &&
              nx_board_render_head(p, engine, &sheet, problem, revision);
    nx_sheet_fini(&sheet);
    return ok ? 0 : NX_ENOMEM;
}

static bool page_changed(struct nx_board *board, struct nx_board_entry *p,
                         uint64_t revision) {
    bool lanes = p->shown.sites_revision == revision || p->shown.lanes == NULL;
    bool changed = lanes || p->shown.head_revision == revision;
    for (size_t i = 0; i < p->shown.sites_n && !lanes; i++) {
        lanes = p->shown.sites[i].lane_revision == revision;
        changed |= lanes || p->shown.sites[i].revision == revision;
    }
    struct nx_blob *joined = lanes ? nx_blob_of_lanes(&p->shown) : NULL;
    if (lanes && joined == NULL) {
        return false;
    }
    (void)(lanes && nx_blob_put(&p->shown.lanes, joined));
    if (changed) {
        p->shown.revision = revision;
        board->revision = revision;
    }
    return true;
}

static uint64_t hash_of(const char *problem) {
    return problem != NULL ? nx_hash(problem, strlen(problem), 1) : 0;
}

/* A closed incident, as it was kept. */
static int render_kept(struct nx_board_entry *p, json_t *document,
                       uint64_t revision) {
    json_t *networks = json_object_get(document, "networks");
    size_t n = json_array_size(networks);
    struct survey s = {.n = 0};
    for (size_t i = 0; i < n; i++) {
        const char *name = json_string_value(
            json_object_get(json_array_get(networks, i), "network"));
        if (name == NULL || strlen(name) >= NX_TEXT_LABEL_MAX ||
            survey_add(&s, name) == NULL) {
            free(s.sites);
            return NX_EMALFORMED;
        }
    }
    take_over(p, &s, revision);
    bool ok = s.n == n; /* each network once */
    for (size_t i = 0; i < n && ok; i++) {
        ok = render_site(&p->shown.sites[i], json_array_get(networks, i),
                         revision);
    }
    p->shown.closed = true;
    ok = ok && json_object_del(document, "networks") == 0 &&
         json_object_del(document, "now") == 0 &&
         nx_board_put_head(p, json_incref(document), revision);
    return ok ? 0 : NX_ENOMEM;
}

static int refresh(struct nx_board *board, struct nx_board_entry *p,
                   struct nx_engine *engine, const char *problem,
                   int64_t now_us) {
    uint64_t revision = board->revision + 1;
    uint32_t id = p->shown.incident_id;
    uint64_t told = nx_engine_told(engine);
    bool all = !p->made || told != p->told;
    json_t *kept = nx_status_kept(engine, id);
    int err = 0;
    if (kept != NULL) {
        const char *then = json_string_value(json_object_get(kept, "now"));
        (void)(then == NULL || nx_time_parse(then, &now_us) != 0);
        err = render_kept(p, kept, revision);
        json_decref(kept);
    } else {
        p->shown.closed =
            nx_engine_incident(engine, id)->closed_us != NX_TIME_UNKNOWN;
        err = survey(p, engine, revision, now_us, all);
        err =
            err != 0 ? err : render(p, engine, problem, revision, now_us, all);
    }
    if (err != 0) {
        return err;
    }
    if (!page_changed(board, p, revision)) {
        return NX_ENOMEM;
    }
    p->shown.now_us = now_us;
    p->told = told;
    p->problem = hash_of(problem);
    p->made = true;
    return 0;
}

/* --- pages --- */

static struct nx_board_entry *find_page(struct nx_board *board, uint32_t id) {
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
    page_free(p);
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

static bool is_fresh(const struct nx_board_entry *p,
                     const struct nx_engine *engine, const char *problem,
                     int64_t now_us) {
    if (!p->made || p->told != nx_engine_told(engine) ||
        p->problem != hash_of(problem)) {
        return false;
    }
    return p->shown.closed || (now_us >= p->shown.now_us &&
                               now_us - p->shown.now_us < NX_BOARD_FRESH_US);
}

const struct nx_board_page *nx_board_page(struct nx_board *board,
                                          struct nx_engine *engine, uint32_t id,
                                          const char *problem, int64_t now_us) {
    struct nx_board_entry *p = find_page(board, id);
    if (nx_engine_incident(engine, id) == NULL) {
        if (p != NULL) {
            drop_page(board, p);
        }
        return NULL;
    }
    p = p != NULL ? p : add_page(board, id);
    if (p == NULL) {
        return NULL;
    }
    p->asked_us = now_us;
    if (!is_fresh(p, engine, problem, now_us) &&
        refresh(board, p, engine, problem, now_us) != 0) {
        drop_page(board, p);
        return NULL;
    }
    return &p->shown;
}

static bool is_warm(const struct nx_board_entry *p, int64_t now_us) {
    return p->made && !p->shown.closed && now_us >= p->asked_us &&
           now_us - p->asked_us < NX_BOARD_WARM_US;
}

bool nx_board_work(struct nx_board *board, struct nx_engine *engine,
                   const char *problem, int64_t now_us) {
    struct nx_board_entry *oldest = NULL;
    for (struct nx_board_entry *p = board->pages; p != NULL; p = p->next) {
        if (is_warm(p, now_us) &&
            (oldest == NULL || p->shown.now_us < oldest->shown.now_us)) {
            oldest = p;
        }
    }
    if (oldest != NULL &&
        now_us - oldest->shown.now_us >= NX_BOARD_FRESH_US / 2 &&
        (nx_engine_incident(engine, oldest->shown.incident_id) == NULL ||
         refresh(board, oldest, engine, problem, now_us) != 0)) {
        drop_page(board, oldest);
    }
    return oldest != NULL;
}

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
