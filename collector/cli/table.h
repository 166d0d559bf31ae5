/* Rows of text in columns as wide as their content. Pure. */
#ifndef NX_CLI_TABLE_H
#define NX_CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/text.h"

#define NX_TABLE_COLUMNS_MAX 16U

struct nx_column {
    const char *title;
    bool right; /* aligned */
};

enum nx_colour {
    NX_PLAIN,
    NX_GREEN,
    NX_YELLOW,
    NX_RED,
    NX_CYAN,
    NX_BOLD,
};

struct nx_table; /* owns its cells */

/* NULL: out of memory. columns are borrowed; n at most NX_TABLE_COLUMNS_MAX. */
struct nx_table *nx_table_new(const struct nx_column *columns, size_t n);
void nx_table_free(struct nx_table **table);

/* Adds a row; cells are added from left to right after that. */
void nx_table_row(struct nx_table *table);
/* text: printable, escaped already; NULL shows "-". */
void nx_table_cell(struct nx_table *table, const char *text,
                   enum nx_colour colour);

/* Makes the table at most `width` columns wide, as far as possible: first cells
 * of column `shorten` are cut, with an ellipsis, to no less than `least`
 * columns; then the columns drop[0], drop[1] ... are left out. width 0: no
 * limit. Columns keep their numbers. */
struct nx_fit {
    size_t width;
    bool utf8;
    size_t shorten, least;
    const size_t *drop;
    size_t drop_n;
};
void nx_table_fit(struct nx_table *table, const struct nx_fit *fit);

/* Appends title line and rows; a failure (also of an earlier call) is left in
 * out. */
void nx_table_render(const struct nx_table *table, bool colour,
                     struct nx_text *out);

/* Appends text, coloured when wanted. */
void nx_colour_add(struct nx_text *out, const char *text, enum nx_colour colour,
                   bool wanted);

/* Columns that a terminal needs for it (UTF-8). */
size_t nx_text_width(const char *text);

#endif
