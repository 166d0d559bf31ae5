/* Reading back what changed, page by page. */
#include "collector/store/io_store_sqlite.h"

static const char *text_of(const struct nx_sq *sq, int column) {
    return (const char *)sqlite3_column_text(sq->stmt, column);
}

static void read_transition(const struct nx_sq *sq,
                            struct nx_store_transition *out) {
    *out = (struct nx_store_transition){.id = nx_sq_get_int(sq, 0),
                                        .at_us = nx_sq_get_int(sq, 1),
                                        .network = text_of(sq, 2),
                                        .agent = text_of(sq, 3),
                                        .resolver = text_of(sq, 4),
                                        .name = text_of(sq, 5),
                                        .type = text_of(sq, 6),
                                        .from_state = text_of(sq, 7),
                                        .to_state = text_of(sq, 8)};
}

int nx_store_transition_page(
    struct nx_store *store, uint32_t incident_id, const char *network,
    int64_t after_id, unsigned n_max,
    void (*visit)(void *user, const struct nx_store_transition *row),
    void *user) {
    struct nx_sq sq = nx_sq_use(
        store, NX_SQ_TRANSITION_PAGE,
        "SELECT t.transition_id, t.at_us, a.network, a.name, t.resolver, "
        "t.name, t.type, t.from_state, t.to_state, damaged "
        "FROM " NX_SQ_TRANSITION_ROWS
        "t JOIN agent a USING(agent_id) WHERE t.incident_id = ?1 "
        "AND t.transition_id > ?2 AND (?3 IS NULL OR a.network = ?3) "
        "ORDER BY t.transition_id LIMIT ?4");
    nx_sq_int(&sq, incident_id);
    nx_sq_int(&sq, after_id);
    if (network != NULL) {
        nx_sq_text(&sq, network);
    } else {
        nx_sq_null(&sq);
    }
    nx_sq_int(&sq, n_max);
    int row = 0;
    while ((row = nx_sq_step(&sq)) > 0) {
        struct nx_store_transition transition;
        if (nx_sq_get_int(&sq, 9) != 0) {
            return nx_sq_refuse_row(&sq, "transition", nx_sq_get_int(&sq, 0));
        }
        read_transition(&sq, &transition);
        visit(user, &transition);
    }
    return row;
}
