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
