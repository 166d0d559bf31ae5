/* Which networks there are, and which of them changed. */
#include <stdlib.h>
#include <string.h>

#include "collector/status/board_parts.h"
#include "common/hash.h"

/* The stamps of the networks. */
struct survey {
    struct nx_board_site *sites;
    size_t n, cap;
    size_t at; /* targets come by network, too */
    size_t targets_n;
    int64_t now_us;
    bool failed;
};

void nx_board_sites_free(struct nx_board_site *sites, size_t n) {
    for (size_t i = 0; i < n; i++) {
        nx_blob_unref(sites[i].lane);
        nx_blob_unref(sites[i].full);
    }
    free(sites);
}

static bool add(struct survey *s, const char *network) {
    if (s->n > 0 && strcmp(s->sites[s->n - 1].network, network) == 0) {
        return true;
    }
    if (s->n == s->cap) {
        size_t cap = s->cap == 0 ? 64 : 2 * s->cap;
        void *grown = realloc(s->sites, cap * sizeof(*s->sites));
        if (grown == NULL) {
            s->failed = true;
            return false;
        }
        s->sites = grown;
        s->cap = cap;
    }
    struct nx_board_site *site = &s->sites[s->n++];
    memset(site, 0, sizeof(*site));
    memcpy(site->network, network, strlen(network) + 1);
    return true;
}

/* Every network with an agent, as in a sheet; agents come by network. */
static void survey_agent(void *user, const struct nx_agent_view *view) {
    if (view->agent->accepted && !view->agent->authority) {
        (void)add(user, view->agent->network);
    }
}

/* Mixes the moments at which the network's targets changed into its stamp.
 * One that never was is worked out each time. */
static void survey_target(void *user, const struct nx_agent *agent,
                          int64_t changed_us) {
    struct survey *s = user;
    while (s->at < s->n &&
           strcmp(s->sites[s->at].network, agent->network) < 0) {
        s->at++;
    }
    if (s->at < s->n && strcmp(s->sites[s->at].network, agent->network) == 0) {
        struct nx_board_site *site = &s->sites[s->at];
        int64_t seen_us = changed_us != INT64_MIN ? changed_us : s->now_us;
        site->stamp = nx_hash_u64((uint64_t)seen_us, site->stamp + agent->id);
        s->targets_n++;
    }
}

void nx_board_take_texts(struct nx_board_site *site,
                         const struct nx_board_site *shown) {
    uint64_t stamp = site->stamp;
    *site = *shown;
    site->stamp = stamp;
    site->changed = stamp != shown->stamp;
    site->lane_new = site->full_new = false;
    (void)nx_blob_ref(site->lane);
    (void)nx_blob_ref(site->full);
}

/* Both lists are ordered by name. */
static void take_over(struct nx_board_entry *p, const struct survey *s) {
    struct nx_board_round *round = &p->round;
    size_t k = 0;
    round->sites = s->sites;
    round->sites_n = s->n;
    round->targets_n = s->targets_n;
    round->others = s->n != p->shown.sites_n || !p->made;
    for (size_t i = 0; i < s->n; i++) {
        const struct nx_board_site *shown = p->shown.sites;
        while (k < p->shown.sites_n &&
               strcmp(shown[k].network, s->sites[i].network) < 0) {
            k++;
        }
        if (k < p->shown.sites_n &&
            strcmp(shown[k].network, s->sites[i].network) == 0) {
            nx_board_take_texts(&s->sites[i], &shown[k]);
        } else {
            round->others = true;
            s->sites[i].changed = true;
        }
        s->sites[i].changed |= round->all || round->redraw;
    }
}

int nx_board_survey(struct nx_board_entry *p, struct nx_engine *engine,
                    int64_t now_us) {
    struct survey s = {.now_us = now_us};
    uint32_t id = p->shown.incident_id;
    int err = nx_engine_incident(engine, id)->audit
                  ? 0
                  : nx_engine_agents_of(engine, NULL, survey_agent, &s);
    err = err == 0 && s.failed ? NX_ENOMEM : err;
    err = err == 0 ? nx_engine_changed(engine, id, survey_target, &s) : err;
    if (err != 0) {
        free(s.sites);
        return err;
    }
    take_over(p, &s);
    return 0;
}
