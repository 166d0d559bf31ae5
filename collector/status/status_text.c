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

json_t *nx_json_time(int64_t us) {
    char text[NX_TIME_TEXT_MAX];
    return us < 0 ? json_null() : json_string(nx_time_text(us, text));
}

json_t *nx_json_span(bool known, int64_t lo_us, int64_t hi_us) {
    if (!known) {
        return json_null();
    }
    return json_pack("[o, o]", nx_json_time(lo_us), nx_json_time(hi_us));
}

json_t *nx_json_eta(const struct nx_eta *eta) {
    if (!eta->known) {
        return json_null();
    }
    return json_pack(
        "{s:o, s:o, s:o, s:o, s:o}", "point", nx_json_time(eta->point_us),
        "lo50", nx_json_time(eta->lo50_us), "hi50", nx_json_time(eta->hi50_us),
        "lo90", nx_json_time(eta->lo90_us), "hi90", nx_json_time(eta->hi90_us));
}

json_t *nx_json_hard(const struct nx_hard *hard) {
    if (hard->reason == NX_HARD_NONE) {
        return json_null();
    }
    return json_pack("{s:o, s:s}", "at", nx_json_time(hard->at_us), "reason",
                     nx_hard_reason_text(hard->reason));
}

json_t *nx_json_ratio(double ratio) {
    return ratio < 0 ? json_null() : json_real(ratio);
}

static json_t *text_or_null(const char *text) {
    return text[0] == '\0' ? json_null() : nx_json_text(text);
}

json_t *nx_json_labels(const struct nx_labels *labels) {
    return json_pack("{s:o, s:o, s:o, s:o}", "site", text_or_null(labels->site),
                     "provider", text_or_null(labels->provider), "asn",
                     labels->asn == 0 ? json_null() : json_integer(labels->asn),
                     "country", text_or_null(labels->country));
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

static bool is_control(unsigned char c) {
    return c < 0x20 || c == 0x7f;
}

/* C1 controls are two octets in UTF-8: c2 80 .. c2 9f. */
static bool has_control(const char *text) {
    for (const char *p = text; *p != '\0'; p++) {
        unsigned char c = (unsigned char)*p;
        if (is_control(c) ||
            (c == 0xc2 && ((unsigned char)p[1] & 0xe0) == 0x80)) {
            return true;
        }
    }
    return false;
}

json_t *nx_json_text(const char *text) {
    json_t *plain = has_control(text) ? NULL : json_string(text);
    if (plain != NULL) {
        return plain;
    }
    struct nx_text escaped;
    nx_text_init(&escaped);
    nx_text_escaped(&escaped, text);
    json_t *value = escaped.bytes != NULL ? json_string(escaped.bytes) : NULL;
    nx_text_fini(&escaped);
    return value;
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
