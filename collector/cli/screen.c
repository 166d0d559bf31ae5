#include "collector/cli/screen.h"

#include <stdlib.h>
#include <string.h>

#define HELP_LIST "j k move  Enter explain  s order  f which  q quit"
#define HELP_OPEN "j k scroll  Esc back  q quit"

/* --- keys --- */

enum nx_key nx_screen_key(const char *bytes, size_t n, size_t *used) {
    static const struct {
        const char *bytes;
        enum nx_key key;
    } rows[] = {
        {"\033[A", NX_KEY_UP},
        {"\033[B", NX_KEY_DOWN},
        {"\033OA", NX_KEY_UP},
        {"\033OB", NX_KEY_DOWN},
        {"\033[5~", NX_KEY_PAGE_UP},
        {"\033[6~", NX_KEY_PAGE_DOWN},
        {"\033[H", NX_KEY_TOP},
        {"\033[F", NX_KEY_BOTTOM},
        {"k", NX_KEY_UP},
        {"j", NX_KEY_DOWN},
        {"g", NX_KEY_TOP},
        {"G", NX_KEY_BOTTOM},
        {" ", NX_KEY_PAGE_DOWN},
        {"\r", NX_KEY_ENTER},
        {"\n", NX_KEY_ENTER},
        {"b", NX_KEY_BACK},
        {"s", NX_KEY_SORT},
        {"f", NX_KEY_FILTER},
        {"q", NX_KEY_QUIT},
        {"\003", NX_KEY_QUIT},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t len = strlen(rows[i].bytes);
        if (len <= n && memcmp(bytes, rows[i].bytes, len) == 0) {
            *used = len;
            return rows[i].key;
        }
    }
    *used = n > 0 ? 1 : 0;
    if (n == 0 || bytes[0] != '\033') {
        return NX_KEY_NONE;
    }
    if (n > 1 && (bytes[1] == '[' || bytes[1] == 'O')) {
        /* A sequence that means nothing to us: all of it. */
        size_t at = 2;
        while (at < n && (bytes[at] < '@' || bytes[at] > '~')) {
            at++;
        }
        *used = at < n ? at + 1 : n;
        return NX_KEY_NONE;
    }
    return NX_KEY_BACK; /* Esc itself */
}

/* --- the networks that are shown --- */

static bool is_shown(const json_t *network, enum nx_filter filter) {
    bool quiet = nx_doc_is(network, "state", "clear") ||
                 nx_doc_is(network, "state", "unknown");
    switch (filter) {
    case NX_FILTER_AFFECTED:
        return !quiet;
    case NX_FILTER_STUCK:
        return nx_doc_is(network, "outlook", "stuck");
    case NX_FILTER_ALL:
    case NX_FILTER_N_:
        break;
    }
    return true;
}

/* The document with these networks, in order; a new reference, or NULL. */
static json_t *filtered(const struct nx_screen *screen, json_t *status) {
    if (status == NULL) {
        return NULL; /* none has come yet */
    }
    json_t *all = json_object_get(status, "networks");
    size_t n = json_array_size(all);
    json_t *copy = json_copy(status);
    json_t *list = json_array();
    json_t **rows = calloc(n + 1, sizeof *rows);
    size_t kept = 0;
    for (size_t i = 0; rows != NULL && i < n; i++) {
        json_t *network = json_array_get(all, i);
        if (is_shown(network, screen->filter)) {
            rows[kept++] = network;
        }
    }
    if (rows != NULL) {
        nx_show_order(rows, kept, screen->sort);
    }
    for (size_t i = 0; i < kept; i++) {
        (void)json_array_append(list, rows[i]);
    }
    free(rows);
    if (copy == NULL || json_object_set_new(copy, "networks", list) != 0) {
        json_decref(copy);
        return NULL;
    }
    return copy;
}

static size_t count(const json_t *document) {
    return json_array_size(json_object_get(document, "networks"));
}

/* --- moving --- */

static size_t page(const struct nx_screen *screen) {
    return screen->rows > 12 ? screen->rows - 12 : 1;
}

static void move(size_t *at, size_t last, size_t by, enum nx_key key) {
    if (key == NX_KEY_UP || key == NX_KEY_PAGE_UP) {
        *at = *at > by ? *at - by : 0;
    } else if (key == NX_KEY_DOWN || key == NX_KEY_PAGE_DOWN) {
        *at = *at + by < last ? *at + by : last;
    } else {
        *at = key == NX_KEY_TOP ? 0 : last;
    }
}

static void open_selected(struct nx_screen *screen, const json_t *shown) {
    const json_t *network =
        json_array_get(json_object_get(shown, "networks"), screen->selected);
    const char *name = nx_doc_text(network, "network");
    if (name != NULL && strlen(name) < sizeof screen->network) {
        memcpy(screen->network, name, strlen(name) + 1);
        screen->open = true;
        screen->scrolled = 0;
    }
}

static void press_moving(struct nx_screen *screen, enum nx_key key, size_t n) {
    size_t by =
        key == NX_KEY_PAGE_UP || key == NX_KEY_PAGE_DOWN ? page(screen) : 1;
    if (screen->open) {
        move(&screen->scrolled, SIZE_MAX / 2, by, key);
    } else {
        move(&screen->selected, n > 0 ? n - 1 : 0, by, key);
    }
}

bool nx_screen_press(struct nx_screen *screen, enum nx_key key,
                     json_t *status) {
    json_t *shown = filtered(screen, status);
    switch (key) {
    case NX_KEY_NONE:
        break;
    case NX_KEY_UP:
    case NX_KEY_DOWN:
    case NX_KEY_PAGE_UP:
    case NX_KEY_PAGE_DOWN:
    case NX_KEY_TOP:
    case NX_KEY_BOTTOM:
        press_moving(screen, key, count(shown));
        break;
    case NX_KEY_ENTER:
        open_selected(screen, shown);
        break;
    case NX_KEY_BACK:
        screen->open = false;
        break;
    case NX_KEY_SORT:
        screen->sort = (enum nx_sort)((screen->sort + 1) % NX_SORT_N_);
        break;
    case NX_KEY_FILTER:
        screen->filter = (enum nx_filter)((screen->filter + 1) % NX_FILTER_N_);
        screen->selected = 0;
        break;
    case NX_KEY_QUIT:
        break;
    }
    json_decref(shown);
    return key != NX_KEY_QUIT;
}

/* --- drawing --- */

struct pen {
    struct nx_text *out;
    unsigned rows, columns;
    unsigned at; /* lines drawn */
};

/* One line, cut to the width; ours are escape sequences that take no room. */
static void draw(struct pen *pen, const char *line, size_t len, bool marked) {
    unsigned column = 0;
    if (pen->at + 1 >= pen->rows) { /* the last one is the bar's */
        return;
    }
    nx_text_add(pen->out, marked ? "\033[7m" : "");
    for (size_t i = 0; i < len && column < pen->columns; i++) {
        if (line[i] == '\033') {
            size_t end = i;
            while (end < len && line[end] != 'm') {
                end++;
            }
            if (!marked) {
                nx_text_bytes(pen->out, line + i, end - i + 1);
            }
            i = end;
            continue;
        }
        column += ((unsigned char)line[i] & 0xc0) != 0x80 ? 1 : 0;
        nx_text_bytes(pen->out, line + i, 1);
    }
    nx_text_add(pen->out, "\033[0m\033[K\r\n");
    pen->at++;
}

static size_t line_len(const char *text) {
    return strcspn(text, "\n");
}

static const char *next_line(const char *text) {
    text += line_len(text);
    return *text == '\n' ? text + 1 : text;
}

static size_t lines_in(const char *text) {
    size_t n = 0;
    for (; *text != '\0'; text = next_line(text)) {
        n++;
    }
    return n;
}

/* Keeps the selected row on the screen; room: rows that fit. */
static void keep_in_sight(struct nx_screen *screen, size_t n, size_t room) {
    if (n > 0 && screen->selected >= n) {
        screen->selected = n - 1;
    }
    if (screen->selected < screen->top) {
        screen->top = screen->selected;
    } else if (screen->selected >= screen->top + room) {
        screen->top = screen->selected + 1 - room;
    }
    if (screen->top + room > n) {
        screen->top = n > room ? n - room : 0;
    }
}

/* The line above the table's rows, maybe in bold. */
static bool is_title(const char *line) {
    if (line[0] == '\033') {
        line += strcspn(line, "m") + 1;
    }
    return strncmp(line, "NETWORK ", 8) == 0;
}

/* The lines before the table's rows stay, the rows scroll, what follows them
 * is drawn where there is room. */
static void draw_list(struct nx_screen *screen, struct pen *pen,
                      const char *text, size_t n) {
    const char *p = text;
    bool title = false;
    while (*p != '\0' && !title) {
        title = n > 0 && is_title(p);
        draw(pen, p, line_len(p), false);
        p = next_line(p);
    }
    size_t room = pen->rows > pen->at + 2 ? pen->rows - pen->at - 1 : 1;
    keep_in_sight(screen, n, room);
    for (size_t i = 0; i < n; i++) {
        if (i >= screen->top && i < screen->top + room) {
            draw(pen, p, line_len(p), i == screen->selected);
        }
        p = next_line(p);
    }
    for (; *p != '\0'; p = next_line(p)) {
        draw(pen, p, line_len(p), false);
    }
}

static void draw_open(struct nx_screen *screen, struct pen *pen,
                      const char *text) {
    size_t n = lines_in(text);
    size_t room = pen->rows > 1 ? pen->rows - 1 : 1;
    size_t last = n > room ? n - room : 0;
    if (screen->scrolled > last) {
        screen->scrolled = last;
    }
    for (size_t i = 0; *text != '\0'; text = next_line(text), i++) {
        if (i >= screen->scrolled) {
            draw(pen, text, line_len(text), false);
        }
    }
}

static void draw_bar(const struct nx_screen *screen, struct pen *pen,
                     const char *trouble, size_t shown, size_t all) {
    static const char *const sorts[] = {"urgency", "name", "denied"};
    static const char *const filters[] = {"all", "affected", "stuck"};
    struct nx_text bar;
    nx_text_init(&bar);
    if (trouble != NULL) {
        nx_text_escaped(&bar, trouble);
    } else if (screen->open) {
        nx_text_add(&bar, HELP_OPEN);
    } else {
        nx_text_addf(&bar, "%zu of %zu networks (%s, by %s)   " HELP_LIST,
                     shown, all, filters[screen->filter], sorts[screen->sort]);
    }
    nx_text_add(pen->out, "\033[J");
    nx_text_addf(pen->out, "\033[%u;1H\033[7m%.*s\033[K\033[0m", pen->rows,
                 (int)pen->columns, bar.bytes != NULL ? bar.bytes : "");
    nx_text_fini(&bar);
}

void nx_screen_render(struct nx_screen *screen, const struct nx_show *show,
                      json_t *status, const json_t *network,
                      const char *trouble, struct nx_text *out) {
    struct pen pen = {
        .out = out, .rows = screen->rows, .columns = screen->columns};
    struct nx_show all = *show;
    struct nx_text text;
    json_t *shown = filtered(screen, status);
    all.all = !screen->open; /* every network; of looks the newest */
    all.columns = screen->columns;
    all.sort = screen->sort;
    nx_text_init(&text);
    if (screen->open && network != NULL) {
        nx_show_explain(network, &all, &text);
    } else if (shown != NULL) {
        nx_show_status(shown, &all, &text);
    }
    const char *bytes = text.bytes != NULL ? text.bytes : "";
    nx_text_add(out, "\033[H");
    if (screen->open) {
        draw_open(screen, &pen, bytes);
    } else {
        draw_list(screen, &pen, bytes, count(shown));
    }
    draw_bar(screen, &pen, trouble, count(shown), count(status));
    out->failed |= text.failed;
    nx_text_fini(&text);
    json_decref(shown);
}
