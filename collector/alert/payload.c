#include "collector/alert/payload.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/status/status_text.h"
#include "common/rfc3339.h"

#define DAY_S 86400
/* Alertmanager forgets an alert that nobody repeats; we tell of changes only,
 * so an alert says itself how long it may stand. */
#define STANDS_US (7 * DAY_S * INT64_C(1000000))

const char *nx_receiver_kind_text(unsigned kind) {
    static const char *const text[] = {
#define NX_RECEIVER_TEXT_(name, string) string,
        NX_RECEIVER_MAP(NX_RECEIVER_TEXT_)
#undef NX_RECEIVER_TEXT_
    };
    return kind < NX_RECEIVER_N_ ? text[kind] : "?";
}

char *nx_alert_key(uint32_t incident_id, int64_t at_us, char *out) {
    (void)snprintf(out, NX_ALERT_KEY_MAX, "nxclear-%" PRIu32 "-%" PRId64,
                   incident_id, at_us);
    return out;
}

/* --- the document --- */

/* Without its targets, and without what closes it; both are ordered by name. */
static void put_site(struct nx_text *out, const struct nx_board_page *page,
                     const char *network, size_t *at) {
    while (*at < page->sites_n &&
           strcmp(page->sites[*at].network, network) < 0) {
        ++*at;
    }
    if (*at < page->sites_n && strcmp(page->sites[*at].network, network) == 0) {
        const struct nx_blob *lane = page->sites[*at].lane;
        nx_text_bytes(out, lane->bytes, lane->len - 1);
    } else { /* it has no agent any more */
        nx_text_bytes(out, "{", 1);
        nx_put_member(out, "network", network);
    }
}

/* A change with what the status says of the network. */
static void put_change(struct nx_text *out, const struct nx_board_page *page,
                       const struct nx_alert_change *change, size_t *at) {
    put_site(out, page, change->now.network, at);
    nx_put_member(out, "kind", nx_alert_kind_text(change->kind));
    nx_put_key(out, "from");
    if (change->before.state != NX_STATE_CLEAR) {
        nx_put_string(out, nx_state_text(change->before.state));
    } else {
        nx_put_null(out); /* nothing was told */
    }
    nx_put_member(out, "to", nx_state_text(change->now.state));
    nx_put_key(out, "stuck");
    nx_put_bool(out, change->now.stuck);
    nx_put_close(out, '}');
}

/* What the status says of all networks. */
static void put_head(struct nx_text *out, const struct nx_board_page *page) {
    static const char *const keys[] = {"outlook", "incident", "summary"};
    json_t *head = nx_board_head_of(page);
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        json_t *value = json_object_get(head, keys[i]);
        nx_put_key(out, keys[i]);
        nx_put_value(out, value != NULL ? json_incref(value) : NULL);
    }
    json_decref(head);
}

void nx_alert_put_document(struct nx_text *out,
                           const struct nx_board_page *page, const char *kind,
                           int64_t now_us,
                           const struct nx_alert_change *changes, size_t n) {
    char key[NX_ALERT_KEY_MAX];
    char time[NX_TIME_TEXT_MAX];
    size_t at = 0;
    nx_put_open(out, '{');
    nx_put_member(out, "key", nx_alert_key(page->incident_id, now_us, key));
    nx_put_member(out, "kind", kind);
    nx_put_member(out, "at", nx_time_text(now_us, time));
    put_head(out, page);
    nx_put_key(out, "changes");
    nx_put_open(out, '[');
    for (size_t i = 0; i < n && !out->failed; i++) {
        if (i > 0) {
            nx_text_bytes(out, ",", 1);
        }
        put_change(out, page, &changes[i], &at);
    }
    nx_put_close(out, ']');
    nx_put_close(out, '}');
}

json_t *nx_alert_test_document(int64_t now_us) {
    char key[NX_ALERT_KEY_MAX];
    return json_pack("{s:s, s:s, s:o, s:s, s:{s:i, s:s}, s:{}, s:[]}", "key",
                     nx_alert_key(0, now_us, key), "kind", "test", "at",
                     nx_json_time(now_us), "outlook", "unknown", "incident",
                     "id", 0, "name", "www.example.com.", "summary", "changes");
}

/* --- texts for people --- */

static const char *text_of(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "?";
}

static int64_t time_of(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    int64_t us = 0;
    return text != NULL && nx_time_parse(text, &us) == 0 ? us : NX_TIME_UNKNOWN;
}

static void add_counts(const struct nx_letter_counts *counts,
                       struct nx_text *out) {
    const char *between = ": ";
    for (unsigned kind = 0; kind <= NX_ALERT_RECOVERED; kind++) {
        if (counts->of_kind_n[kind] > 0) {
            nx_text_addf(out, "%s%zu %s", between, counts->of_kind_n[kind],
                         nx_alert_kind_text(kind));
            between = ", ";
        }
    }
}

/* "incident 7 www.example.com.: 2 recovered, 1 stuck" */
static void add_title(const struct nx_letter *letter, struct nx_text *out) {
    const json_t *document = nx_letter_head(letter);
    const json_t *incident = json_object_get(document, "incident");
    if (strcmp(text_of(document, "kind"), "test") == 0) {
        nx_text_add(out, "nxclear: a test of this receiver");
        return;
    }
    nx_text_addf(out, "nxclear: incident %" JSON_INTEGER_FORMAT " ",
                 json_integer_value(json_object_get(incident, "id")));
    nx_text_escaped(out, text_of(incident, "name"));
    if (strcmp(text_of(document, "kind"), "closed") == 0) {
        nx_text_add(out, " closed");
    }
    add_counts(nx_letter_counts(letter), out);
}

static void add_clock(int64_t at_us, struct nx_text *out) {
    char text[NX_TIME_TEXT_MAX];
    (void)nx_time_text(at_us, text);
    nx_text_addf(out, "%.10s %.8s UTC", text, text + 11);
}

/* "; clears 2026-11-20 20:31:10 UTC, at the latest ... " */
static void add_forecast(const json_t *change, struct nx_text *out) {
    int64_t point_us = time_of(json_object_get(change, "clears"), "point");
    int64_t hard_us = time_of(json_object_get(change, "hard"), "at");
    if (point_us != NX_TIME_UNKNOWN) {
        nx_text_add(out, ", clears ");
        add_clock(point_us, out);
    }
    if (hard_us != NX_TIME_UNKNOWN) {
        nx_text_add(out, ", at the latest ");
        add_clock(hard_us, out);
    }
}

static void add_change(const json_t *change, struct nx_text *out) {
    const char *kind = text_of(change, "kind");
    const json_t *denied = json_object_get(change, "denied");
    nx_text_escaped(out, text_of(change, "network"));
    nx_text_addf(out, ": %s", kind);
    if (strcmp(kind, "recovered") == 0) {
        nx_text_add(out, "\n");
        return;
    }
    nx_text_addf(out, ", %s", text_of(change, "to"));
    if (json_is_number(denied)) {
        nx_text_addf(out, ", %.0f %% of queries denied",
                     json_number_value(denied) * 100.0);
    }
    add_forecast(change, out);
    nx_text_add(out, "\n");
    if (json_is_string(json_object_get(change, "advice"))) {
        nx_text_add(out, "    ");
        nx_text_escaped(out, text_of(change, "advice"));
        nx_text_add(out, "\n");
    }
}

/* "38 clear, 2 cached-nxdomain" */
static void add_states(const json_t *document, struct nx_text *out) {
    json_t *states =
        json_object_get(json_object_get(document, "summary"), "states");
    const char *state = NULL;
    const json_t *n = NULL;
    const char *between = "All networks now: ";
    json_object_foreach(states, state, n) {
        nx_text_addf(out, "%s%" JSON_INTEGER_FORMAT " %s", between,
                     json_integer_value(n), state);
        between = ", ";
    }
    if (between[0] == ',') {
        nx_text_add(out, ".\n");
    }
}

static void add_lines(const struct nx_letter *letter, struct nx_text *out) {
    const json_t *document = nx_letter_head(letter);
    size_t n = nx_letter_counts(letter)->changes_n;
    size_t i = 0;
    const json_t *change = NULL;
    json_array_foreach(json_object_get(document, "changes"), i, change) {
        add_change(change, out);
    }
    if (n > NX_ALERT_LINES_MAX) {
        nx_text_addf(out, "... and %zu more: nxclear status\n",
                     n - NX_ALERT_LINES_MAX);
    }
    add_states(document, out);
}

/* --- one for each kind --- */

static void dump(json_t *value, struct nx_text *out) {
    char *text = value != NULL
                     ? json_dumps(value, JSON_COMPACT | JSON_ENSURE_ASCII |
                                             JSON_SORT_KEYS)
                     : NULL;
    out->failed |= text == NULL;
    if (text != NULL) {
        nx_text_add(out, text);
    }
    free(text);
    json_decref(value);
}

/* Markup of chat tools must not act on what strangers wrote: in a code block
 * nothing does, but its own end. */
static json_t *code_block(const struct nx_letter *letter, bool entities) {
    struct nx_text lines;
    struct nx_text out;
    nx_text_init(&lines);
    nx_text_init(&out);
    add_title(letter, &lines);
    nx_text_add(&lines, "\n");
    add_lines(letter, &lines);
    nx_text_add(&out, "```\n");
    for (const char *p = lines.bytes; p != NULL && *p != '\0'; p++) {
        if (*p == '`') {
            nx_text_add(&out, "'");
        } else if (entities && strchr("&<>", *p) != NULL) {
            nx_text_add(&out, *p == '&'   ? "&amp;"
                              : *p == '<' ? "&lt;"
                                          : "&gt;");
        } else {
            nx_text_bytes(&out, p, 1);
        }
    }
    nx_text_add(&out, "```");
    json_t *text = lines.failed || out.failed ? NULL : json_string(out.bytes);
    nx_text_fini(&lines);
    nx_text_fini(&out);
    return text;
}

static json_t *plain_text(const struct nx_letter *letter) {
    struct nx_text text;
    nx_text_init(&text);
    add_title(letter, &text);
    nx_text_add(&text, "\n");
    add_lines(letter, &text);
    json_t *value = text.failed ? NULL : json_string(text.bytes);
    nx_text_fini(&text);
    return value;
}

/* Of an adaptive card: unlike a TextBlock, a run has no Markdown in it. */
static json_t *teams_line(const char *line, size_t len, bool title) {
    return json_pack("{s:s, s:s, s:[{s:s, s:s%, s:s, s:s}]}", "type",
                     "RichTextBlock", "spacing", title ? "Default" : "None",
                     "inlines", "type", "TextRun", "text", line, len,
                     "fontType", title ? "Default" : "Monospace", "weight",
                     title ? "Bolder" : "Default");
}

static bool add_teams_lines(const char *text, bool title, json_t *body) {
    bool ok = true;
    while (ok && text != NULL && *text != '\0') {
        size_t len = strcspn(text, "\n");
        ok = nx_json_add(body, teams_line(text, len, title));
        text += len + (text[len] == '\n' ? 1 : 0);
    }
    return ok;
}

static json_t *teams_json(const struct nx_letter *letter) {
    struct nx_text title;
    struct nx_text lines;
    json_t *body = json_array();
    nx_text_init(&title);
    nx_text_init(&lines);
    add_title(letter, &title);
    add_lines(letter, &lines);
    bool ok = body != NULL && !title.failed && !lines.failed &&
              add_teams_lines(title.bytes, true, body) &&
              add_teams_lines(lines.bytes, false, body);
    nx_text_fini(&title);
    nx_text_fini(&lines);
    if (!ok) {
        json_decref(body);
        return NULL;
    }
    return json_pack("{s:s, s:[{s:s, s:{s:s, s:s, s:o}}]}", "type", "message",
                     "attachments", "contentType",
                     "application/vnd.microsoft.card.adaptive", "content",
                     "type", "AdaptiveCard", "version", "1.4", "body", body);
}

static json_t *alertmanager_alert(const json_t *document, const json_t *change,
                                  bool closed) {
    const json_t *incident = json_object_get(document, "incident");
    char id[24];
    int64_t at_us = time_of(document, "at");
    bool over = closed || strcmp(text_of(change, "kind"), "recovered") == 0;
    struct nx_text text;
    nx_text_init(&text);
    add_change(change, &text);
    (void)snprintf(id, sizeof(id), "%" JSON_INTEGER_FORMAT,
                   json_integer_value(json_object_get(incident, "id")));
    json_t *alert = json_pack(
        "{s:{s:s, s:s, s:s, s:s}, s:{s:s, s:s, s:s}, s:o, s:o}", "labels",
        "alertname", "NxclearNetworkAffected", "incident", id, "name",
        text_of(incident, "name"), "network", text_of(change, "network"),
        "annotations", "summary", text.bytes != NULL ? text.bytes : "", "state",
        text_of(change, "to"), "stuck",
        json_is_true(json_object_get(change, "stuck")) ? "true" : "false",
        "startsAt", nx_json_time(at_us), "endsAt",
        nx_json_time(over ? at_us : at_us + STANDS_US));
    nx_text_fini(&text);
    return alert;
}

void nx_alert_put_told(struct nx_text *out, const json_t *document,
                       const json_t *change) {
    bool closed = strcmp(text_of(document, "kind"), "closed") == 0;
    if (out->len > 0) {
        nx_text_bytes(out, ",", 1);
    }
    dump(alertmanager_alert(document, change, closed), out);
}

static void alertmanager(const struct nx_letter *letter, struct nx_text *out) {
    const json_t *document = nx_letter_head(letter);
    const struct nx_text *told = nx_letter_told(letter);
    nx_text_bytes(out, "[", 1);
    nx_text_bytes(out, told->bytes, told->len);
    if (strcmp(text_of(document, "kind"), "test") == 0) {
        dump(json_pack("{s:{s:s}, s:o, s:o}", "labels", "alertname",
                       "NxclearTest", "startsAt",
                       nx_json_time(time_of(document, "at")), "endsAt",
                       nx_json_time(time_of(document, "at"))),
             out);
    }
    nx_text_bytes(out, "]", 1);
}

/* RFC 5322; every line is ours or escaped, and short enough. */
static void mail(const struct nx_receiver *receiver,
                 const struct nx_letter *letter, struct nx_text *out) {
    const json_t *document = nx_letter_head(letter);
    nx_text_addf(out, "To: %s\n", receiver->email);
    if (receiver->from != NULL) {
        nx_text_addf(out, "From: %s\n", receiver->from);
    }
    nx_text_add(out, "Subject: ");
    add_title(letter, out);
    nx_text_addf(out,
                 "\nMessage-ID: <%s@nxclear.invalid>\n"
                 "Auto-Submitted: auto-generated\n"
                 "MIME-Version: 1.0\n"
                 "Content-Type: text/plain; charset=us-ascii\n\n",
                 text_of(document, "key"));
    add_lines(letter, out);
    nx_text_addf(out, "\nAt %s. This message: %s.\n", text_of(document, "at"),
                 text_of(document, "key"));
}

void nx_alert_payload(const struct nx_receiver *receiver,
                      struct nx_letter *letter, struct nx_alert_payload *out) {
    out->content_type = "application/json";
    nx_text_init(&out->body);
    switch ((enum nx_receiver_kind)receiver->kind) {
    case NX_RECEIVER_WEBHOOK:
    case NX_RECEIVER_EXEC:
        nx_letter_take(letter, &out->body);
        break;
    case NX_RECEIVER_SLACK:
        dump(json_pack("{s:o}", "text", code_block(letter, true)), &out->body);
        break;
    case NX_RECEIVER_MATTERMOST:
        dump(json_pack("{s:s, s:o}", "username", "nxclear", "text",
                       code_block(letter, false)),
             &out->body);
        break;
    case NX_RECEIVER_TEAMS:
        dump(teams_json(letter), &out->body);
        break;
    case NX_RECEIVER_MATRIX:
        dump(json_pack("{s:s, s:o}", "msgtype", "m.text", "body",
                       plain_text(letter)),
             &out->body);
        break;
    case NX_RECEIVER_ALERTMANAGER:
        alertmanager(letter, &out->body);
        break;
    case NX_RECEIVER_EMAIL:
        out->content_type = "message/rfc822";
        mail(receiver, letter, &out->body);
        break;
    case NX_RECEIVER_N_:
        break;
    }
}
