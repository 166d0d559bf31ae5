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

bool nx_board_forecast_due(const struct nx_board_entry *p, int64_t now_us) {
    int64_t pace_us = (int64_t)p->shown.targets_n * PACE_US;
    pace_us = pace_us < PACE_MAX_US ? pace_us : PACE_MAX_US;
    return !p->foreseen || now_us - p->forecast_us >= pace_us ||
           now_us < p->forecast_us;
}

void nx_board_foresight_fini(struct nx_board_foresight *f) {
    nx_forecaster_free(&f->forecaster);
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

/* Those of the next network. */
static int copy_next(struct nx_board_entry *p, struct nx_engine *engine,
                     size_t *cost) {
    struct nx_board_foresight *f = &p->foresight;
    struct nx_sheet sheet;
    const char *name = f->names[f->at++];
    int err = nx_sheet_init_network(&sheet, engine, p->shown.incident_id, name,
                                    f->as_of_us, NX_SHEET_BARE);
    if (err != 0) {
        return err;
    }
    *cost = sheet.rows_n / COPIED_PER_UNIT + 1;
    if (sheet.sites_n > 0) {
        sheet.sites[0].network = name;
        err = nx_sheet_append(&f->sheet, &sheet) ? 0 : NX_ENOMEM;
    }
    nx_sheet_fini(&sheet);
    return err;
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

static int prepare(struct nx_board_foresight *f) {
    nx_sheet_settle(&f->sheet);
    if (!nx_sheets_group(&f->sheet, 1)) {
        return NX_ENOMEM;
    }
    return nx_forecaster_new(f->sheet.members, f->sheet.sites_n, f->as_of_us,
                             &f->forecaster);
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
        err = prepare(f);
    }
    if (err == 0 &&
        !nx_forecaster_step(f->forecaster, budget * EVALUATED_PER_UNIT)) {
        return NX_EAGAIN;
    }
    if (err == 0) {
        take_result(p);
    }
    nx_board_foresight_fini(f);
    return err;
}
