/* Networks by the resolvers that they ask: in each group with what is seen of
 * that resolver. */
#include <stdlib.h>
#include <string.h>

#include "collector/status/status_group.h"
#include "common/hash.h"

/* A target, by what it asks: of very many, texts are looked at only where the
 * hashes are equal. */
struct asked {
    uint64_t hash;
    const char *resolver;
    size_t site, row;
};

/* To roll up one target, in evaluations of a distribution. */
#define COST_OF_ONE 64U

struct nx_resolver_groups {
    const struct nx_sheet *sheet;
    struct asked *asked; /* by resolver, then row */
    size_t asked_n, at;
    /* The networks of one resolver, each with its targets there. */
    struct nx_sheet part;
    struct nx_sheet_site *sites;
    struct nx_rollup_member *members;
    struct nx_rollup_target *targets;
};

static int by_resolver(const void *a, const void *b) {
    const struct asked *x = a;
    const struct asked *y = b;
    int order = (x->hash > y->hash) - (x->hash < y->hash);
    order = order != 0 ? order : strcmp(x->resolver, y->resolver);
    return order != 0 ? order : (x->row > y->row) - (x->row < y->row);
}

static bool same(const struct asked *a, const struct asked *b) {
    return a->hash == b->hash && strcmp(a->resolver, b->resolver) == 0;
}

static void list_asked(struct nx_resolver_groups *g,
                       const struct nx_asked *resolvers) {
    for (size_t i = 0; i < g->sheet->sites_n; i++) {
        const struct nx_sheet_site *site = &g->sheet->sites[i];
        for (size_t row = site->first; row < site->first + site->n; row++) {
            const char *text = resolvers[row].text;
            g->asked[g->asked_n++] =
                (struct asked){.hash = nx_hash(text, strlen(text), 0),
                               .resolver = text,
                               .site = i,
                               .row = row};
        }
    }
    if (g->asked_n > 0) {
        qsort(g->asked, g->asked_n, sizeof(*g->asked), by_resolver);
    }
}

static size_t end_of(const struct nx_resolver_groups *g, size_t first) {
    size_t i = first;
    while (i < g->asked_n && same(&g->asked[first], &g->asked[i])) {
        i++;
    }
    return i;
}

/* A network is once in a group, so there are no more in one than its targets.
 */
static size_t largest(const struct nx_resolver_groups *g) {
    size_t most = 0;
    for (size_t i = 0; i < g->asked_n;) {
        size_t end = end_of(g, i);
        most = end - i > most ? end - i : most;
        i = end;
    }
    return most;
}

int nx_resolver_groups_new(const struct nx_sheet *sheet,
                           const struct nx_asked *resolvers,
                           struct nx_resolver_groups **out) {
    struct nx_resolver_groups *g = calloc(1, sizeof(*g));
    if (g == NULL) {
        return NX_ENOMEM;
    }
    g->sheet = sheet;
    g->asked = calloc(sheet->rows_n + 1, sizeof(*g->asked));
    if (g->asked == NULL) {
        nx_resolver_groups_free(&g);
        return NX_ENOMEM;
    }
    list_asked(g, resolvers);
    size_t room = largest(g) + 1;
    g->sites = calloc(room, sizeof(*g->sites));
    g->members = calloc(room, sizeof(*g->members));
    g->targets = calloc(room, sizeof(*g->targets));
    if (g->sites == NULL || g->members == NULL || g->targets == NULL) {
        nx_resolver_groups_free(&g);
        return NX_ENOMEM;
    }
    *out = g;
    return 0;
}

void nx_resolver_groups_free(struct nx_resolver_groups **groups) {
    struct nx_resolver_groups *g = *groups;
    *groups = NULL;
    if (g != NULL) {
        free(g->asked);
        free(g->sites);
        free(g->members);
        free(g->targets);
        free(g);
    }
}

/* Addresses of private networks are one word for many machines: nobody is taken
 * to be late together. */
static struct nx_rollup_target target_of(const struct nx_sheet_row *row) {
    return (struct nx_rollup_target){
        .verdict = &row->view.verdict, .weight = 1, .group = row->group};
}

/* asked[first .. end): of one network. */
static void add_network(struct nx_resolver_groups *g, size_t first, size_t end,
                        struct nx_rollup_target *targets) {
    size_t n = end - first;
    struct nx_sheet_site *site = &g->sites[g->part.sites_n];
    *site = g->sheet->sites[g->asked[first].site];
    for (size_t i = 0; i < n; i++) {
        targets[i] = target_of(&g->sheet->rows[g->asked[first + i].row]);
    }
    nx_rollup_network(targets, n, g->sheet->now_us, &site->rollup);
    g->members[g->part.sites_n++] = (struct nx_rollup_member){
        .targets = targets, .targets_n = n, .weight = site->labels.weight};
}

bool nx_resolver_groups_next(struct nx_resolver_groups *g, struct nx_group *out,
                             size_t *cost) {
    size_t first = g->at;
    if (first == g->asked_n) {
        return false;
    }
    g->at = end_of(g, first);
    g->part = (struct nx_sheet){.sites = g->sites, .now_us = g->sheet->now_us};
    *out = (struct nx_group){.sheet = &g->part,
                             .members = g->members,
                             .value = g->asked[first].resolver};
    for (size_t i = first; i < g->at;) {
        size_t from = i;
        while (i < g->at && g->asked[i].site == g->asked[from].site) {
            i++;
        }
        add_network(g, from, i, g->targets + (from - first));
        out->weight += g->sites[g->part.sites_n - 1].labels.weight;
    }
    out->n = g->part.sites_n;
    *cost = COST_OF_ONE * (g->at - first);
    return true;
}
