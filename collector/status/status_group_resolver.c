/* Networks summed up by the resolvers that they ask. */
#include <stdlib.h>
#include <string.h>

#include "collector/status/status_sheet.h"
#include "collector/status/status_text.h"

/* A target, by what it asks. */
struct asked {
    char resolver[NX_ENDPOINT_TEXT_MAX];
    size_t site, row;
};

static int by_resolver(const void *a, const void *b) {
    const struct asked *x = a;
    const struct asked *y = b;
    int order = strcmp(x->resolver, y->resolver);
    return order != 0 ? order : (x->row > y->row) - (x->row < y->row);
}

static size_t list_asked(const struct nx_sheet *sheet, struct asked *out) {
    size_t n = 0;
    for (size_t i = 0; i < sheet->sites_n; i++) {
        const struct nx_sheet_site *site = &sheet->sites[i];
        for (size_t row = site->first; row < site->first + site->n; row++) {
            out[n].site = i;
            out[n].row = row;
            (void)nx_endpoint_text(&sheet->rows[row].view.question->to,
                                   out[n++].resolver);
        }
    }
    if (n > 0) {
        qsort(out, n, sizeof(*out), by_resolver);
    }
    return n;
}

/* The networks of one resolver, each with its targets there. Room for one of
 * each target. */
struct view {
    struct nx_sheet_site *sites;
    struct nx_rollup_member *members;
    struct nx_rollup_target *targets;
};

/* Addresses of private networks are one word for many machines: nobody is taken
 * to be late together. */
static struct nx_rollup_target target_of(const struct nx_sheet_row *row) {
    return (struct nx_rollup_target){
        .verdict = &row->view.verdict, .weight = 1, .group = row->group};
}

/* asked[0 .. n): all of one resolver. */
static json_t *group_of(const struct nx_sheet *sheet, const struct asked *asked,
                        size_t n, const struct view *view) {
    struct nx_sheet part = {.sites = view->sites, .now_us = sheet->now_us};
    struct nx_group g = {.sheet = &part, .members = view->members};
    for (size_t i = 0; i < n;) {
        size_t first = i;
        struct nx_sheet_site *site = &view->sites[part.sites_n];
        *site = sheet->sites[asked[i].site];
        while (i < n && asked[i].site == asked[first].site) {
            view->targets[i] = target_of(&sheet->rows[asked[i].row]);
            i++;
        }
        nx_rollup_network(view->targets + first, i - first, sheet->now_us,
                          &site->rollup);
        view->members[part.sites_n++] =
            (struct nx_rollup_member){.targets = view->targets + first,
                                      .targets_n = i - first,
                                      .weight = site->labels.weight};
        g.weight += site->labels.weight;
    }
    g.n = part.sites_n;
    return nx_status_group(&g, asked[0].resolver);
}

/* --- their order --- */

static json_int_t not_clear(const json_t *group) {
    return json_integer_value(json_object_get(group, "networks")) -
           json_integer_value(
               json_object_get(json_object_get(group, "states"), "clear"));
}

static int worst_first(const void *a, const void *b) {
    const json_t *x = *(json_t *const *)a;
    const json_t *y = *(json_t *const *)b;
    json_int_t more = not_clear(y) - not_clear(x);
    return more != 0 ? (more > 0) - (more < 0)
                     : strcmp(json_string_value(json_object_get(x, "value")),
                              json_string_value(json_object_get(y, "value")));
}

/* Takes the references; NULL when one is missing. */
static json_t *list_of(json_t **groups, size_t n, bool whole) {
    json_t *list = whole ? json_array() : NULL;
    if (list != NULL && n > 0) {
        qsort(groups, n, sizeof(json_t *), worst_first);
    }
    for (size_t i = 0; i < n; i++) {
        if (list == NULL) {
            json_decref(groups[i]);
        } else if (!nx_json_add(list, groups[i])) {
            json_decref(list);
            list = NULL;
        }
    }
    return list;
}

static json_t *list_groups(const struct nx_sheet *sheet,
                           const struct asked *asked, size_t asked_n,
                           const struct view *view, json_t **groups) {
    size_t n = 0;
    for (size_t i = 0; i < asked_n;) {
        size_t first = i;
        while (i < asked_n &&
               strcmp(asked[i].resolver, asked[first].resolver) == 0) {
            i++;
        }
        groups[n] = group_of(sheet, asked + first, i - first, view);
        if (groups[n] == NULL) {
            return list_of(groups, n, false);
        }
        n++;
    }
    return list_of(groups, n, true);
}

json_t *nx_status_resolver_groups(const struct nx_sheet *sheet) {
    size_t room = sheet->rows_n + 1;
    struct asked *asked = calloc(room, sizeof(*asked));
    struct view view = {.sites = calloc(room, sizeof(*view.sites)),
                        .members = calloc(room, sizeof(*view.members)),
                        .targets = calloc(room, sizeof(*view.targets))};
    json_t **groups = calloc(room, sizeof(json_t *));
    json_t *list = NULL;
    if (asked != NULL && view.sites != NULL && view.members != NULL &&
        view.targets != NULL && groups != NULL) {
        list =
            list_groups(sheet, asked, list_asked(sheet, asked), &view, groups);
    }
    free(asked);
    free(view.sites);
    free(view.members);
    free(view.targets);
    free(groups);
    return list == NULL
               ? NULL
               : json_pack("{s:s, s:o}", "label", "resolver", "list", list);
}
