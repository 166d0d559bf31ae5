#include "collector/engine/siblings.h"

#include "collector/engine/planner.h"
#include "common/rrtype.h"

#define US_PER_S INT64_C(1000000)
#define HOUR_US (3600 * US_PER_S)
#define DAY_US (24 * HOUR_US)

/* --- what an audit of the zone says --- */

/* A signed parent signs what it says of DS, that there is none included. */
static bool shows_signed(const struct nx_paper *paper) {
    if (paper->kind == NX_PAPER_DS || paper->kind == NX_PAPER_DNSKEY) {
        return paper->rdata_n > 0;
    }
    return paper->proof.signatures_n > 0 ||
           paper->proof.denial != NX_DENIAL_NONE;
}

struct audit {
    bool is_signed;
    int64_t parent_us, zone_us; /* told last of no DS, of no DNSKEY */
};

static void read_papers(const struct nx_papers *papers, struct audit *out) {
    for (size_t i = 0; i < papers->n; i++) {
        const struct nx_paper *paper = &papers->list[i];
        out->is_signed |= shows_signed(paper);
        if (paper->outcome != NX_ANSWERED || paper->rcode != NX_RCODE_NOERROR) {
            continue;
        }
        if (paper->kind == NX_PAPER_DS) {
            out->parent_us = nx_time_later(out->parent_us, paper->at_us);
        } else if (paper->kind == NX_PAPER_DNSKEY) {
            out->zone_us = nx_time_later(out->zone_us, paper->at_us);
        }
    }
}

/* What all servers send that can be reached from here; 0: they differ, or one
 * has not said. */
static uint32_t w_of(const struct nx_auth_view *view) {
    uint32_t w_s = 0;
    for (size_t i = 0; i < view->servers_n; i++) {
        const struct nx_auth_server *s = &view->servers[i];
        if (s->class_ == NX_AUTH_SILENT && s->w_s == 0) {
            continue;
        }
        if (s->w_s == 0 || (w_s > 0 && s->w_s != w_s)) {
            return 0;
        }
        w_s = s->w_s;
    }
    return w_s;
}

/* What was read before an incident was closed may have changed with it. */
static void take_audit(struct nx_engine *engine, const struct nx_item *item) {
    struct nx_siblings *s = &engine->siblings;
    struct nx_auth_view view;
    struct audit audit = {.is_signed = false};
    if (nx_authority_view(item->authority, &view) != NX_OK) {
        return;
    }
    read_papers(view.papers, &audit);
    uint32_t w_s = w_of(&view);
    int64_t read_us =
        audit.parent_us < audit.zone_us ? audit.parent_us : audit.zone_us;
    if (audit.is_signed) {
        s->is_signed = true;
        s->w_s = 0;
    } else if (read_us > s->trouble_us && read_us >= s->audited_us && w_s > 0) {
        s->is_signed = false;
        s->w_s = w_s;
        s->audited_us = read_us;
    }
}

/* --- is it quiet? --- */

/* An audit finds the outage before somebody opens the incident. */
static bool is_trouble(const struct nx_item *item) {
    return !item->owner->incident.audit ||
           nx_authority_facts(item->authority)->ns_negative > 0;
}

static void take_item(struct nx_engine *engine, const struct nx_item *item) {
    const uint8_t *zone = engine->settings.canary.zone;
    const uint8_t *apex = nx_authority_apex(item->authority);
    if (nx_canary_disturbs(zone, item->spec->name) && is_trouble(item)) {
        engine->siblings.quiet = false;
    }
    if (apex != NULL && nx_dname_equal(apex, zone)) {
        take_audit(engine, item);
    }
}

void nx_siblings_survey(struct nx_engine *engine, int64_t now_us) {
    engine->siblings.quiet = now_us > engine->siblings.rest_until_us;
    for (size_t i = 0; i < engine->cases_n; i++) {
        const struct nx_case *c = engine->cases[i];
        unsigned items_n = nx_case_open(c) ? c->incident.items_n : 0;
        for (unsigned k = 0; k < items_n; k++) {
            take_item(engine, &c->items[k]);
        }
    }
    struct nx_siblings *s = &engine->siblings;
    s->trouble_us = s->quiet ? s->trouble_us : now_us;
    if (!s->quiet || now_us - s->audited_us > NX_SIBLINGS_AUDITED_US) {
        s->w_s = 0;
    }
}

bool nx_siblings_may(const struct nx_engine *engine) {
    const struct nx_siblings *s = &engine->siblings;
    return s->quiet && !s->is_signed && s->w_s > 0;
}

bool nx_siblings_lack_audit(const struct nx_engine *engine) {
    const struct nx_siblings *s = &engine->siblings;
    return engine->settings.canary.sibling && s->quiet && !s->is_signed &&
           s->w_s == 0;
}

bool nx_engine_siblings_want_audit(const struct nx_engine *engine,
                                   int64_t now_us) {
    return nx_siblings_lack_audit(engine) && nx_book_wants(engine->book) &&
           nx_auditor_here(engine, now_us);
}

static void rest(struct nx_engine *engine, int64_t until_us) {
    struct nx_siblings *s = &engine->siblings;
    s->rest_until_us = nx_time_later(s->rest_until_us, until_us);
}

/* The last moment at which a cache can serve what the outage gave it. */
static int64_t left_until(const struct nx_auth_facts *f, int64_t closed_us) {
    bool restored = f->restored_hi_us != NX_TIME_UNKNOWN;
    return (restored ? f->restored_hi_us : closed_us) +
           (f->old_servers_negative ? nx_fed_us(f) : 0) + nx_longest_life_us(f);
}

void nx_siblings_closed(struct nx_engine *engine, const struct nx_case *c) {
    const struct nx_canary_conf *conf = &engine->settings.canary;
    for (unsigned i = 0; conf->sibling && i < c->incident.items_n; i++) {
        const struct nx_item *item = &c->items[i];
        if (nx_canary_disturbs(conf->zone, item->spec->name) &&
            is_trouble(item)) {
            engine->siblings.quiet = false;
            rest(engine, left_until(nx_authority_facts(item->authority),
                                    c->incident.closed_us));
        }
    }
}

int64_t nx_engine_siblings_audited_last_us(const struct nx_engine *engine) {
    const uint8_t *zone = engine->settings.canary.zone;
    int64_t last_us = 0;
    for (size_t i = 0; i < engine->cases_n; i++) {
        const struct nx_incident *incident = &engine->cases[i]->incident;
        if (incident->audit && nx_dname_equal(incident->items[0].name, zone)) {
            last_us = nx_time_later(last_us, incident->opened_us);
        }
    }
    return last_us;
}

int64_t nx_engine_siblings_audit_wait_us(const struct nx_engine *engine,
                                         int64_t last_us, int64_t wait_us) {
    bool gave = last_us == 0 || engine->siblings.audited_us >= last_us;
    int64_t longer_us = 2 * wait_us < DAY_US ? 2 * wait_us : DAY_US;
    return gave || wait_us == 0 ? HOUR_US : longer_us;
}

void nx_siblings_opened(struct nx_engine *engine, const struct nx_case *c) {
    const struct nx_canary_conf *conf = &engine->settings.canary;
    bool near = false;
    for (unsigned i = 0; i < c->incident.items_n && !c->incident.audit; i++) {
        near |= nx_canary_disturbs(conf->zone, c->incident.items[i].name);
    }
    if (!near || !conf->sibling) {
        return;
    }
    engine->siblings.quiet = false;
    if (!nx_case_open(c)) {
        rest(engine, c->incident.closed_us + DAY_US);
        return;
    }
    for (struct nx_agent_state *a = engine->agents; a != NULL; a = a->hh.next) {
        nx_plan_touch(a);
    }
    engine->withdrawn = true;
}
