/* Inside the board: an entry, its blobs, its head. */
#ifndef NX_COLLECTOR_BOARD_PARTS_H
#define NX_COLLECTOR_BOARD_PARTS_H

#include <jansson.h>

#include "collector/status/board.h"
#include "collector/status/status_sheet.h"

struct nx_board_entry {
    struct nx_board_page shown; /* first: pages are found by it */
    struct nx_board_entry *next;
    bool made;
    int64_t asked_us;
    uint64_t told;    /* nx_engine_told of what is shown */
    uint64_t problem; /* hash of it */
    json_t *forecast; /* "summary", as of forecast_us */
    int64_t forecast_us;
    size_t targets_n; /* then */
};

/* The value as text, from skip bytes after its begin to skip before its end;
 * NULL: no memory. */
struct nx_blob *nx_blob_of(const json_t *value, size_t skip);

/* The lanes of all sites, with commas between. */
struct nx_blob *nx_blob_of_lanes(const struct nx_board_page *page);

/* Takes `text` over. True: it is another one than before. */
bool nx_blob_put(struct nx_blob **at, struct nx_blob *text);

/* Takes the document over: a status without networks. False: no memory. */
bool nx_board_put_head(struct nx_board_entry *p, json_t *document,
                       uint64_t revision);

/* The head of the sheet's incident; sites and forecast are up to date. False:
 * no memory. */
bool nx_board_render_head(struct nx_board_entry *p, struct nx_engine *engine,
                          const struct nx_sheet *sheet, const char *problem,
                          uint64_t revision);

#endif
