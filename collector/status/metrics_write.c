/* Samples in Prometheus' text format. */
#include "collector/status/metrics_parts.h"

#include "common/rfc3339.h"

static bool is_plain(unsigned char c) {
    return c >= 0x20 && c <= 0x7e && c != '"' && c != '\\';
}

/* Backslash, quote and newline are escaped as the format says; all else that
 * is not printable ASCII as `\DDD` with its backslash doubled. */
static void add_label_value(struct nx_text *text, const char *value) {
    const char *p = value;
    while (*p != '\0') {
        size_t plain = 0;
        while (is_plain((unsigned char)p[plain])) {
            plain++;
        }
        nx_text_bytes(text, p, plain);
        p += plain;
        unsigned char c = (unsigned char)*p;
        if (c == '"' || c == '\\') {
            nx_text_addf(text, "\\%c", c);
        } else if (c != '\0') {
            nx_text_addf(text, "\\\\%03u", (unsigned)c);
        }
        p += c != '\0' ? 1 : 0;
    }
}

/* Most of very many samples are 0 or 1, and the rest takes long to write. */
static void add_value(struct nx_text *text, double value) {
    unsigned digit = value >= 0 && value < 10 ? (unsigned)value : 0;
    if (value >= digit && value <= digit) {
        const char one = (char)('0' + digit);
        nx_text_bytes(text, &one, 1);
    } else {
        nx_text_addf(text, "%.17g", value);
    }
}

void nx_metric_sample(
    const struct nx_metric_writer *w, double value,
    const struct nx_metric_label labels[NX_METRIC_LABELS_MAX]) {
    const char *before = "{";
    nx_text_add(w->text, w->name);
    for (unsigned i = 0; i < NX_METRIC_LABELS_MAX && labels[i].name != NULL;
         i++) {
        if (labels[i].value == NULL) {
            continue;
        }
        nx_text_add(w->text, before);
        nx_text_add(w->text, labels[i].name);
        nx_text_add(w->text, "=\"");
        add_label_value(w->text, labels[i].value);
        nx_text_add(w->text, "\"");
        before = ",";
    }
    nx_text_add(w->text, before[0] == ',' ? "} " : " ");
    add_value(w->text, value);
    nx_text_add(w->text, "\n");
}

const char *nx_metric_text(const json_t *object, const char *key) {
    return json_string_value(json_object_get(object, key));
}

/* A time as seconds; false when not known. */
static bool time_at(const json_t *object, const char *key, double *out) {
    const char *text = nx_metric_text(object, key);
    int64_t us = 0;
    if (text == NULL || nx_time_parse(text, &us) != 0) {
        return false;
    }
    *out = (double)us / 1e6;
    return true;
}

void nx_metric_number(
    const struct nx_metric_writer *w, const json_t *value,
    const struct nx_metric_label labels[NX_METRIC_LABELS_MAX]) {
    if (json_is_boolean(value)) {
        nx_metric_sample(w, json_is_true(value) ? 1 : 0, labels);
    } else if (json_is_number(value)) {
        nx_metric_sample(w, json_number_value(value), labels);
    }
}

void nx_metric_time(const struct nx_metric_writer *w, const json_t *object,
                    const char *key,
                    const struct nx_metric_label labels[NX_METRIC_LABELS_MAX]) {
    double seconds = 0;
    if (time_at(object, key, &seconds)) {
        nx_metric_sample(w, seconds, labels);
    }
}

bool nx_metric_more(struct nx_metric_writer *w) {
    w->cut = w->budget == 0;
    w->budget -= w->cut ? 0 : 1;
    return !w->cut;
}
