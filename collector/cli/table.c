#include "collector/cli/table.h"

#include <stdlib.h>
#include <string.h>

#define GAP 2U

struct cell {
    char *text;
    enum nx_colour colour;
};

struct row {
    struct cell cells[NX_TABLE_COLUMNS_MAX];
    size_t n;
};

struct nx_table {
    const struct nx_column *columns;
    size_t columns_n;
    struct row *rows;
    size_t rows_n;
    size_t rows_cap;
    bool failed;
};

struct nx_table *nx_table_new(const struct nx_column *columns, size_t n) {
    struct nx_table *table = calloc(1, sizeof *table);
    if (table != NULL) {
        table->columns = columns;
        table->columns_n = n;
    }
    return table;
}

void nx_table_free(struct nx_table **table) {
    struct nx_table *t = *table;
    *table = NULL;
    for (size_t i = 0; t != NULL && i < t->rows_n; i++) {
        for (size_t j = 0; j < t->rows[i].n; j++) {
            free(t->rows[i].cells[j].text);
        }
    }
    if (t != NULL) {
        free(t->rows);
    }
    free(t);
}

void nx_table_row(struct nx_table *table) {
    if (table == NULL) {
        return;
    }
    if (table->rows_n == table->rows_cap) {
        size_t cap = table->rows_cap == 0 ? 16 : table->rows_cap * 2;
        struct row *rows = realloc(table->rows, cap * sizeof *rows);
        if (rows == NULL) {
            table->failed = true;
            return;
        }
        table->rows = rows;
        table->rows_cap = cap;
    }
    table->rows[table->rows_n++].n = 0;
}

void nx_table_cell(struct nx_table *table, const char *text,
                   enum nx_colour colour) {
    if (table == NULL || table->failed || table->rows_n == 0) {
        return;
    }
    struct row *row = &table->rows[table->rows_n - 1];
    char *copy = strdup(text != NULL ? text : "-");
    if (copy == NULL || row->n == table->columns_n) {
        free(copy);
        table->failed = true;
        return;
    }
    row->cells[row->n++] = (struct cell){copy, colour};
}

size_t nx_text_width(const char *text) {
    size_t width = 0;
    for (; *text != '\0'; text++) {
        width += ((unsigned char)*text & 0xc0) != 0x80 ? 1 : 0;
    }
    return width;
}

void nx_colour_add(struct nx_text *out, const char *text, enum nx_colour colour,
                   bool wanted) {
    static const char *const codes[] = {
        [NX_PLAIN] = "", [NX_GREEN] = "32", [NX_YELLOW] = "33",
        [NX_RED] = "31", [NX_CYAN] = "36",  [NX_BOLD] = "1",
    };
    if (!wanted || colour == NX_PLAIN) {
        nx_text_add(out, text);
        return;
    }
    nx_text_addf(out, "\033[%sm%s\033[0m", codes[colour], text);
}

static void add_spaces(struct nx_text *out, size_t n) {
    for (size_t i = 0; i < n; i++) {
        nx_text_bytes(out, " ", 1);
    }
}

static void add_cell(struct nx_text *out, const char *text, size_t width,
                     bool right, bool last, enum nx_colour colour,
                     bool wanted) {
    size_t pad = width - nx_text_width(text);
    add_spaces(out, right ? pad : 0);
    nx_colour_add(out, text, colour, wanted);
    add_spaces(out, last ? 0 : GAP + (right ? 0 : pad));
}

static void measure(const struct nx_table *table, size_t *widths) {
    for (size_t j = 0; j < table->columns_n; j++) {
        widths[j] = nx_text_width(table->columns[j].title);
        for (size_t i = 0; i < table->rows_n; i++) {
            const struct row *row = &table->rows[i];
            size_t width = j < row->n ? nx_text_width(row->cells[j].text) : 0;
            widths[j] = width > widths[j] ? width : widths[j];
        }
    }
}

void nx_table_render(const struct nx_table *table, bool colour,
                     struct nx_text *out) {
    size_t widths[NX_TABLE_COLUMNS_MAX];
    if (table == NULL || table->failed) {
        out->failed = true;
        return;
    }
    measure(table, widths);
    for (size_t j = 0; j < table->columns_n; j++) {
        const struct nx_column *column = &table->columns[j];
        add_cell(out, column->title, widths[j], column->right,
                 j + 1 == table->columns_n, NX_BOLD, colour);
    }
    nx_text_add(out, "\n");
    for (size_t i = 0; i < table->rows_n; i++) {
        const struct row *row = &table->rows[i];
        for (size_t j = 0; j < row->n; j++) {
            add_cell(out, row->cells[j].text, widths[j],
                     table->columns[j].right, j + 1 == row->n,
                     row->cells[j].colour, colour);
        }
        nx_text_add(out, "\n");
    }
}
