#include "collector/status/status_text.h"

#include <stdio.h>
#include <string.h>

#include "common/rfc3339.h"
#include "common/rrtype.h"
#include "common/text.h"

#define RDATA_TEXT_MAX (4U * NX_ANSWER_RDATA_MAX + 32U)

bool nx_json_set(json_t *object, const char *key, json_t *value) {
    return json_object_set_new(object, key, value) == 0;
}

bool nx_json_add(json_t *array, json_t *value) {
    return json_array_append_new(array, value) == 0;
}

json_t *nx_json_sizes(const uint8_t sized[NX_SIZES_N]) {
    json_t *o = json_object();
    for (unsigned i = 0; i < NX_SIZES_N; i++) {
        char key[8];
        (void)snprintf(key, sizeof(key), "%u", (unsigned)nx_sizes_bytes[i]);
        if (sized[i] != NX_SIZED_NONE) {
            (void)nx_json_set(o, key, json_string(nx_sized_text(sized[i])));
        }
    }
    return o;
}

json_t *nx_json_time(int64_t us) {
    char text[NX_TIME_TEXT_MAX];
    return us < 0 ? json_null() : json_string(nx_time_text(us, text));
}

void nx_put_time(struct nx_text *out, int64_t us) {
    char text[NX_TIME_TEXT_MAX];
    if (us < 0) {
        nx_put_null(out);
    } else {
        nx_put_string(out, nx_time_text(us, text));
    }
}

static void put_time_member(struct nx_text *out, const char *key, int64_t us) {
    nx_put_key(out, key);
    nx_put_time(out, us);
}

void nx_put_span(struct nx_text *out, bool known, int64_t lo_us,
                 int64_t hi_us) {
    if (!known) {
        nx_put_null(out);
        return;
    }
    nx_put_open(out, '[');
    nx_put_time(out, lo_us);
    nx_put_time(out, hi_us);
    nx_put_close(out, ']');
}

void nx_put_eta(struct nx_text *out, const struct nx_eta *eta) {
    if (!eta->known) {
        nx_put_null(out);
        return;
    }
    nx_put_open(out, '{');
    put_time_member(out, "point", eta->point_us);
    put_time_member(out, "lo50", eta->lo50_us);
    put_time_member(out, "hi50", eta->hi50_us);
    put_time_member(out, "lo90", eta->lo90_us);
    put_time_member(out, "hi90", eta->hi90_us);
    nx_put_close(out, '}');
}

void nx_put_hard(struct nx_text *out, const struct nx_hard *hard) {
    if (hard->reason == NX_HARD_NONE) {
        nx_put_null(out);
        return;
    }
    nx_put_open(out, '{');
    put_time_member(out, "at", hard->at_us);
    nx_put_member(out, "reason", nx_hard_reason_text(hard->reason));
    nx_put_close(out, '}');
}

json_t *nx_json_eta(const struct nx_eta *eta) {
    struct nx_text text;
    nx_text_init(&text);
    nx_put_eta(&text, eta);
    return nx_put_read(&text);
}

json_t *nx_json_hard(const struct nx_hard *hard) {
    struct nx_text text;
    nx_text_init(&text);
    nx_put_hard(&text, hard);
    return nx_put_read(&text);
}

void nx_put_ratio(struct nx_text *out, double ratio) {
    if (ratio < 0) {
        nx_put_null(out);
    } else {
        nx_put_real(out, ratio);
    }
}

json_t *nx_json_ratio(double ratio) {
    return ratio < 0 ? json_null() : json_real(ratio);
}

static void put_label(struct nx_text *out, const char *key, const char *text) {
    nx_put_key(out, key);
    if (text[0] == '\0') {
        nx_put_null(out);
    } else {
        nx_put_string(out, text);
    }
}

void nx_put_labels(struct nx_text *out, const struct nx_labels *labels) {
    nx_put_open(out, '{');
    put_label(out, "site", labels->site);
    put_label(out, "provider", labels->provider);
    nx_put_key(out, "asn");
    if (labels->asn == 0) {
        nx_put_null(out);
    } else {
        nx_put_integer(out, labels->asn);
    }
    put_label(out, "country", labels->country);
    nx_put_close(out, '}');
}

json_t *nx_json_labels(const struct nx_labels *labels) {
    struct nx_text text;
    nx_text_init(&text);
    nx_put_labels(&text, labels);
    return nx_put_read(&text);
}

json_t *nx_json_name(const uint8_t *name) {
    char text[NX_DNAME_TEXT_MAX];
    return name == NULL ? json_null() : json_string(nx_dname_text(name, text));
}

json_t *nx_json_type(uint16_t qtype) {
    char text[NX_RRTYPE_TEXT_MAX];
    return json_string(nx_rrtype_text(qtype, text));
}

json_t *nx_json_address(const struct nx_endpoint *at) {
    char text[NX_ENDPOINT_TEXT_MAX];
    return json_string(nx_endpoint_text(at, text));
}

static json_t *expect_item(const struct nx_incident_item *item) {
    char text[RDATA_TEXT_MAX];
    json_t *list = json_array();
    for (unsigned i = 0; list != NULL && i < item->rdata_n; i++) {
        (void)nx_rdata_text(item->qtype, item->rdata, item->rdata_len, i, text,
                            sizeof(text));
        if (!nx_json_add(list, json_string(text))) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

json_t *nx_json_expect(const struct nx_incident *incident) {
    char type[NX_RRTYPE_TEXT_MAX];
    json_t *expect = json_object();
    for (unsigned i = 0; expect != NULL && i < incident->items_n; i++) {
        const struct nx_incident_item *item = &incident->items[i];
        if (item->rdata_n > 0 &&
            !nx_json_set(expect, nx_rrtype_text(item->qtype, type),
                         expect_item(item))) {
            json_decref(expect);
            return NULL;
        }
    }
    return expect;
}

static char *write_silent(const struct nx_basis_of *of, char *out) {
    char time[NX_TIME_TEXT_MAX];
    if (of->last_look_us < 0) {
        (void)snprintf(out, NX_BASIS_TEXT_MAX, "agent silent");
    } else {
        (void)nx_time_text(of->last_look_us, time); /* 2026-11-20T20:14:... */
        (void)snprintf(out, NX_BASIS_TEXT_MAX, "agent silent since %.5sZ",
                       time + 11);
    }
    return out;
}

static char *write_unknown(const struct nx_basis_of *of, char *out) {
    if (of->unknown_reason == NX_UNKNOWN_AGENT_SILENT) {
        return write_silent(of, out);
    }
    (void)snprintf(out, NX_BASIS_TEXT_MAX, "%s",
                   nx_unknown_reason_text(of->unknown_reason));
    return out;
}

char *nx_basis_write(const struct nx_basis_of *of, char *out) {
    const char *plural = of->looks_n == 1 ? "" : "s";
    if (of->state == NX_STATE_UNKNOWN) {
        return write_unknown(of, out);
    }
    switch ((enum nx_basis)of->basis) {
    case NX_BASIS_COUNTDOWN:
        if (of->caches_n > 1) {
            (void)snprintf(out, NX_BASIS_TEXT_MAX, "countdown, %u caches",
                           of->caches_n);
            return out;
        }
        (void)snprintf(out, NX_BASIS_TEXT_MAX, "countdown, %u look%s",
                       of->looks_n, plural);
        return out;
    case NX_BASIS_POSITIVE:
        (void)snprintf(out, NX_BASIS_TEXT_MAX, "%u look%s", of->looks_n,
                       plural);
        return out;
    case NX_BASIS_LAST_SEEN:
        return write_silent(of, out);
    case NX_BASIS_PRIOR:
        (void)snprintf(out, NX_BASIS_TEXT_MAX, "prior");
        return out;
    case NX_BASIS_NONE:
        break;
    }
    (void)snprintf(out, NX_BASIS_TEXT_MAX, "%u look%s", of->looks_n, plural);
    return out;
}
