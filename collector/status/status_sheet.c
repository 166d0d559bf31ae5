#include "collector/status/status_sheet.h"

#include <stdlib.h>
#include <string.h>

#include "collector/infer/diagnosis.h"
#include "common/hash.h"

/* Room for one more; false and *failed when there is none. */
static bool room(void **list, size_t n, size_t *cap, size_t size,
                 bool *failed) {
    if (n < *cap) {
        return true;
    }
    size_t more = *cap == 0 ? 64 : 2 * *cap;
    void *grown = realloc(*list, more * size);
    if (grown == NULL) {
        *failed = true;
        return false;
    }
    *list = grown;
    *cap = more;
    return true;
}

/* --- agents and networks --- */

static struct nx_sheet_site *add_site(struct nx_sheet *sheet,
                                      const char *network) {
    size_t n = sheet->sites_n;
    if (n > 0 && strcmp(sheet->sites[n - 1].network, network) == 0) {
        return &sheet->sites[n - 1];
    }
    void *list = sheet->sites;
    if (!room(&list, n, &sheet->sites_cap, sizeof(*sheet->sites),
              &sheet->failed)) {
        return NULL;
    }
    sheet->sites = list;
    sheet->sites_n++;
    sheet->sites[n] =
        (struct nx_sheet_site){.network = network, .since_us = NX_TIME_UNKNOWN};
    return &sheet->sites[n];
}

struct gathering {
    struct nx_sheet *sheet;
    const struct nx_engine *engine;
    const struct nx_where *where; /* NULL: all */
    const struct nx_sight *sight; /* NULL: all */
};

static void describe_site(const struct gathering *g, struct nx_sheet_site *site,
                          const struct nx_agent *agent) {
    struct nx_labels own;
    nx_engine_network_labels(g->engine, site->network, &site->labels);
    nx_engine_agent_labels(g->engine, agent, &own);
    site->chosen |= g->where == NULL ||
                    nx_where_holds(g->where, &site->labels) ||
                    nx_where_holds(g->where, &own);
    site->crowded |=
        nx_engine_no_room(g->engine, g->sheet->incident->id, agent->id);
}

/* Agents come by network, so sites are made in order. */
static void take_agent(void *user, const struct nx_agent_view *view) {
    const struct gathering *g = user;
    struct nx_sheet *sheet = g->sheet;
    void *list = sheet->agents;
    if (!nx_sight_covers(g->sight, view->agent->network)) {
        return; /* nor are its targets taken: see agent_of */
    }
    if (!room(&list, sheet->agents_n, &sheet->agents_cap,
              sizeof(*sheet->agents), &sheet->failed)) {
        return;
    }
    sheet->agents = list;
    sheet->agents[sheet->agents_n++] = view->agent;
    if (nx_agent_counts(view->agent, sheet->incident)) {
        struct nx_sheet_site *site = add_site(sheet, view->agent->network);
        if (site != NULL) {
            site->staffed |= view->agent->accepted;
            site->revoked_us =
                nx_time_later(site->revoked_us, view->agent->revoked_us);
            describe_site(g, site, view->agent);
        }
    }
}

static void drop_others(struct nx_sheet *sheet) {
    size_t n = 0;
    for (size_t i = 0; i < sheet->sites_n; i++) {
        if (sheet->sites[i].chosen) {
            sheet->sites[n++] = sheet->sites[i];
        }
    }
    sheet->sites_n = n;
}

/* Needs the rows of the sites. */
static bool asks(const struct nx_sheet *sheet, const struct nx_sheet_site *site,
                 const char *resolver) {
    char text[NX_ENDPOINT_TEXT_MAX];
    for (size_t i = site->first; i < site->first + site->n; i++) {
        const struct nx_question *q = sheet->rows[i].view.question;
        if (strcmp(nx_endpoint_text(&q->to, text), resolver) == 0) {
            return true;
        }
    }
    return false;
}

static void drop_others_than_of(struct nx_sheet *sheet, const char *resolver) {
    for (size_t i = 0; i < sheet->sites_n; i++) {
        sheet->sites[i].chosen = asks(sheet, &sheet->sites[i], resolver);
    }
    drop_others(sheet);
}

static int by_id(const void *a, const void *b) {
    const struct nx_agent *x = *(const struct nx_agent *const *)a;
    const struct nx_agent *y = *(const struct nx_agent *const *)b;
    return (x->id > y->id) - (x->id < y->id);
}

static const struct nx_agent *agent_of(const struct nx_sheet *sheet,
                                       uint32_t id) {
    const struct nx_agent key = {.id = id};
    const struct nx_agent *at = &key;
    const struct nx_agent *const *found = bsearch(
        &at, sheet->agents, sheet->agents_n, sizeof(*sheet->agents), by_id);
    return found != NULL ? *found : NULL;
}

/* --- rows --- */

static void take_target(void *user, const struct nx_target_view *view) {
    struct nx_sheet *sheet = user;
    const struct nx_agent *agent = agent_of(sheet, view->agent_id);
    void *list = sheet->rows;
    if (agent == NULL || !room(&list, sheet->rows_n, &sheet->rows_cap,
                               sizeof(*sheet->rows), &sheet->failed)) {
        return;
    }
    sheet->rows = list;
    struct nx_sheet_row *row = &sheet->rows[sheet->rows_n++];
    nx_target_view_copy(view, &row->view);
    row->agent = agent;
    row->serves = nx_layer_serves(view->question->to.layer) && !view->set_aside;
    row->whose = nx_sheet_whose(view);
    row->group = 0;
}

/* Both rows and sites are ordered by network. */
static void assign_rows(struct nx_sheet *sheet) {
    size_t row = 0;
    for (size_t i = 0; i < sheet->sites_n; i++) {
        struct nx_sheet_site *site = &sheet->sites[i];
        while (row < sheet->rows_n &&
               strcmp(sheet->rows[row].agent->network, site->network) < 0) {
            row++; /* of a network that is not asked for */
        }
        site->first = row;
        while (row < sheet->rows_n &&
               strcmp(sheet->rows[row].agent->network, site->network) == 0) {
            row++;
        }
        site->n = row - site->first;
    }
}

/* --- roll-up --- */

/* Who runs the resolvers of a network, as the operator said: they are late
 * together (nxclear-estimator(7) 7). A host's own stub is nobody else's. */
static uint32_t operator_of(const struct nx_labels *labels, unsigned layer) {
    if (layer != NX_LAYER_NETWORK) {
        return 0;
    }
    if (labels->provider[0] != '\0') {
        return (uint32_t)nx_hash(labels->provider, strlen(labels->provider),
                                 0) |
               1U;
    }
    return labels->asn;
}

/* The weight of an agent is shared by the resolvers that it asks. */
static double share_of(const struct nx_sheet *sheet,
                       const struct nx_sheet_site *site, size_t row,
                       double weight) {
    const struct nx_agent *of = sheet->rows[row].agent;
    size_t n = 0;
    for (size_t i = row; i < site->first + site->n; i++) {
        n += sheet->rows[i].agent == of && sheet->rows[i].serves ? 1 : 0;
    }
    return n > 0 ? weight / (double)n : weight;
}

/* The rows of a site, without resolvers that are there for comparison, or that
 * are set aside: they do not speak for the network. Nor do agents without
 * weight. */
static size_t site_targets(struct nx_sheet *sheet,
                           const struct nx_engine *engine,
                           const struct nx_sheet_site *site,
                           struct nx_rollup_target *out) {
    size_t n = 0;
    struct nx_labels own = {.weight = 1};
    const struct nx_agent *of = NULL;
    double share = 1;
    for (size_t i = site->first; i < site->first + site->n; i++) {
        struct nx_sheet_row *row = &sheet->rows[i];
        if (row->agent != of) {
            of = row->agent;
            nx_engine_agent_labels(engine, of, &own);
            share = share_of(sheet, site, i, own.weight);
        }
        unsigned layer = row->view.question->to.layer;
        row->serves = row->serves && share > 0;
        if (row->serves) {
            out[n++] = (struct nx_rollup_target){.verdict = &row->view.verdict,
                                                 .weight = share,
                                                 .group = row->group,
                                                 .operator_id =
                                                     operator_of(&own, layer)};
        }
    }
    return n;
}

static void site_since(const struct nx_sheet *sheet,
                       struct nx_sheet_site *site) {
    for (size_t i = site->first; i < site->first + site->n; i++) {
        const struct nx_target_view *view = &sheet->rows[i].view;
        if (view->verdict.state == site->rollup.state &&
            view->since_us != NX_TIME_UNKNOWN &&
            (site->since_us == NX_TIME_UNKNOWN ||
             view->since_us < site->since_us)) {
            site->since_us = view->since_us;
        }
    }
}

static void site_empty(struct nx_sheet_site *site) {
    site->rollup = (struct nx_rollup){
        .state = NX_STATE_UNKNOWN,
        .unknown_reason = site->crowded   ? NX_UNKNOWN_NO_ROOM
                          : site->staffed ? NX_UNKNOWN_NEVER_SEEN
                                          : NX_UNKNOWN_AGENT_REVOKED,
        .denied_ratio = -1,
        .last_look_us = NX_TIME_UNKNOWN};
    if (!site->staffed) {
        site->since_us = site->revoked_us;
    }
}

/* What stands for resolvers that nobody has named yet, or that have no room:
 * one of whom nothing is known. */
static void note_nobody(struct nx_sheet *sheet, const struct nx_engine *engine,
                        bool crowded) {
    static const struct nx_look none;
    struct nx_profile profile;
    nx_profile_default(&profile);
    nx_diagnose(&nx_engine_settings(engine)->diagnosis, &none, 0,
                &sheet->facts[0], &profile, sheet->now_us, NULL,
                &sheet->nobody);
    if (crowded) {
        sheet->nobody.unknown_reason = NX_UNKNOWN_NO_ROOM;
    }
}

struct nx_rollup_target *nx_sheet_targets(const struct nx_sheet *sheet,
                                          size_t i) {
    return sheet->rollup_targets + sheet->sites[i].first + i;
}

static void roll_up(struct nx_sheet *sheet, const struct nx_engine *engine) {
    struct nx_rollup_member *members =
        calloc(sheet->sites_n + 1, sizeof(*members));
    sheet->members = members;
    sheet->rollup_targets = calloc(sheet->rows_n + sheet->sites_n + 1,
                                   sizeof(*sheet->rollup_targets));
    if (members == NULL || sheet->rollup_targets == NULL) {
        sheet->failed = true;
        return;
    }
    for (size_t i = 0; i < sheet->sites_n; i++) {
        struct nx_sheet_site *site = &sheet->sites[i];
        struct nx_rollup_target *targets = nx_sheet_targets(sheet, i);
        size_t seen_n = site_targets(sheet, engine, site, targets);
        size_t n = seen_n;
        if (seen_n == 0 || site->crowded) {
            note_nobody(sheet, engine, site->crowded);
            targets[n++] = (struct nx_rollup_target){.verdict = &sheet->nobody,
                                                     .weight = 1};
        }
        members[i] = (struct nx_rollup_member){
            .targets = targets, .targets_n = n, .weight = site->labels.weight};
        if (seen_n == 0) {
            site_empty(site);
        } else if (sheet->how != NX_SHEET_BARE &&
                   sheet->how != NX_SHEET_BARE_NOW) {
            nx_rollup_network(targets, n, sheet->now_us, &site->rollup);
        }
        site_since(sheet, site);
    }
}

bool nx_sheet_foresee(struct nx_sheet *sheet) {
    struct nx_sheet_caches *caches = NULL;
    if (!nx_sheet_caches_new(sheet, &caches)) {
        return false;
    }
    (void)nx_sheet_caches_step(caches, SIZE_MAX);
    nx_sheet_caches_free(&caches);
    nx_rollup_incident(sheet->members, sheet->sites_n, sheet->now_us,
                       &sheet->forecast);
    return true;
}

/* --- life --- */

static void take_facts(struct nx_sheet *sheet, const struct nx_engine *engine) {
    sheet->audited_us = NX_TIME_UNKNOWN;
    for (unsigned i = 0; i < sheet->incident->items_n; i++) {
        struct nx_auth_view view;
        if (nx_engine_authority(engine, sheet->incident->id, i, &view) == 0) {
            sheet->facts[i] = view.facts;
            if (view.heard_us > sheet->audited_us) {
                sheet->audited_us = view.heard_us;
            }
            nx_sheet_note_wrong(&view, sheet->incident->items[i].name,
                                &sheet->wrong[i]);
        }
    }
    sheet->audit_silent =
        sheet->audited_us != NX_TIME_UNKNOWN &&
        sheet->now_us - sheet->audited_us >
            nx_engine_settings(engine)->diagnosis.silent_after_us;
}

/* Only of the networks that are wanted: of many they may be few. */
static int read_sites(struct nx_sheet *sheet, struct nx_engine *engine) {
    int err = 0;
    for (size_t i = 0; err == 0 && i < sheet->sites_n; i++) {
        err = nx_engine_targets_of(
            engine, sheet->incident->id, sheet->sites[i].network, sheet->now_us,
            sheet->how == NX_SHEET_JUDGED || sheet->how == NX_SHEET_BARE,
            take_target, sheet);
    }
    return err;
}

/* network: NULL: all of them. */
static int read_all(struct nx_sheet *sheet, struct nx_engine *engine,
                    const char *network, struct gathering *g) {
    if (nx_engine_agents_of(engine, network, take_agent, g) != 0) {
        return NX_ENOMEM;
    }
    drop_others(sheet);
    if (sheet->agents_n > 0) {
        qsort(sheet->agents, sheet->agents_n, sizeof(*sheet->agents), by_id);
    }
    return read_sites(sheet, engine);
}

static int fill(struct nx_sheet *sheet, struct nx_engine *engine,
                const char *network, const struct nx_status_query *query) {
    struct gathering g = {sheet, engine, query != NULL ? &query->where : NULL,
                          query != NULL ? query->sight : NULL};
    int err = read_all(sheet, engine, network, &g);
    assign_rows(sheet);
    if (g.where != NULL && g.where->resolver[0] != '\0') {
        drop_others_than_of(sheet, g.where->resolver);
    }
    sheet->failed |= !nx_sheet_group_sites(sheet);
    take_facts(sheet, engine);
    roll_up(sheet, engine);
    if (err != 0 || sheet->failed) {
        nx_sheet_fini(sheet);
        return err != 0 ? err : NX_ENOMEM;
    }
    return 0;
}

static struct nx_sheet sheet_of(const struct nx_engine *engine, uint32_t id,
                                int64_t now_us) {
    return (struct nx_sheet){.incident = nx_engine_incident(engine, id),
                             .now_us = now_us};
}

int nx_sheet_init(struct nx_sheet *sheet, struct nx_engine *engine,
                  uint32_t incident_id, const struct nx_status_query *query,
                  int64_t now_us) {
    *sheet = sheet_of(engine, incident_id, now_us);
    return sheet->incident != NULL ? fill(sheet, engine, NULL, query)
                                   : NX_ENOTFOUND;
}

int nx_sheet_init_network(struct nx_sheet *sheet, struct nx_engine *engine,
                          uint32_t incident_id, const char *network,
                          int64_t now_us, enum nx_sheet_how how) {
    *sheet = sheet_of(engine, incident_id, now_us);
    sheet->how = how;
    return sheet->incident != NULL ? fill(sheet, engine, network, NULL)
                                   : NX_ENOTFOUND;
}

int nx_sheet_init_head(struct nx_sheet *sheet, const struct nx_engine *engine,
                       uint32_t incident_id, int64_t now_us) {
    *sheet = sheet_of(engine, incident_id, now_us);
    if (sheet->incident == NULL) {
        return NX_ENOTFOUND;
    }
    take_facts(sheet, engine);
    return 0;
}

void nx_sheet_fini(struct nx_sheet *sheet) {
    free(sheet->rows);
    free(sheet->sites);
    free(sheet->agents);
    free(sheet->rollup_targets);
    free(sheet->members);
    *sheet = (struct nx_sheet){0};
}
