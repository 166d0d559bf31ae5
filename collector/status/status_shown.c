/* What is shown of networks, for their scores. */
#include "collector/infer/estimator.h"
#include "collector/status/status_sheet.h"

/* When the last of its targets cleared; false when one was never seen to. */
static bool clearing(const struct nx_sheet *sheet,
                     const struct nx_sheet_site *site,
                     struct nx_status_shown *out) {
    out->clear_lo_us = NX_TIME_UNKNOWN;
    out->clear_hi_us = NX_TIME_UNKNOWN;
    for (size_t i = site->first; i < site->first + site->n; i++) {
        const struct nx_target_view *view = &sheet->rows[i].view;
        const struct nx_verdict *v = &view->verdict;
        if (!nx_layer_serves(view->question->to.layer) ||
            v->clear_hi_us == NX_TIME_UNKNOWN) {
            continue;
        }
        if (v->clear_lo_us > out->clear_lo_us) {
            out->clear_lo_us = v->clear_lo_us;
        }
        if (v->clear_hi_us > out->clear_hi_us) {
            out->clear_hi_us = v->clear_hi_us;
        }
    }
    return site->rollup.state == NX_STATE_CLEAR &&
           out->clear_hi_us != NX_TIME_UNKNOWN;
}

/* Of the distributions behind the forecast; verified when they all are. */
static void span(const struct nx_rollup_member *member,
                 struct nx_status_shown *out) {
    out->span_lo_us = INT64_MAX;
    out->span_hi_us = INT64_MIN;
    out->verified = member->targets_n > 0;
    for (size_t i = 0; i < member->targets_n; i++) {
        const struct nx_verdict *v = member->targets[i].verdict;
        int64_t lo_us = 0;
        int64_t hi_us = 0;
        if (!v->dist.known) {
            continue;
        }
        nx_dist_span(&v->dist, &lo_us, &hi_us);
        out->verified &= v->verified;
        out->span_lo_us = lo_us < out->span_lo_us ? lo_us : out->span_lo_us;
        out->span_hi_us = hi_us > out->span_hi_us ? hi_us : out->span_hi_us;
    }
}

/* Takes the sheet. */
static void visit_sites(struct nx_sheet *sheet,
                        void (*visit)(void *user,
                                      const struct nx_status_shown *shown),
                        void *user) {
    for (size_t i = 0; i < sheet->sites_n; i++) {
        const struct nx_sheet_site *site = &sheet->sites[i];
        struct nx_status_shown shown = {.network = site->network,
                                        .rollup = &site->rollup,
                                        .targets = sheet->members[i].targets,
                                        .targets_n =
                                            sheet->members[i].targets_n};
        shown.cleared = clearing(sheet, site, &shown);
        span(&sheet->members[i], &shown);
        visit(user, &shown);
    }
    nx_sheet_fini(sheet);
}

int nx_status_shown(struct nx_engine *engine, uint32_t id, const char *network,
                    bool judged, int64_t now_us,
                    void (*visit)(void *user,
                                  const struct nx_status_shown *shown),
                    void *user) {
    struct nx_sheet sheet;
    int err = nx_sheet_init_network(&sheet, engine, id, network, now_us,
                                    judged ? NX_SHEET_JUDGED : NX_SHEET_NOW);
    if (err == 0) {
        visit_sites(&sheet, visit, user);
    }
    return err;
}
