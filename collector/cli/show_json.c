/* Documents as JSON, problems, and fitting a text to a terminal. */
#include <stdlib.h>
#include <string.h>

#include "collector/cli/show.h"

void nx_show_json(const json_t *document, bool one_line, struct nx_text *out) {
    char *text =
        json_dumps(document, JSON_ENSURE_ASCII | JSON_ENCODE_ANY |
                                 JSON_REAL_PRECISION(15) |
                                 (one_line ? JSON_COMPACT : JSON_INDENT(2)));
    if (text == NULL) {
        out->failed = true;
        return;
    }
    /* The only control character that jansson leaves as it is. */
    for (const char *p = text; *p != '\0'; p++) {
        if (*p == 0x7f) {
            nx_text_add(out, "\\u007f");
        } else {
            nx_text_bytes(out, p, 1);
        }
    }
    nx_text_add(out, "\n");
    free(text);
}

void nx_show_jsonl(const json_t *list, const char *without,
                   struct nx_text *out) {
    size_t i = 0;
    json_t *item = NULL;
    json_array_foreach(list, i, item) {
        json_t *row = json_copy(item);
        if (without != NULL) {
            (void)json_object_del(row, without);
        }
        nx_show_json(row, true, out);
        json_decref(row);
    }
}

void nx_show_status_jsonl(const json_t *status, struct nx_text *out) {
    const json_t *incident = json_object_get(status, "incident");
    size_t i = 0;
    json_t *network = NULL;
    json_array_foreach(json_object_get(status, "networks"), i, network) {
        if (!json_is_object(network)) {
            continue;
        }
        json_t *row =
            json_pack("{s:O*, s:O*}", "now", json_object_get(status, "now"),
                      "incident", json_object_get(incident, "id"));
        if (row == NULL || json_object_update(row, network) != 0) {
            out->failed = true;
        }
        (void)json_object_del(row, "targets");
        nx_show_json(row, true, out);
        json_decref(row);
    }
}

void nx_show_problem(const json_t *problem, struct nx_text *out) {
    const char *title = nx_doc_text(problem, "title");
    const char *detail = nx_doc_text(problem, "detail");
    nx_text_escaped(out, detail != NULL  ? detail
                         : title != NULL ? title
                                         : "the collector gave no reason");
}

/* Bytes of the escape sequence that begins the line; 0: none. Ours end in m. */
static size_t sequence_len(const char *line, size_t len) {
    size_t n = 0;
    if (len == 0 || line[0] != '\033') {
        return 0;
    }
    while (n < len && line[n] != 'm') {
        n++;
    }
    return n < len ? n + 1 : len;
}

/* One line cut to width; escape sequences and continuation bytes take no room.
 * Behind the edge only the end of a colour that began before is of use. */
static void add_cut(const char *line, size_t len, unsigned width,
                    struct nx_text *out) {
    unsigned used = 0;
    bool coloured = false;
    size_t n = 0;
    for (size_t i = 0; i < len; i += n) {
        n = sequence_len(line + i, len - i);
        if (n > 0) {
            bool end = n == 4 && memcmp(line + i, "\033[0m", n) == 0;
            if (end ? coloured : width == 0 || used < width) {
                nx_text_bytes(out, line + i, n);
                coloured = !end;
            }
            continue;
        }
        n = 1;
        used += ((unsigned char)line[i] & 0xc0) != 0x80 ? 1 : 0;
        if (width == 0 || used <= width) {
            nx_text_bytes(out, line + i, 1);
        }
    }
    nx_text_add(out, "\n");
}

static size_t count_lines(const char *text) {
    size_t n = 0;
    for (; *text != '\0'; text++) {
        n += *text == '\n' ? 1 : 0;
    }
    return n;
}

void nx_show_fit(const char *text, const struct nx_show *show,
                 struct nx_text *out) {
    size_t lines = count_lines(text);
    size_t room = lines;
    if (show->rows > 2 && lines >= show->rows) {
        room = show->rows - 2; /* the note, and the cursor's line */
    }
    for (size_t i = 0; i < room; i++) {
        size_t len = strcspn(text, "\n");
        add_cut(text, len, show->columns, out);
        text += len + 1;
    }
    if (room < lines) {
        nx_text_addf(out, "... %zu more lines\n", lines - room);
    }
}
