#include "collector/status/report.h"

#include <math.h>
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

static unsigned state_of(const char *text) {
    unsigned state = 0;
    while (state < NX_STATE_N_ && strcmp(nx_state_text(state), text) != 0) {
        state++;
    }
    return state;
}

void nx_report_transition(struct nx_report *report,
                          const struct nx_report_key *key, int64_t at_us,
                          const char *to_state) {
    unsigned state = state_of(to_state);
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

static void take_status(struct nx_report *report, const json_t *status) {
    size_t i = 0;
    size_t k = 0;
    const json_t *network = NULL;
    const json_t *target = NULL;
    json_array_foreach(json_object_get(status, "networks"), i, network) {
        json_array_foreach(json_object_get(network, "targets"), k, target) {
            take_target(report, text_of(network, "network"), target);
        }
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

static int by_key(const void *a, const void *b) {
    const struct nx_report_row *x = *(struct nx_report_row *const *)a;
    const struct nx_report_row *y = *(struct nx_report_row *const *)b;
    for (unsigned part = 0; part < NX_REPORT_PARTS; part++) {
        int order = strcmp(nx_report_part(x, part), nx_report_part(y, part));
        if (order != 0) {
            return order;
        }
    }
    return 0;
}

/* The rows by network and resolver; NULL: out of memory. */
static struct nx_report_row **sorted(struct nx_report *report, size_t *n) {
    struct nx_report_row **rows =
        calloc(HASH_COUNT(report->rows) + 1, sizeof(struct nx_report_row *));
    struct nx_report_row *row = report->rows;
    *n = 0;
    for (; rows != NULL && row != NULL; row = row->hh.next) {
        if (was_affected(row)) {
            score(row);
            rows[(*n)++] = row;
        }
    }
    if (rows != NULL) {
        qsort(rows, *n, sizeof(struct nx_report_row *), by_key);
    }
    return rows;
}

json_t *nx_report_document(struct nx_report *report, const json_t *status,
                           bool truncated) {
    size_t n = 0;
    take_status(report, status);
    struct nx_report_row **rows = sorted(report, &n);
    json_t *document = rows != NULL && !report->failed
                           ? nx_report_json(rows, n, status)
                           : NULL;
    free(rows);
    if (document != NULL &&
        !nx_json_set(document, "truncated", json_boolean(truncated))) {
        json_decref(document);
        return NULL;
    }
    return document;
}
