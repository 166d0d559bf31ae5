#include "agent/dns/walk.h"

#include <stdlib.h>
#include <string.h>

#include "agent/dns/walk_state.h"

#define SECOND_US INT64_C(1000000)

int nx_walk_new(const struct nx_hints *hints, const uint8_t *name,
                struct nx_walk **out) {
    struct nx_walk *w = calloc(1, sizeof(*w));
    if (w == NULL) {
        return NX_ENOMEM;
    }
    w->hints = hints;
    w->deepest = w->between_zone = WALK_NONE;
    (void)nx_dname_lower(name, w->name);
    *out = w;
    return 0;
}

void nx_walk_set_audit(struct nx_walk *walk, bool audit) {
    walk->audits = audit;
    walk->audited = false;
}

void nx_walk_set_left(struct nx_walk *walk, const struct nx_endpoint *servers,
                      size_t n) {
    walk->wanted_n = n < NX_WALK_LEFT_MAX ? n : NX_WALK_LEFT_MAX;
    for (size_t i = 0; i < walk->wanted_n; i++) {
        walk->wanted[i] = servers[i];
        walk->wanted[i].layer = NX_LAYER_AUTHORITY;
        walk->wanted[i].server_name = NULL;
    }
}

void nx_walk_free(struct nx_walk **walk) {
    free(*walk);
    *walk = NULL;
}

/* A full walk in time, and sooner when the last one failed. */
static bool full_is_due(const struct nx_walk *w, int64_t now_mono_us) {
    int64_t every_s = NX_WALK_FULL_S;
    if ((w->problems & NX_DELEG_UNREACHED) != 0) {
        every_s = NX_WALK_RETRY_S;
    }
    return !w->ever_full || w->deepest == WALK_NONE ||
           now_mono_us - w->full_mono_us >= every_s * SECOND_US;
}

/* The zone to begin at: the root, or the one above what was found last. */
static int first_zone(struct nx_walk *w, int64_t now_mono_us) {
    if (full_is_due(w, now_mono_us)) {
        nx_walk_renew_zones(w);
        w->ever_full = true;
        w->full_mono_us = now_mono_us;
        w->retry_mono_us = now_mono_us;
        return 0;
    }
    if (now_mono_us - w->retry_mono_us >= NX_WALK_RETRY_S * SECOND_US) {
        nx_walk_move_hosts(w, HOST_FAILED, HOST_UNKNOWN);
        w->retry_mono_us = now_mono_us;
    }
    nx_walk_expire_hosts(w, now_mono_us);
    int parent = w->zones[w->deepest].parent;
    return parent != WALK_NONE ? parent : 0;
}

void nx_walk_doubt(struct nx_walk *walk) {
    walk->no_name = true;
}

int nx_walk_start(struct nx_walk *walk, const uint16_t *types, size_t types_n,
                  int64_t now_mono_us) {
    if (walk->stage != STAGE_IDLE) {
        return NX_ESTATE;
    }
    if (types_n == 0 || types_n > NX_WALK_TYPES_MAX) {
        return NX_ELIMIT;
    }
    memcpy(walk->types, types, types_n * sizeof(types[0]));
    walk->types_n = types_n;
    int zone = first_zone(walk, now_mono_us);
    walk->problems = 0;
    walk->asked_n = 0;
    walk->report = false;
    walk->found_mono_us = now_mono_us;
    walk->stage = STAGE_WALK;
    nx_walk_start_jobs(walk, zone);
    return 0;
}

/* Hosts still waited for: nobody needs them now, or the budget is spent. */
static void abandon_hosts(struct nx_walk *w) {
    bool spent = w->asked_n == NX_WALK_QUERIES_MAX;
    enum walk_host_state to = spent ? HOST_FAILED : HOST_UNKNOWN;
    nx_walk_move_hosts(w, HOST_WANTED, to);
    nx_walk_move_hosts(w, HOST_BUSY, to);
}

bool nx_walk_next(struct nx_walk *walk, struct nx_walk_query *out) {
    if (walk->stage == STAGE_WALK) {
        if (nx_walk_job_query(walk, out)) {
            return true;
        }
        if (walk->jobs[0].active) {
            return false;
        }
        abandon_hosts(walk);
        nx_walk_begin_round(walk, walk->found_mono_us);
    }
    return walk->stage == STAGE_ROUND && nx_walk_round_query(walk, out);
}

void nx_walk_question(const struct nx_walk_query *q, struct nx_question *out) {
    *out = (struct nx_question){.name = q->name,
                                .qtype = q->type,
                                .flags = q->flags,
                                .udp_bytes = q->udp_bytes,
                                .to = q->to};
    out->to.server_name = q->server_name;
}

void nx_walk_result(struct nx_walk *walk, uint32_t id, const struct nx_obs *obs,
                    const uint8_t *msg, size_t msg_len, int64_t now_mono_us) {
    if (walk->stage == STAGE_ROUND) {
        nx_walk_round_result(walk, id, obs);
    } else if (walk->stage == STAGE_WALK) {
        walk->found_mono_us = now_mono_us;
        (void)nx_walk_job_result(walk, id, obs, msg, msg_len);
    }
}

bool nx_walk_arrived(const struct nx_walk *walk) {
    return walk->deepest != WALK_NONE &&
           (walk->problems & NX_DELEG_UNREACHED) == 0;
}

unsigned nx_walk_unasked(const struct nx_walk *walk) {
    return walk->unasked_n;
}

bool nx_walk_has(const struct nx_walk *walk, const struct nx_endpoint *at) {
    return walk->deepest != WALK_NONE &&
           nx_walk_serves(walk, walk->deepest, at);
}

bool nx_walk_lists(const struct nx_walk *walk, const struct nx_endpoint *at) {
    bool listed = walk->deepest == WALK_NONE;
    for (int z = walk->deepest; !listed && z != WALK_NONE;
         z = walk->zones[z].parent) {
        listed = nx_walk_serves(walk, z, at);
    }
    return listed;
}

bool nx_walk_busy(const struct nx_walk *walk) {
    return walk->stage != STAGE_IDLE;
}

const uint8_t *nx_walk_apex(const struct nx_walk *walk) {
    return walk->deepest != WALK_NONE ? walk->zones[walk->deepest].apex : NULL;
}

bool nx_walk_delegation(struct nx_walk *walk, struct nx_delegation *out) {
    if (!walk->report) {
        return false;
    }
    const struct walk_zone *z = &walk->zones[walk->deepest];
    walk->report = false;
    *out = (struct nx_delegation){
        .name = walk->name,
        .apex = z->apex,
        .parent = z->parent != WALK_NONE ? walk->zones[z->parent].apex : NULL,
        .ns_ttl_s = z->ns_ttl_s,
        .servers = walk->servers,
        .servers_n = walk->servers_n,
        .sides = walk->sides,
        .problems = walk->problems,
        .unasked_n = walk->unasked_n,
        .glue = walk->glue,
        .at_mono_us = walk->found_mono_us,
    };
    return true;
}
