/* Forecasts that were shown, and what became of them. */
#include "collector/store/io_store_sqlite.h"

#include <string.h>

#define TEXT_SHORT 40U

static void read_forecast(const struct nx_sq *sq,
                          struct nx_store_forecast *out) {
    char shape[NX_SHAPE_TEXT_MAX];
    char text[TEXT_SHORT];
    *out = (struct nx_store_forecast){.id = nx_sq_get_int(sq, 0),
                                      .at_us = nx_sq_get_int(sq, 1)};
    nx_sq_get_text(sq, 2, text, sizeof(text));
    out->basis = strcmp(text, nx_basis_text(NX_BASIS_COUNTDOWN)) == 0
                     ? NX_BASIS_COUNTDOWN
                     : NX_BASIS_PRIOR;
    nx_sq_get_text(sq, 3, text, sizeof(text));
    out->barred = text[0] == '\0';
    out->family = (uint8_t)nx_family_of_text(text);
    out->p_late = nx_sq_get_real(sq, 4);
    out->eta = (struct nx_eta){.known = true,
                               .point_us = nx_sq_get_int(sq, 5),
                               .lo50_us = nx_sq_get_int(sq, 6),
                               .hi50_us = nx_sq_get_int(sq, 7),
                               .lo90_us = nx_sq_get_int(sq, 8),
                               .hi90_us = nx_sq_get_int(sq, 9)};
    nx_sq_get_text(sq, 10, shape, sizeof(shape));
    if (nx_sq_get_int(sq, 11) != 0 ||
        nx_shape_read(shape, out->at_us, &out->shape) != NX_OK) {
        out->shape.n = 0;
    }
}

int nx_store_forecasts_open(
    struct nx_store *store, const struct nx_store_subject *of, unsigned max,
    void (*visit)(void *user, const struct nx_store_forecast *f), void *user) {
    struct nx_sq_target key;
    nx_sq_target(&key, of);
    struct nx_sq sq = nx_sq_use(
        store, NX_SQ_FORECASTS_OPEN,
        "SELECT forecast_id, at_us, basis, family, p_late, clear_us, "
        "clear_lo50_us, clear_hi50_us, clear_lo90_us, clear_hi90_us, shape, "
        "damaged FROM " NX_SQ_FORECAST_ROWS
        "WHERE incident_id = ?1 AND agent_id = ?2 AND resolver = "
        "?3 AND name = ?4 AND type = ?5 AND scored_us IS NULL AND shape IS NOT "
        "NULL ORDER BY forecast_id LIMIT ?6");
    nx_sq_bind_target(&sq, &key);
    nx_sq_int(&sq, max);
    int row = 0;
    while ((row = nx_sq_step(&sq)) > 0) {
        struct nx_store_forecast f;
        read_forecast(&sq, &f);
        visit(user, &f);
    }
    return row;
}

#define REDIGEST(family, score)                                                \
    NX_SQ_REDIGEST(NX_SQ_FORECAST, NX_SQ_FORECAST_VALUES(family, score))
#define FIGURES "error_s, in50, in90, pit_lo, pit_hi, crps_s"

int nx_store_forecast_score(struct nx_store *store, int64_t id, int64_t at_us,
                            const struct nx_truth *truth, double weight,
                            const struct nx_figures *figures) {
    static const struct nx_figures none = {.error_s = 0};
    const struct nx_figures *f = figures != NULL ? figures : &none;
    struct nx_sq sq = nx_sq_use(
        store, NX_SQ_FORECAST_SCORE,
        "UPDATE forecast SET scored_us = ?2, truth_lo_us = ?3, truth_hi_us = "
        "?4, weight = ?5, error_s = ?6, in50 = ?7, in90 = ?8, pit_lo = ?9, "
        "pit_hi = ?10, crps_s = ?11, " REDIGEST(
            "family",
            "?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11") " WHERE forecast_id = "
                                                        "?1 AND scored_us IS "
                                                        "NULL");
    nx_sq_int(&sq, id);
    nx_sq_int(&sq, at_us);
    nx_sq_int(&sq, truth->lo_us);
    nx_sq_int(&sq, truth->hi_us);
    nx_sq_real(&sq, figures != NULL ? weight : 0.0);
    nx_sq_real(&sq, f->error_s);
    nx_sq_real(&sq, f->in50);
    nx_sq_real(&sq, f->in90);
    nx_sq_real(&sq, f->pit_lo);
    nx_sq_real(&sq, f->pit_hi);
    nx_sq_real(&sq, f->crps_s);
    return nx_sq_run(&sq);
}

#define TARGET                                                                 \
    "incident_id = ?1 AND agent_id = ?2 AND resolver = ?3 AND name = ?4 AND "  \
    "type = ?5"

/* When it was clear as far as it was believed; of an older store the last one
 * that was scored. */
#define LAST_TRUTH                                                             \
    "truth_hi_us = coalesce((SELECT clear_hi_us FROM target WHERE " TARGET     \
    "), (SELECT max(truth_hi_us) FROM forecast WHERE " TARGET "))"

/* Takes back the scores of the clearing that was believed last. */
static int reopen(struct nx_store *store, const struct nx_sq_target *key) {
    struct nx_sq drop =
        nx_sq_use(store, NX_SQ_OUTCOME_DROP,
                  "DELETE FROM outcome WHERE " TARGET " AND " LAST_TRUTH);
    nx_sq_bind_target(&drop, key);
    int err = nx_sq_run(&drop);
    if (err != NX_OK) {
        return err;
    }
    struct nx_sq sq = nx_sq_use(
        store, NX_SQ_FORECASTS_REOPEN,
        "UPDATE forecast SET scored_us = NULL, truth_lo_us = NULL, truth_hi_us "
        "= NULL, weight = NULL, " REDIGEST(
            "family", "NULL, NULL, NULL, NULL, " FIGURES) " WHERE " TARGET
                                                          " AND " LAST_TRUTH);
    nx_sq_bind_target(&sq, key);
    return nx_sq_run(&sq);
}

int nx_store_forecasts_turn(struct nx_store *store,
                            const struct nx_store_subject *of,
                            enum nx_store_turn turn, int64_t at_us) {
    struct nx_sq_target key;
    struct nx_sq sq;
    nx_sq_target(&key, of);
    switch (turn) {
    case NX_TURN_NONE:
        return NX_OK;
    case NX_TURN_RELAPSED:
        return reopen(store, &key);
    case NX_TURN_REFILLED:
        sq = nx_sq_use(
            store, NX_SQ_FORECASTS_BAR,
            "UPDATE forecast SET family = NULL, " REDIGEST(
                "NULL", NX_SQ_FORECAST_SCORED) " WHERE " TARGET
                                               " AND scored_us IS NULL");
        nx_sq_bind_target(&sq, &key);
        return nx_sq_run(&sq);
    case NX_TURN_VOID:
        sq = nx_sq_use(
            store, NX_SQ_FORECASTS_VOID,
            "UPDATE forecast SET scored_us = ?6, weight = 0, " REDIGEST(
                "family",
                "?6, truth_lo_us, truth_hi_us, 0.0, " FIGURES) " WHERE " TARGET
                                                               " AND scored_us "
                                                               "IS NULL");
        nx_sq_bind_target(&sq, &key);
        nx_sq_int(&sq, at_us);
        return nx_sq_run(&sq);
    }
    return NX_OK;
}

/* --- reading --- */

static void read_score(const struct nx_sq *sq, struct nx_tally_row *out) {
    char state[TEXT_SHORT];
    int64_t lo_us = nx_sq_get_int(sq, 4);
    int64_t hi_us = nx_sq_get_int(sq, 5);
    nx_sq_get_text(sq, 0, state, sizeof(state));
    *out = (struct nx_tally_row){
        .state = (uint8_t)nx_state_of_text(state),
        .verified = nx_sq_get_int(sq, 1) != 0,
        .network = nx_sq_get_int(sq, 2) == 0,
        .weight = nx_sq_get_real(sq, 3),
        .figures = {.error_s = nx_sq_get_real(sq, 6),
                    .resolution_s = (double)(hi_us - lo_us) / 2e6,
                    .in50 = nx_sq_get_real(sq, 7),
                    .in90 = nx_sq_get_real(sq, 8),
                    .width90_s = (double)nx_sq_get_int(sq, 9) / 1e6,
                    .pit_lo = nx_sq_get_real(sq, 10),
                    .pit_hi = nx_sq_get_real(sq, 11),
                    .crps_s = nx_sq_get_real(sq, 12)}};
}

int nx_store_scores(struct nx_store *store, const struct nx_store_period *in,
                    void (*visit)(void *user, const struct nx_tally_row *row),
                    void *user) {
    struct nx_sq sq = nx_sq_use(
        store, NX_SQ_FORECASTS_SCORED,
        "SELECT state, verified, agent_id, weight, truth_lo_us, truth_hi_us, "
        "error_s, in50, in90, clear_hi90_us - clear_lo90_us, pit_lo, pit_hi, "
        "crps_s FROM " NX_SQ_FORECAST_ROWS
        "WHERE weight > 0 AND truth_hi_us >= ?1 AND "
        "truth_hi_us < ?2 AND (?3 = 0 OR incident_id = ?3) AND " NX_SQ_SOUND
        " ORDER BY truth_hi_us DESC LIMIT ?4");
    nx_sq_int(&sq, in->from_us);
    nx_sq_int(&sq, in->to_us);
    nx_sq_int(&sq, in->incident_id);
    nx_sq_int(&sq, (int64_t)NX_TALLY_ROWS_MAX + 1);
    int row = 0;
    while ((row = nx_sq_step(&sq)) > 0) {
        struct nx_tally_row one;
        read_score(&sq, &one);
        visit(user, &one);
    }
    return row;
}

int nx_store_unscored(struct nx_store *store, struct nx_store_unscored *out) {
    struct nx_store_unscored found = {0, 0};
    struct nx_sq sq = nx_sq_use(
        store, NX_SQ_FORECASTS_COUNT,
        "SELECT closed_us IS NULL, count(*) FROM (SELECT DISTINCT incident_id, "
        "agent_id, resolver, name, type FROM forecast WHERE scored_us IS NULL "
        "AND shape IS NOT NULL AND agent_id > 0) JOIN incident "
        "USING(incident_id) GROUP BY 1");
    int row = 0;
    while ((row = nx_sq_step(&sq)) > 0) {
        uint64_t n = (uint64_t)nx_sq_get_int(&sq, 1);
        if (nx_sq_get_int(&sq, 0) != 0) {
            found.open_n = n;
        } else {
            found.unresolved_n = n;
        }
    }
    if (row == 0) {
        *out = found;
    }
    return row;
}

/* --- lessons --- */

#define OUTCOME                                                                \
    "?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, "                      \
    "coalesce((SELECT network FROM agent WHERE agent_id = ?2), '')"

int nx_store_lesson_put(struct nx_store *store,
                        const struct nx_store_subject *of,
                        const struct nx_truth *truth, enum nx_family family,
                        const struct nx_ending *ending) {
    struct nx_sq_target key;
    nx_sq_target(&key, of);
    struct nx_sq sq = nx_sq_use(
        store, NX_SQ_OUTCOME_PUT,
        "INSERT INTO outcome(" NX_SQ_OUTCOME_VALUES ", digest) VALUES(" OUTCOME
        ", nx_digest(" OUTCOME ")) ON CONFLICT DO NOTHING");
    nx_sq_bind_target(&sq, &key);
    nx_sq_int(&sq, truth->hi_us);
    nx_sq_int(&sq, truth->lo_us);
    nx_sq_text(&sq, nx_family_text(family));
    nx_sq_real(&sq, ending->base);
    nx_sq_real(&sq, ending->late);
    nx_sq_real(&sq, ending->survive_s);
    nx_sq_real(&sq, ending->exposure_s);
    return nx_sq_run(&sq);
}

int nx_store_lessons(struct nx_store *store, unsigned max,
                     void (*visit)(void *user, const struct nx_lesson *lesson),
                     void *user) {
    struct nx_sq sq = nx_sq_use(
        store, NX_SQ_OUTCOMES,
        "SELECT * FROM (SELECT incident_id, network, family, base, late, "
        "survive_s, exposure_s, truth_hi_us, agent_id, resolver, name, type "
        "FROM " NX_SQ_OUTCOME_ROWS "WHERE " NX_SQ_SOUND
        " ORDER BY truth_hi_us DESC LIMIT ?1) ORDER BY "
        "truth_hi_us, incident_id, agent_id, resolver, name, type");
    nx_sq_int(&sq, max);
    int row = 0;
    while ((row = nx_sq_step(&sq)) > 0) {
        char family[TEXT_SHORT];
        struct nx_lesson lesson = {
            .incident_id = (uint32_t)nx_sq_get_int(&sq, 0),
            .outcome = {.base = nx_sq_get_real(&sq, 3),
                        .late = nx_sq_get_real(&sq, 4),
                        .survive_s = nx_sq_get_real(&sq, 5),
                        .exposure_s = nx_sq_get_real(&sq, 6)}};
        nx_sq_get_text(&sq, 1, lesson.network, sizeof(lesson.network));
        nx_sq_get_text(&sq, 2, family, sizeof(family));
        lesson.family = (uint8_t)nx_family_of_text(family);
        visit(user, &lesson);
    }
    return row;
}
