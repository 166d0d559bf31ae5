/* Where the values stand in a JSON text, found without making any: a status
 * that is kept may have 80 MB. The text is one that nx_put_* or JSON_COMPACT
 * wrote: white space between values is an error, as is whatever else cannot be
 * passed over; what is inside of a value is its reader's. Pure. */
#ifndef NX_COLLECTOR_JSON_SCAN_H
#define NX_COLLECTOR_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>

struct nx_scan {
    const char *at, *end; /* what is left; borrowed */
    bool failed;          /* from then on nothing is found */
};

struct nx_piece {
    const char *at; /* borrowed from the text */
    size_t len;
};

/* Into the object ('{') or the list ('[') that begins here. */
void nx_scan_enter(struct nx_scan *scan, char bracket);

/* The next value of the list; false: that was the last one, or it failed. */
bool nx_scan_element(struct nx_scan *scan, struct nx_piece *value);
/* The same of the object; key: without its quotes, as it is written. */
bool nx_scan_member(struct nx_scan *scan, struct nx_piece *key,
                    struct nx_piece *value);
/* In two steps: after the first one the value is next, and may be entered. */
bool nx_scan_key(struct nx_scan *scan, struct nx_piece *key);
bool nx_scan_value(struct nx_scan *scan, struct nx_piece *value);

/* Is the piece this text? */
bool nx_piece_is(const struct nx_piece *piece, const char *text);

#endif
