/* The findings about the authoritative side in the status document. */
#include <stdio.h>
#include <string.h>

#include "collector/status/status_audit.h"
#include "collector/status/status_text.h"
#include "common/rfc3339.h"
#include "common/rrtype.h"
#include "common/text.h"

/* Without a SOA; AA or not. */
#define BARE "an empty answer, which resolvers take for NODATA"

static json_t *finding_json(enum nx_finding_tag tag,
                            const struct nx_endpoint *server,
                            const char *detail) {
    return json_pack("{s:s, s:s, s:o, s:s, s:s}", "tag",
                     nx_finding_tag_text(tag), "severity",
                     nx_severity_text(nx_finding_severity(tag)), "server",
                     server != NULL ? nx_json_address(server) : json_null(),
                     "detail", detail, "advice", nx_finding_advice(tag));
}

static bool find_text(json_t *list, enum nx_finding_tag tag,
                      const struct nx_endpoint *server, struct nx_text *text) {
    json_t *value =
        text->failed ? NULL : finding_json(tag, server, text->bytes);
    nx_text_fini(text);
    return nx_json_add(list, value);
}

static void name_server(struct nx_text *text, const struct nx_endpoint *e) {
    char name[NX_DNAME_TEXT_MAX];
    char at[NX_ENDPOINT_TEXT_MAX];
    nx_text_init(text);
    if (e->server_name != NULL) {
        nx_text_addf(text, "%s ", nx_dname_text(e->server_name, name));
    }
    nx_text_add(text, nx_endpoint_text(e, at));
}

static bool is_not_authoritative(const struct nx_auth_server *s) {
    return s->outcome == NX_ANSWERED && s->kind == NX_KIND_POS && !s->aa;
}

static enum nx_finding_tag silent_tag(const struct nx_auth_server *s) {
    if (s->alias) {
        return NX_FIND_ALIAS_OUT_OF_ZONE;
    }
    if (s->stops) {
        return NX_FIND_ALIAS_UNFOLLOWED;
    }
    return nx_sheet_is_lame(s) ? NX_FIND_NS_LAME : NX_FIND_NS_SILENT;
}

static enum nx_finding_tag server_tag(const struct nx_auth_server *s) {
    if (s->class_ == NX_AUTH_DENIES) {
        return NX_FIND_STILL_NEGATIVE;
    }
    return s->class_ == NX_AUTH_DIFFERS ? NX_FIND_OTHER_ANSWER : silent_tag(s);
}

static bool find_server(json_t *list, const struct nx_auth_server *s) {
    char code[12];
    char time[NX_TIME_TEXT_MAX];
    struct nx_text text;
    if (s->class_ == NX_AUTH_GOOD || s->no_way || /* one note tells of those */
        (s->class_ == NX_AUTH_PENDING && !s->stops && !s->alias &&
         !s->in_vain)) {
        return true;
    }
    name_server(&text, &s->at);
    if (s->class_ == NX_AUTH_DENIES) {
        nx_text_addf(&text, " denies the name (%s)",
                     s->bare ? BARE
                     : s->kind == NX_KIND_NODATA
                         ? "NODATA"
                         : nx_status_kind_text(s, code));
    } else if (s->class_ == NX_AUTH_DIFFERS) {
        nx_text_add(&text, " answers with another RRset");
    } else if (s->alias) {
        nx_text_add(&text, " has an alias out of its zone, whose target is "
                           "not audited: open the incident for the target,"
                           " or give --restored");
        return find_text(list, server_tag(s), &s->at, &text);
    } else if (s->stops) {
        nx_text_add(&text, " has an alias to a name of its own zone, and does "
                           "not say whether that is there");
        return find_text(list, server_tag(s), &s->at, &text);
    } else {
        nx_text_addf(&text, " gives no answer of use (%s)",
                     is_not_authoritative(s) ? "lame"
                                             : nx_status_kind_text(s, code));
    }
    if (s->class_ != NX_AUTH_SILENT && s->serial_known) {
        nx_text_addf(&text, ", serial %lu", (unsigned long)s->serial);
    }
    bool waits = s->class_ == NX_AUTH_PENDING;
    if ((s->class_ == NX_AUTH_SILENT || waits) && s->last_us >= 0) {
        nx_text_addf(&text, ", last asked %s%s", nx_time_text(s->last_us, time),
                     waits ? "" : "; set aside");
    }
    return find_text(list, server_tag(s), &s->at, &text);
}

struct auditors {
    char *out;
    unsigned n, named_n;
};

static void take_auditor(void *user, const struct nx_agent_view *view) {
    struct auditors *to = user;
    size_t len = strlen(to->out);
    if (!view->agent->authority || !view->agent->accepted ||
        !view->connected_once) {
        return;
    }
    to->n++;
    if (len + strlen(view->agent->name) + sizeof(", and 4294967295 more") <
        NX_AUDITORS_TEXT_MAX) {
        to->named_n++;
        (void)snprintf(to->out + len, NX_AUDITORS_TEXT_MAX - len, "%s%s",
                       len > 0 ? ", " : "", view->agent->name);
    }
}

int nx_status_auditors(struct nx_engine *engine, char *out) {
    struct auditors to = {.out = out};
    out[0] = '\0';
    int err = nx_engine_agents_of(engine, NULL, take_auditor, &to);
    size_t len = strlen(out);
    if (to.n > to.named_n) {
        (void)snprintf(out + len, NX_AUDITORS_TEXT_MAX - len, " and %u more",
                       to.n - to.named_n);
    }
    return err;
}

/* Agents look at the zone, and at none of its former servers: those of an older
 * release refuse that task and keep the guard shut until the end. */
static void blame_auditors(struct nx_text *text, const struct nx_left_server *s,
                           const struct nx_status_audit *a) {
    char time[NX_TIME_TEXT_MAX];
    if (s->unasked && !a->silent && a->auditors[0] != '\0') {
        nx_text_addf(text,
                     "; no agent in the role authority has asked it since %s: "
                     "upgrade those of an older release, which do not (%s)",
                     nx_time_text(s->left_us, time), a->auditors);
    }
}

/* It holds the guard shut: rule 1. */
static bool find_left(json_t *list, const struct nx_left_server *s,
                      const struct nx_status_audit *a) {
    char code[12];
    char at[NX_ENDPOINT_TEXT_MAX];
    char name[NX_DNAME_TEXT_MAX];
    char time[NX_TIME_TEXT_MAX];
    struct nx_text text;
    if (s->class_ < NX_LEFT_PENDING) {
        return true;
    }
    nx_text_init(&text);
    if (s->named) {
        nx_text_addf(&text, "%s ", nx_dname_text(s->name, name));
    }
    nx_text_add(&text, nx_endpoint_text(&s->at, at));
    if (s->class_ == NX_LEFT_DENIES) {
        nx_text_addf(&text, " left the NS set and still denies the name (%s)",
                     !s->answered ? "when it was seen last"
                     : s->bare    ? BARE
                     : s->rcode == NX_RCODE_NOERROR
                         ? "NODATA"
                         : nx_rcode_text(s->rcode, code));
    } else {
        nx_text_add(&text, s->class_ == NX_LEFT_SETTLES
                               ? " left the NS set and denied the name until "
                                 "a moment ago"
                               : " left the NS set and is not known to be "
                                 "harmless");
    }
    nx_text_addf(&text,
                 ": caches may ask it until %s, resolvers are not asked "
                 "before",
                 nx_time_text(s->until_us, time));
    blame_auditors(&text, s, a);
    return find_text(list,
                     s->class_ == NX_LEFT_PENDING ? NX_FIND_OLD_SERVER_UNSEEN
                                                  : NX_FIND_OLD_SERVER_DENIES,
                     &s->at, &text);
}

/* It holds the guard shut, though the zone's own servers be good. */
static bool find_denier(json_t *list, const struct nx_auth_denier *d) {
    char name[NX_DNAME_TEXT_MAX];
    struct nx_text text;
    name_server(&text, &d->at);
    nx_text_addf(&text,
                 "%s says that %s does not exist (NXDOMAIN): resolvers are not "
                 "asked until it does not",
                 d->parent ? " (of the parent)" : "",
                 nx_dname_text(d->name, name));
    return find_text(
        list, d->parent ? NX_FIND_PARENT_DENIES : NX_FIND_NAME_ABOVE_DENIED,
        &d->at, &text);
}

static bool find_if(json_t *list, bool found, enum nx_finding_tag tag,
                    const char *text) {
    return !found || nx_json_add(list, finding_json(tag, NULL, text));
}

static bool find_no_way(json_t *list, const struct nx_status_audit *a) {
    struct nx_text text;
    unsigned n = 0;
    bool v6 = false;
    for (size_t i = 0; i < a->servers_n; i++) {
        n += a->servers[i].no_way ? 1U : 0U;
        v6 |= a->servers[i].no_way && a->servers[i].at.address_len == 16;
    }
    if (n == 0) {
        return true;
    }
    nx_text_init(&text);
    nx_text_addf(&text,
                 "no agent in the role authority has a way by IPv%c: %u "
                 "address%s of name servers not audited",
                 v6 ? '6' : '4', n, n == 1 ? "" : "es");
    return find_text(list, NX_FIND_AUDITOR_NO_WAY, NULL, &text);
}

static bool find_silence(json_t *list, const struct nx_status_audit *a) {
    char time[NX_TIME_TEXT_MAX];
    struct nx_text text;
    if (!a->silent || a->audited_us < 0) {
        return true;
    }
    nx_text_init(&text);
    nx_text_addf(&text, "no name server heard of since %s",
                 nx_time_text(a->audited_us, time));
    return find_text(list, NX_FIND_AUDITOR_SILENT, NULL, &text);
}

static bool find_flapping(json_t *list, const struct nx_status_audit *a) {
    const struct nx_auth_facts *f = &a->facts;
    char time[NX_TIME_TEXT_MAX];
    struct nx_text text;
    if (f->bad_n < 2) { /* told once they are good again */
        return true;
    }
    nx_text_init(&text);
    nx_text_addf(&text, "name servers were bad %s%u times, last until %s",
                 f->bad_n == NX_BAD_MAX ? "at least " : "", (unsigned)f->bad_n,
                 nx_time_text(f->bad[f->bad_n - 1].to_us, time));
    return find_text(list, NX_FIND_FLAPPING, NULL, &text);
}

/* The walk saw that they differ; the audit's papers say how, once it ran. */
static bool differs_unsaid(const struct nx_status_audit *a) {
    bool said = false;
    for (size_t i = 0; i < a->findings_n; i++) {
        said = said || a->findings[i].tag == NX_FIND_NS_SET_DIFFERS;
    }
    return (a->problems & NX_DELEG_NS_DIFFERS) != 0 && !said;
}

static bool find_papers(json_t *list, const struct nx_status_audit *a) {
    bool ok = true;
    for (size_t i = 0; ok && i < a->findings_n; i++) {
        const struct nx_finding *f = &a->findings[i];
        ok = nx_json_add(
            list,
            finding_json(f->tag, f->has_server ? &f->server : NULL, f->detail));
    }
    return ok;
}

static bool find_all(json_t *list, const struct nx_status_audit *a) {
    for (size_t i = 0; i < a->servers_n; i++) {
        if (!find_server(list, &a->servers[i])) {
            return false;
        }
    }
    for (size_t i = 0; i < a->left_n; i++) {
        if (!find_left(list, &a->left[i], a)) {
            return false;
        }
    }
    for (size_t i = 0; i < a->deniers_n; i++) {
        if (!find_denier(list, &a->deniers[i])) {
            return false;
        }
    }
    uint32_t p = a->problems;
    return find_silence(list, a) && find_no_way(list, a) &&
           find_flapping(list, a) &&
           find_if(list, a->blind, NX_FIND_NS_SILENT,
                   "fewer than half of the name servers are good, and no agent "
                   "in the role authority has a way to the others: resolvers "
                   "are not asked until one has, or --restored is given") &&
           find_if(list, !nx_status_serials_agree(a), NX_FIND_SERIAL_MISMATCH,
                   "SOA serials differ") &&
           find_if(list, (p & NX_DELEG_LAME) != 0, NX_FIND_NS_LAME,
                   "lame delegation") &&
           find_if(list, (p & NX_DELEG_NO_GLUE) != 0, NX_FIND_NS_NO_ADDRESS,
                   "a name server is not asked: it has no address, or "
                   "there are more than 64, or than 6 of one host") &&
           find_if(list, (a->glue & NX_GLUE_DIFFERS) != 0, NX_FIND_GLUE_DIFFERS,
                   "the parent's glue for a name server is not the addresses "
                   "that this has in its own zone") &&
           find_if(list, (a->glue & NX_GLUE_MISSING) != 0, NX_FIND_GLUE_MISSING,
                   "the parent names a name server in the zone itself, and "
                   "has no glue for it") &&
           find_if(list, (p & NX_DELEG_UNREACHED) != 0,
                   NX_FIND_ZONE_NOT_REACHED,
                   "the zone was not reached from the root") &&
           find_if(list, differs_unsaid(a), NX_FIND_NS_SET_DIFFERS,
                   "parent and child NS sets differ") &&
           find_if(list, a->facts.deleg_changed_ns, NX_FIND_NS_SET_CHANGED,
                   "the name server set changed during the incident") &&
           find_if(list, a->declared, NX_FIND_DECLARED_ONLY,
                   "restoration declared by the operator, not observed") &&
           find_papers(list, a);
}

json_t *nx_status_findings(const struct nx_status_audit *a) {
    json_t *list = json_array();
    if (list != NULL && find_all(list, a)) {
        return list;
    }
    json_decref(list);
    return NULL;
}

/* The details alone, for those who read rather than sort. */
json_t *nx_status_details(const json_t *findings) {
    json_t *list = json_array();
    for (size_t i = 0; list != NULL && i < json_array_size(findings); i++) {
        const json_t *f = json_array_get(findings, i);
        if (!nx_json_add(list, json_incref(json_object_get(f, "detail")))) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}
