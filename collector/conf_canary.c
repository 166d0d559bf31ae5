/* The zone of canary names. */
#include <string.h>

#include "collector/conf_parts.h"

#define EVERY_MIN_S 60U /* a run is over, at a slow resolver, too */
/* Twice in the week that a profile is believed: one run may give nothing. */
#define EVERY_MAX_S 259200U

const cyaml_schema_field_t nx_conf_canary_fields[] = {
    CYAML_FIELD_STRING_PTR("zone", OPTIONAL_PTR, struct nx_conf_raw_canary,
                           zone, 1, NX_CONF_TEXT_MAX),
    CYAML_FIELD_STRING_PTR("siblings_of", OPTIONAL_PTR,
                           struct nx_conf_raw_canary, siblings_of, 1,
                           NX_CONF_TEXT_MAX),
    CYAML_FIELD_STRING_PTR("bogus_zone", OPTIONAL_PTR,
                           struct nx_conf_raw_canary, bogus_zone, 1,
                           NX_CONF_TEXT_MAX),
    CYAML_FIELD_UINT_PTR("every_s", OPTIONAL_PTR, struct nx_conf_raw_canary,
                         every_s),
    CYAML_FIELD_UINT_PTR("count", OPTIONAL_PTR, struct nx_conf_raw_canary,
                         count),
    CYAML_FIELD_END};

static int take_name(const struct nx_conf_reader *r, const char *where,
                     const char *text, uint8_t *out) {
    if (nx_dname_parse(text, out) != NX_OK || nx_dname_labels(out) < 2 ||
        nx_canary_zone_check(out) != NX_OK) {
        return nx_yaml_error(r->doc, r->why, r->why_cap, where,
                             "\"%s\" is not the name of a zone, of two labels "
                             "or more and 223 octets at most",
                             text);
    }
    return NX_OK;
}

/* One that validators refuse: what else lives there, they would, too. */
static int take_bogus(const struct nx_conf_reader *r,
                      const struct nx_conf_raw_canary *raw,
                      struct nx_canary_conf *out) {
    if (raw->bogus_zone == NULL) {
        return NX_OK;
    }
    int err =
        take_name(r, "canary.bogus_zone", raw->bogus_zone, out->bogus_zone);
    if (err == NX_OK && (nx_dname_under(out->zone, out->bogus_zone) ||
                         nx_dname_under(out->bogus_zone, out->zone))) {
        return nx_yaml_error(r->doc, r->why, r->why_cap, "canary.bogus_zone",
                             "must not lie in the other zone, nor that in it: "
                             "its parent is signed");
    }
    return err;
}

/* Of a zone that is run for canary names, or of one that is in use. */
static int take_zone(const struct nx_conf_reader *r,
                     const struct nx_conf_raw_canary *raw,
                     struct nx_canary_conf *out) {
    const char *text = raw->zone != NULL ? raw->zone : raw->siblings_of;
    out->sibling = raw->zone == NULL;
    if ((raw->zone == NULL) == (raw->siblings_of == NULL)) {
        return nx_yaml_error(r->doc, r->why, r->why_cap, "canary",
                             "needs zone or siblings_of, one of them");
    }
    return take_name(r, out->sibling ? "canary.siblings_of" : "canary.zone",
                     text, out->zone);
}

int nx_conf_take_canary(const struct nx_conf_reader *r,
                        const struct nx_conf_raw_canary *raw) {
    struct nx_canary_conf *out = &r->out->engine.canary;
    uint32_t count = out->count_n;
    int err = take_zone(r, raw, out);
    if (err != NX_OK) {
        return err;
    }
    err = take_bogus(r, raw, out);
    if (err != NX_OK) {
        return err;
    }
    err = nx_conf_take_number(r, "canary.every_s", raw->every_s, EVERY_MIN_S,
                              EVERY_MAX_S, &out->every_s);
    if (err == NX_OK) {
        err = nx_conf_take_number(r, "canary.count", raw->count,
                                  NX_CANARY_COUNT_MIN, NX_CANARY_COUNT_MAX,
                                  &count);
    }
    out->count_n = (uint16_t)count;
    out->on = err == NX_OK;
    return err;
}
