/* The head of a status: what is said of all networks. */
#include "collector/status/board_parts.h"
#include "collector/status/status_text.h"

static json_t *counts_json(const struct nx_board_entry *p) {
    json_t *states = json_object();
    json_int_t n[NX_STATE_N_] = {0};
    for (size_t i = 0; i < p->shown.sites_n; i++) {
        n[p->shown.sites[i].state]++;
    }
    for (unsigned s = 0; s < NX_STATE_N_; s++) {
        if (n[s] > 0) {
            (void)nx_json_set(states, nx_state_text(s), json_integer(n[s]));
        }
    }
    return states;
}

/* Expected share of queries denied now, by weight. */
static json_t *denied_json(const struct nx_board_page *page) {
    double sum = 0;
    double weights = 0;
    for (size_t i = 0; i < page->sites_n; i++) {
        if (page->sites[i].denied >= 0) {
            sum += page->sites[i].weight * page->sites[i].denied;
            weights += page->sites[i].weight;
        }
    }
    return nx_json_ratio(weights > 0 ? sum / weights : -1.0);
}

/* The forecast as it was worked out last, the numbers as they are. */
static json_t *summary_json(const struct nx_board_entry *p) {
    json_int_t unverified = 0;
    for (size_t i = 0; i < p->shown.sites_n; i++) {
        unverified += nx_state_is_unverified(p->shown.sites[i].state) ? 1 : 0;
    }
    json_t *summary = nx_status_forecast(
        &p->forecast, p->hard_network[0] != '\0' ? p->hard_network : NULL);
    json_int_t n = (json_int_t)p->shown.sites_n;
    if (nx_json_set(summary, "networks", json_integer(n)) &&
        nx_json_set(summary, "states", counts_json(p)) &&
        nx_json_set(summary, "unverified", json_integer(unverified)) &&
        nx_json_set(summary, "denied", denied_json(&p->shown))) {
        return summary;
    }
    json_decref(summary);
    return NULL;
}

static enum nx_outlook outlook_of(const struct nx_board_entry *p,
                                  const struct nx_sheet *sheet) {
    bool seen[NX_OUTLOOK_UNKNOWN + 1] = {false};
    for (size_t i = 0; i < p->shown.sites_n; i++) {
        seen[p->shown.sites[i].outlook] = true;
    }
    return nx_sheet_outlook_of(sheet, seen);
}

bool nx_board_put_head(struct nx_board_entry *p, struct nx_blob *text,
                       uint64_t revision) {
    if (text == NULL) {
        return false;
    }
    if (nx_blob_put(&p->shown.head, text)) {
        p->shown.head_revision = revision;
    }
    return true;
}

static bool add_problem(json_t *document, const char *problem) {
    return problem == NULL ||
           (nx_json_set(document, "storing", json_false()) &&
            nx_json_set(document, "problem", nx_json_text(problem)));
}

static json_t *head_json(const struct nx_board_entry *p,
                         struct nx_engine *engine, const struct nx_sheet *sheet,
                         const char *problem) {
    json_t *d = json_object();
    const char *outlook = nx_outlook_text(outlook_of(p, sheet));
    if (nx_json_set(d, "outlook", json_string(outlook)) &&
        nx_json_set(d, "incident", nx_status_incident_head(sheet->incident)) &&
        nx_json_set(d, "authority", nx_status_authority(engine, sheet)) &&
        nx_json_set(d, "negative", nx_status_negative(engine, sheet)) &&
        nx_json_set(d, "summary", summary_json(p)) && add_problem(d, problem)) {
        return d;
    }
    json_decref(d);
    return NULL;
}

bool nx_board_render_head(struct nx_board_entry *p, struct nx_engine *engine,
                          const char *problem, int64_t now_us,
                          uint64_t revision) {
    struct nx_sheet sheet;
    if (nx_sheet_init_head(&sheet, engine, p->shown.incident_id, now_us) != 0) {
        return false;
    }
    sheet.forecast = p->forecast;
    json_t *head = head_json(p, engine, &sheet, problem);
    nx_sheet_fini(&sheet);
    struct nx_text text;
    nx_text_init(&text);
    nx_put_value(&text, head);
    struct nx_blob *members =
        text.failed ? NULL : nx_blob_of_bytes(text.bytes + 1, text.len - 2, "");
    nx_text_fini(&text);
    return nx_board_put_head(p, members, revision);
}
