/* The table behind advice.c: what is said of each state, first of reasons, then
 * of what to do. Inside of advice*.c. */
#ifndef NX_COLLECTOR_STATUS_ADVICE_TABLE_H
#define NX_COLLECTOR_STATUS_ADVICE_TABLE_H

#include <stddef.h>
#include <stdint.h>

/* When a row applies, beside its state. */
enum nx_advice_when {
    ALWAYS,
    REASON,  /* of `unknown`: arg */
    BOUND,   /* the hard bound's reason: arg */
    FLAG,    /* arg */
    DEVICE,  /* the resolver is the device's own, and it alone denies */
    OVERDUE, /* past the hard bound, and the one of a chain */
    PRESUMED,
    LINK,        /* an alias, and what is denied is known */
    ABOVE,       /* a name above it was denied, in the name of its own zone */
    ALIAS,       /* out of the zone: nobody audits its target */
    OLD_SERVERS, /* that left the delegation, and deny the name */
    OLD_GUARD,   /* not asked because of them alone */
    ASIDE,       /* another resolver, that answers nobody, is set aside */
    NO_LINES,
    MANY_LINES,
};

struct nx_advice_row {
    uint8_t state;
    uint8_t when;
    uint8_t arg;
    const char *why;
    const char *todo;
};

/* The first row of the state applies whose condition holds and whose facts are
 * all known. {x} is a fact; [ ... ] is left out when a fact in it is not known;
 * the last row of each state needs none. */
extern const struct nx_advice_row nx_advice_table[];
extern const size_t nx_advice_rows_n;

#endif
