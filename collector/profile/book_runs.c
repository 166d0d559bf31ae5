/* Runs: which resolver is next, by which agent, and what came of it. */
#include <stdlib.h>
#include <string.h>

#include "collector/profile/book_priv.h"

#define RETRY_S 600U
#define FOLLOWED_MAX 2U /* runs after a run, as a SOA ends */
#define RETRY_DOUBLED_MAX 10U
#define OFFERED_US (INT64_C(10) * 1000000) /* agents offer every second */

static struct nx_book_run *run_new(const struct nx_book *book,
                                   const struct nx_book_entry *e,
                                   uint32_t agent_id, int64_t now_us) {
    struct nx_book_run *run = calloc(1, sizeof(*run));
    if (run != NULL) {
        uint64_t seed = nx_hash_u64((uint64_t)now_us, agent_id);
        run->agent_id = agent_id;
        run->begun_us = now_us;
        run->names = (struct nx_canary_run){
            .zone = book->conf.zone,
            .bogus_zone =
                book->conf.bogus_zone[0] != 0 ? book->conf.bogus_zone : NULL,
            .sibling = book->conf.sibling,
            .w_s = book->w_s,
            .id = (uint32_t)nx_hash(&e->key, sizeof(e->key), seed),
            .v6 = e->key.address_len == 16,
            .count_n = book->conf.count_n};
        run->looks.sibling = run->names.sibling;
        run->looks.w_s = run->names.w_s;
    }
    return run;
}

/* Agents take turns from the one on whose run nothing came: smaller is sooner,
 * and that one is the last. */
static uint32_t turn(const struct nx_book_entry *e, uint32_t agent_id) {
    return agent_id - e->failed_agent_id - 1U;
}

static void propose(struct nx_book_entry *e, uint32_t agent_id) {
    struct nx_book_network *network = e->network;
    const struct nx_book_entry *rival = network->next;
    bool first = false;
    if (rival == NULL || rival == e) {
        first = rival == NULL ||
                turn(e, agent_id) < turn(e, network->next_agent_id);
    } else {
        first = e->wanted == rival->wanted ? e->tried_us < rival->tried_us
                                           : e->wanted;
    }
    if (first) {
        network->next = e;
        network->next_agent_id = agent_id;
    }
}

void nx_book_offer(struct nx_book *book, const char *network,
                   const struct nx_endpoint *at, uint32_t agent_id,
                   int64_t now_us) {
    struct nx_book_entry *e = nx_book_find(book, network, at, agent_id);
    if (e == NULL && (e = nx_book_note(book, network, at, agent_id)) == NULL) {
        return;
    }
    e->row.used_us = now_us;
    e->row.serving_us = nx_layer_serves(at->layer) ? now_us : e->row.serving_us;
    if (e->network->runs_n == 0 && e->due_us <= now_us) {
        propose(e, agent_id);
    }
}

static void ask_one(struct nx_book_entry *e, int64_t now_us,
                    struct nx_book_asked *out) {
    bool recent = e->tried_us != NX_TIME_UNKNOWN &&
                  now_us - e->tried_us < NX_BOOK_AGAIN_US;
    if (e->run != NULL) {
        out->running_n++;
    } else if (recent) {
        int64_t again_us = e->tried_us + NX_BOOK_AGAIN_US;
        out->again_us = out->recent_n == 0 || again_us < out->again_us
                            ? again_us
                            : out->again_us;
        out->recent_n++;
    } else {
        e->due_us = NX_TIME_UNKNOWN;
        out->due_n++;
    }
}

void nx_book_measure(struct nx_book *book, const char *network, int64_t now_us,
                     struct nx_book_asked *out) {
    *out = (struct nx_book_asked){.again_us = NX_TIME_UNKNOWN};
    for (struct nx_book_entry *e = book->entries; e != NULL; e = e->hh.next) {
        /* One that no agent uses now would wait for ever. */
        if (e->row.used_us != NX_TIME_UNKNOWN &&
            now_us - e->row.used_us <= OFFERED_US &&
            (network == NULL || strcmp(e->key.network, network) == 0)) {
            ask_one(e, now_us, out);
        }
    }
}

void nx_book_want(struct nx_book *book, const char *network,
                  const struct nx_endpoint *at, uint32_t agent_id,
                  int64_t now_us) {
    struct nx_book_entry *e = nx_book_find(book, network, at, agent_id);
    if (e == NULL || e->run != NULL || e->failures_n > 0 ||
        (e->tried_us != NX_TIME_UNKNOWN &&
         now_us - e->tried_us < NX_BOOK_WANT_AGAIN_US)) {
        return;
    }
    e->wanted = true;
    if (e->due_us > now_us + NX_BOOK_WANT_US) {
        uint64_t part = nx_hash(&e->key, sizeof(e->key), (uint64_t)now_us) %
                        (uint64_t)NX_BOOK_WANT_US;
        e->due_us = now_us + (int64_t)part;
    }
}

static bool begin(struct nx_book *book, struct nx_book_entry *e,
                  uint32_t agent_id, int64_t now_us) {
    e->run = run_new(book, e, agent_id, now_us);
    if (e->run == NULL) {
        return false;
    }
    e->tried_us = now_us;
    e->wanted = false;
    e->network->runs_n++;
    book->runs_n++;
    return true;
}

bool nx_book_wants(const struct nx_book *book) {
    const struct nx_book_network *n = book->networks;
    while (n != NULL && n->next == NULL) {
        n = n->hh.next;
    }
    return n != NULL;
}

void nx_book_w_set(struct nx_book *book, uint32_t w_s) {
    book->w_s = w_s;
}

void nx_book_begin(struct nx_book *book, int64_t now_us,
                   void (*begun)(void *user, uint32_t agent_id), void *user) {
    for (struct nx_book_network *n = book->networks; n != NULL;
         n = n->hh.next) {
        struct nx_book_entry *e = n->next;
        n->next = NULL;
        if (e != NULL && begin(book, e, n->next_agent_id, now_us)) {
            begun(user, n->next_agent_id);
        }
    }
    nx_book_sweep(book, now_us);
}

static struct nx_book_run *run_of(const struct nx_book *book,
                                  const char *network,
                                  const struct nx_endpoint *at,
                                  uint32_t agent_id) {
    const struct nx_book_entry *e =
        book->runs_n > 0 ? nx_book_find(book, network, at, agent_id) : NULL;
    return e != NULL && e->run != NULL && e->run->agent_id == agent_id ? e->run
                                                                       : NULL;
}

bool nx_book_run(const struct nx_book *book, const char *network,
                 const struct nx_endpoint *at, uint32_t agent_id,
                 struct nx_canary_run *out) {
    const struct nx_book_run *run = run_of(book, network, at, agent_id);
    if (run != NULL) {
        *out = run->names;
    }
    return run != NULL;
}

bool nx_book_look(struct nx_book *book, const char *network, uint32_t agent_id,
                  const struct nx_obs *obs, int64_t theta_us, uint32_t eps_us) {
    struct nx_book_run *run =
        run_of(book, network, &obs->question->to, agent_id);
    if (run == NULL) {
        return false;
    }
    enum nx_canary which = nx_canary_of(&run->names, obs->question);
    if (which == NX_CANARIES_N_) {
        return false;
    }
    nx_canary_looks_add(&run->looks, &run->names, which, obs, theta_us, eps_us);
    run->of_n[which]++;
    return true;
}

/* A question may be asked once more than it needs to be. */
static bool has_all(const struct nx_book_run *run) {
    unsigned i = 0;
    while (i < NX_CANARIES_N_ &&
           run->of_n[i] >= nx_canary_visit(&run->names, (enum nx_canary)i)) {
        i++;
    }
    return i == NX_CANARIES_N_;
}

static bool over(const struct nx_book_run *run, int64_t now_us) {
    return has_all(run) ||
           now_us - run->begun_us >= nx_canary_lasts_us(&run->names);
}

static bool failed(const struct nx_book *book, struct nx_book_entry *e,
                   enum nx_run_trouble trouble, int64_t now_us) {
    e->row.failed_us = now_us;
    e->row.trouble = (uint8_t)trouble;
    e->failed_agent_id = e->run->agent_id;
    e->due_us = nx_book_due_after(book, e, now_us, RETRY_S << e->failures_n);
    e->failures_n += e->failures_n < RETRY_DOUBLED_MAX ? 1 : 0;
    return false;
}

/* Once more as the SOA ends that hid the cap: then it shows. One that comes too
 * late, because others were measured then, is tried for again. */
static void follow_soa(struct nx_book_entry *e) {
    int64_t over_us = e->row.measured.soa_over_us;
    bool worth =
        over_us != 0 && over_us < e->due_us && e->followed_n < FOLLOWED_MAX;
    e->due_us = worth ? over_us : e->due_us;
    e->followed_n = worth ? e->followed_n + 1 : 0;
}

/* False: nothing came of it; what was measured before stays as old as it is. */
static bool conclude(const struct nx_book *book, struct nx_book_entry *e,
                     int64_t now_us) {
    bool known = e->row.measured_us != NX_TIME_UNKNOWN;
    const struct nx_measured before = e->row.measured;
    enum nx_run_trouble trouble =
        nx_canary_trouble(&e->run->looks, &e->run->names);
    if (trouble != NX_RUN_NO_TROUBLE) {
        return failed(book, e, trouble, now_us);
    }
    if (nx_measure(&e->run->looks, known ? &before : NULL, e->row.measured_us,
                   &e->row.measured) != 0) {
        return failed(book, e, NX_RUN_BROKEN_OFF, now_us);
    }
    nx_book_date(&e->row, now_us);
    e->row.failed_us = NX_TIME_UNKNOWN;
    e->row.trouble = NX_RUN_NO_TROUBLE;
    e->failures_n = 0;
    e->due_us = nx_book_due_after(book, e, now_us, UINT32_MAX);
    follow_soa(e);
    return true;
}

void nx_book_end(struct nx_book *book, int64_t now_us, bool all,
                 void (*ended)(void *user, uint32_t agent_id,
                               const struct nx_book_row *row),
                 void *user) {
    for (struct nx_book_entry *e = book->entries; e != NULL && book->runs_n > 0;
         e = e->hh.next) {
        if (e->run == NULL || (!all && !over(e->run, now_us))) {
            continue;
        }
        bool done = !all && conclude(book, e, now_us);
        uint32_t agent_id = e->run->agent_id;
        free(e->run);
        e->run = NULL;
        e->network->runs_n--;
        book->runs_n--;
        ended(user, agent_id, done ? &e->row : NULL);
    }
}
