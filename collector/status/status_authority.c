/* The authoritative side in the status document: all items of the incident
 * together; a server is as good as the worst it says about any of them. */
#include <stdlib.h>
#include <string.h>

#include "collector/status/status_sheet.h"
#include "collector/status/status_text.h"
#include "common/rfc3339.h"
#include "common/rrtype.h"
#include "common/text.h"

struct audit {
    const struct nx_incident *incident;
    struct nx_auth_server *servers; /* each once */
    size_t servers_n;
    struct nx_auth_facts facts; /* of all items together */
    uint8_t outage_known;
    int64_t verified_at_us;
    int64_t audited_us; /* of the sheet */
    bool silent;
    uint32_t problems;
    bool declared; /* restored by the operator's word alone */
};

static int64_t later(int64_t a, int64_t b) {
    return a > b ? a : b;
}

static int64_t earlier(int64_t a, int64_t b) {
    if (a == NX_TIME_UNKNOWN || b == NX_TIME_UNKNOWN) {
        return a == NX_TIME_UNKNOWN ? b : a;
    }
    return a < b ? a : b;
}

/* --- gathering --- */

static struct nx_auth_server *same_server(struct audit *a,
                                          const struct nx_endpoint *at) {
    for (size_t i = 0; i < a->servers_n; i++) {
        struct nx_endpoint x = a->servers[i].at;
        x.server_name = at->server_name;
        x.transport = at->transport;
        if (nx_endpoint_equal(&x, at)) {
            return &a->servers[i];
        }
    }
    return NULL;
}

static int take_servers(struct audit *a, const struct nx_auth_view *view) {
    size_t n = a->servers_n + view->servers_n;
    struct nx_auth_server *grown =
        realloc(a->servers, (n + 1) * sizeof(*grown));
    if (grown == NULL) {
        return NX_ENOMEM;
    }
    a->servers = grown;
    for (size_t i = 0; i < view->servers_n; i++) {
        const struct nx_auth_server *s = &view->servers[i];
        struct nx_auth_server *known = same_server(a, &s->at);
        if (known == NULL) {
            a->servers[a->servers_n++] = *s;
        } else if (s->class_ > known->class_) {
            *known = *s;
        }
    }
    return 0;
}

static void take_facts(struct audit *a, const struct nx_auth_facts *f,
                       bool first) {
    struct nx_auth_facts *all = &a->facts;
    if (first) {
        *all = *f;
        return;
    }
    all->observed = all->observed || f->observed;
    all->all_ns_good = all->all_ns_good && f->all_ns_good;
    all->verified = all->verified && f->verified;
    all->restored_lo_us = later(all->restored_lo_us, f->restored_lo_us);
    bool open = all->restored_hi_us == NX_TIME_UNKNOWN ||
                f->restored_hi_us == NX_TIME_UNKNOWN;
    all->restored_hi_us =
        open ? NX_TIME_UNKNOWN : later(all->restored_hi_us, f->restored_hi_us);
    all->w_auth_s = f->w_auth_s > all->w_auth_s ? f->w_auth_s : all->w_auth_s;
    all->deleg_changed_ns = all->deleg_changed_ns || f->deleg_changed_ns;
    if (!all->serial_known) {
        all->serial_known = f->serial_known;
        all->serial_restored = f->serial_restored;
    }
}

/* The earliest start of the items that had an outage. */
static void take_outage(struct audit *a, const struct nx_auth_view *view) {
    bool seen = view->outage_known > NX_OUTAGE_NONE;
    bool had = a->outage_known > NX_OUTAGE_NONE;
    int64_t from_us = view->facts.outage_lo_us;
    if ((seen && !had) ||
        (seen && had &&
         earlier(from_us, a->facts.outage_lo_us) != a->facts.outage_lo_us) ||
        (!seen && !had && view->outage_known > a->outage_known)) {
        a->outage_known = view->outage_known;
        a->facts.outage_lo_us = from_us;
    }
}

static int audit_init(struct audit *a, const struct nx_engine *engine,
                      const struct nx_sheet *sheet) {
    const struct nx_incident *incident = sheet->incident;
    *a = (struct audit){.incident = incident,
                        .verified_at_us = NX_TIME_UNKNOWN,
                        .audited_us = sheet->audited_us,
                        .silent = sheet->audit_silent};
    a->facts.outage_lo_us = incident->outage_from_us;
    a->facts.restored_lo_us = NX_TIME_UNKNOWN;
    a->facts.restored_hi_us = NX_TIME_UNKNOWN;
    for (unsigned i = 0; i < incident->items_n; i++) {
        struct nx_auth_view view;
        int err = nx_engine_authority(engine, incident->id, i, &view);
        if (err == NX_ESTATE) {
            return 0; /* closed: nothing is kept */
        }
        err = err != 0 ? err : take_servers(a, &view);
        if (err != 0) {
            return err;
        }
        take_facts(a, &view.facts, i == 0);
        take_outage(a, &view);
        a->problems |= view.problems;
        a->verified_at_us = later(a->verified_at_us, view.verified_at_us);
    }
    a->declared = a->facts.observed && a->servers_n == 0;
    return 0;
}

static void audit_fini(struct audit *a) {
    free(a->servers);
}

/* --- words --- */

static size_t count_class(const struct audit *a, enum nx_auth_class class_) {
    size_t n = 0;
    for (size_t i = 0; i < a->servers_n; i++) {
        n += a->servers[i].class_ == class_ ? 1U : 0U;
    }
    return n;
}

static const char *state_text(const struct audit *a) {
    if (!a->facts.observed) {
        return "unobserved";
    }
    if (a->facts.all_ns_good) {
        return "restored";
    }
    return count_class(a, NX_AUTH_GOOD) > 0 ? "partly" : "negative";
}

static const char *kind_text(const struct nx_auth_server *s, char *out) {
    return s->outcome != NX_ANSWERED ? nx_outcome_text(s->outcome)
                                     : nx_rcode_text(s->rcode, out);
}

static bool serials_agree(const struct audit *a) {
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
static json_t *serial_json(const struct audit *a) {
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

/* --- findings: what a person should look at --- */

static bool find_text(json_t *list, struct nx_text *text) {
    json_t *value = text->failed ? NULL : json_string(text->bytes);
    nx_text_fini(text);
    return nx_json_add(list, value);
}

static void name_server(struct nx_text *text, const struct nx_auth_server *s) {
    char name[NX_DNAME_TEXT_MAX];
    char at[NX_ENDPOINT_TEXT_MAX];
    nx_text_init(text);
    if (s->at.server_name != NULL) {
        nx_text_addf(text, "%s ", nx_dname_text(s->at.server_name, name));
    }
    nx_text_add(text, nx_endpoint_text(&s->at, at));
}

static bool find_server(json_t *list, const struct nx_auth_server *s) {
    char code[12];
    char time[NX_TIME_TEXT_MAX];
    struct nx_text text;
    if (s->class_ == NX_AUTH_GOOD || s->class_ == NX_AUTH_PENDING) {
        return true;
    }
    name_server(&text, s);
    if (s->class_ == NX_AUTH_DENIES) {
        nx_text_addf(&text, " denies the name (%s)",
                     s->kind == NX_KIND_NODATA ? "NODATA" : kind_text(s, code));
    } else if (s->class_ == NX_AUTH_DIFFERS) {
        nx_text_add(&text, " answers with another RRset");
    } else {
        bool lame = s->kind == NX_KIND_POS && !s->aa;
        if (s->alias) {
            nx_text_add(&text, " has an alias out of its zone, whose target is "
                               "not audited: open the incident for the target,"
                               " or give --restored");
            return find_text(list, &text);
        }
        nx_text_addf(&text, " gives no answer of use (%s)",
                     lame ? "lame" : kind_text(s, code));
    }
    if (s->class_ != NX_AUTH_SILENT && s->serial_known) {
        nx_text_addf(&text, ", serial %lu", (unsigned long)s->serial);
    }
    if (s->class_ == NX_AUTH_SILENT && s->last_us >= 0) {
        nx_text_addf(&text, ", last asked %s; set aside",
                     nx_time_text(s->last_us, time));
    }
    return find_text(list, &text);
}

static bool find_if(json_t *list, bool found, const char *text) {
    return !found || nx_json_add(list, json_string(text));
}

static bool find_silence(json_t *list, const struct audit *a) {
    char time[NX_TIME_TEXT_MAX];
    struct nx_text text;
    if (!a->silent || a->audited_us < 0) {
        return true;
    }
    nx_text_init(&text);
    nx_text_addf(&text, "authority agent silent since %s",
                 nx_time_text(a->audited_us, time));
    return find_text(list, &text);
}

static json_t *outage_known_json(const struct audit *a) {
    const char *text = nx_outage_known_text(a->outage_known);
    return text != NULL ? json_string(text) : json_null();
}

static bool find_all(json_t *list, const struct audit *a) {
    for (size_t i = 0; i < a->servers_n; i++) {
        if (!find_server(list, &a->servers[i])) {
            return false;
        }
    }
    uint32_t p = a->problems;
    return find_silence(list, a) &&
           find_if(list, !serials_agree(a), "SOA serials differ") &&
           find_if(list, (p & NX_DELEG_LAME) != 0, "lame delegation") &&
           find_if(list, (p & NX_DELEG_NO_GLUE) != 0,
                   "a name server without an address") &&
           find_if(list, (p & NX_DELEG_UNREACHED) != 0,
                   "the zone was not reached from the root") &&
           find_if(list, (p & NX_DELEG_NS_DIFFERS) != 0,
                   "parent and child NS sets differ") &&
           find_if(list, a->facts.deleg_changed_ns,
                   "the name server set changed during the incident") &&
           find_if(list, a->declared,
                   "restoration declared by the operator, not observed");
}

static json_t *findings_json(const struct audit *a) {
    json_t *list = json_array();
    if (list != NULL && find_all(list, a)) {
        return list;
    }
    json_decref(list);
    return NULL;
}

/* --- the object --- */

static json_t *server_json(const struct nx_auth_server *s) {
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
        nx_json_set(o, "seen", nx_json_time(s->last_us))) {
        return o;
    }
    json_decref(o);
    return NULL;
}

static json_t *servers_json(const struct audit *a) {
    json_t *list = json_array();
    for (size_t i = 0; list != NULL && i < a->servers_n; i++) {
        if (!nx_json_add(list, server_json(&a->servers[i]))) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static json_t *audit_json(const struct audit *a) {
    const struct nx_auth_facts *f = &a->facts;
    json_int_t good = (json_int_t)count_class(a, NX_AUTH_GOOD);
    bool seen = a->outage_known > NX_OUTAGE_NONE;
    int64_t verified_us = f->verified ? a->verified_at_us : NX_TIME_UNKNOWN;
    json_t *o = json_object();
    if (nx_json_set(o, "state", json_string(state_text(a))) &&
        nx_json_set(o, "verified", json_boolean(f->verified)) &&
        nx_json_set(o, "verified_at", nx_json_time(verified_us)) &&
        nx_json_set(o, "outage_from",
                    seen ? nx_json_time(f->outage_lo_us) : json_null()) &&
        nx_json_set(o, "outage_known", outage_known_json(a)) &&
        nx_json_set(o, "restored_lo",
                    seen ? nx_json_time(f->restored_lo_us) : json_null()) &&
        nx_json_set(o, "restored_hi", nx_json_time(f->restored_hi_us)) &&
        nx_json_set(o, "serial", serial_json(a)) &&
        nx_json_set(o, "serial_agree", json_boolean(serials_agree(a))) &&
        nx_json_set(o, "good", json_integer(good)) &&
        nx_json_set(o, "total", json_integer((json_int_t)a->servers_n)) &&
        nx_json_set(o, "seen", nx_json_time(a->audited_us)) &&
        nx_json_set(o, "silent", json_boolean(a->silent)) &&
        nx_json_set(o, "servers", servers_json(a)) &&
        nx_json_set(o, "findings", findings_json(a))) {
        return o;
    }
    json_decref(o);
    return NULL;
}

json_t *nx_status_authority(struct nx_engine *engine,
                            const struct nx_sheet *sheet) {
    struct audit a;
    int err = audit_init(&a, engine, sheet);
    json_t *o = err == 0 ? audit_json(&a) : NULL;
    audit_fini(&a);
    return o;
}

static json_t *seconds(bool known, uint32_t s) {
    return known ? json_integer(s) : json_null();
}

json_t *nx_status_negative(struct nx_engine *engine,
                           const struct nx_sheet *sheet) {
    struct audit a;
    int err = audit_init(&a, engine, sheet);
    const struct nx_auth_server *soa = NULL;
    for (size_t i = 0; err == 0 && i < a.servers_n && soa == NULL; i++) {
        soa = a.servers[i].serial_known ? &a.servers[i] : NULL;
    }
    json_t *o = NULL;
    if (err == 0) {
        o = json_pack(
            "{s:o, s:o, s:o}", "ttl_s",
            seconds(a.facts.w_auth_s != 0, a.facts.w_auth_s), "soa_ttl_s",
            seconds(soa != NULL, soa != NULL ? soa->soa_ttl_s : 0), "minimum_s",
            seconds(soa != NULL, soa != NULL ? soa->soa_minimum_s : 0));
    }
    audit_fini(&a);
    return o;
}
