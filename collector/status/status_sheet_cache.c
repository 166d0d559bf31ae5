/* Which targets show the same cache: equal lines and equal NSID; without NSID,
 * one address. */
#include <stdlib.h>

#include "collector/status/status_sheet.h"

/* Lines so close are one (nxclear-estimator(7) 7). */
#define GROUP_US INT64_C(1000000)

static bool close_to(int64_t a, int64_t b) {
    return a - b <= GROUP_US && b - a <= GROUP_US;
}

uint32_t nx_sheet_whose(const struct nx_target_view *view) {
    struct nx_endpoint at = view->question->to;
    if (view->nsid_hash != 0) {
        return view->nsid_hash;
    }
    at.transport = NX_UDP;
    at.layer = NX_LAYER_NETWORK;
    at.server_name = NULL;
    return (uint32_t)nx_endpoint_hash(&at, 0) & ~1U;
}

static bool same_cache(const struct nx_sheet_row *a,
                       const struct nx_sheet_row *b) {
    const struct nx_verdict *v = &a->view.verdict;
    const struct nx_verdict *w = &b->view.verdict;
    if (a->whose != b->whose || v->lines_n == 0 || v->lines_n != w->lines_n) {
        return false;
    }
    for (size_t i = 0; i < v->lines_n; i++) {
        if (!close_to(v->lines[i].a_us, w->lines[i].a_us) ||
            !close_to(v->lines[i].b_us, w->lines[i].b_us)) {
            return false;
        }
    }
    return true;
}

/* What rows are ordered by: they are too large to be looked at while 100,000 of
 * them are sorted. */
struct ordered {
    int64_t a_us;   /* of the first line; 0: none */
    uint32_t whose; /* as the row has it */
    uint32_t lines_n;
    struct nx_sheet_row *row;
};

static struct ordered ordered_of(struct nx_sheet_row *row) {
    const struct nx_verdict *v = &row->view.verdict;
    return (struct ordered){.a_us = v->lines_n > 0 ? v->lines[0].a_us : 0,
                            .whose = row->whose,
                            .lines_n = v->lines_n,
                            .row = row};
}

static int by_lines(const void *a, const void *b) {
    const struct ordered *x = a;
    const struct ordered *y = b;
    int order = (x->whose > y->whose) - (x->whose < y->whose);
    order = order != 0 ? order
                       : (x->lines_n > y->lines_n) - (x->lines_n < y->lines_n);
    return order != 0 ? order : (x->a_us > y->a_us) - (x->a_us < y->a_us);
}

/* Neighbours in the order of their first line are compared with the first of
 * their group. */
static void assign(struct ordered *order, size_t n, uint32_t *group) {
    size_t head = 0;
    qsort(order, n, sizeof(*order), by_lines);
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || !same_cache(order[head].row, order[i].row)) {
            head = i;
            ++*group;
        }
        order[i].row->group = *group;
    }
}

bool nx_sheet_group_sites(struct nx_sheet *sheet) {
    struct ordered *order = calloc(sheet->rows_n + 1, sizeof(*order));
    uint32_t group = 0;
    for (size_t i = 0; i < sheet->sites_n && order != NULL; i++) {
        const struct nx_sheet_site *site = &sheet->sites[i];
        for (size_t k = 0; k < site->n; k++) {
            order[k] = ordered_of(&sheet->rows[site->first + k]);
        }
        assign(order, site->n, &group);
    }
    free(order);
    return order != NULL;
}

static void regroup_targets(struct nx_sheet *sheet, size_t i) {
    const struct nx_sheet_site *site = &sheet->sites[i];
    struct nx_rollup_target *target = nx_sheet_targets(sheet, i);
    for (size_t k = site->first; k < site->first + site->n; k++) {
        const struct nx_sheet_row *row = &sheet->rows[k];
        if (row->serves) {
            (target++)->group = row->group;
        }
    }
}

/* --- everywhere, a piece at a time --- */

#define PILES 256U

/* Rows that may show one cache are in one pile. */
struct nx_sheet_caches {
    struct nx_sheet *sheet;
    struct ordered *order; /* pile by pile */
    size_t ends[PILES];    /* of piles, in order */
    size_t pile, site;     /* to be done next */
    uint32_t group;        /* given last */
};

static unsigned pile_of(const struct ordered *row) {
    return row->whose / 2 % PILES; /* its last bit is no hash */
}

static bool pile_up(struct nx_sheet_caches *caches) {
    struct nx_sheet *sheet = caches->sheet;
    struct ordered *rows = calloc(sheet->rows_n + 1, sizeof(*rows));
    size_t begin = 0;
    for (size_t i = 0; i < sheet->rows_n && rows != NULL; i++) {
        rows[i] = ordered_of(&sheet->rows[i]);
        caches->ends[pile_of(&rows[i])]++;
    }
    for (unsigned i = 0; i < PILES; i++) {
        size_t n = caches->ends[i];
        caches->ends[i] = begin;
        begin += n;
    }
    for (size_t i = 0; i < sheet->rows_n && rows != NULL; i++) {
        caches->order[caches->ends[pile_of(&rows[i])]++] = rows[i];
    }
    free(rows);
    return rows != NULL;
}

bool nx_sheet_caches_new(struct nx_sheet *sheet, struct nx_sheet_caches **out) {
    struct nx_sheet_caches *caches = calloc(1, sizeof(*caches));
    if (caches != NULL) {
        caches->sheet = sheet;
        caches->order = calloc(sheet->rows_n + 1, sizeof(*caches->order));
    }
    if (caches == NULL || caches->order == NULL || !pile_up(caches)) {
        nx_sheet_caches_free(&caches);
        return false;
    }
    *out = caches;
    return true;
}

void nx_sheet_caches_free(struct nx_sheet_caches **caches) {
    if (*caches != NULL) {
        free((*caches)->order);
        free(*caches);
        *caches = NULL;
    }
}

bool nx_sheet_caches_step(struct nx_sheet_caches *caches, size_t rows_n) {
    size_t left = rows_n;
    while (left > 0 && caches->site < caches->sheet->sites_n) {
        size_t n = 0;
        if (caches->pile < PILES) {
            size_t at = caches->pile > 0 ? caches->ends[caches->pile - 1] : 0;
            n = caches->ends[caches->pile++] - at;
            assign(&caches->order[at], n, &caches->group);
        } else {
            n = caches->sheet->sites[caches->site].n;
            regroup_targets(caches->sheet, caches->site++);
        }
        left -= n < left ? n : left;
    }
    return caches->site == caches->sheet->sites_n;
}
