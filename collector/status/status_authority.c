/* The authoritative side in the status document: all items of the incident
 * together; a server is as good as the worst it says about any of them. */

#include "collector/status/status_audit.h"
#include "collector/status/status_text.h"
#include "common/rfc3339.h"
#include "common/rrtype.h"

/* --- words --- */

static size_t count_class(const struct nx_status_audit *a,
                          enum nx_auth_class class_) {
    size_t n = 0;
    for (size_t i = 0; i < a->servers_n; i++) {
        n += a->servers[i].class_ == class_ ? 1U : 0U;
    }
    return n;
}

static const char *state_text(const struct nx_status_audit *a) {
    if (!a->facts.observed) {
        return "unobserved";
    }
    if (a->facts.all_ns_good) {
        return "restored";
    }
    return count_class(a, NX_AUTH_GOOD) > 0 ? "partly" : "negative";
}

const char *nx_status_kind_text(const struct nx_auth_server *s, char *out) {
    return s->outcome != NX_ANSWERED ? nx_outcome_text(s->outcome)
                                     : nx_rcode_text(s->rcode, out);
}

bool nx_status_serials_agree(const struct nx_status_audit *a) {
    const struct nx_auth_server *first = NULL;
    for (size_t i = 0; i < a->servers_n; i++) {
        const struct nx_auth_server *s = &a->servers[i];
        if (!s->serial_known || s->class_ == NX_AUTH_SILENT) {
            continue;
        }
        if (first != NULL && s->serial != first->serial) {
            return false;
        }
        first = s;
    }
    return true;
}

/* The newest serial that a good server showed. */
static json_t *serial_json(const struct nx_status_audit *a) {
    const struct nx_auth_server *newest = NULL;
    for (size_t i = 0; i < a->servers_n; i++) {
        const struct nx_auth_server *s = &a->servers[i];
        bool after = newest == NULL ||
                     (s->serial != newest->serial &&
                      s->serial - newest->serial < UINT32_C(0x80000000));
        if (s->good && s->serial_known && after) {
            newest = s;
        }
    }
    return newest == NULL ? json_null() : json_integer(newest->serial);
}

/* --- the object --- */

static json_t *outage_known_json(const struct nx_status_audit *a) {
    const char *text = nx_outage_known_text(a->outage_known);
    return text != NULL ? json_string(text) : json_null();
}

static json_t *server_json(const struct nx_status_audit *a,
                           const struct nx_auth_server *s) {
    char code[12];
    json_t *o = json_object();
    bool answered = s->asked && s->outcome == NX_ANSWERED;
    if (nx_json_set(o, "name", nx_json_name(s->at.server_name)) &&
        nx_json_set(o, "address", nx_json_address(&s->at)) &&
        nx_json_set(o, "state", json_string(nx_auth_class_text(s->class_))) &&
        nx_json_set(o, "rcode",
                    answered ? json_string(nx_rcode_text(s->rcode, code))
                             : json_null()) &&
        nx_json_set(o, "outcome",
                    s->asked ? json_string(nx_outcome_text(s->outcome))
                             : json_null()) &&
        nx_json_set(o, "serial",
                    s->serial_known ? json_integer(s->serial) : json_null()) &&
        nx_json_set(o, "seen", nx_json_time(s->last_us)) &&
        nx_json_set(o, "in_vain", json_boolean(s->in_vain || s->no_way)) &&
        nx_status_put_server(o, a, s)) {
        return o;
    }
    json_decref(o);
    return NULL;
}

static json_t *servers_json(const struct nx_status_audit *a) {
    json_t *list = json_array();
    for (size_t i = 0; list != NULL && i < a->servers_n; i++) {
        if (!nx_json_add(list, server_json(a, &a->servers[i]))) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static json_t *old_server_json(const struct nx_left_server *s) {
    char code[12];
    json_t *o = json_object();
    if (nx_json_set(o, "name", nx_json_name(s->named ? s->name : NULL)) &&
        nx_json_set(o, "address", nx_json_address(&s->at)) &&
        nx_json_set(o, "state", json_string(nx_left_class_text(s->class_))) &&
        nx_json_set(o, "rcode",
                    s->answered ? json_string(nx_rcode_text(s->rcode, code))
                                : json_null()) &&
        nx_json_set(o, "left", nx_json_time(s->left_us)) &&
        nx_json_set(o, "until", nx_json_time(s->until_us)) &&
        nx_json_set(o, "seen", nx_json_time(s->last_us))) {
        return o;
    }
    json_decref(o);
    return NULL;
}

static json_t *old_servers_json(const struct nx_status_audit *a) {
    json_t *list = json_array();
    for (size_t i = 0; list != NULL && i < a->left_n; i++) {
        if (!nx_json_add(list, old_server_json(&a->left[i]))) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

/* The outage as the fills of measured resolvers date it (German tank); null
 * when they do not, two at least are needed. */
static json_t *by_fills_json(const struct nx_incident_forecast *forecast) {
    const struct nx_outage_window *w = &forecast->outage;
    if (!forecast->outage_known) {
        return json_null();
    }
    json_t *o = json_object();
    if (nx_json_set(o, "from", nx_json_time(w->start_hat_us)) &&
        nx_json_set(o, "to", nx_json_time(w->restored_hat_us)) &&
        nx_json_set(o, "first_fill", nx_json_time(w->start_at_most_us)) &&
        nx_json_set(o, "last_fill", nx_json_time(w->restored_at_least_us))) {
        return o;
    }
    json_decref(o);
    return NULL;
}

static json_t *ttl_json(uint32_t ttl_s) {
    return ttl_s != NX_TTL_UNKNOWN ? json_integer(ttl_s) : json_null();
}

/* How long caches hold what is there now. */
static bool put_ttls(json_t *o, const struct nx_status_audit *a) {
    uint32_t parent_s =
        a->facts.ns_ttl_s != 0 ? a->facts.ns_ttl_s : NX_TTL_UNKNOWN;
    return nx_json_set(o, "ns_ttl_s", ttl_json(parent_s)) &&
           nx_json_set(o, "zone_ns_ttl_s", ttl_json(a->ttls.ns_s)) &&
           nx_json_set(o, "ds_ttl_s", ttl_json(a->ttls.ds_s)) &&
           nx_json_set(o, "dnskey_ttl_s", ttl_json(a->ttls.dnskey_s)) &&
           nx_json_set(o, "record_ttl_s", ttl_json(a->ttls.record_s)) &&
           nx_json_set(o, "signatures_end",
                       nx_json_time(a->ttls.signatures_end_us));
}

static json_t *audit_json(const struct nx_status_audit *a,
                          const struct nx_incident_forecast *forecast) {
    const struct nx_auth_facts *f = &a->facts;
    json_int_t good = (json_int_t)count_class(a, NX_AUTH_GOOD);
    bool seen = a->outage_known > NX_OUTAGE_NONE;
    int64_t verified_us = f->verified ? a->verified_at_us : NX_TIME_UNKNOWN;
    json_t *o = json_object();
    json_t *findings = nx_status_findings(a);
    json_t *details = findings != NULL ? nx_status_details(findings) : NULL;
    if (nx_json_set(o, "audit", findings) &&
        nx_json_set(o, "findings", details) &&
        nx_json_set(o, "state", json_string(state_text(a))) &&
        nx_json_set(o, "verified", json_boolean(f->verified)) &&
        nx_json_set(o, "verified_at", nx_json_time(verified_us)) &&
        nx_json_set(o, "verified_from",
                    json_integer((json_int_t)a->places_n)) &&
        nx_json_set(o, "outage_from",
                    seen ? nx_json_time(f->outage_lo_us) : json_null()) &&
        nx_json_set(o, "outage_known", outage_known_json(a)) &&
        nx_json_set(o, "outage_by_fills", by_fills_json(forecast)) &&
        nx_json_set(o, "restored_lo",
                    seen ? nx_json_time(f->restored_lo_us) : json_null()) &&
        nx_json_set(o, "restored_hi", nx_json_time(f->restored_hi_us)) &&
        nx_json_set(o, "serial", serial_json(a)) &&
        nx_json_set(o, "serial_agree",
                    json_boolean(nx_status_serials_agree(a))) &&
        nx_json_set(o, "good", json_integer(good)) &&
        nx_json_set(o, "total", json_integer((json_int_t)a->servers_n)) &&
        put_ttls(o, a) &&
        nx_json_set(o, "audited", json_integer((json_int_t)a->audited_n)) &&
        nx_json_set(o, "seen", nx_json_time(a->audited_us)) &&
        nx_json_set(o, "silent", json_boolean(a->silent)) &&
        nx_json_set(o, "servers", servers_json(a)) &&
        nx_json_set(o, "old_servers", old_servers_json(a))) {
        return o;
    }
    json_decref(o);
    return NULL;
}

json_t *nx_status_authority(struct nx_engine *engine,
                            const struct nx_sheet *sheet) {
    struct nx_status_audit a;
    int err = nx_status_audit_init(&a, engine, sheet);
    json_t *o = err == 0 ? audit_json(&a, &sheet->forecast) : NULL;
    nx_status_audit_fini(&a);
    return o;
}

static json_t *seconds(bool known, uint32_t s) {
    return known ? json_integer(s) : json_null();
}

json_t *nx_status_negative(struct nx_engine *engine,
                           const struct nx_sheet *sheet) {
    struct nx_status_audit a;
    int err = nx_status_audit_init(&a, engine, sheet);
    const struct nx_auth_server *soa = NULL; /* the largest makes the TTL */
    for (size_t i = 0; err == 0 && i < a.servers_n; i++) {
        const struct nx_auth_server *s = &a.servers[i];
        soa = s->serial_known && (soa == NULL || s->w_s > soa->w_s) ? s : soa;
    }
    json_t *o = NULL;
    if (err == 0) {
        o = json_pack(
            "{s:o, s:o, s:o, s:o, s:o, s:o}", "ttl_s",
            seconds(a.facts.w_auth_s != 0, a.facts.w_auth_s), "soa_ttl_s",
            seconds(soa != NULL, soa != NULL ? soa->soa_ttl_s : 0), "minimum_s",
            seconds(soa != NULL, soa != NULL ? soa->soa_minimum_s : 0),
            "sent_s", seconds(a.facts.w_wire_s != 0, a.facts.w_wire_s),
            "nsec_s", seconds(a.facts.w_nsec_s != 0, a.facts.w_nsec_s),
            "history", nx_status_w_history(&a));
    }
    nx_status_audit_fini(&a);
    return o;
}
