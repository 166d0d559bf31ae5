/* A list in memory of what is in the store, oldest first and of at most so
 * many: one that is over makes room for a new one. Pure. */
#ifndef NX_COLLECTOR_SHELF_H
#define NX_COLLECTOR_SHELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

/* Zero it but for sizes and function to begin. */
struct nx_shelf {
    size_t item_bytes;
    size_t max;
    /* Can nobody use it any more? */
    bool (*over)(const void *item, int64_t now_us);
    void *items;
    size_t n, cap;
};

void nx_shelf_fini(struct nx_shelf *shelf);

void *nx_shelf_at(const struct nx_shelf *shelf, size_t i);

/* Makes sure of a place for one more. *old: the oldest that is over and has to
 * go for it; NULL: none has to. NX_ELIMIT: all are in use; NX_ENOMEM. */
int nx_shelf_reserve(struct nx_shelf *shelf, int64_t now_us,
                     void **old) NX_MUSTUSE;
/* Takes that place, at the end, with a copy of item. */
void nx_shelf_add(struct nx_shelf *shelf, void *old, const void *item);

/* As nx_shelf_add, for what the store has: however many those are. NX_ENOMEM.
 */
int nx_shelf_load(struct nx_shelf *shelf, const void *item) NX_MUSTUSE;

void nx_shelf_remove(struct nx_shelf *shelf, void *item);

/* Removes what was over before that time; over_us: INT64_MAX: it is not. */
void nx_shelf_trim(struct nx_shelf *shelf, int64_t (*over_us)(const void *item),
                   int64_t before_us);

#endif
