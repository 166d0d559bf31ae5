/* status --watch as a screen: what is shown, what keys do. Pure; io_watch.c
 * has the terminal.
 *
 * Keys: j k, arrows, PgUp PgDn, g G: move; Enter: the evidence of the network,
 * Esc or b: back; s: order; f: which networks; q: end. */
#ifndef NX_CLI_SCREEN_H
#define NX_CLI_SCREEN_H

#include "collector/cli/show.h"

enum nx_key {
    NX_KEY_NONE,
    NX_KEY_UP,
    NX_KEY_DOWN,
    NX_KEY_PAGE_UP,
    NX_KEY_PAGE_DOWN,
    NX_KEY_TOP,
    NX_KEY_BOTTOM,
    NX_KEY_ENTER,
    NX_KEY_BACK,
    NX_KEY_SORT,
    NX_KEY_FILTER,
    NX_KEY_QUIT,
};

enum nx_filter {
    NX_FILTER_ALL,
    NX_FILTER_AFFECTED, /* neither clear nor unknown */
    NX_FILTER_STUCK,
    NX_FILTER_N_,
};

struct nx_screen {
    unsigned rows, columns; /* of the terminal */
    enum nx_sort sort;
    enum nx_filter filter;
    size_t selected, top;          /* rows of the list */
    size_t scrolled;               /* lines of the evidence */
    bool open;                     /* the evidence is shown */
    char network[NX_CELL_MAX * 4]; /* whose; as in the document */
};

/* The next key of n bytes from a terminal; *used: how many it took, 0: more are
 * needed to know. */
enum nx_key nx_screen_key(const char *bytes, size_t n, size_t *used);

/* Does what a key means, with the newest status. False: the end. */
bool nx_screen_press(struct nx_screen *screen, enum nx_key key, json_t *status);

/* The whole screen, each line ended by clearing its rest: nothing flickers.
 * network: the document of screen->network, or NULL; trouble: why nothing is
 * new, or NULL. */
void nx_screen_render(struct nx_screen *screen, const struct nx_show *show,
                      json_t *status, const json_t *network,
                      const char *trouble, struct nx_text *out);

#endif
