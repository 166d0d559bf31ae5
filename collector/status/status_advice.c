/* Why and what to do, for targets and networks of the status document. */
#include <stdio.h>
#include <string.h>

#include "collector/status/advice.h"
#include "collector/status/status_sheet.h"
#include "collector/status/status_text.h"
#include "common/rrtype.h"

/* Texts of the facts of one target. */
struct words {
    char name[NX_DNAME_TEXT_MAX];
    char type[NX_RRTYPE_TEXT_MAX];
    char resolver[NX_ENDPOINT_TEXT_MAX];
    char other[NX_ENDPOINT_TEXT_MAX];
    char link[NX_DNAME_TEXT_MAX];
    char zone[NX_DNAME_TEXT_MAX];
    char apex[NX_DNAME_TEXT_MAX];
    char above[NX_DNAME_TEXT_MAX];
    char gone[NX_DNAME_TEXT_MAX];
    char aside[NX_ENDPOINT_TEXT_MAX];
};

static char *name_text(const uint8_t *name, char *out) {
    size_t len = strlen(nx_dname_text(name, out));
    if (len > 1) {
        out[len - 1] = '\0'; /* without the final dot */
    }
    return out;
}

/* NULL: not known. */
static const char *name_or_null(const uint8_t *name, char *out) {
    return name != NULL ? name_text(name, out) : NULL;
}

static bool is_wrong(const struct nx_auth_server *server) {
    return server->class_ == NX_AUTH_DENIES ||
           server->class_ == NX_AUTH_DIFFERS;
}

bool nx_sheet_is_lame(const struct nx_auth_server *server) {
    return server->class_ == NX_AUTH_SILENT && server->asked &&
           server->outcome == NX_ANSWERED && !server->alias && !server->stops;
}

static void write_server(const struct nx_endpoint *at, char *out, size_t cap) {
    char name[NX_DNAME_TEXT_MAX];
    char address[NX_ENDPOINT_TEXT_MAX];
    (void)nx_endpoint_text(at, address);
    if (at->server_name == NULL) {
        (void)snprintf(out, cap, "%s", address);
    } else {
        (void)snprintf(out, cap, "%.80s (%.60s)",
                       name_text(at->server_name, name), address);
    }
}

static void note_denier(const struct nx_auth_view *view, const uint8_t *item,
                        struct nx_sheet_wrong *out) {
    struct nx_auth_denier denier;
    for (size_t i = 0; i < view->above->n && out->gone == NULL; i++) {
        if (nx_auth_denier(view, i, item, &denier)) {
            out->gone = denier.name;
            write_server(&denier.at, out->denier, sizeof(out->denier));
        }
    }
}

void nx_sheet_note_wrong(const struct nx_auth_view *view, const uint8_t *item,
                         struct nx_sheet_wrong *out) {
    const struct nx_auth_server *worst = NULL;
    *out = (struct nx_sheet_wrong){.known = false};
    note_denier(view, item, out);
    for (size_t i = 0; i < view->servers_n; i++) {
        const struct nx_auth_server *server = &view->servers[i];
        out->alias |= server->alias && !server->good;
        if (out->lame[0] == '\0' && nx_sheet_is_lame(server)) {
            write_server(&server->at, out->lame, sizeof(out->lame));
        }
        if (is_wrong(server) &&
            (worst == NULL || server->class_ > worst->class_)) {
            worst = server;
        }
    }
    if (worst == NULL) {
        return;
    }
    out->known = true;
    out->differs = worst->class_ == NX_AUTH_DIFFERS;
    out->serial_known = worst->serial_known;
    out->serial = worst->serial;
    write_server(&worst->at, out->server, sizeof(out->server));
}

bool nx_sheet_may_suggest(const struct nx_endpoint *at) {
    return at->layer != NX_LAYER_HOST && !at->withheld;
}

bool nx_sheet_answers(const struct nx_sheet *sheet,
                      const struct nx_sheet_site *site,
                      const struct nx_endpoint *at) {
    for (size_t i = site->first; i < site->first + site->n; i++) {
        const struct nx_target_view *view = &sheet->rows[i].view;
        if (nx_endpoint_same_server(&view->question->to, at) &&
            view->verdict.state != NX_STATE_CLEAR) {
            return false;
        }
    }
    return true;
}

/* Another resolver there that already answers: the network's own before one
 * that is there for comparison. */
static const struct nx_endpoint *other_of(const struct nx_sheet *sheet,
                                          const struct nx_sheet_site *site,
                                          const struct nx_sheet_row *row) {
    const struct nx_endpoint *found = NULL;
    for (size_t i = site->first; i < site->first + site->n; i++) {
        const struct nx_target_view *view = &sheet->rows[i].view;
        const struct nx_endpoint *at = &view->question->to;
        bool better = found == NULL || (at->layer == NX_LAYER_NETWORK &&
                                        found->layer != NX_LAYER_NETWORK);
        if (better && view->item == row->view.item &&
            view->verdict.state == NX_STATE_CLEAR && nx_sheet_may_suggest(at) &&
            nx_sheet_answers(sheet, site, at)) {
            found = at;
        }
    }
    return found;
}

/* All servers of the set are good, and old ones hold the guard shut. */
static int64_t looks_of(const struct nx_auth_facts *auth) {
    bool held = auth->all_ns_good && !auth->verified && auth->fed_us > 0;
    return held ? auth->restored_hi_us + auth->fed_us : 0;
}

/* The first resolver of the network that is set aside; NULL: none. */
static const char *aside_of(const struct nx_sheet *sheet,
                            const struct nx_sheet_site *site, char *out) {
    for (size_t i = site->first; i < site->first + site->n; i++) {
        const struct nx_target_view *view = &sheet->rows[i].view;
        if (view->set_aside && nx_layer_serves(view->question->to.layer)) {
            return nx_endpoint_text(&view->question->to, out);
        }
    }
    return NULL;
}

static void advise_row(const struct nx_sheet *sheet,
                       const struct nx_sheet_site *site,
                       const struct nx_sheet_row *row, bool of_site,
                       struct nx_advice *out) {
    const struct nx_question *q = row->view.question;
    bool clear = row->view.verdict.state == NX_STATE_CLEAR; /* no advice */
    const struct nx_endpoint *other = clear ? NULL : other_of(sheet, site, row);
    const struct nx_sheet_wrong *wrong = &sheet->wrong[row->view.item];
    const struct nx_auth_facts *auth = &sheet->facts[row->view.item];
    struct words words;
    const struct nx_advice_facts facts = {
        .now_us = sheet->now_us,
        .device = !clear && q->to.layer == NX_LAYER_HOST &&
                  nx_sheet_home(sheet, site, row->view.item) == NX_HOME_DEVICE,
        .name = name_text(q->name, words.name),
        .type = nx_rrtype_text(q->qtype, words.type),
        .resolver = q->to.transport == NX_SYSTEM
                        ? "the agent's host (getaddrinfo)"
                        : nx_endpoint_text(&q->to, words.resolver),
        .server = wrong->known && !wrong->differs ? wrong->server : NULL,
        .differs = wrong->known && wrong->differs ? wrong->server : NULL,
        .serial_known = wrong->serial_known,
        .serial = wrong->serial,
        .alias = wrong->alias,
        .gone = name_or_null(wrong->gone, words.gone),
        .denier = wrong->gone != NULL ? wrong->denier : NULL,
        .lame = wrong->lame[0] != '\0' ? wrong->lame : NULL,
        .link = name_or_null(row->view.denied_name, words.link),
        .zone = name_or_null(row->view.denied_by, words.zone),
        .apex = name_or_null(row->view.apex, words.apex),
        .above = name_or_null(row->view.ancestor, words.above),
        .old_servers = auth->deleg_changed_ns && auth->old_servers_negative,
        .looks_us = looks_of(auth),
        .aside = of_site ? aside_of(sheet, site, words.aside) : NULL,
        .other = other != NULL ? nx_endpoint_text(other, words.other) : NULL};
    nx_advice_of(&row->view.verdict, &facts, out);
}

const struct nx_sheet_row *
nx_sheet_worst_row(const struct nx_sheet *sheet,
                   const struct nx_sheet_site *site) {
    const struct nx_sheet_row *worst = NULL;
    for (size_t i = site->first; i < site->first + site->n; i++) {
        const struct nx_sheet_row *row = &sheet->rows[i];
        const struct nx_verdict *v = &row->view.verdict;
        if (v->state != site->rollup.state ||
            !nx_layer_serves(row->view.question->to.layer)) {
            continue;
        }
        if (worst == NULL ||
            (v->eta.known &&
             v->eta.point_us > worst->view.verdict.eta.point_us)) {
            worst = row;
        }
    }
    return worst;
}

void nx_status_put_advice(struct nx_text *out, const struct nx_sheet *sheet,
                          const struct nx_sheet_site *site,
                          const struct nx_sheet_row *row) {
    struct nx_advice advice;
    const struct nx_verdict of_site = {
        .state = site->rollup.state,
        .unknown_reason = site->rollup.unknown_reason,
        .last_look_us = site->staffed ? NX_TIME_UNKNOWN : site->revoked_us};
    const struct nx_advice_facts nothing = {.now_us = sheet->now_us};
    const struct nx_sheet_row *told =
        row != NULL ? row : nx_sheet_worst_row(sheet, site);
    if (told != NULL) {
        advise_row(sheet, site, told, row == NULL, &advice);
    } else {
        nx_advice_of(&of_site, &nothing, &advice);
    }
    nx_put_member(out, "why", advice.why);
    nx_put_member(out, "advice", advice.todo);
}
