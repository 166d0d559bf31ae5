/* The body of POST /v1/incidents. */
#include <stdio.h>
#include <string.h>

#include "collector/api/api_member.h"
#include "collector/engine/idn.h"
#include "common/rrtype.h"

#define PLACE_MAX 64U /* "expect.TYPE65535[12]" */

static int take_name(const json_t *root, uint8_t *name,
                     struct nx_api_problem *problem) {
    const char *text = NULL;
    int err = nx_member_text(root, "", "name", false, NX_DNAME_TEXT_MAX - 1,
                             &text, problem);
    if (err != 0) {
        return err;
    }
    if (nx_idn_parse(text, name) != 0) {
        return nx_api_refuse(problem, 422,
                             "name: not a domain name (labels of 1 to 63 "
                             "octets, 255 in all): " NX_SHOWN,
                             text);
    }
    return 0;
}

static int take_type(const json_t *value, size_t i, struct nx_incident *out,
                     struct nx_api_problem *problem) {
    uint16_t qtype = 0;
    if (!json_is_string(value)) {
        return nx_api_refuse(problem, 422, "types[%zu]: must be a string", i);
    }
    const char *text = json_string_value(value);
    if (nx_rrtype_parse(text, &qtype) != 0) {
        return nx_api_refuse(
            problem, 422, "types[%zu]: not a record type to ask for: " NX_SHOWN,
            i, text);
    }
    for (size_t j = 0; j < out->items_n; j++) {
        if (out->items[j].qtype == qtype) {
            return nx_api_refuse(problem, 422, "types[%zu]: twice: " NX_SHOWN,
                                 i, text);
        }
    }
    out->items[out->items_n++].qtype = qtype;
    return 0;
}

/* RFC 4035 section 3.1.4.1: a walk leads to the servers of one zone, and the DS
 * is the parent's. */
static bool differ_in_zone(const struct nx_incident_item *a,
                           const struct nx_incident_item *b) {
    return nx_dname_equal(a->name, b->name) &&
           (a->qtype == NX_TYPE_DS) != (b->qtype == NX_TYPE_DS);
}

uint32_t nx_api_ds_conflict(const struct nx_incident *incident,
                            const struct nx_incident *const *others, size_t n) {
    for (size_t i = 0; i < n; i++) {
        const struct nx_incident *o = others[i];
        bool open = o->closed_us == NX_TIME_UNKNOWN;
        for (size_t k = 0; open && k < o->items_n; k++) {
            if (differ_in_zone(&o->items[k], &incident->items[0])) {
                return o->id;
            }
        }
    }
    return 0;
}

static int take_types(const json_t *root, const uint8_t *name,
                      struct nx_incident *out, struct nx_api_problem *problem) {
    const json_t *types = json_object_get(root, "types");
    size_t n = json_array_size(types);
    if (n == 0) {
        return nx_api_refuse(problem, 422,
                             "types: must be a list such as [\"A\", \"AAAA\"]");
    }
    if (n > NX_INCIDENT_ITEMS_MAX) {
        return nx_api_refuse(problem, 422, "types: more than %u",
                             NX_INCIDENT_ITEMS_MAX);
    }
    int err = 0;
    for (size_t i = 0; i < n && err == 0; i++) {
        err = take_type(json_array_get(types, i), i, out, problem);
    }
    for (size_t i = 0; i < out->items_n; i++) {
        memcpy(out->items[i].name, name, nx_dname_len(name));
    }
    for (size_t i = 1; i < out->items_n && err == 0; i++) {
        if (differ_in_zone(&out->items[0], &out->items[i])) {
            err = nx_api_refuse(problem, 422,
                                "types: DS is asked of the parent zone's "
                                "servers: open an incident for it alone");
        }
    }
    return err;
}

static const char *rdata_kind(uint16_t qtype) {
    switch (qtype) {
    case NX_TYPE_A:
        return "not an IPv4 address";
    case NX_TYPE_AAAA:
        return "not an IPv6 address";
    case NX_TYPE_CNAME:
    case NX_TYPE_NS:
    case NX_TYPE_PTR:
        return "not a domain name";
    case NX_TYPE_MX:
        return "not a preference and a domain name (10 mail.example.com)";
    case NX_TYPE_TXT:
        return "not a text";
    case NX_TYPE_SVCB:
    case NX_TYPE_HTTPS:
        return "not a priority, a domain name and parameters (1 . alpn=h2,h3)";
    default:
        return "not RDATA in the form \\# LENGTH HEX (RFC 3597)";
    }
}

static int take_rdata(const char *place, const json_t *value,
                      struct nx_incident_item *item,
                      struct nx_api_problem *problem) {
    if (!json_is_string(value)) {
        return nx_api_refuse(problem, 422, "%s: must be a string", place);
    }
    const char *text = json_string_value(value);
    int err = nx_incident_expect(item, text);
    if (err == NX_ELIMIT) {
        return nx_api_refuse(problem, 422,
                             "%s: too much: at most %u records, %u octets",
                             place, NX_ANSWER_RECORDS_MAX, NX_ANSWER_RDATA_MAX);
    }
    if (err != 0) {
        return nx_api_refuse(problem, 422, "%s: %s: " NX_SHOWN, place,
                             rdata_kind(item->qtype), text);
    }
    return 0;
}

/* The item of a type given by a key of `expect`; NULL with *problem. */
static struct nx_incident_item *item_of(struct nx_incident *incident,
                                        const char *type,
                                        struct nx_api_problem *problem) {
    uint16_t qtype = 0;
    if (nx_rrtype_parse(type, &qtype) != 0) {
        (void)nx_api_refuse(problem, 422,
                            "expect: not a record type: " NX_SHOWN, type);
        return NULL;
    }
    for (size_t i = 0; i < incident->items_n; i++) {
        if (incident->items[i].qtype == qtype) {
            return &incident->items[i];
        }
    }
    (void)nx_api_refuse(problem, 422, "expect: %.12s is not among the types",
                        type);
    return NULL;
}

static int take_expected(const char *type, const json_t *set,
                         struct nx_incident *out,
                         struct nx_api_problem *problem) {
    char mnemonic[NX_RRTYPE_TEXT_MAX];
    char place[PLACE_MAX];
    struct nx_incident_item *item = item_of(out, type, problem);
    if (item == NULL) {
        return NX_EDENIED;
    }
    (void)nx_rrtype_text(item->qtype, mnemonic);
    if (!json_is_array(set)) {
        return nx_api_refuse(problem, 422, "expect.%s: must be a list",
                             mnemonic);
    }
    int err = 0;
    for (size_t i = 0; i < json_array_size(set) && err == 0; i++) {
        (void)snprintf(place, sizeof place, "expect.%s[%zu]", mnemonic, i);
        err = take_rdata(place, json_array_get(set, i), item, problem);
    }
    return err;
}

static int take_expect(json_t *root, struct nx_incident *out,
                       struct nx_api_problem *problem) {
    json_t *expect = json_object_get(root, "expect");
    const char *type = NULL;
    json_t *set = NULL;
    if (expect == NULL || json_is_null(expect)) {
        return 0;
    }
    if (!json_is_object(expect)) {
        return nx_api_refuse(problem, 422,
                             "expect: must be an object such as "
                             "{\"A\": [\"192.0.2.10\"]}");
    }
    json_object_foreach(expect, type, set) {
        int err = take_expected(type, set, out, problem);
        if (err != 0) {
            return err;
        }
    }
    return 0;
}

static int take_outage(const json_t *root, int64_t now_us,
                       struct nx_incident *out,
                       struct nx_api_problem *problem) {
    const json_t *outage = json_object_get(root, "outage");
    out->outage_from_us = NX_TIME_UNKNOWN;
    out->outage_to_us = NX_TIME_UNKNOWN;
    if (outage == NULL || json_is_null(outage)) {
        return 0;
    }
    if (!json_is_object(outage)) {
        return nx_api_refuse(problem, 422,
                             "outage: must be an object with from and to");
    }
    int err = nx_member_time(outage, "outage.", "from", now_us,
                             &out->outage_from_us, problem);
    if (err == 0) {
        err = nx_member_time(outage, "outage.", "to", now_us,
                             &out->outage_to_us, problem);
    }
    /* NX_TIME_UNKNOWN is the smallest number: an open end passes. */
    if (err == 0 && out->outage_to_us != NX_TIME_UNKNOWN &&
        out->outage_to_us < out->outage_from_us) {
        err = nx_api_refuse(problem, 422, "outage.to: before outage.from");
    }
    return err;
}

static int take_restored(const json_t *root, int64_t now_us,
                         struct nx_incident *out,
                         struct nx_api_problem *problem) {
    const char *text = json_string_value(json_object_get(root, "restored"));
    out->restored_us = NX_TIME_UNKNOWN;
    if (text != NULL && strcmp(text, "auto") == 0) {
        return 0;
    }
    int err = nx_member_time(root, "", "restored", now_us, &out->restored_us,
                             problem);
    if (err == 0 && out->restored_us != NX_TIME_UNKNOWN &&
        out->restored_us < out->outage_from_us) {
        err = nx_api_refuse(problem, 422, "restored: before outage.from");
    }
    return err;
}

static int take_note(const json_t *root, struct nx_incident *out,
                     struct nx_api_problem *problem) {
    const char *note = NULL;
    int err = nx_member_text(root, "", "note", true, NX_INCIDENT_NOTE_MAX - 1,
                             &note, problem);
    if (err == 0) {
        (void)snprintf(out->note, sizeof out->note, "%s",
                       note != NULL ? note : "");
    }
    return err;
}

static int take_audit(const json_t *root, struct nx_incident *out,
                      struct nx_api_problem *problem) {
    const json_t *audit = json_object_get(root, "audit");
    if (audit != NULL && !json_is_boolean(audit)) {
        return nx_api_refuse(problem, 422, "audit: must be true or false");
    }
    out->audit = json_is_true(audit);
    return 0;
}

int nx_api_incident(const char *body, size_t len, int64_t now_us,
                    struct nx_incident *out, struct nx_api_problem *problem) {
    static const char *const known[] = {"name",     "types", "expect", "outage",
                                        "restored", "note",  "audit",  NULL};
    json_t *root = NULL;
    uint8_t name[NX_DNAME_MAX];
    struct nx_incident incident;
    memset(&incident, 0, sizeof incident);
    incident.closed_us = NX_TIME_UNKNOWN;
    int err = nx_member_load(body, len, known, &root, problem);
    if (err != 0) {
        return err;
    }
    err = take_name(root, name, problem);
    err = err != 0 ? err : take_types(root, name, &incident, problem);
    err = err != 0 ? err : take_expect(root, &incident, problem);
    err = err != 0 ? err : take_outage(root, now_us, &incident, problem);
    err = err != 0 ? err : take_restored(root, now_us, &incident, problem);
    err = err != 0 ? err : take_note(root, &incident, problem);
    err = err != 0 ? err : take_audit(root, &incident, problem);
    json_decref(root);
    if (err == 0) {
        *out = incident;
    }
    return err;
}
