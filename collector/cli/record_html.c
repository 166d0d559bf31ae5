/* One page without script, style sheets or pictures from elsewhere: a file to
 * attach or to paste. */
#include <string.h>

#include "collector/cli/record.h"
#include "collector/cli/record_chart.h"

static const char head[] =
    "<meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width\">\n"
    "<style>\n"
    ":root{color-scheme:light dark;--line:#8886;--soft:#8882;--bad:#c2410c;"
    "--good:#15803d;--mark:#1d4ed8}\n"
    "@media(prefers-color-scheme:dark){:root{--bad:#fb923c;--good:#4ade80;"
    "--mark:#93c5fd}}\n"
    "body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem "
    "auto;padding:0 1rem}\n"
    "h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}\n"
    ".scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;"
    "font-variant-numeric:tabular-nums}\n"
    "th,td{text-align:left;padding:.3rem .7rem .3rem 0;border-bottom:1px "
    "solid var(--line);vertical-align:top;white-space:nowrap}\n"
    "td.n{text-align:right}td.no{color:var(--bad)}\n"
    "footer{margin-top:2rem;font-size:.85rem;opacity:.75}\n"
    "svg{width:100%;height:auto;font:12px system-ui,sans-serif}\n"
    "svg text{fill:currentColor}.lane{stroke:var(--line)}.bar{fill:var(--bad);"
    "fill-opacity:.75}.open{fill-opacity:.35}\n"
    ".outage{fill:var(--soft)}.mark{stroke:var(--mark);stroke-dasharray:4 3}\n"
    "@media print{body{max-width:none;margin:0}h2{break-after:avoid}tr{"
    "break-inside:avoid}}\n"
    "</style>\n";

void nx_html_text(const char *text, struct nx_text *out) {
    struct nx_text escaped;
    nx_text_init(&escaped);
    nx_text_escaped(&escaped, text != NULL ? text : "?");
    for (const char *p = escaped.bytes; p != NULL && *p != '\0'; p++) {
        switch (*p) {
        case '&':
            nx_text_add(out, "&amp;");
            break;
        case '<':
            nx_text_add(out, "&lt;");
            break;
        case '>':
            nx_text_add(out, "&gt;");
            break;
        case '"':
            nx_text_add(out, "&quot;");
            break;
        case '\'':
            nx_text_add(out, "&#39;");
            break;
        default:
            nx_text_bytes(out, p, 1);
        }
    }
    out->failed |= escaped.failed;
    nx_text_fini(&escaped);
}

static void add_sentence(void *user, const char *sentence) {
    struct nx_text *out = user;
    nx_text_add(out, "<li>");
    nx_html_text(sentence, out);
    nx_text_add(out, "</li>\n");
}

static void add_cell(const char *text, const char *class_,
                     struct nx_text *out) {
    nx_text_addf(out, "<td%s%s%s>", class_ != NULL ? " class=\"" : "",
                 class_ != NULL ? class_ : "", class_ != NULL ? "\"" : "");
    nx_html_text(text, out);
    nx_text_add(out, "</td>");
}

static void begin_table(const char *title, const char *const *columns, size_t n,
                        struct nx_text *out) {
    nx_text_addf(out, "<h2>%s</h2>\n<div class=\"scroll\"><table><thead><tr>",
                 title);
    for (size_t i = 0; i < n; i++) {
        nx_text_addf(out, "<th scope=\"col\">%s</th>", columns[i]);
    }
    nx_text_add(out, "</tr></thead><tbody>\n");
}

static void add_networks(const json_t *report, struct nx_text *out) {
    static const char *const columns[] = {"network", "resolvers",
                                          "seen affected (UTC)", "clear (UTC)",
                                          "after restoration"};
    const json_t *list = json_object_get(report, "networks");
    size_t i = 0;
    const json_t *n = NULL;
    char cell[NX_CELL_MAX];
    if (json_array_size(list) == 0) {
        return;
    }
    begin_table("Networks that were affected", columns, 5, out);
    json_array_foreach(list, i, n) {
        nx_text_add(out, "<tr>");
        add_cell(nx_doc_text(n, "network"), NULL, out);
        nx_text_addf(out, "<td class=\"n\">%" JSON_INTEGER_FORMAT "</td>",
                     nx_doc_number(n, "resolvers"));
        add_cell(nx_record_time(n, "from", false, cell), NULL, out);
        add_cell(nx_record_time(n, "cleared", true, cell), NULL, out);
        add_cell(
            nx_record_seconds(json_object_get(n, "after_restoration_s"), cell),
            NULL, out);
        nx_text_add(out, "</tr>\n");
    }
    nx_text_add(out, "</tbody></table></div>\n");
}

static void add_resolver(const json_t *r, struct nx_text *out) {
    static const char *const keys[] = {"network", "resolver", "type", "state"};
    const json_t *inside = json_object_get(r, "inside_90");
    char cell[NX_CELL_MAX];
    nx_text_add(out, "<tr>");
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        add_cell(nx_doc_text(r, keys[i]), NULL, out);
    }
    add_cell(
        nx_record_time(json_object_get(r, "predicted"), "point", true, cell),
        NULL, out);
    add_cell(nx_record_edge(json_object_get(r, "cleared"), 1, true, cell), NULL,
             out);
    add_cell(nx_record_error(json_object_get(r, "error_s"), cell), NULL, out);
    add_cell(json_is_boolean(inside) ? (json_is_true(inside) ? "yes" : "no")
                                     : "-",
             json_is_false(inside) ? "no" : NULL, out);
    nx_text_add(out, "</tr>\n");
}

static void add_resolvers(const json_t *report, struct nx_text *out) {
    static const char *const columns[] = {
        "network",         "resolver",         "type",       "state",
        "predicted (UTC)", "seen clear (UTC)", "prediction", "within 90 %"};
    const json_t *list = json_object_get(report, "resolvers");
    size_t i = 0;
    const json_t *r = NULL;
    if (json_array_size(list) == 0) {
        return;
    }
    begin_table("Resolvers: predicted against actual", columns, 8, out);
    json_array_foreach(list, i, r) {
        add_resolver(r, out);
    }
    nx_text_add(out, "</tbody></table></div>\n");
}

void nx_record_html(const json_t *report, struct nx_text *out) {
    const json_t *incident = json_object_get(report, "incident");
    const char *name = nx_doc_text(incident, "name");
    char cell[NX_CELL_MAX];
    nx_text_addf(out,
                 "<!doctype html>\n<html lang=\"en\">\n<title>DNS incident "
                 "%" JSON_INTEGER_FORMAT ": ",
                 nx_doc_number(incident, "id"));
    nx_html_text(nx_show_name(name != NULL ? name : "?", cell), out);
    nx_text_addf(out, "</title>\n%s<h1>DNS incident %" JSON_INTEGER_FORMAT ": ",
                 head, nx_doc_number(incident, "id"));
    nx_html_text(nx_show_name(name != NULL ? name : "?", cell), out);
    nx_text_add(out, "</h1>\n<ul>\n");
    nx_record_sentences(report, add_sentence, out);
    nx_text_add(out, "</ul>\n");
    nx_record_chart(report, out);
    add_networks(report, out);
    add_resolvers(report, out);
    nx_text_addf(out,
                 "<footer>Written by nxclear " NX_VERSION
                 " at %s UTC.</footer>\n</html>\n",
                 nx_record_time(report, "now", false, cell));
}
