/* Start, reload and end of the agent. */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>

#include "agent/dns/io_dot.h"
#include "agent/io_agent_priv.h"
#include "common/io_clock.h"
#include "common/io_log.h"

#define FDS_SPARE 64U
#define INFLIGHT_LEAST 16U

#define NO_DOT_MODULE                                                          \
    NX_DOT_MODULE " cannot be loaded: it has to be of this version, in the "   \
                  "program's folder or in lib/nxclear, and needs libgetdns"

static const char *tls_reason(int err) {
    switch (err) {
    case NX_ENOTFOUND:
        return NO_DOT_MODULE;
    case NX_ELIMIT:
        return "too many resolvers are asked over TLS";
    default:
        return nx_strerror(err);
    }
}

void nx_agentd_add_tls(struct nx_agentd *a) {
    const struct nx_agent_conf *conf = a->setup.conf;
    nx_probe_clear_tls(a->prober);
    for (size_t i = 0; i < conf->resolvers_n; i++) {
        const struct nx_conf_resolver *r = &conf->resolvers[i];
        struct nx_endpoint at;
        if (r->at.at.transport != NX_TLS ||
            !nx_resolvers_endpoint(&r->at, &at)) {
            continue; /* without its interface it is not asked either */
        }
        int err = nx_probe_add_tls(a->prober, &at, r->tls_ca_file);
        if (err != NX_OK) {
            char text[NX_ENDPOINT_TEXT_MAX];
            nx_log(NX_LOG_ERROR, "%s: DNS over TLS is not available: %s",
                   nx_endpoint_text(&at, text), tls_reason(err));
        }
    }
}

static void walk_settings(const struct nx_agentd *a,
                          struct nx_walks_settings *out) {
    *out = (struct nx_walks_settings){
        .hints = a->setup.hints,
        .server_rate = a->setup.conf->policy.server_rate,
        .timeout_ms = a->setup.conf->probe_timeout_ms,
        .inflight_max = a->inflight_max / 2,
        .allow_private = a->setup.own_root,
        .audit = a->setup.conf->policy.authority_role};
}

/* Each query has a descriptor; some are left for everything else. */
static unsigned inflight_max(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 ||
        limit.rlim_cur >= NX_PROBE_INFLIGHT_MAX + FDS_SPARE) {
        return NX_PROBE_INFLIGHT_MAX;
    }
    return limit.rlim_cur > FDS_SPARE + INFLIGHT_LEAST
               ? (unsigned)(limit.rlim_cur - FDS_SPARE)
               : INFLIGHT_LEAST;
}

static int make_timers(struct nx_agentd *a) {
    a->on_due = evtimer_new(a->base, nx_agentd_on_due, a);
    a->on_batch = evtimer_new(a->base, nx_agentd_on_batch, a);
    a->on_drain = evtimer_new(a->base, nx_agentd_on_drain, a);
    a->on_spool = evtimer_new(a->base, nx_agentd_on_spool, a);
    a->on_disk = evtimer_new(a->base, nx_agentd_on_disk, a);
    a->on_trim = evtimer_new(a->base, nx_agentd_on_trim, a);
    a->on_lapse = evtimer_new(a->base, nx_agentd_on_lapse, a);
    return a->on_due != NULL && a->on_batch != NULL && a->on_drain != NULL &&
                   a->on_spool != NULL && a->on_disk != NULL &&
                   a->on_trim != NULL && a->on_lapse != NULL
               ? NX_OK
               : NX_ENOMEM;
}

static int make_pure(struct nx_agentd *a) {
    const struct nx_agent_conf *conf = a->setup.conf;
    int err = nx_agentd_open_spool(a);
    if (err == NX_OK) {
        err = nx_agentd_load_keys(a);
    }
    if (err == NX_OK) {
        err = nx_ratelimit_new(&conf->policy.total_rate, &a->limit);
    }
    if (err == NX_OK) {
        err = nx_planner_new(&conf->policy, a->limit, a->epoch, &a->planner);
    }
    if (err == NX_OK) {
        err = nx_batcher_new(a->epoch, nx_spool_next_seq(a->spool),
                             conf->batch_max_results, conf->batch_max_age_ms,
                             &a->batcher);
    }
    return err;
}

static int make_edge(struct nx_agentd *a) {
    const struct nx_walks_handler walks = {
        .observed = nx_agentd_on_walk_observed,
        .delegation = nx_agentd_on_delegation,
        .own = nx_agentd_on_own,
        .user = a};
    const struct nx_uplink_handler uplink = {.hello = nx_agentd_on_hello,
                                             .plan = nx_agentd_on_plan,
                                             .unread = nx_agentd_on_unread,
                                             .heard = nx_agentd_on_heard,
                                             .stood = nx_agentd_on_stood,
                                             .keys = nx_agentd_on_keys,
                                             .behind = nx_agentd_on_behind,
                                             .acked = nx_agentd_on_acked,
                                             .user = a};
    struct nx_walks_settings settings;
    walk_settings(a, &settings);
    int err = nx_probe_new(a->base, a->inflight_max, &a->prober);
    if (err == NX_OK) {
        nx_probe_permit(a->prober, nx_agentd_may, a);
        err = nx_lookup_new(a->base, NULL, &a->lookup);
    }
    if (err == NX_OK) {
        nx_agentd_add_tls(a);
        err = nx_walks_new(a->base, a->prober, a->limit, &settings, &walks,
                           &a->walks);
    }
    if (err == NX_OK) {
        err = nx_resolvers_new(a->base, a->setup.conf, nx_agentd_on_resolvers,
                               a, &a->resolvers);
    }
    if (err == NX_OK) {
        err = nx_uplink_new(a->base, a->setup.conf, &a->setup.keys, &a->pins,
                            a->spool, &uplink, &a->uplink);
    }
    return err;
}

int nx_agentd_new(struct event_base *base, struct nx_agent_setup *setup,
                  struct nx_agentd **out) {
    struct nx_agentd *a = calloc(1, sizeof(*a));
    if (a == NULL) {
        return NX_ENOMEM;
    }
    a->base = base;
    a->inflight_max = inflight_max();
    a->setup = *setup; /* given back below on failure */
    int err = getrandom(&a->epoch, sizeof(a->epoch), 0) == sizeof(a->epoch)
                  ? make_timers(a)
                  : NX_EIO;
    if (err == NX_OK) {
        err = make_pure(a);
    }
    if (err == NX_OK) {
        err = make_edge(a);
    }
    if (err != NX_OK) {
        memset(&a->setup, 0, sizeof(a->setup));
        nx_agentd_free(&a);
        return err;
    }
    memset(setup, 0, sizeof(*setup));
    *out = a;
    return NX_OK;
}

void nx_agentd_free(struct nx_agentd **agent) {
    struct nx_agentd *a = *agent;
    if (a == NULL) {
        return;
    }
    nx_agentd_close_spool(a);
    nx_uplink_free(&a->uplink);
    nx_resolvers_free(&a->resolvers);
    nx_walks_free(&a->walks);
    nx_probe_free(&a->prober);
    nx_lookup_free(&a->lookup);
    nx_batcher_free(&a->batcher);
    nx_planner_free(&a->planner);
    nx_ratelimit_free(&a->limit);
    struct event *timers[] = {a->on_due,  a->on_batch, a->on_drain, a->on_spool,
                              a->on_disk, a->on_trim,  a->on_lapse};
    for (size_t i = 0; i < sizeof(timers) / sizeof(timers[0]); i++) {
        if (timers[i] != NULL) {
            event_free(timers[i]);
        }
    }
    nx_agent_setup_fini(&a->setup);
    free(a->pins_folder);
    free(a);
    *agent = NULL;
}

bool nx_agentd_again(struct nx_agentd *a, struct nx_agent_setup *out) {
    if (a->again) {
        *out = a->setup;
        memset(&a->setup, 0, sizeof(a->setup));
    }
    return a->again;
}

/* --- reload --- */

static bool same_uplink(const struct nx_agent_setup *a,
                        const struct nx_agent_setup *b) {
    const struct nx_agent_conf *x = a->conf;
    const struct nx_agent_conf *y = b->conf;
    bool same = x->collectors_n == y->collectors_n &&
                strcmp(a->keys.public_key, b->keys.public_key) == 0;
    for (size_t i = 0; same && i < x->collectors_n; i++) {
        same =
            strcmp(x->collectors[i].endpoint, y->collectors[i].endpoint) == 0 &&
            strcmp(x->collectors[i].key, y->collectors[i].key) == 0;
    }
    return same;
}

/* What may fail comes first, so that the old setup can stay. */
static int swap_pure(struct nx_agentd *a, const struct nx_agent_conf *conf) {
    struct nx_batcher *batcher = NULL;
    nx_agentd_close_batch(a);
    int err = nx_batcher_new(a->epoch, nx_batcher_next_seq(a->batcher),
                             conf->batch_max_results, conf->batch_max_age_ms,
                             &batcher);
    if (err == NX_OK) {
        err = nx_planner_policy(a->planner, &conf->policy, nx_clock_mono_us());
    }
    if (err != NX_OK) {
        nx_batcher_free(&batcher);
        return err;
    }
    nx_batcher_free(&a->batcher);
    a->batcher = batcher;
    return NX_OK;
}

int nx_agentd_reload(struct nx_agentd *a, struct nx_agent_setup *setup) {
    const struct nx_rate *total = &setup->conf->policy.total_rate;
    int err = nx_ratelimit_set_total(a->limit, total);
    if (err == NX_OK) {
        err = swap_pure(a, setup->conf);
    }
    if (err != NX_OK) {
        return err;
    }
    struct nx_agent_setup old = a->setup;
    struct nx_walks_settings settings;
    a->setup = *setup;
    memset(setup, 0, sizeof(*setup));
    nx_agentd_configure_spool(a, old.conf);
    walk_settings(a, &settings);
    nx_walks_reload(a->walks, &settings);
    nx_walks_keep(a->walks, a->planner); /* the policy may have cut some */
    nx_agentd_add_tls(a);
    nx_resolvers_reload(a->resolvers, a->setup.conf);
    nx_agentd_recall(a); /* it may allow less now */
    if (same_uplink(&old, &a->setup)) {
        nx_uplink_conf(a->uplink, a->setup.conf, &a->setup.keys);
        nx_uplink_hello(a->uplink);
    } else {
        nx_uplink_reload(a->uplink, a->setup.conf, &a->setup.keys);
    }
    memset(&a->outcome, 0, sizeof(a->outcome));
    nx_agent_setup_fini(&old);
    nx_agentd_arm(a->on_due, 0);
    return NX_OK;
}
