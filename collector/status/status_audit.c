/* The authoritative sides of an incident's items, taken together. */
#include <stdlib.h>
#include <string.h>

#include "collector/status/status_audit.h"

static struct nx_auth_server *same_server(struct nx_status_audit *a,
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

static int take_servers(struct nx_status_audit *a,
                        const struct nx_auth_view *view) {
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

static struct nx_left_server *same_left(const struct nx_status_audit *a,
                                        const struct nx_endpoint *at) {
    for (size_t i = 0; i < a->left_n; i++) {
        if (nx_endpoint_equal(&a->left[i].at, at)) {
            return &a->left[i];
        }
    }
    return NULL;
}

static int take_left(struct nx_status_audit *a,
                     const struct nx_auth_view *view) {
    size_t n = a->left_n + view->left_n;
    struct nx_left_server *grown = realloc(a->left, (n + 1) * sizeof(*grown));
    if (grown == NULL) {
        return NX_ENOMEM;
    }
    a->left = grown;
    for (size_t i = 0; i < view->left_n; i++) {
        const struct nx_left_server *s = &view->left[i];
        struct nx_left_server *known = same_left(a, &s->at);
        if (known == NULL) {
            a->left[a->left_n++] = *s;
        } else if (s->class_ > known->class_) {
            *known = *s;
        }
    }
    return 0;
}

static bool known_denier(const struct nx_status_audit *a,
                         const struct nx_auth_denier *d) {
    for (size_t i = 0; i < a->deniers_n; i++) {
        if (nx_endpoint_same_server(&a->deniers[i].at, &d->at) &&
            nx_dname_equal(a->deniers[i].name, d->name)) {
            return true;
        }
    }
    return false;
}

static int take_deniers(struct nx_status_audit *a,
                        const struct nx_auth_view *view, const uint8_t *item) {
    size_t n = a->deniers_n + view->above->n;
    struct nx_auth_denier *grown =
        realloc(a->deniers, (n + 1) * sizeof(*grown));
    if (grown == NULL) {
        return NX_ENOMEM;
    }
    a->deniers = grown;
    for (size_t i = 0; i < view->above->n; i++) {
        struct nx_auth_denier denier;
        if (nx_auth_denier(view, i, item, &denier) &&
            !known_denier(a, &denier)) {
            a->deniers[a->deniers_n++] = denier;
        }
    }
    return 0;
}

static bool known_finding(const struct nx_status_audit *a,
                          const struct nx_finding *f) {
    for (size_t i = 0; i < a->findings_n; i++) {
        if (a->findings[i].tag == f->tag &&
            strcmp(a->findings[i].detail, f->detail) == 0) {
            return true;
        }
    }
    return false;
}

static int take_findings(struct nx_status_audit *a,
                         const struct nx_auth_view *view, const uint8_t *item,
                         bool first) {
    struct nx_auth_audit *found = malloc(sizeof(*found));
    size_t n = a->findings_n + NX_AUTH_FINDINGS_MAX;
    struct nx_finding *grown = realloc(a->findings, n * sizeof(*grown));
    a->findings = grown != NULL ? grown : a->findings;
    if (found == NULL || grown == NULL) {
        free(found);
        return NX_ENOMEM;
    }
    nx_authority_audit(view, item, a->now_us, found);
    for (size_t i = 0; i < found->n; i++) {
        if (!known_finding(a, &found->list[i])) {
            a->findings[a->findings_n++] = found->list[i];
        }
    }
    if (first || found->audited_n < a->audited_n) {
        a->audited_n = found->audited_n;
    }
    nx_audit_ttls_join(&a->ttls, &found->ttls);
    free(found);
    return 0;
}

static void take_facts(struct nx_status_audit *a, const struct nx_auth_facts *f,
                       bool first) {
    struct nx_auth_facts *all = &a->facts;
    if (first) {
        *all = *f;
        return;
    }
    all->observed = all->observed || f->observed;
    all->all_ns_good = all->all_ns_good && f->all_ns_good;
    all->verified = all->verified && f->verified;
    all->restored_lo_us = nx_time_later(all->restored_lo_us, f->restored_lo_us);
    bool open = all->restored_hi_us == NX_TIME_UNKNOWN ||
                f->restored_hi_us == NX_TIME_UNKNOWN;
    all->restored_hi_us =
        open ? NX_TIME_UNKNOWN
             : nx_time_later(all->restored_hi_us, f->restored_hi_us);
    all->w_auth_s = f->w_auth_s > all->w_auth_s ? f->w_auth_s : all->w_auth_s;
    if (f->bad_n > all->bad_n) {
        all->bad_n = f->bad_n;
        memcpy(all->bad, f->bad, sizeof(all->bad));
    }
    all->deleg_changed_ns = all->deleg_changed_ns || f->deleg_changed_ns;
    if (!all->serial_known) {
        all->serial_known = f->serial_known;
        all->serial_restored = f->serial_restored;
    }
}

/* The earliest start of the items that had an outage. */
static void take_outage(struct nx_status_audit *a,
                        const struct nx_auth_view *view) {
    bool seen = view->outage_known > NX_OUTAGE_NONE;
    bool had = a->outage_known > NX_OUTAGE_NONE;
    int64_t from_us = view->facts.outage_lo_us;
    if ((seen && !had) ||
        (seen && had &&
         nx_time_sooner(from_us, a->facts.outage_lo_us) !=
             a->facts.outage_lo_us) ||
        (!seen && !had && view->outage_known > a->outage_known)) {
        a->outage_known = view->outage_known;
        a->facts.outage_lo_us = from_us;
    }
}

int nx_status_audit_init(struct nx_status_audit *a, struct nx_engine *engine,
                         const struct nx_sheet *sheet) {
    const struct nx_incident *incident = sheet->incident;
    *a = (struct nx_status_audit){.incident = incident,
                                  .verified_at_us = NX_TIME_UNKNOWN,
                                  .audited_us = sheet->audited_us,
                                  .silent = sheet->audit_silent,
                                  .now_us = sheet->now_us};
    nx_audit_ttls_init(&a->ttls);
    int err = nx_status_auditors(engine, a->auditors);
    a->facts.outage_lo_us = incident->outage_from_us;
    a->facts.restored_lo_us = NX_TIME_UNKNOWN;
    a->facts.restored_hi_us = NX_TIME_UNKNOWN;
    for (unsigned i = 0; err == 0 && i < incident->items_n; i++) {
        struct nx_auth_view view;
        err = nx_engine_authority(engine, incident->id, i, &view);
        if (err == NX_ESTATE) {
            return 0; /* closed: nothing is kept */
        }
        err = err != 0 ? err : take_servers(a, &view);
        err = err != 0 ? err : take_left(a, &view);
        err = err != 0 ? err : take_deniers(a, &view, incident->items[i].name);
        if (err != 0) {
            return err;
        }
        err = take_findings(a, &view, incident->items[i].name, i == 0);
        if (err != 0) {
            return err;
        }
        if (i == 0) {
            a->papers = view.papers;
            a->w = view.w;
            a->w_n = view.w_n;
        }
        take_facts(a, &view.facts, i == 0);
        take_outage(a, &view);
        a->problems |= view.problems;
        a->glue |= view.glue;
        a->blind |= view.blind;
        a->places_n =
            i == 0 || view.places_n < a->places_n ? view.places_n : a->places_n;
        a->verified_at_us =
            nx_time_later(a->verified_at_us, view.verified_at_us);
    }
    a->declared = a->facts.observed && a->servers_n == 0;
    return err;
}

void nx_status_audit_fini(struct nx_status_audit *a) {
    free(a->servers);
    free(a->left);
    free(a->deniers);
    free(a->findings);
}
