#include "agent/io_agent.h"

#include "agent/io_agent_priv.h"
#include "common/io_clock.h"
#include "common/io_log.h"

#define WAKE_MAX_US 60000000 /* look at the clock at least so often */
#define BUSY_WAIT_US 20000   /* the prober is full */

void nx_agentd_arm(struct event *timer, int64_t at_us) {
    int64_t wait_us = at_us - nx_clock_mono_us();
    wait_us = wait_us < 0 ? 0 : wait_us;
    wait_us = wait_us > WAKE_MAX_US ? WAKE_MAX_US : wait_us;
    const struct timeval tv = {wait_us / 1000000, wait_us % 1000000};
    (void)evtimer_add(timer, &tv);
}

/* --- results --- */

void nx_agentd_close_batch(struct nx_agentd *a) {
    struct nx_clock_sample clock;
    uint8_t *bytes = NULL;
    size_t len = 0;
    uint64_t first_seq = 0;
    size_t n = 0;
    struct nx_ledger before;
    nx_spool_ledger(a->spool, &before);
    nx_uplink_clock(a->uplink, &clock);
    int err =
        nx_batcher_close(a->batcher, &clock, &bytes, &len, &first_seq, &n);
    if (err == NX_ESTATE) {
        return;
    }
    if (err == NX_OK) {
        err = nx_spool_put(a->spool, bytes, len, first_seq, n, &clock);
    } else {
        n = nx_batcher_abandon(a->batcher, &first_seq);
        nx_spool_lost(a->spool, first_seq, n);
    }
    if (err != NX_OK) {
        nx_log(NX_LOG_ERROR, "cannot keep a batch: %s", nx_strerror(err));
    }
    nx_agentd_spool_changed(a, before.dropped);
}

void nx_agentd_arm_batch(struct nx_agentd *a) {
    int64_t at_us = nx_batcher_due_at(a->batcher, nx_spool_pace_us(a->spool));
    if (at_us != INT64_MAX) {
        nx_agentd_arm(a->on_batch, at_us);
    }
}

static bool batch_due(const struct nx_agentd *a, int64_t now_us) {
    return nx_batcher_due(a->batcher, nx_spool_pace_us(a->spool), now_us);
}

void nx_agentd_on_batch(evutil_socket_t fd, short what, void *arg) {
    struct nx_agentd *a = arg;
    (void)fd;
    (void)what;
    if (batch_due(a, nx_clock_mono_us())) {
        nx_agentd_close_batch(a);
    }
    nx_agentd_arm_batch(a);
}

/* Nobody is shown what was said of a canary name, and each is a new one. */
static bool goes_as_it_came(struct nx_agentd *a, const struct nx_obs *obs,
                            int64_t now_us) {
    return a->setup.conf->policy.replies == NX_REPLIES_ALL &&
           !nx_policy_is_canary(&a->setup.conf->policy, obs->question->name) &&
           nx_wires_take(&a->wires, obs, now_us);
}

void nx_agentd_on_observed(void *user, const struct nx_obs *obs) {
    struct nx_agentd *a = user;
    int64_t now_us = nx_clock_mono_us();
    struct nx_obs sent = *obs;
    struct nx_answer shown;
    if (!goes_as_it_came(a, obs, now_us)) {
        sent.wire = NULL;
        sent.wire_len = 0;
    }
    nx_policy_withhold(&a->setup.conf->policy, &sent, &shown);
    if (nx_batcher_add(a->batcher, &sent, now_us) == NX_EFULL) {
        nx_agentd_close_batch(a);
        if (nx_batcher_add(a->batcher, &sent, now_us) != NX_OK) {
            nx_log(NX_LOG_ERROR, "a result does not fit into a batch");
        }
    }
    if (batch_due(a, now_us)) {
        nx_agentd_close_batch(a);
    }
    nx_agentd_arm_batch(a);
}

/* Without the role a walk is the guard's own affair (policy.own_proof). */
void nx_agentd_on_walk_observed(void *user, const struct nx_obs *obs) {
    struct nx_agentd *a = user;
    nx_agentd_signed(a, obs);
    if (a->setup.conf->policy.authority_role) {
        nx_agentd_on_observed(user, obs);
    }
}

void nx_agentd_on_delegation(void *user,
                             const struct nx_delegation *delegation) {
    struct nx_agentd *a = user;
    if (!a->setup.conf->policy.authority_role) {
        return;
    }
    if (nx_batcher_add_delegation(a->batcher, delegation) == NX_EFULL) {
        nx_agentd_close_batch(a);
        if (nx_batcher_add_delegation(a->batcher, delegation) != NX_OK) {
            nx_log(NX_LOG_WARN, "a delegation does not fit into a batch");
        }
    }
}

/* --- asking --- */

static void on_result(void *user, const struct nx_probe_result *result) {
    struct nx_agentd *a = user;
    if (result->repeated) {
        nx_ratelimit_charge(a->limit, &result->obs.question->to,
                            nx_clock_mono_us());
    }
    if (result->withheld) {
        return; /* it was not asked: nothing was seen */
    }
    nx_agentd_on_observed(user, &result->obs);
    nx_agentd_signed(a, &result->obs);
    if (nx_planner_seen(a->planner, &result->obs, nx_clock_mono_us())) {
        nx_agentd_arm(a->on_due, 0);
    }
}

static void start_walk(struct nx_agentd *a, const struct nx_due *due) {
    uint16_t types[NX_WALK_TYPES_MAX + 1];
    size_t n = nx_planner_authority_types(a->planner, due->name, types,
                                          NX_WALK_TYPES_MAX + 1);
    struct nx_endpoint left[NX_WALKS_LEFT_MAX];
    size_t left_n =
        nx_planner_left(a->planner, due->name, left, NX_WALKS_LEFT_MAX);
    int err = nx_walks_round(a->walks, due->name, types, n, left, left_n,
                             nx_planner_audit(a->planner, due->name));
    if (err == NX_EAGAIN) { /* which types, it was told as it began */
        return;
    }
    size_t walked_n = n < NX_WALK_TYPES_MAX ? n : NX_WALK_TYPES_MAX;
    nx_planner_walked(a->planner, due->name, types,
                      err == NX_OK ? walked_n : 0);
    if (n > NX_WALK_TYPES_MAX && err == NX_OK) {
        err = NX_ELIMIT; /* the first ones are walked all the same */
    }
    if (err != NX_OK && !a->walk_refused) {
        char name[NX_DNAME_TEXT_MAX];
        a->walk_refused = true; /* said once per plan */
        nx_log(NX_LOG_WARN, "%s: its name servers are not asked%s: %s",
               nx_dname_text(due->name, name),
               n > NX_WALK_TYPES_MAX ? " for all types" : "", nx_strerror(err));
    }
}

/* False: the prober takes no more now. */
static bool ask(struct nx_agentd *a, const struct nx_due *due) {
    struct nx_question question = {.name = due->name,
                                   .qtype = due->qtype,
                                   .flags = due->rd0 ? 0 : NX_Q_RD,
                                   .udp_bytes = due->udp_bytes,
                                   .to = due->to};
    if (due->cd) {
        question.flags |= NX_Q_CD;
    }
    if (due->kind == NX_DUE_IDENTITY || due->nsid) {
        question.flags |= NX_Q_NSID;
    }
    question.flags |= due->chaos ? NX_Q_CH : 0U;
    question.flags |= due->ad ? NX_Q_AD : 0U;
    question.flags |= due->dnssec ? NX_Q_DO : 0U;
    if (due->to.transport == NX_SYSTEM) { /* without a child: passed by */
        (void)(nx_lookup_start(a->lookup, &question,
                               a->setup.conf->probe_timeout_ms, on_result,
                               a) == NX_OK);
        return true;
    }
    return nx_probe_send(a->prober, &question, a->setup.conf->probe_timeout_ms,
                         on_result, a) == NX_OK;
}

void nx_agentd_on_due(evutil_socket_t fd, short what, void *arg) {
    struct nx_agentd *a = arg;
    struct nx_due due;
    (void)fd;
    (void)what;
    while (!a->draining) {
        int64_t now_us = nx_agentd_checked_us(a);
        if (nx_probe_inflight(a->prober) >= a->inflight_max) {
            nx_agentd_arm(a->on_due, now_us + BUSY_WAIT_US);
            return;
        }
        nx_planner_system_busy(a->planner, nx_lookup_busy(a->lookup));
        if (!nx_planner_next(a->planner, now_us, &due)) {
            break;
        }
        if (due.kind == NX_DUE_AUTHORITY) {
            start_walk(a, &due);
        } else if (!ask(a, &due)) {
            nx_agentd_arm(a->on_due, now_us + BUSY_WAIT_US);
            return;
        }
    }
    if (!a->draining && nx_planner_wakeup(a->planner) != NX_PLANNER_NEVER) {
        nx_agentd_arm(a->on_due, nx_planner_wakeup(a->planner));
    }
}

/* --- plan and resolvers --- */

static void log_outcome(struct nx_agentd *a, const struct nx_plan *plan,
                        const struct nx_plan_outcome *now) {
    nx_log(NX_LOG_DEBUG, "plan %llu: %zu tasks, %zu taken",
           (unsigned long long)plan->revision, plan->tasks_n, now->taken_n);
    for (unsigned i = 1; i < NX_REFUSAL_N; i++) {
        if (now->refused_n[i] == 0 ||
            now->refused_n[i] == a->outcome.refused_n[i]) {
            continue; /* none, or as the last plan had it */
        }
        if (!nx_bucket_take(&a->refusals_told, &nx_told_rate, NX_TOLD_UNITS,
                            nx_clock_mono_us())) {
            break; /* told often enough */
        }
        char name[NX_DNAME_TEXT_MAX];
        char type[NX_RRTYPE_TEXT_MAX];
        const struct nx_task *task = &plan->tasks[now->example[i]];
        nx_log(NX_LOG_WARN, "plan %llu: %zu tasks refused, as %s %s: %s",
               (unsigned long long)plan->revision, now->refused_n[i],
               nx_dname_text(task->name, name),
               nx_rrtype_text(task->qtype, type), nx_refusal_text(i));
    }
    a->outcome = *now;
}

bool nx_agentd_on_plan(void *user, const struct nx_plan *plan) {
    struct nx_agentd *a = user;
    struct nx_plan_outcome outcome;
    int err = nx_planner_load(a->planner, plan, nx_clock_mono_us(), &outcome);
    nx_agentd_recall(a);
    if (err != NX_OK) {
        nx_log(NX_LOG_ERROR,
               "plan %llu: %s; the old one stays, but proves nothing any more: "
               "resolvers are asked again when a plan has come",
               (unsigned long long)plan->revision, nx_strerror(err));
        return false;
    }
    log_outcome(a, plan, &outcome);
    a->walk_refused = false;
    nx_walks_keep(a->walks, a->planner);
    nx_agentd_arm(a->on_due, 0);
    return true;
}

bool nx_agentd_on_resolvers(void *user, const struct nx_resolver *list,
                            size_t n) {
    struct nx_agentd *a = user;
    if (nx_planner_resolvers(a->planner, list, n, nx_clock_mono_us()) !=
        NX_OK) {
        nx_log(NX_LOG_ERROR,
               "the resolvers cannot be taken: out of memory; again soon");
        return false;
    }
    if (a->uplink != NULL) {  /* not while starting */
        nx_agentd_add_tls(a); /* an interface may have come */
        nx_uplink_hello(a->uplink);
        nx_agentd_recall(a);
    }
    nx_agentd_arm(a->on_due, 0);
    return true;
}

void nx_agentd_on_hello(void *user, struct nx_hello *hello) {
    struct nx_agentd *a = user;
    const struct nx_resolver *list = NULL;
    struct nx_ledger ledger;
    size_t n = nx_resolvers_get(a->resolvers, &list);
    for (size_t i = 0; i < n; i++) {
        a->hello_resolvers[i] = list[i].at;
    }
    nx_spool_ledger(a->spool, &ledger);
    hello->epoch = a->epoch;
    hello->next_seq = nx_batcher_next_seq(a->batcher);
    hello->resolvers = a->hello_resolvers;
    hello->resolvers_n = n;
    hello->authority_role = a->setup.conf->policy.authority_role;
    hello->resolver_rate_mqps = a->setup.conf->policy.own_rate.mqps;
    /* 0: it proves nothing any more, and has to come again. */
    hello->plan_revision = nx_planner_proven(a->planner, nx_clock_mono_us())
                               ? nx_planner_revision(a->planner)
                               : 0;
    hello->produced = hello->next_seq - 1;
    hello->dropped = ledger.dropped;
    hello->spool_bytes = nx_spool_disk_bytes(a->spool);
    nx_pins_keys(&a->kept, nx_uplink_anchor(a->uplink), &hello->keys);
}
