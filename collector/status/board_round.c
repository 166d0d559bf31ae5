/* A page is brought up to date in a round: the networks that changed are drawn
 * a few at a time, then the new ones take the place of the old ones. */
#include <string.h>

#include "collector/status/board_parts.h"
#include "collector/status/status_text.h"
#include "common/hash.h"

/* Targets whose forecast is freed at once with what follows. */
#define FREED_MAX 1024U

uint64_t nx_board_hash(const char *problem) {
    return problem != NULL ? nx_hash(problem, strlen(problem), 1) : 0;
}

void nx_board_round_fini(struct nx_board_round *round) {
    nx_board_sites_free(round->sites, round->sites_n);
    nx_board_kept_fini(&round->kept);
    *round = (struct nx_board_round){0};
}

/* --- networks --- */

bool nx_board_put_texts(struct nx_board_site *site, struct nx_blob *lane,
                        struct nx_blob *full) {
    if (lane == NULL || full == NULL) {
        nx_blob_unref(lane);
        nx_blob_unref(full);
        return false;
    }
    site->lane_new = nx_blob_put(&site->lane, lane);
    site->full_new = nx_blob_put(&site->full, full);
    site->changed = false;
    return true;
}

static bool draw_sheet(struct nx_board_site *site,
                       const struct nx_sheet *sheet) {
    const struct nx_sheet_site *from = &sheet->sites[0];
    struct nx_text text;
    nx_text_init(&text);
    size_t lane_len = nx_status_put_site(&text, sheet, from);
    bool ok =
        !text.failed &&
        nx_board_put_texts(site, nx_blob_of_bytes(text.bytes, lane_len, "}"),
                           nx_blob_of_bytes(text.bytes, text.len, ""));
    nx_text_fini(&text);
    site->state = from->rollup.state;
    site->outlook = (uint8_t)nx_sheet_site_outlook(sheet, from);
    site->targets_n = from->n;
    site->weight = from->labels.weight;
    site->denied = from->rollup.denied_ratio;
    return ok;
}

/* Its last agent was taken from it a moment ago. */
static void leave_out(struct nx_board_round *round) {
    struct nx_board_site *site = &round->sites[round->at];
    nx_blob_unref(site->lane);
    nx_blob_unref(site->full);
    round->sites_n--;
    memmove(site, site + 1, (round->sites_n - round->at) * sizeof(*site));
    round->others = true;
}

static int draw_next(struct nx_board_entry *p, struct nx_engine *engine,
                     int64_t now_us, size_t *cost) {
    struct nx_board_round *round = &p->round;
    struct nx_board_site *site = &round->sites[round->at];
    struct nx_sheet sheet;
    int err = nx_sheet_init_network(&sheet, engine, p->shown.incident_id,
                                    site->network, now_us,
                                    p->exact ? NX_SHEET_NOW : NX_SHEET_JUDGED);
    if (err != 0) {
        return err;
    }
    *cost = sheet.rows_n + 1;
    if (sheet.sites_n == 0) {
        leave_out(round);
    } else if (draw_sheet(site, &sheet)) {
        round->at++;
    } else {
        err = NX_ENOMEM;
    }
    nx_sheet_fini(&sheet);
    return err;
}

static int draw_some(struct nx_board_entry *p, struct nx_engine *engine,
                     int64_t now_us, size_t *budget) {
    struct nx_board_round *round = &p->round;
    while (round->at < round->sites_n) {
        size_t cost = 0;
        if (!round->sites[round->at].changed) {
            round->at++;
            continue;
        }
        if (*budget == 0) {
            return NX_EAGAIN;
        }
        int err = draw_next(p, engine, now_us, &cost);
        if (err != 0) {
            return err;
        }
        *budget -= cost < *budget ? cost : *budget;
    }
    return 0;
}

/* --- the end of a round --- */

/* True: any lane, or which lanes there are, changed. */
static bool stamp_sites(struct nx_board_entry *p, uint64_t revision,
                        bool *changed) {
    bool lanes = p->shown.lanes == NULL;
    for (size_t i = 0; i < p->shown.sites_n; i++) {
        struct nx_board_site *site = &p->shown.sites[i];
        if (site->lane_new) {
            site->lane_revision = revision;
        }
        if (site->full_new) {
            site->revision = revision;
        }
        lanes |= site->lane_new;
        *changed |= site->lane_new || site->full_new;
    }
    return lanes;
}

/* The head is drawn by the caller, of the networks that are shown then. */
static int show(struct nx_board_entry *p, uint64_t revision, bool *changed) {
    struct nx_board_round *round = &p->round;
    bool others = round->others;
    nx_board_sites_free(p->shown.sites, p->shown.sites_n);
    p->shown.sites = round->sites;
    p->shown.sites_n = round->sites_n;
    p->shown.targets_n = round->targets_n;
    p->shown.as_of_us = round->as_of_us;
    p->told = round->told;
    p->problem = round->problem;
    *round = (struct nx_board_round){0};
    if (others) {
        p->shown.sites_revision = revision;
        *changed = true;
    }
    if (stamp_sites(p, revision, changed) || others) {
        struct nx_blob *lanes = nx_blob_of_lanes(&p->shown);
        if (lanes == NULL) {
            return NX_ENOMEM;
        }
        (void)nx_blob_put(&p->shown.lanes, lanes);
    }
    return 0;
}

static void count_revision(struct nx_board_entry *p, bool changed,
                           uint64_t *revision) {
    if (changed || p->shown.head_revision > *revision) {
        p->shown.revision = ++*revision;
    }
    p->made = true;
}

static int finish(struct nx_board_entry *p, struct nx_engine *engine,
                  const char *problem, int64_t now_us, uint64_t *revision) {
    const struct nx_incident *incident =
        nx_engine_incident(engine, p->shown.incident_id);
    bool changed = false;
    int err = show(p, *revision + 1, &changed);
    p->shown.closed = incident->closed_us != NX_TIME_UNKNOWN;
    p->took_us = now_us > p->shown.as_of_us ? now_us - p->shown.as_of_us : 0;
    p->problem = nx_board_hash(problem);
    if (err == 0 &&
        !nx_board_render_head(p, engine, problem, now_us, *revision + 1)) {
        err = NX_ENOMEM;
    }
    if (err == 0 && p->choice != NULL) {
        p->shown.tag = nx_board_choice_tag(&p->shown);
    }
    count_revision(p, changed, revision);
    return err;
}

/* The same of a closed incident, as it was kept. */
static int finish_kept(struct nx_board_entry *p, uint64_t *revision) {
    const struct nx_text *head = &p->round.kept.head;
    bool changed = false;
    /* Without the bracket that is open. */
    if (!nx_board_put_head(p,
                           nx_blob_of_bytes(head->bytes + 1, head->len - 1, ""),
                           *revision + 1)) {
        return NX_ENOMEM;
    }
    nx_board_kept_fini(&p->round.kept);
    int err = show(p, *revision + 1, &changed);
    p->shown.closed = true;
    if (err == 0 && p->choice != NULL) {
        p->shown.tag = nx_board_choice_tag(&p->shown);
    }
    count_revision(p, changed, revision);
    return err;
}

/* --- a round --- */

/* What the texts of networks say of the servers, and when they were heard. */
static uint64_t hash_servers(const struct nx_sheet *sheet) {
    uint64_t hash = sheet->audit_silent ? 1 : 2;
    for (unsigned i = 0; i < sheet->incident->items_n; i++) {
        const struct nx_sheet_wrong *w = &sheet->wrong[i];
        hash = nx_hash(w->server, strlen(w->server), hash);
        hash = nx_hash(w->denier, strlen(w->denier), hash);
        hash = nx_hash(w->lame, strlen(w->lame), hash);
        hash = w->gone != NULL ? nx_hash(w->gone, nx_dname_len(w->gone), hash)
                               : hash;
        hash = nx_hash_u64((uint64_t)w->serial << 4 | (w->differs ? 8U : 0U) |
                               (w->alias ? 4U : 0U) | (w->known ? 2U : 0U) |
                               (w->serial_known ? 1U : 0U),
                           hash);
    }
    return hash;
}

static int note_servers(struct nx_board_entry *p, struct nx_engine *engine,
                        int64_t now_us) {
    struct nx_sheet sheet;
    int err = nx_sheet_init_head(&sheet, engine, p->shown.incident_id, now_us);
    if (err != 0) {
        return err;
    }
    uint64_t servers = hash_servers(&sheet);
    nx_sheet_fini(&sheet);
    p->round.redraw = servers != p->servers;
    p->servers = servers;
    return 0;
}

/* NX_EAGAIN: it has begun. */
static int begin(struct nx_board_entry *p, struct nx_engine *engine,
                 const char *problem, int64_t now_us) {
    struct nx_board_round *round = &p->round;
    uint64_t told = nx_engine_told(engine);
    *round = (struct nx_board_round){.running = true,
                                     .all = !p->made || told != p->told,
                                     .told = told,
                                     .problem = nx_board_hash(problem),
                                     .as_of_us = now_us};
    const char *kept = nx_engine_incident_kept(engine, p->shown.incident_id);
    if (kept != NULL) {
        int err = nx_board_kept_begin(p, kept);
        return err != 0 ? err : NX_EAGAIN;
    }
    int err = note_servers(p, engine, now_us);
    err = err != 0 ? err : nx_board_survey(p, engine, now_us);
    if (err == 0 && round->all) {
        err = nx_board_foresee(p, engine, round->sites, round->sites_n,
                               round->targets_n, now_us);
    }
    return err != 0 ? err : NX_EAGAIN;
}

int nx_board_round(struct nx_board_entry *p, struct nx_engine *engine,
                   const char *problem, int64_t now_us, size_t budget,
                   uint64_t *revision) {
    int err = p->round.running ? NX_EAGAIN : begin(p, engine, problem, now_us);
    if (err != NX_EAGAIN) {
        return err;
    }
    if (p->round.kept.text != NULL) {
        err = nx_board_kept_on(p, engine, budget);
        return err != 0 ? err : finish_kept(p, revision);
    }
    err = draw_some(p, engine, now_us, &budget);
    if (err == 0 && p->round.all && p->foresight.running) {
        err = budget > 0 ? nx_board_foresee_on(p, engine, budget) : NX_EAGAIN;
        if (err == 0 && p->round.targets_n > FREED_MAX) {
            err = NX_EAGAIN; /* that took long enough */
        }
    }
    return err != 0 ? err : finish(p, engine, problem, now_us, revision);
}
