/* Networks summed up: all of them, or those with one value of a label. */
#include <stdlib.h>
#include <string.h>

#include "collector/status/status_sheet.h"
#include "collector/status/status_text.h"

static bool counts(const uint8_t *mark, size_t i) {
    return mark == NULL || mark[i] != 0;
}

json_t *nx_status_states(const struct nx_sheet *sheet, const uint8_t *mark) {
    json_t *states = json_object();
    for (unsigned s = 0; states != NULL && s < NX_STATE_N_; s++) {
        json_int_t n = 0;
        for (size_t i = 0; i < sheet->sites_n; i++) {
            n += counts(mark, i) && sheet->sites[i].rollup.state == s ? 1 : 0;
        }
        if (n > 0 && !nx_json_set(states, nx_state_text(s), json_integer(n))) {
            json_decref(states);
            return NULL;
        }
    }
    return states;
}

double nx_members_denied(const struct nx_sheet *sheet, const uint8_t *mark) {
    double sum = 0;
    double weights = 0;
    for (size_t i = 0; i < sheet->sites_n; i++) {
        const struct nx_sheet_site *site = &sheet->sites[i];
        if (counts(mark, i) && site->rollup.denied_ratio >= 0) {
            sum += site->labels.weight * site->rollup.denied_ratio;
            weights += site->labels.weight;
        }
    }
    return weights > 0 ? sum / weights : -1.0;
}

json_t *nx_status_group(const struct nx_group *g, const char *value) {
    struct nx_incident_forecast f;
    json_t *one = json_object();
    nx_rollup_incident(g->members, g->n, g->sheet->now_us, &f);
    if (nx_json_set(one, "value",
                    value[0] != '\0' ? nx_json_text(value) : json_null()) &&
        nx_json_set(one, "networks", json_integer((json_int_t)g->n)) &&
        nx_json_set(one, "weight", json_real(g->weight)) &&
        nx_json_set(one, "states", nx_status_states(g->sheet, g->mark)) &&
        nx_json_set(one, "denied",
                    nx_json_ratio(nx_members_denied(g->sheet, g->mark))) &&
        nx_json_set(one, "affected", nx_json_ratio(f.affected)) &&
        nx_json_set(one, "all_clear", nx_json_eta(&f.all_clear)) &&
        nx_json_set(one, "hard",
                    f.hard_all_known ? nx_json_hard(&f.hard) : json_null())) {
        return one;
    }
    json_decref(one);
    return NULL;
}

/* Marks the sites that have the value of site `first`, and counts them in. */
static void gather(struct nx_group *g, uint8_t *mark, uint8_t *done,
                   size_t first, enum nx_label_key key, const char *value) {
    char number[NX_LABEL_VALUE_MAX];
    g->n = 0;
    g->weight = 0;
    memset(mark, 0, g->sheet->sites_n);
    for (size_t i = first; i < g->sheet->sites_n; i++) {
        const struct nx_labels *labels = &g->sheet->sites[i].labels;
        if (done[i] == 0 &&
            strcmp(nx_labels_text(labels, key, number), value) == 0) {
            mark[i] = done[i] = 1;
            g->members[g->n++] = g->sheet->members[i];
            g->weight += labels->weight;
        }
    }
}

static json_t *list_groups(struct nx_group *g, uint8_t *mark, uint8_t *done,
                           enum nx_label_key key) {
    json_t *list = json_array();
    char number[NX_LABEL_VALUE_MAX];
    for (size_t i = 0; list != NULL && i < g->sheet->sites_n; i++) {
        if (done[i] != 0) {
            continue;
        }
        const char *value =
            nx_labels_text(&g->sheet->sites[i].labels, key, number);
        gather(g, mark, done, i, key, value);
        if (!nx_json_add(list, nx_status_group(g, value))) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

json_t *nx_status_groups(const struct nx_sheet *sheet, enum nx_label_key key) {
    uint8_t *mark = calloc(2 * sheet->sites_n + 1, 1);
    struct nx_group g = {.sheet = sheet,
                         .mark = mark,
                         .members =
                             calloc(sheet->sites_n + 1, sizeof(*g.members))};
    json_t *list = NULL;
    if (mark != NULL && g.members != NULL) {
        list = list_groups(&g, mark, mark + sheet->sites_n, key);
    }
    free(mark);
    free(g.members);
    return list == NULL ? NULL
                        : json_pack("{s:s, s:o}", "label",
                                    nx_label_key_text(key), "list", list);
}
