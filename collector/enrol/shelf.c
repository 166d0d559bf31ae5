#include "collector/enrol/shelf.h"

#include <stdlib.h>
#include <string.h>

#define CAP_MIN 16U

void nx_shelf_fini(struct nx_shelf *shelf) {
    free(shelf->items);
    shelf->items = NULL;
    shelf->n = shelf->cap = 0;
}

void *nx_shelf_at(const struct nx_shelf *shelf, size_t i) {
    return (char *)shelf->items + i * shelf->item_bytes;
}

static int grow(struct nx_shelf *shelf) {
    if (shelf->n < shelf->cap) {
        return NX_OK;
    }
    size_t cap = shelf->cap == 0 ? CAP_MIN : 2 * shelf->cap;
    void *grown = realloc(shelf->items, cap * shelf->item_bytes);
    if (grown == NULL) {
        return NX_ENOMEM;
    }
    shelf->items = grown;
    shelf->cap = cap;
    return NX_OK;
}

int nx_shelf_reserve(struct nx_shelf *shelf, int64_t now_us, void **old) {
    if (shelf->n < shelf->max) {
        int err = grow(shelf);
        *old = err == NX_OK ? NULL : *old;
        return err;
    }
    for (size_t i = 0; i < shelf->n; i++) {
        void *item = nx_shelf_at(shelf, i);
        if (shelf->over(item, now_us)) {
            *old = item;
            return NX_OK;
        }
    }
    return NX_ELIMIT;
}

void nx_shelf_remove(struct nx_shelf *shelf, void *item) {
    char *next = (char *)item + shelf->item_bytes;
    char *end = nx_shelf_at(shelf, shelf->n);
    memmove(item, next, (size_t)(end - next));
    shelf->n--;
}

void nx_shelf_trim(struct nx_shelf *shelf, int64_t (*over_us)(const void *item),
                   int64_t before_us) {
    for (size_t i = shelf->n; i > 0; i--) {
        void *item = nx_shelf_at(shelf, i - 1);
        if (over_us(item) < before_us) {
            nx_shelf_remove(shelf, item);
        }
    }
}

void nx_shelf_add(struct nx_shelf *shelf, void *old, const void *item) {
    if (old != NULL) {
        nx_shelf_remove(shelf, old);
    }
    memcpy(nx_shelf_at(shelf, shelf->n++), item, shelf->item_bytes);
}

int nx_shelf_load(struct nx_shelf *shelf, const void *item) {
    int err = grow(shelf);
    if (err == NX_OK) {
        nx_shelf_add(shelf, NULL, item);
    }
    return err;
}
