#include "collector/status/order.h"

#include <stdlib.h>

int nx_order_begin(struct nx_order *order, const void *items, size_t n,
                   size_t size, int (*compare)(const void *a, const void *b)) {
    const void **from = calloc(n + 1, sizeof(*from));
    const void **to = calloc(n + 1, sizeof(*to));
    if (from == NULL || to == NULL) {
        free(from);
        free(to);
        return NX_ENOMEM;
    }
    for (size_t i = 0; i < n; i++) {
        from[i] = (const char *)items + i * size;
    }
    *order = (struct nx_order){
        .compare = compare, .from = from, .to = to, .n = n, .width = 1, .b = 1};
    return 0;
}

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

static void begin_two(struct nx_order *o, size_t first) {
    o->first = o->a = o->at = first;
    o->b = least(first + o->width, o->n);
}

static void begin_pass(struct nx_order *o) {
    const void **sorted = o->to;
    o->to = o->from;
    o->from = sorted;
    o->width *= 2;
    begin_two(o, 0);
}

static void take_one(struct nx_order *o, size_t middle, size_t end) {
    bool first = o->b == end || (o->a < middle &&
                                 o->compare(o->from[o->a], o->from[o->b]) <= 0);
    o->to[o->at++] = first ? o->from[o->a++] : o->from[o->b++];
}

bool nx_order_step(struct nx_order *o, size_t *budget) {
    while (o->width < o->n) {
        size_t middle = least(o->first + o->width, o->n);
        size_t end = least(middle + o->width, o->n);
        if (o->at == o->n) {
            begin_pass(o);
        } else if (o->at == end) {
            begin_two(o, end);
        } else if (*budget == 0) {
            return false;
        } else {
            take_one(o, middle, end);
            --*budget;
        }
    }
    return true;
}

void nx_order_fini(struct nx_order *order) {
    free(order->from);
    free(order->to);
    *order = (struct nx_order){0};
}
