/* The forecast of all networks, a piece at a time. */
#include <stdlib.h>
#include <string.h>

#include "collector/status/board_parts.h"

/* A forecast for all networks takes about so much of the time per target. */
#define PACE_US 1000
#define PACE_MAX_US INT64_C(60000000)
/* What takes as long as it takes to draw one target. */
#define COPIED_PER_UNIT 8U
#define EVALUATED_PER_UNIT 128U
#define PREPARED_MAX 128U /* targets, at once with what follows */

bool nx_board_forecast_due(const struct nx_board_entry *p, int64_t now_us) {
    int64_t pace_us = (int64_t)p->shown.targets_n * PACE_US;
    pace_us = pace_us < PACE_MAX_US ? pace_us : PACE_MAX_US;
    return !p->foreseen || now_us - p->forecast_us >= pace_us ||
           now_us < p->forecast_us;
}

void nx_board_foresight_fini(struct nx_board_foresight *f) {
    nx_sheet_caches_free(&f->caches);
    nx_forecaster_free(&f->forecaster);
    nx_grouper_free(&f->grouper);
    nx_blob_unref(f->groups);
    free(f->resolvers);
    nx_sheet_fini(&f->sheet);
    free(f->names);
    *f = (struct nx_board_foresight){0};
}

int nx_board_foresee(struct nx_board_entry *p, struct nx_engine *engine,
                     const struct nx_board_site *sites, size_t sites_n,
                     size_t targets_n, int64_t now_us) {
    struct nx_board_foresight *f = &p->foresight;
    nx_board_foresight_fini(f);
    f->running = true;
    f->as_of_us = now_us;
    f->names = calloc(sites_n + 1, sizeof(*f->names));
    if (f->names == NULL || !nx_sheet_reserve(&f->sheet, sites_n, targets_n)) {
        nx_board_foresight_fini(f);
        return NX_ENOMEM;
    }
    f->sheet.incident = nx_engine_incident(engine, p->shown.incident_id);
    f->sheet.now_us = now_us;
    f->names_n = sites_n;
    for (size_t i = 0; i < sites_n; i++) {
        memcpy(f->names[i], sites[i].network, sizeof(f->names[i]));
    }
    return 0;
}

static bool by_resolver(const struct nx_board_entry *p) {
    return p->choice != NULL && p->choice->query.grouped &&
           p->choice->query.by_resolver;
}

/* What the rows ask that were appended last: questions are the engine's. */
static bool note_resolvers(struct nx_board_foresight *f,
                           const struct nx_sheet *sheet) {
    size_t first = f->sheet.rows_n - sheet->rows_n;
    if (f->resolvers_cap < f->sheet.rows_cap + 1) {
        void *grown = realloc(f->resolvers,
                              (f->sheet.rows_cap + 1) * sizeof(*f->resolvers));
        if (grown == NULL) {
            return false;
        }
        f->resolvers = grown;
        f->resolvers_cap = f->sheet.rows_cap + 1;
    }
    for (size_t i = 0; i < sheet->rows_n; i++) {
        (void)nx_endpoint_text(&sheet->rows[i].view.question->to,
                               f->resolvers[first + i].text);
    }
    return true;
}

/* Those of the next network. */
static int copy_next(struct nx_board_entry *p, struct nx_engine *engine,
                     size_t *cost) {
    struct nx_board_foresight *f = &p->foresight;
    struct nx_sheet sheet;
    const char *name = f->names[f->at++];
    int err = nx_sheet_init_network(
        &sheet, engine, p->shown.incident_id, name, f->as_of_us,
        p->exact ? NX_SHEET_BARE_NOW : NX_SHEET_BARE);
    if (err != 0) {
        return err;
    }
    *cost = sheet.rows_n / COPIED_PER_UNIT + 1;
    if (sheet.sites_n > 0) {
        sheet.sites[0].network = name;
        err = nx_sheet_append(&f->sheet, &sheet) &&
                      (!by_resolver(p) || note_resolvers(f, &sheet))
                  ? 0
                  : NX_ENOMEM;
    }
    nx_sheet_fini(&sheet);
    return err;
}

/* What the networks are in, as they were drawn: both are ordered by name. */
static void take_states(struct nx_board_entry *p) {
    const struct nx_board_round *round = &p->round;
    struct nx_sheet *sheet = &p->foresight.sheet;
    size_t k = 0;
    for (size_t i = 0; i < sheet->sites_n; i++) {
        struct nx_sheet_site *site = &sheet->sites[i];
        while (k < round->sites_n &&
               strcmp(round->sites[k].network, site->network) < 0) {
            k++;
        }
        if (k < round->sites_n &&
            strcmp(round->sites[k].network, site->network) == 0) {
            site->rollup.state = round->sites[k].state;
            site->rollup.denied_ratio = round->sites[k].denied;
        }
    }
}

/* Goes on with the groups; a page is grouped once. */
static int group_on(struct nx_board_entry *p, size_t budget) {
    struct nx_board_foresight *f = &p->foresight;
    if (f->grouper == NULL) {
        take_states(p);
        int err = nx_grouper_new(&f->sheet, &p->choice->query, f->resolvers,
                                 &f->grouper);
        return err != 0 ? err : NX_EAGAIN;
    }
    struct nx_text text;
    nx_text_init(&text);
    bool done = nx_grouper_step(f->grouper, budget * EVALUATED_PER_UNIT, &text);
    bool failed =
        text.failed || (text.len > 0 && !nx_blob_add(&f->groups, &f->groups_cap,
                                                     text.bytes, text.len));
    nx_text_fini(&text);
    if (failed || !done) {
        return failed ? NX_ENOMEM : NX_EAGAIN;
    }
    p->shown.groups_digest = nx_grouper_digest(f->grouper);
    (void)nx_blob_put(&p->shown.groups, f->groups);
    f->groups = NULL;
    return 0;
}

static void take_result(struct nx_board_entry *p) {
    const struct nx_board_foresight *f = &p->foresight;
    p->forecast = *nx_forecaster_result(f->forecaster);
    p->forecast_us = f->as_of_us;
    p->foreseen = true;
    size_t hard = p->forecast.hard_network;
    p->hard_network[0] = '\0';
    if (hard < f->sheet.sites_n) {
        memcpy(p->hard_network, f->sheet.sites[hard].network,
               strlen(f->sheet.sites[hard].network) + 1);
    }
}

/* In turns of their own where there are many: each takes long enough then.
 * NX_EAGAIN: the next turn goes on. */
static int prepare(struct nx_board_foresight *f, size_t budget) {
    bool many = f->sheet.rows_n > PREPARED_MAX;
    if (!f->settled) {
        nx_sheet_settle(&f->sheet);
        f->settled = true;
        if (many) {
            return NX_EAGAIN;
        }
    }
    if (f->caches == NULL) {
        if (!nx_sheet_caches_new(&f->sheet, &f->caches)) {
            return NX_ENOMEM;
        }
        if (many) {
            return NX_EAGAIN;
        }
    }
    if (!nx_sheet_caches_step(f->caches,
                              many ? budget * EVALUATED_PER_UNIT : SIZE_MAX)) {
        return NX_EAGAIN;
    }
    nx_sheet_caches_free(&f->caches);
    int err = nx_forecaster_new(f->sheet.members, f->sheet.sites_n, f->as_of_us,
                                &f->forecaster);
    return err == 0 && many ? NX_EAGAIN : err;
}

int nx_board_foresee_on(struct nx_board_entry *p, struct nx_engine *engine,
                        size_t budget) {
    struct nx_board_foresight *f = &p->foresight;
    int err = 0;
    while (err == 0 && f->at < f->names_n) {
        size_t cost = 0;
        if (budget == 0) {
            return NX_EAGAIN;
        }
        err = copy_next(p, engine, &cost);
        budget -= cost < budget ? cost : budget;
    }
    if (err == 0 && f->forecaster == NULL) {
        err = prepare(f, budget);
        if (err == NX_EAGAIN) {
            return err;
        }
    }
    if (err == 0 && f->grouper == NULL &&
        !nx_forecaster_step(f->forecaster, budget * EVALUATED_PER_UNIT)) {
        return NX_EAGAIN;
    }
    if (err == 0 && p->choice != NULL && p->choice->query.grouped) {
        err = group_on(p, budget);
        if (err == NX_EAGAIN) {
            return err;
        }
    }
    if (err == 0) {
        take_result(p);
    }
    nx_board_foresight_fini(f);
    return err;
}
