/* What is shown of an authoritative side (see authority.h). */
#include <stdlib.h>
#include <string.h>

#include "collector/engine/authority_priv.h"

const char *nx_auth_class_text(unsigned class_) {
    static const char *const text[] = {"good", "silent", "pending", "differs",
                                       "denies"};
    return class_ <= NX_AUTH_DENIES ? text[class_] : "?";
}

const char *nx_outage_known_text(unsigned known) {
    static const char *const text[] = {NULL, "none", "assumed", "observed",
                                       "declared"};
    return known <= NX_OUTAGE_DECLARED ? text[known] : NULL;
}

static unsigned shown_class(const struct nx_auth_entry *e) {
    return e->quiet ? NX_AUTH_SILENT : e->server.class_;
}

static bool is_cut_off(const struct nx_auth_entry *e) {
    return e->server.asked && !e->way;
}

/* Who has no way there says nothing of it where another one has. */
static unsigned rank(const struct nx_auth_entry *e) {
    return is_cut_off(e) ? 0 : 1 + shown_class(e);
}

bool nx_auth_is_worst(const struct nx_authority *a, size_t i) {
    const struct nx_auth_server *s = &a->entries[i].server;
    unsigned class_ = rank(&a->entries[i]);
    for (size_t j = 0; j < a->entries_n; j++) {
        const struct nx_auth_server *o = &a->entries[j].server;
        unsigned theirs = rank(&a->entries[j]);
        if (j != i && nx_endpoint_same_server(&s->at, &o->at) &&
            (theirs > class_ || (theirs == class_ && j < i))) {
            return false;
        }
    }
    return true;
}

/* Nothing comes back by this address family, to anybody, of any zone, and by
 * the other one it does: that is the auditors' way rather than these servers.
 */
static bool lacks_family(const struct nx_authority *a,
                         const struct nx_auth_entry *e) {
    bool other = false;
    for (size_t i = 0; i < a->vantages_n; i++) {
        if ((a->vantages[i].reached & nx_auth_family(&e->server.at)) != 0) {
            return false;
        }
    }
    for (size_t i = 0; i < a->entries_n; i++) {
        const struct nx_auth_entry *o = &a->entries[i];
        bool same = o->server.at.address_len == e->server.at.address_len;
        if (same && !is_cut_off(o)) {
            return false;
        }
        other |= !same && o->way;
    }
    return other;
}

int nx_authority_view(struct nx_authority *a, struct nx_auth_view *out) {
    size_t cap = a->entries_n > 0 ? a->entries_n : 1;
    struct nx_auth_server *shown = realloc(a->shown, cap * sizeof(*shown));
    if (shown == NULL) {
        return NX_ENOMEM;
    }
    a->shown = shown;
    *out = (struct nx_auth_view){.facts = a->facts,
                                 .proven = a->proven,
                                 .apex_known = a->apex_known,
                                 .servers = shown,
                                 .papers = &a->papers,
                                 .w = a->w,
                                 .w_n = a->w_n,
                                 .outage_known = a->outage_known,
                                 .heard_us = NX_TIME_UNKNOWN,
                                 .verified_at_us = a->verified_at_us,
                                 .places_n = a->places_n,
                                 .left = a->left.list,
                                 .left_n = a->left.n,
                                 .left_shut_us = a->left_shut_us,
                                 .above = &a->above,
                                 .blind = a->blind};
    memcpy(out->apex, a->apex, sizeof(out->apex));
    for (size_t i = 0; i < a->entries_n; i++) {
        if (nx_auth_is_worst(a, i)) {
            struct nx_auth_server *s = &shown[out->servers_n++];
            *s = a->entries[i].server;
            s->class_ = (uint8_t)shown_class(&a->entries[i]);
            s->good = s->class_ == NX_AUTH_GOOD;
            s->no_way = lacks_family(a, &a->entries[i]);
            s->at.server_name = a->entries[i].named ? a->entries[i].name : NULL;
        }
    }
    for (size_t i = 0; i < a->vantages_n; i++) {
        out->problems |= a->vantages[i].problems;
        out->glue |= a->vantages[i].glue;
        if (a->vantages[i].last_us > out->heard_us) {
            out->heard_us = a->vantages[i].last_us;
        }
    }
    return 0;
}

bool nx_auth_denier(const struct nx_auth_view *view, size_t i,
                    const uint8_t *item, struct nx_auth_denier *out) {
    const struct nx_above_server *s = &view->above->list[i];
    const uint8_t *name = nx_above_name(s, item);
    for (size_t k = 0; name != NULL && k < i; k++) {
        const struct nx_above_server *o = &view->above->list[k];
        if (nx_endpoint_same_server(&o->at, &s->at) &&
            nx_above_name(o, item) == name) {
            name = NULL; /* as another vantage sees it, too */
        }
    }
    if (name == NULL) {
        return false;
    }
    *out = (struct nx_auth_denier){.at = s->at, .name = name};
    out->parent = view->apex_known && nx_dname_equal(name, view->apex);
    for (size_t k = 0; k < view->servers_n; k++) {
        const struct nx_endpoint *at = &view->servers[k].at;
        if (nx_endpoint_same_server(at, &s->at)) {
            out->at.server_name = at->server_name;
        }
    }
    return true;
}

void nx_authority_audit(const struct nx_auth_view *view, const uint8_t *name,
                        int64_t now_us, struct nx_auth_audit *out) {
    struct nx_audit_server servers[NX_DELEG_SERVERS_MAX];
    size_t n = 0;
    for (size_t i = 0; i < view->servers_n && n < NX_DELEG_SERVERS_MAX; i++) {
        servers[n++] = (struct nx_audit_server){view->servers[i].at,
                                                view->servers[i].sides};
    }
    const struct nx_audit_case c = {
        .name = name,
        .apex = view->apex_known ? view->apex : NULL,
        .papers = view->papers,
        .servers = servers,
        .servers_n = n,
        .negative_ttl_s = view->facts.w_auth_s,
        .now_us = now_us,
    };
    out->n = nx_findings_of(&c, out->list, NX_AUTH_FINDINGS_MAX);
    out->audited_n = nx_audited_n(&c);
    nx_audit_ttls_of(&c, &out->ttls);
}
