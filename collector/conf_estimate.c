/* `estimate` in the configuration of the collector. */
#include <stdlib.h>
#include <string.h>

#include "collector/conf_parts.h"

#define NUMBER(member)                                                         \
    CYAML_FIELD_UINT_PTR(#member, OPTIONAL_PTR, struct nx_conf_raw_estimate,   \
                         member)

const cyaml_schema_field_t nx_conf_estimate_fields[] = {
    NUMBER(settle_s),
    NUMBER(vantages),
    NUMBER(authority_interval_ms),
    NUMBER(probe_floor_ms),
    NUMBER(probe_ceiling_ms),
    NUMBER(first_visit),
    NUMBER(silent_after_s),
    CYAML_FIELD_STRING_PTR("clear_share", OPTIONAL_PTR,
                           struct nx_conf_raw_estimate, clear_share, 1,
                           NX_CONF_TEXT_MAX),
    CYAML_FIELD_END};

static int take_share(const struct nx_conf_reader *r, const char *text,
                      double *out) {
    if (text == NULL) {
        return NX_OK;
    }
    char *end = NULL;
    double share = strtod(text, &end);
    bool plain = text[strspn(text, "0123456789.")] == '\0';
    if (!plain || end == text || *end != '\0' || !(share > 0.0) ||
        share > 0.5) {
        return nx_yaml_error(r->doc, r->why, r->why_cap, "estimate.clear_share",
                             "\"%s\" is not a number above 0 and at most 0.5",
                             text);
    }
    *out = share;
    return NX_OK;
}

static int take_probe_interval(const struct nx_conf_reader *r,
                               const struct nx_conf_raw_estimate *raw,
                               struct nx_diagnosis_settings *out) {
    uint32_t floor_ms = (uint32_t)(out->probe_floor_us / 1000);
    uint32_t ceiling_ms = (uint32_t)(out->probe_ceiling_us / 1000);
    int err = nx_conf_take_number(r, "estimate.probe_floor_ms",
                                  raw->probe_floor_ms, 100, 3600000, &floor_ms);
    if (err == NX_OK) {
        err = nx_conf_take_number(r, "estimate.probe_ceiling_ms",
                                  raw->probe_ceiling_ms, floor_ms, 3600000,
                                  &ceiling_ms);
    }
    if (ceiling_ms < floor_ms) {
        ceiling_ms = floor_ms;
    }
    out->probe_floor_us = (int64_t)floor_ms * 1000;
    out->probe_ceiling_us = (int64_t)ceiling_ms * 1000;
    return err;
}

int nx_conf_take_estimate(const struct nx_conf_reader *r,
                          const struct nx_conf_raw_estimate *raw) {
    struct nx_engine_settings *out = &r->out->engine;
    uint32_t settle_s = (uint32_t)(out->settle_us / 1000000);
    uint32_t silent_s = (uint32_t)(out->diagnosis.silent_after_us / 1000000);
    uint32_t vantages = out->vantages;
    uint32_t visit_n = out->diagnosis.first_visit_n;
    const struct {
        const char *key;
        const uint32_t *value;
        uint32_t min, max;
        uint32_t *out;
    } rows[] = {
        {"estimate.settle_s", raw->settle_s, 1, 3600, &settle_s},
        {"estimate.vantages", raw->vantages, 1, 100, &vantages},
        {"estimate.authority_interval_ms", raw->authority_interval_ms, 100,
         600000, &out->authority_interval_ms},
        {"estimate.first_visit", raw->first_visit, 1, 16, &visit_n},
        {"estimate.silent_after_s", raw->silent_after_s, 5, 86400, &silent_s},
    };
    int err = NX_OK;
    for (size_t i = 0; err == NX_OK && i < sizeof(rows) / sizeof(rows[0]);
         i++) {
        err = nx_conf_take_number(r, rows[i].key, rows[i].value, rows[i].min,
                                  rows[i].max, rows[i].out);
    }
    out->settle_us = (int64_t)settle_s * 1000000;
    out->vantages = vantages;
    out->diagnosis.first_visit_n = (uint16_t)visit_n;
    out->diagnosis.silent_after_us = (int64_t)silent_s * 1000000;
    if (err == NX_OK) {
        err = take_probe_interval(r, raw, &out->diagnosis);
    }
    return err == NX_OK ? take_share(r, raw->clear_share,
                                     &out->diagnosis.clear_max_share)
                        : err;
}
