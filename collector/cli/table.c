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
    bool dropped[NX_TABLE_COLUMNS_MAX];
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
    if (!wanted || colour == NX_PLAIN || text[0] == '\0') {
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

static size_t total_width(const struct nx_table *table, const size_t *widths) {
    size_t total = 0;
    for (size_t j = 0; j < table->columns_n; j++) {
        total += table->dropped[j] ? 0 : widths[j] + (total > 0 ? GAP : 0);
    }
    return total;
}

/* Cells are ASCII but for our own signs: what is cut are names. */
static void cut_cell(char *text, size_t width, bool utf8) {
    const char *mark = utf8 ? "\xe2\x80\xa6" : "..";
    size_t mark_width = utf8 ? 1 : 2;
    if (nx_text_width(text) > width &&
        strlen(text) >= width - mark_width + strlen(mark)) {
        memcpy(text + width - mark_width, mark, strlen(mark) + 1);
    }
}

void nx_table_fit(struct nx_table *table, const struct nx_fit *fit) {
    size_t widths[NX_TABLE_COLUMNS_MAX];
    if (table == NULL || table->failed || fit->width == 0) {
        return;
    }
    measure(table, widths);
    size_t total = total_width(table, widths);
    size_t now = widths[fit->shorten];
    if (total > fit->width && now > fit->least) {
        size_t over = total - fit->width;
        size_t to = now > fit->least + over ? now - over : fit->least;
        for (size_t i = 0; i < table->rows_n; i++) {
            if (fit->shorten < table->rows[i].n) {
                cut_cell(table->rows[i].cells[fit->shorten].text, to,
                         fit->utf8);
            }
        }
        measure(table, widths);
    }
    for (size_t k = 0;
         k < fit->drop_n && total_width(table, widths) > fit->width; k++) {
        table->dropped[fit->drop[k]] = true;
    }
}

static size_t last_column(const struct nx_table *table) {
    size_t last = 0;
    for (size_t j = 0; j < table->columns_n; j++) {
        last = table->dropped[j] ? last : j;
    }
    return last;
}

void nx_table_render(const struct nx_table *table, bool colour,
                     struct nx_text *out) {
    size_t widths[NX_TABLE_COLUMNS_MAX];
    if (table == NULL || table->failed) {
        out->failed = true;
        return;
    }
    measure(table, widths);
    size_t last = last_column(table);
    for (size_t j = 0; j <= last && j < table->columns_n; j++) {
        const struct nx_column *column = &table->columns[j];
        if (!table->dropped[j]) {
            add_cell(out, column->title, widths[j], column->right, j == last,
                     NX_BOLD, colour);
        }
    }
    nx_text_add(out, "\n");
    for (size_t i = 0; i < table->rows_n; i++) {
        const struct row *row = &table->rows[i];
        for (size_t j = 0; j < row->n; j++) {
            if (table->dropped[j]) {
                continue;
            }
            add_cell(out, row->cells[j].text, widths[j],
                     table->columns[j].right, j == last || j + 1 == row->n,
                     row->cells[j].colour, colour);
        }
        nx_text_add(out, "\n");
    }
}
