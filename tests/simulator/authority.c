#include "tests/simulator/authority.h"

#include <math.h>
#include <string.h>

#include "collector/infer/look.h"

static int64_t us(double s) {
    return (int64_t)llround(s * 1e6);
}

static bool is_bad(const struct sim_server *server, double t_s) {
    for (unsigned i = 0; i < server->bad_n; i++) {
        if (t_s >= server->bad[i].from_s && t_s < server->bad[i].to_s) {
            return true;
        }
    }
    return false;
}

static struct sim_answer denial(const struct sim_authority *a) {
    struct sim_answer answer = {.denied = true,
                                .ttl_s = a->w_s,
                                .serial = a->serial_moves ? SIM_SERIAL_OLD
                                                          : SIM_SERIAL_RESTORED,
                                .rel = NX_SOA_APEX};

    if (a->incident == SIM_PARENT) {
        answer.ttl_s = a->parent_w_s;
        answer.rel = NX_SOA_ANCESTOR;
        answer.serial = 77;
    } else if (a->incident == SIM_MOVED) {
        answer.ttl_s = a->old_w_s;
    }
    return answer;
}

struct sim_answer sim_authority_ask(struct sim_world *world, double t_s,
                                    double wrong_until_s) {
    struct sim_authority *a = &world->authority;
    struct sim_answer good = {.ttl_s = a->positive_ttl_s};

    if (a->incident == SIM_MOVED) {
        return t_s >= 0 && t_s < wrong_until_s ? denial(a) : good;
    }
    if (a->hidden_share > 0 && t_s >= 0 && t_s < a->hidden_until_s &&
        sim_chance(&world->rng, a->hidden_share)) {
        return denial(a);
    }
    unsigned i = (unsigned)sim_uniform(&world->rng, 0, a->servers_n);
    return is_bad(&a->servers[i], t_s) ? denial(a) : good;
}

/* --- the auditor --- */

/* Last poll at or before t. */
static double poll_before(const struct sim_authority *a, double t_s) {
    return a->poll_phase_s +
           SIM_POLL_S * floor((t_s - a->poll_phase_s) / SIM_POLL_S);
}

struct seen {
    bool bad_now, bad_ever;
    double bad_s, good_s; /* last bad poll, the good one after it */
};

static struct seen watch(const struct sim_authority *a,
                         const struct sim_server *server, double t_s) {
    struct seen seen = {.bad_s = -SIM_NEVER_S, .good_s = -SIM_NEVER_S};
    double now_s = poll_before(a, t_s);

    seen.bad_now = is_bad(server, now_s);
    for (unsigned i = 0; i < server->bad_n; i++) {
        double last_s = poll_before(a, fmin(server->bad[i].to_s - 1e-6, now_s));
        if (last_s >= server->bad[i].from_s && last_s > seen.bad_s) {
            seen.bad_ever = true;
            seen.bad_s = last_s;
            seen.good_s = last_s + SIM_POLL_S;
        }
    }
    return seen;
}

static void facts_times(const struct sim_authority *a, double t_s,
                        struct nx_auth_facts *out) {
    double lo_s = -SIM_NEVER_S;
    double hi_s = -SIM_NEVER_S;

    out->all_ns_good = true;
    for (unsigned i = 0; i < a->servers_n; i++) {
        struct seen seen = watch(a, &a->servers[i], t_s);
        out->all_ns_good &= !seen.bad_now;
        out->ns_negative =
            (uint16_t)(out->ns_negative + (seen.bad_now ? 1 : 0));
        lo_s = fmax(lo_s, seen.bad_s);
        hi_s = fmax(hi_s, seen.good_s);
    }
    out->restored_lo_us = us(lo_s);
    out->restored_hi_us = out->all_ns_good ? us(hi_s) : NX_TIME_UNKNOWN;
    out->verified = out->all_ns_good && t_s >= hi_s + SIM_SETTLE_S;
    /* As the collector does without a word from the operator. */
    out->outage_lo_us = a->stated_outage_s < SIM_NEVER_S
                            ? us(a->stated_outage_s)
                            : us((hi_s > 0 ? hi_s : t_s) - a->w_s);
}

/* The outage, and the relapse after it. */
static void facts_bad(const struct sim_authority *a, double t_s,
                      struct nx_auth_facts *out) {
    double first_s = 0.0;

    if (!out->all_ns_good || t_s < a->relapse_s) {
        return;
    }
    for (unsigned i = 0; i < a->servers_n; i++) {
        first_s = fmax(first_s, a->servers[i].bad[0].to_s);
    }
    out->bad_n = 2;
    out->bad[0] = (struct nx_bad_interval){
        out->outage_lo_us, us(poll_before(a, first_s) + SIM_POLL_S)};
    out->bad[1] = (struct nx_bad_interval){us(poll_before(a, a->relapse_s)),
                                           out->restored_hi_us};
}

void sim_authority_facts(const struct sim_authority *a, double t_s,
                         struct nx_auth_facts *out) {
    memset(out, 0, sizeof(*out));
    out->observed = true;
    out->ns_total = (uint16_t)a->servers_n;
    facts_times(a, t_s, out);
    out->serial_known = true;
    out->serial_moves = a->serial_moves && a->incident != SIM_PARENT;
    out->serial_restored = SIM_SERIAL_RESTORED;
    out->w_auth_s =
        a->incident == SIM_MOVED && a->old_w_s > a->w_s ? a->old_w_s : a->w_s;
    out->soa_minimum_s = a->minimum_s;
    out->positive_ttl_s = a->positive_ttl_s;
    facts_bad(a, t_s, out);
    if (a->incident == SIM_PARENT) {
        out->parent_w_s = a->parent_w_s;
    }
    if (a->incident == SIM_MOVED) {
        out->deleg_changed_ns = out->old_servers_negative = true;
        out->ns_ttl_s = a->ns_ttl_s;
        out->old_w_s = a->old_w_s;
    }
}

double sim_authority_verified_s(const struct sim_authority *a) {
    double t_s = a->poll_phase_s;
    struct nx_auth_facts facts;

    for (;;) {
        sim_authority_facts(a, t_s, &facts);
        if (facts.verified && t_s > 0) {
            return t_s;
        }
        t_s += SIM_POLL_S;
    }
}
