/* Rows in the order of their keys, a piece at a time. */
#include <stdlib.h>
#include <string.h>

#include "collector/status/report_parts.h"

#define RUN 256U /* sorted at once */

/* The parts of a key end in NULs: that is their order, part by part. */
static int order_of(const struct nx_report_row *a,
                    const struct nx_report_row *b) {
    size_t n = a->hh.keylen < b->hh.keylen ? a->hh.keylen : b->hh.keylen;
    int order = memcmp(a->key, b->key, n);
    return order != 0
               ? order
               : (a->hh.keylen > b->hh.keylen) - (a->hh.keylen < b->hh.keylen);
}

static int by_key(const void *a, const void *b) {
    return order_of(*(struct nx_report_row *const *)a,
                    *(struct nx_report_row *const *)b);
}

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

/* Two runs from `at` on into one of the spare list. */
static void merge(struct nx_report *r) {
    size_t i = r->at;
    size_t mid = least(i + r->run, r->list_n);
    size_t k = mid;
    size_t end = least(mid + r->run, r->list_n);
    for (size_t to = i; to < end; to++) {
        bool first =
            k == end || (i < mid && order_of(r->list[i], r->list[k]) <= 0);
        r->spare[to] = first ? r->list[i++] : r->list[k++];
    }
    r->at = end;
}

static void sort_run(struct nx_report *r) {
    size_t n = least(RUN, r->list_n - r->at);
    qsort(r->list + r->at, n, sizeof(struct nx_report_row *), by_key);
    r->at += n;
}

/* A pass over the list has ended. */
static void next_pass(struct nx_report *r) {
    if (r->run != 0) {
        struct nx_report_row **list = r->list;
        r->list = r->spare;
        r->spare = list;
    }
    r->run = r->run == 0 ? RUN : 2 * r->run;
    r->at = 0;
}

bool nx_report_sort(struct nx_report *r, size_t rows_max) {
    while (r->run < r->list_n) {
        size_t before = r->at;
        if (rows_max == 0) {
            return false;
        }
        if (r->run == 0) {
            sort_run(r);
        } else {
            merge(r);
        }
        rows_max -= least(rows_max, r->at - before);
        if (r->at == r->list_n) {
            next_pass(r);
        }
    }
    r->at = 0;
    return true;
}
