/* Sorts a list a piece at a time, for others wait meanwhile: by merging, of
 * pointers to what is in it. Pure. */
#ifndef NX_COLLECTOR_ORDER_H
#define NX_COLLECTOR_ORDER_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"

struct nx_order {
    int (*compare)(const void *a, const void *b); /* of two items */
    const void **from, **to;
    size_t n;
    size_t width;    /* so many stand in order each */
    size_t first;    /* of the two that are merged */
    size_t a, b, at; /* next of the first, of the second; where it goes */
};

/* The items are borrowed, and stay where they are. NX_ENOMEM. */
int nx_order_begin(struct nx_order *order, const void *items, size_t n,
                   size_t size,
                   int (*compare)(const void *a, const void *b)) NX_MUSTUSE;
/* Compares at most so many times. True: order->from is in order; equal items in
 * that of the list. */
bool nx_order_step(struct nx_order *order, size_t *budget);
void nx_order_fini(struct nx_order *order);

#endif
