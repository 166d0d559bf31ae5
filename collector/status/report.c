#include "collector/status/report.h"

#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include "common/hash.h"
#define HASH_FUNCTION(key, len, hash)                                          \
    ((hash) = (unsigned)nx_hash((key), (len), 0))
#include <uthash.h>

#include "collector/infer/verdict.h"
#include "collector/status/report_parts.h"
#include "collector/status/status_text.h"
#include "common/rfc3339.h"
#include "common/text.h"

/* --- rows --- */

int nx_report_new(struct nx_report **out) {
    *out = calloc(1, sizeof(**out));
    return *out != NULL ? 0 : NX_ENOMEM;
}

void nx_report_free(struct nx_report **report_p) {
    struct nx_report *report = *report_p;
    struct nx_report_row *row = NULL;
    struct nx_report_row *next = NULL;
    if (report == NULL) {
        return;
    }
    HASH_ITER(hh, report->rows, row, next) {
        HASH_DEL(report->rows, row);
        free(row->key);
        free(row);
    }
    free(report->list);
    free(report->spare);
    free(report);
    *report_p = NULL;
}

/* One text, its parts separated by NULs: what it is found by. */
static char *join(const struct nx_report_key *key, size_t *len) {
    const char *parts[] = {key->network, key->agent, key->resolver, key->name,
                           key->type};
    struct nx_text text;
    nx_text_init(&text);
    for (size_t i = 0; i < NX_REPORT_PARTS; i++) {
        nx_text_bytes(&text, parts[i], strlen(parts[i]) + 1);
    }
    *len = text.len;
    return nx_text_take(&text);
}

static struct nx_report_row *find(struct nx_report *report,
                                  const struct nx_report_key *key, bool make) {
    size_t len = 0;
    char *joined = join(key, &len);
    struct nx_report_row *row = NULL;
    if (joined != NULL) {
        HASH_FIND(hh, report->rows, joined, len, row);
    }
    if (row != NULL || joined == NULL || !make) {
        report->failed |= joined == NULL;
        free(joined);
        return row;
    }
    row = calloc(1, sizeof(*row));
    if (row != NULL) {
        row->key = joined;
        row->from_us = NX_TIME_UNKNOWN;
        row->cleared_us = NX_TIME_UNKNOWN;
        row->lo_us = NX_TIME_UNKNOWN;
        row->hi_us = NX_TIME_UNKNOWN;
        row->predicted_at_us = NX_TIME_UNKNOWN;
        HASH_ADD_KEYPTR(hh, report->rows, row->key, len, row);
    }
    if (row == NULL || row->hh.tbl == NULL) {
        report->failed = true;
        free(joined);
        free(row);
        return NULL;
    }
    return row;
}

const char *nx_report_part(const struct nx_report_row *row, unsigned part) {
    const char *p = row->key;
    while (part-- > 0) {
        p += strlen(p) + 1;
    }
    return p;
}

void nx_report_transition(struct nx_report *report,
                          const struct nx_report_key *key, int64_t at_us,
                          const char *to_state) {
    unsigned state = nx_state_of_text(to_state);
    bool affected = state < NX_STATE_REFUSED;
    struct nx_report_row *row = find(report, key, affected);
    if (row == NULL || state >= NX_STATE_N_) {
        return;
    }
    if (affected) {
        row->from_us = row->from_us == NX_TIME_UNKNOWN ? at_us : row->from_us;
        row->first = row->states == 0 ? (uint8_t)state : row->first;
        row->states |= 1U << state;
        row->relapses_n += row->cleared_us != NX_TIME_UNKNOWN ? 1 : 0;
        row->cleared_us = NX_TIME_UNKNOWN;
    } else if (state == NX_STATE_CLEAR && row->from_us != NX_TIME_UNKNOWN) {
        row->cleared_us = at_us;
    }
}

void nx_report_forecast(struct nx_report *report,
                        const struct nx_report_key *key,
                        const struct nx_report_forecast *forecast) {
    struct nx_report_row *row = find(report, key, false);
    if (row == NULL || row->predicted_at_us != NX_TIME_UNKNOWN ||
        forecast->at_us < row->from_us) {
        return;
    }
    row->predicted_at_us = forecast->at_us;
    row->point_us = forecast->point_us;
    row->lo90_us = forecast->lo90_us;
    row->hi90_us = forecast->hi90_us;
    size_t len = strnlen(forecast->basis, sizeof(row->basis) - 1);
    memcpy(row->basis, forecast->basis, len);
}

/* --- what the status knows better --- */

static int64_t time_of(const json_t *text) {
    int64_t us = 0;
    const char *string = json_string_value(text);
    return string != NULL && nx_time_parse(string, &us) == 0 ? us
                                                             : NX_TIME_UNKNOWN;
}

static const char *text_of(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

/* Whether it speaks for its network; between which two looks it cleared. */
static void take_target(struct nx_report *report, const char *network,
                        const json_t *target) {
    const struct nx_report_key key = {
        network, text_of(target, "agent"), text_of(target, "resolver"),
        text_of(target, "name"), text_of(target, "type")};
    const json_t *span = json_object_get(target, "clear_observed");
    struct nx_report_row *row = find(report, &key, false);
    const char *layer = text_of(target, "layer");
    if (row != NULL) {
        row->beside = strcmp(layer, nx_layer_text(NX_LAYER_UPSTREAM)) == 0 ||
                      strcmp(layer, nx_layer_text(NX_LAYER_CONTROL)) == 0;
    }
    if (row != NULL && row->cleared_us != NX_TIME_UNKNOWN) {
        row->lo_us = time_of(json_array_get(span, 0));
        row->hi_us = time_of(json_array_get(span, 1));
    }
}

void nx_report_network(struct nx_report *report, const json_t *network) {
    size_t i = 0;
    const json_t *target = NULL;
    json_array_foreach(json_object_get(network, "targets"), i, target) {
        take_target(report, text_of(network, "network"), target);
    }
}

/* --- predicted against actual --- */

/* How far the prediction is from the time in which it cleared, 0 inside;
 * negative: predicted too early. */
static void score(struct nx_report_row *row) {
    int64_t hi_us =
        row->hi_us != NX_TIME_UNKNOWN ? row->hi_us : row->cleared_us;
    int64_t lo_us = row->lo_us != NX_TIME_UNKNOWN ? row->lo_us : hi_us;
    if (row->cleared_us == NX_TIME_UNKNOWN ||
        row->predicted_at_us == NX_TIME_UNKNOWN) {
        return;
    }
    row->scored = true;
    row->error_us = row->point_us > hi_us   ? row->point_us - hi_us
                    : row->point_us < lo_us ? row->point_us - lo_us
                                            : 0;
    row->inside = row->lo90_us <= hi_us && row->hi90_us >= lo_us;
}

/* One that answered well but was not proven clear at once, or lost a query or
 * two, was partly clear for a moment: its forecast, if there was one, rests on
 * no denial that was seen. */
static bool was_affected(const struct nx_report_row *row) {
    if (row->beside) {
        return false;
    }
    return row->states != 1U << NX_STATE_PARTLY_CLEAR ||
           (row->predicted_at_us != NX_TIME_UNKNOWN &&
            strcmp(row->basis, nx_basis_text(NX_BASIS_COUNTDOWN)) == 0);
}

/* --- the document --- */

static bool list_rows(struct nx_report *report) {
    size_t room = HASH_COUNT(report->rows) + 1;
    struct nx_report_row *row = report->rows;
    report->list = calloc(room, sizeof(struct nx_report_row *));
    report->spare = calloc(room, sizeof(struct nx_report_row *));
    if (report->list == NULL || report->spare == NULL) {
        return false;
    }
    for (; row != NULL; row = row->hh.next) {
        if (was_affected(row)) {
            score(row);
            report->list[report->list_n++] = row;
        }
    }
    return true;
}

/* Without the bracket at its end: the rows follow. */
static bool write_head(struct nx_report *report, const json_t *status,
                       struct nx_text *out) {
    nx_put_value(out, nx_report_head(report->list, report->list_n, status));
    if (out->failed) {
        return false;
    }
    out->len--;
    nx_put_key(out, "resolvers");
    nx_put_open(out, '[');
    return !out->failed;
}

static bool write_rows(struct nx_report *report, size_t rows_max,
                       struct nx_text *out) {
    for (; report->at < report->list_n && rows_max > 0; rows_max--) {
        nx_put_value(out, nx_report_row(report->list[report->at++]));
    }
    return !out->failed;
}

/* One stage, or a part of it; false: no memory. */
static bool write_some(struct nx_report *report, const json_t *status,
                       size_t rows_max, struct nx_text *out) {
    bool ok = false;
    switch (report->stage) {
    case NX_REPORT_LIST:
        ok = list_rows(report);
        report->stage = NX_REPORT_SORT;
        break;
    case NX_REPORT_SORT:
        ok = true;
        report->stage =
            nx_report_sort(report, rows_max) ? NX_REPORT_HEAD : NX_REPORT_SORT;
        break;
    case NX_REPORT_HEAD:
        ok = write_head(report, status, out);
        report->stage = NX_REPORT_ROWS;
        break;
    case NX_REPORT_ROWS:
        ok = write_rows(report, rows_max, out);
        break;
    }
    return ok;
}

int nx_report_write(struct nx_report *report, const json_t *status,
                    bool truncated, size_t rows_max, struct nx_text *out) {
    if (report->failed || !write_some(report, status, rows_max, out)) {
        return NX_ENOMEM;
    }
    if (report->stage != NX_REPORT_ROWS || report->at < report->list_n) {
        return NX_EAGAIN;
    }
    nx_put_close(out, ']');
    nx_put_key(out, "truncated");
    nx_put_bool(out, truncated);
    nx_put_close(out, '}');
    return out->failed ? NX_ENOMEM : 0;
}

json_t *nx_report_document(struct nx_report *report, const json_t *status,
                           bool truncated) {
    struct nx_text text;
    size_t i = 0;
    const json_t *network = NULL;
    int err = NX_EAGAIN;
    nx_text_init(&text);
    json_array_foreach(json_object_get(status, "networks"), i, network) {
        nx_report_network(report, network);
    }
    while (err == NX_EAGAIN) {
        err = nx_report_write(report, status, truncated, SIZE_MAX, &text);
    }
    text.failed |= err != 0;
    return nx_put_read(&text);
}
