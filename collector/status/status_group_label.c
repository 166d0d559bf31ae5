/* Networks by their values of a label, in the order of the first of each. */
#include <stdlib.h>
#include <string.h>

#include "collector/status/status_group.h"

struct nx_label_groups {
    const struct nx_sheet *sheet;
    enum nx_label_key key;
    size_t at;     /* sites before it are in a group */
    uint8_t *done; /* ... and others */
    uint8_t *mark;
    struct nx_rollup_member *members;
    char value[NX_LABEL_VALUE_MAX];
};

int nx_label_groups_new(const struct nx_sheet *sheet, enum nx_label_key key,
                        struct nx_label_groups **out) {
    struct nx_label_groups *g = calloc(1, sizeof(*g));
    if (g == NULL) {
        return NX_ENOMEM;
    }
    g->sheet = sheet;
    g->key = key;
    g->done = calloc(sheet->sites_n + 1, 1);
    g->mark = calloc(sheet->sites_n + 1, 1);
    g->members = calloc(sheet->sites_n + 1, sizeof(*g->members));
    if (g->done == NULL || g->mark == NULL || g->members == NULL) {
        nx_label_groups_free(&g);
        return NX_ENOMEM;
    }
    *out = g;
    return 0;
}

void nx_label_groups_free(struct nx_label_groups **groups) {
    struct nx_label_groups *g = *groups;
    *groups = NULL;
    if (g != NULL) {
        free(g->done);
        free(g->mark);
        free(g->members);
        free(g);
    }
}

bool nx_label_groups_next(struct nx_label_groups *g, struct nx_group *out,
                          size_t *cost) {
    const struct nx_sheet *sheet = g->sheet;
    char number[NX_LABEL_VALUE_MAX];
    while (g->at < sheet->sites_n && g->done[g->at] != 0) {
        g->at++;
    }
    if (g->at == sheet->sites_n) {
        return false;
    }
    (void)strcpy(g->value,
                 nx_labels_text(&sheet->sites[g->at].labels, g->key, number));
    *out = (struct nx_group){.sheet = sheet,
                             .mark = g->mark,
                             .members = g->members,
                             .value = g->value};
    *cost = sheet->sites_n;
    memset(g->mark, 0, sheet->sites_n);
    for (size_t i = g->at; i < sheet->sites_n; i++) {
        const struct nx_labels *labels = &sheet->sites[i].labels;
        if (g->done[i] == 0 &&
            strcmp(nx_labels_text(labels, g->key, number), g->value) == 0) {
            g->mark[i] = g->done[i] = 1;
            g->members[out->n++] = sheet->members[i];
            out->weight += labels->weight;
            *cost += sheet->members[i].targets_n;
        }
    }
    return true;
}
