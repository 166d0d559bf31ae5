#include <string.h>

#include "agent/dns/walk_state.h"
#include "common/rrtype.h"

const uint8_t *nx_walk_job_target(const struct nx_walk *w,
                                  const struct walk_job *j) {
    return j->host == WALK_NONE ? w->name : w->hosts[j->host].name;
}

static void begin_job(struct walk_job *j, int host, int zone, uint8_t depth,
                      uint16_t type) {
    memset(j, 0, sizeof(*j));
    j->active = true;
    j->host = host;
    j->zone = zone;
    j->depth = depth;
    j->type = type;
    j->server.host = WALK_NONE;
    nx_walk_job_enter(j, PHASE_DESCEND);
}

void nx_walk_start_jobs(struct nx_walk *w, int zone) {
    for (size_t i = 0; i < WALK_JOBS_MAX; i++) {
        w->jobs[i].active = false;
    }
    begin_job(&w->jobs[0], WALK_NONE, zone, 0, w->types[0]);
}

/* Every query costs from one budget; a server that was chosen before is asked
 * again only when the question follows from its answer. */
static bool ask(struct nx_walk *w, struct walk_job *j, const uint8_t *name,
                uint16_t type, struct nx_walk_query *out) {
    if (!j->sticky || j->server.host == WALK_NONE ||
        j->server.address >= w->hosts[j->server.host].addresses_n) {
        struct walk_zone *z = &w->zones[j->zone];
        unsigned *turn = j->phase == PHASE_CHILD_NS ? &z->child_turn : &z->turn;
        j->server = nx_walk_pick(w, j->zone, (*turn)++);
    }
    if (j->server.host == WALK_NONE || w->asked_n == NX_WALK_QUERIES_MAX) {
        return false;
    }
    const struct walk_host *h = &w->hosts[j->server.host];
    const struct walk_address *a = &h->addresses[j->server.address];
    w->asked_n++;
    j->asking = true;
    j->query_id = w->next_id++;
    memset(out, 0, sizeof(*out));
    out->id = j->query_id;
    out->type = type;
    out->to.address_len = a->len;
    out->to.port = a->port;
    out->to.layer = NX_LAYER_AUTHORITY;
    memcpy(out->to.address, a->bytes, a->len);
    memcpy(out->name, name, nx_dname_len(name));
    memcpy(out->server_name, h->name, nx_dname_len(h->name));
    return true;
}

/* The job's next question, if it can ask one now. */
static bool job_ask(struct nx_walk *w, struct walk_job *j,
                    struct nx_walk_query *out) {
    switch ((enum walk_phase)j->phase) {
    case PHASE_DESCEND:
        return ask(w, j, nx_walk_job_target(w, j), j->type, out);
    case PHASE_SOA:
        return ask(w, j, w->name, NX_TYPE_SOA, out);
    case PHASE_CUTS:
        return ask(w, j, nx_walk_suffix(j->apex, j->cut_labels), NX_TYPE_NS,
                   out);
    case PHASE_CHILD_NS:
        return ask(w, j, w->zones[j->zone].apex, NX_TYPE_NS, out);
    case PHASE_ADDRESSES:
        return false;
    }
    return false;
}

/* Does the job wait for addresses? Has them resolved. */
static bool job_waits(struct nx_walk *w, const struct walk_job *j) {
    uint8_t depth = (uint8_t)(j->depth + 1);
    if (w->asked_n == NX_WALK_QUERIES_MAX) {
        return false;
    }
    if (j->phase == PHASE_ADDRESSES) {
        /* Where nobody answers, looking on would only make rounds rare. */
        bool bare = (w->problems & NX_DELEG_UNREACHED) != 0;
        return nx_walk_want(w, j->zone, depth, WALK_NS_MAX, bare);
    }
    return nx_walk_addresses_n(w, j->zone) == 0 &&
           nx_walk_want(w, j->zone, depth, 2, true);
}

static void start_wanted(struct nx_walk *w) {
    for (size_t i = 0; i < w->hosts_n; i++) {
        struct walk_host *h = &w->hosts[i];
        for (size_t k = 1; k < WALK_JOBS_MAX && h->state == HOST_WANTED; k++) {
            if (!w->jobs[k].active) {
                begin_job(&w->jobs[k], (int)i,
                          nx_walk_enclosing_zone(w, h->name), h->depth,
                          NX_TYPE_A);
                nx_walk_unsee(h, WALK_OWN);
                h->state = HOST_BUSY;
            }
        }
    }
}

/* Jobs that all wait for each other (name servers in a circle): the deepest is
 * given up. False when there is none. */
static bool break_circle(struct nx_walk *w) {
    struct walk_job *deepest = NULL;
    for (size_t i = 1; i < WALK_JOBS_MAX; i++) {
        struct walk_job *j = &w->jobs[i];
        if (j->active && j->asking) {
            return false;
        }
        if (j->active && (deepest == NULL || j->depth > deepest->depth)) {
            deepest = j;
        }
    }
    if (deepest == NULL || w->jobs[0].asking) {
        return false;
    }
    nx_walk_job_give_up(w, deepest);
    return true;
}

/* One look at every job; *moved when one of them changed without asking. */
static bool try_jobs(struct nx_walk *w, struct nx_walk_query *out,
                     bool *moved) {
    for (size_t i = 0; i < WALK_JOBS_MAX; i++) {
        struct walk_job *j = &w->jobs[i];
        if (!j->active || j->asking || job_waits(w, j)) {
            continue;
        }
        if (job_ask(w, j, out)) {
            return true;
        }
        if (j->phase == PHASE_ADDRESSES) {
            j->active = false; /* job 0: the others are not needed now */
            return false;
        }
        nx_walk_job_give_up(w, j);
        *moved = true;
    }
    return false;
}

bool nx_walk_job_query(struct nx_walk *w, struct nx_walk_query *out) {
    bool moved = true;
    while (moved && w->jobs[0].active) {
        moved = false;
        if (try_jobs(w, out, &moved)) {
            return true;
        }
        if (!w->jobs[0].active) {
            return false;
        }
        start_wanted(w);
        for (size_t i = 1; i < WALK_JOBS_MAX && !moved; i++) {
            struct walk_job *j = &w->jobs[i];
            moved = j->active && !j->asking && !job_waits(w, j);
        }
        moved = moved || break_circle(w);
    }
    return false;
}
