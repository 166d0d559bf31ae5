/* Where the denial lives, in the status document: the layer, what shows it,
 * and what to do there. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "collector/status/advice.h"
#include "collector/status/status_sheet.h"
#include "collector/status/status_text.h"

static bool denies(const struct nx_sheet_row *row) {
    struct nx_layer_word words[NX_LAYER_N] = {{0}};
    nx_home_count(words, NX_LAYER_NETWORK, row->view.verdict.state);
    return words[NX_LAYER_NETWORK].denied_n > 0;
}

/* The layer nearest to the network that an agent sees a denial in. */
static unsigned denied_layer(const struct nx_sheet *sheet,
                             const struct nx_sheet_site *site, unsigned item) {
    unsigned found = NX_LAYER_N;
    for (size_t i = site->first; i < site->first + site->n; i++) {
        const struct nx_sheet_row *row = &sheet->rows[i];
        unsigned layer = row->view.question->to.layer;
        if (row->view.item == item && nx_layer_serves(layer) && denies(row) &&
            found != NX_LAYER_NETWORK) {
            found = layer;
        }
    }
    return found;
}

/* Devices and resolvers behind others are those of one agent: what stands
 * behind (or before) the one that denies is told by agents that ask that one.
 * Resolvers to compare with are everybody's. */
static bool concerns(const struct nx_sheet *sheet,
                     const struct nx_sheet_site *site, unsigned item,
                     unsigned denied, const struct nx_sheet_row *of) {
    if (of->view.question->to.layer == NX_LAYER_CONTROL ||
        denied == NX_LAYER_N) {
        return true;
    }
    size_t i = (size_t)(of - sheet->rows); /* an agent's rows are in a row */
    while (i > site->first && sheet->rows[i - 1].agent == of->agent) {
        i--;
    }
    for (; i < site->first + site->n && sheet->rows[i].agent == of->agent;
         i++) {
        const struct nx_sheet_row *row = &sheet->rows[i];
        if (row->view.item == item && row->view.question->to.layer == denied &&
            denies(row)) {
            return true;
        }
    }
    return false;
}

static void count(const struct nx_sheet *sheet,
                  const struct nx_sheet_site *site, unsigned item,
                  struct nx_layer_word words[NX_LAYER_N]) {
    unsigned denied = denied_layer(sheet, site, item);
    memset(words, 0, NX_LAYER_N * sizeof(*words));
    for (size_t i = site->first; i < site->first + site->n; i++) {
        const struct nx_sheet_row *row = &sheet->rows[i];
        const struct nx_target_view *view = &row->view;
        if (view->item == item && concerns(sheet, site, item, denied, row)) {
            nx_home_count(words, view->question->to.layer, view->verdict.state);
        }
    }
}

static bool authority_denies(const struct nx_sheet *sheet, unsigned item) {
    const struct nx_auth_facts *facts = &sheet->facts[item];
    return facts->observed && !facts->all_ns_good && facts->ns_negative > 0 &&
           !sheet->audit_silent;
}

enum nx_home nx_sheet_home(const struct nx_sheet *sheet,
                           const struct nx_sheet_site *site, unsigned item) {
    struct nx_layer_word words[NX_LAYER_N];
    count(sheet, site, item, words);
    return nx_home_of(words, authority_denies(sheet, item));
}

/* --- for people --- */

/* The parts of the sentences, printable; "" when there is none. */
struct parts {
    char name[NX_DNAME_TEXT_MAX];
    char network[NX_ENDPOINT_TEXT_MAX];  /* the one that denies */
    char upstream[NX_ENDPOINT_TEXT_MAX]; /* likewise, else any */
    char host[NX_ENDPOINT_TEXT_MAX];
    char control[96];
    const char *system_says; /* "EAI_NONAME": getaddrinfo denies; else NULL */
    bool stub_good;          /* another one of its layer is as restored */
    bool network_blocks;     /* by policy, which no flush lifts */
    bool upstream_blocks;
    bool host_blocks;
};

/* False: it is none of policy, or there is none. */
static bool one_of(const struct nx_sheet *sheet,
                   const struct nx_sheet_site *site, unsigned item,
                   unsigned layer, char *out) {
    const struct nx_sheet_row *found = NULL;
    unsigned denied = denied_layer(sheet, site, item);
    for (size_t i = site->first; i < site->first + site->n; i++) {
        const struct nx_sheet_row *row = &sheet->rows[i];
        if (row->view.item == item && row->view.question->to.layer == layer &&
            (found == NULL || (denies(row) && !denies(found))) &&
            concerns(sheet, site, item, denied, row)) {
            found = row;
        }
    }
    (void)snprintf(out, NX_ENDPOINT_TEXT_MAX, "%s", "");
    if (found == NULL) {
        return false;
    }
    (void)nx_endpoint_text(&found->view.question->to, out);
    return found->view.verdict.state == NX_STATE_POLICY_BLOCKED;
}

/* What getaddrinfo says on the device, and a stub that may stand behind it. */
static void system_part(const struct nx_sheet *sheet,
                        const struct nx_sheet_site *site, unsigned item,
                        struct parts *out) {
    unsigned denied = denied_layer(sheet, site, item);
    for (size_t i = site->first; i < site->first + site->n; i++) {
        const struct nx_sheet_row *row = &sheet->rows[i];
        const struct nx_endpoint *at = &row->view.question->to;
        unsigned state = row->view.verdict.state;
        if (row->view.item != item || at->layer != NX_LAYER_HOST ||
            !concerns(sheet, site, item, denied, row)) {
            continue;
        }
        if (at->transport != NX_SYSTEM) {
            out->stub_good |= state == NX_STATE_CLEAR;
        } else if (denies(row)) {
            out->system_says =
                state == NX_STATE_CACHED_NODATA ? "EAI_NODATA" : "EAI_NONAME";
        }
    }
}

static void control_part(const struct nx_layer_word *control, char *out,
                         size_t cap) {
    unsigned n = control->denied_n + control->good_n + control->other_n;
    out[0] = '\0';
    if (n > 0) {
        (void)snprintf(out, cap,
                       "; of %u control resolver%s %u answer%s as restored, %u "
                       "den%s",
                       n, n == 1 ? "" : "s", control->good_n,
                       control->good_n == 1 ? "s" : "", control->denied_n,
                       control->denied_n == 1 ? "ies" : "y");
    }
}

static void parts_of(const struct nx_sheet *sheet,
                     const struct nx_sheet_site *site, unsigned item,
                     struct parts *out) {
    struct nx_layer_word words[NX_LAYER_N];
    out->system_says = NULL;
    out->stub_good = false;
    system_part(sheet, site, item, out);
    count(sheet, site, item, words);
    control_part(&words[NX_LAYER_CONTROL], out->control, sizeof(out->control));
    out->network_blocks =
        one_of(sheet, site, item, NX_LAYER_NETWORK, out->network);
    out->upstream_blocks =
        one_of(sheet, site, item, NX_LAYER_UPSTREAM, out->upstream);
    out->host_blocks = one_of(sheet, site, item, NX_LAYER_HOST, out->host);
    size_t len =
        strlen(nx_dname_text(sheet->incident->items[item].name, out->name));
    if (len > 1) {
        out->name[len - 1] = '\0'; /* without the final dot */
    }
}

__attribute__((format(printf, 2, 3))) static void say(char *out,
                                                      const char *format, ...) {
    va_list args;
    va_start(args, format);
    (void)vsnprintf(out, NX_ADVICE_MAX, format, args);
    va_end(args);
}

static void explain_device(const struct parts *p, char *why) {
    if (p->system_says == NULL) {
        say(why,
            "the device's own cache serves the denial; %s answers as "
            "restored%s",
            p->network, p->control);
    } else {
        say(why,
            "the device's own cache serves the denial: getaddrinfo says %s "
            "while %s answers as restored%s%s",
            p->system_says, p->network,
            p->stub_good ? ", and so does the device's stub: it is behind "
                           "neither, but in another source of nsswitch.conf"
                         : "",
            p->control);
    }
}

/* Where a cache holds the denial. */
static void explain_cached(enum nx_home home, const struct parts *p,
                           struct nx_advice *out) {
    switch (home) {
    case NX_HOME_AUTHORITY:
        say(out->why, "a name server of the zone denies %s%s", p->name,
            p->control);
        say(out->todo, "fix the name server that is listed under authority; "
                       "no cache needs to be flushed before");
        break;
    case NX_HOME_RECURSIVE:
        say(out->why,
            "the recursive resolver %s, behind %s, serves the denial%s",
            p->upstream, p->network, p->control);
        say(out->todo,
            "ask its operator (the ISP) to flush %s in %s; then restart the "
            "forwarder %s: it may hold a copy",
            p->name, p->upstream, p->network);
        break;
    case NX_HOME_FORWARDER:
        say(out->why,
            "the forwarder %s serves the denial; the recursive resolver %s "
            "behind it answers as restored%s",
            p->network, p->upstream, p->control);
        say(out->todo, "restart the forwarder %s, or flush its cache",
            p->network);
        break;
    case NX_HOME_NETWORK:
        say(out->why,
            "%s, or a resolver behind it, serves the denial; what is behind "
            "it is not asked%s",
            p->network, p->control);
        say(out->todo,
            "ask its operator to flush %s; to tell a forwarder from what it "
            "asks, name that in the agent's resolvers with layer upstream",
            p->name);
        break;
    case NX_HOME_DEVICE:
        explain_device(p, out->why);
        say(out->todo,
            "flush the device's cache (resolvectl flush-caches; nscd "
            "--invalidate=hosts; ipconfig /flushdns), and restart programs "
            "with a cache of their own");
        break;
    case NX_HOME_NONE:
    case NX_HOME_N_:
        break;
    }
}

#define NO_FLUSH "waiting, flushing or restarting does not help"

/* Where a policy (a response policy zone, a filter) denies. False: none does
 * there, or its advice is the same. */
static bool explain_blocked(enum nx_home home, const struct parts *p,
                            struct nx_advice *out) {
    switch (home) {
    case NX_HOME_RECURSIVE:
        say(out->why,
            "the recursive resolver %s, behind %s, blocks %s by policy%s",
            p->upstream, p->network, p->name, p->control);
        say(out->todo,
            "ask its operator (the ISP) to lift the block; until then " NO_FLUSH
            ", in the forwarder %s neither",
            p->network);
        return p->upstream_blocks;
    case NX_HOME_FORWARDER:
        say(out->why,
            "the forwarder %s blocks %s by policy; the recursive resolver %s "
            "behind it answers as restored%s",
            p->network, p->name, p->upstream, p->control);
        say(out->todo, "lift the block in the forwarder %s; " NO_FLUSH,
            p->network);
        return p->network_blocks;
    case NX_HOME_NETWORK:
        say(out->why,
            "%s, or a resolver behind it, blocks %s by policy; what is behind "
            "it is not asked%s",
            p->network, p->name, p->control);
        say(out->todo, "ask its operator to lift the block; " NO_FLUSH);
        return p->network_blocks;
    case NX_HOME_DEVICE:
        say(out->why,
            "the device's own resolver %s blocks %s by policy; %s answers as "
            "restored%s",
            p->host, p->name, p->network, p->control);
        say(out->todo, "lift the block on the device; " NO_FLUSH);
        return p->host_blocks;
    case NX_HOME_AUTHORITY:
    case NX_HOME_NONE:
    case NX_HOME_N_:
        break;
    }
    return false;
}

void nx_status_put_home(struct nx_text *out, const struct nx_sheet *sheet,
                        const struct nx_sheet_site *site) {
    const struct nx_sheet_row *worst = nx_sheet_worst_row(sheet, site);
    unsigned item = worst != NULL ? worst->view.item : 0;
    enum nx_home home = nx_sheet_home(sheet, site, item);
    struct parts parts;
    struct nx_advice advice;
    nx_put_key(out, "lives_in");
    if (home == NX_HOME_NONE) {
        nx_put_null(out);
        return;
    }
    parts_of(sheet, site, item, &parts);
    if (!explain_blocked(home, &parts, &advice)) {
        explain_cached(home, &parts, &advice);
    }
    nx_put_open(out, '{');
    nx_put_member(out, "layer", nx_home_text(home));
    nx_put_member(out, "why", advice.why);
    nx_put_member(out, "advice", advice.todo);
    nx_put_close(out, '}');
}
