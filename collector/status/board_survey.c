/* Which networks there are, and which of them changed. */
#include <stdlib.h>
#include <string.h>

#include "collector/status/board_parts.h"
#include "common/hash.h"

/* The stamps of the networks, and how many targets they have. */
struct survey {
    const struct nx_engine *engine;
    const struct nx_incident *incident;
    const struct nx_board_choice *choice; /* NULL: every network */
    bool *chosen;                         /* of each site, where there is one */
    size_t chosen_cap;
    struct nx_board_site *sites;
    size_t n, cap;
    uint8_t *asks; /* ... does it ask the resolver? NULL: any */
    size_t at;     /* targets come by network, too */
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

/* A network is chosen by its labels, or by those of any agent. */
static void choose(struct survey *s, const struct nx_agent *agent) {
    const struct nx_where *where = &s->choice->query.where;
    struct nx_labels of_network;
    struct nx_labels own;
    if (s->chosen_cap < s->cap) {
        void *grown = realloc(s->chosen, s->cap * sizeof(*s->chosen));
        if (grown == NULL) {
            s->failed = true;
            return;
        }
        s->chosen = grown;
        memset(s->chosen + s->chosen_cap, 0,
               (s->cap - s->chosen_cap) * sizeof(*s->chosen));
        s->chosen_cap = s->cap;
    }
    nx_engine_network_labels(s->engine, agent->network, &of_network);
    nx_engine_agent_labels(s->engine, agent, &own);
    s->chosen[s->n - 1] |=
        nx_where_holds(where, &of_network) || nx_where_holds(where, &own);
}

/* Every network that counts, as in a sheet; agents come by network. */
static void survey_agent(void *user, const struct nx_agent_view *view) {
    struct survey *s = user;
    const struct nx_agent *agent = view->agent;
    if (!nx_agent_counts(agent, s->incident) ||
        (s->choice != NULL &&
         !nx_sight_covers(&s->choice->sight, agent->network)) ||
        !add(s, agent->network)) {
        return;
    }
    if (nx_engine_no_room(s->engine, s->incident->id, agent->id)) {
        struct nx_board_site *site = &s->sites[s->n - 1];
        site->stamp = nx_hash_u64(agent->id, site->stamp);
    }
    if (s->choice != NULL) {
        choose(s, agent);
    }
}

/* Mixes the moments at which the network's targets changed into its stamp.
 * One that never was is worked out each time. */
static void survey_target(void *user, const struct nx_agent *agent,
                          const struct nx_endpoint *at, int64_t changed_us) {
    struct survey *s = user;
    while (s->at < s->n &&
           strcmp(s->sites[s->at].network, agent->network) < 0) {
        s->at++;
    }
    if (s->at < s->n && strcmp(s->sites[s->at].network, agent->network) == 0) {
        struct nx_board_site *site = &s->sites[s->at];
        int64_t seen_us = changed_us != INT64_MIN ? changed_us : s->now_us;
        site->stamp = nx_hash_u64((uint64_t)seen_us, site->stamp + agent->id);
        site->targets_n++;
        if (s->asks != NULL && s->asks[s->at] == 0) {
            char text[NX_ENDPOINT_TEXT_MAX];
            s->asks[s->at] = strcmp(nx_endpoint_text(at, text),
                                    s->choice->query.where.resolver) == 0;
        }
    }
}

/* Leaves those that are chosen. */
static void drop_others(struct survey *s) {
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++) {
        if (s->chosen[i] && (s->asks == NULL || s->asks[i] != 0)) {
            s->sites[n++] = s->sites[i];
        }
    }
    s->n = n;
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

/* Whose texts can be taken: its own, or those of the page of all, unless an
 * operator, or what is known of the servers, has changed what texts say. */
static const struct nx_board_entry *source_of(const struct nx_board_entry *p) {
    const struct nx_board_entry *whole = p->whole;
    return !p->made && whole != NULL && whole->made &&
                   whole->told == p->round.told && whole->servers == p->servers
               ? whole
               : p;
}

/* Both lists are ordered by name. */
static void take_over(struct nx_board_entry *p, const struct survey *s) {
    struct nx_board_round *round = &p->round;
    const struct nx_board_entry *from = source_of(p);
    size_t shown_n = from->shown.sites_n;
    bool anew = from == p && (round->all || round->redraw);
    size_t k = 0;
    round->sites = s->sites;
    round->sites_n = s->n;
    round->others = s->n != p->shown.sites_n || !p->made;
    for (size_t i = 0; i < s->n; i++) {
        const struct nx_board_site *shown = from->shown.sites;
        round->targets_n += s->sites[i].targets_n;
        while (k < shown_n &&
               strcmp(shown[k].network, s->sites[i].network) < 0) {
            k++;
        }
        if (k < shown_n && strcmp(shown[k].network, s->sites[i].network) == 0) {
            nx_board_take_texts(&s->sites[i], &shown[k]);
        } else {
            round->others = true;
            s->sites[i].changed = true;
        }
        s->sites[i].changed |= anew;
    }
}

static int look(struct survey *s, struct nx_engine *engine, uint32_t id) {
    s->incident = nx_engine_incident(engine, id);
    int err = s->incident->audit
                  ? 0
                  : nx_engine_agents_of(engine, NULL, survey_agent, s);
    if (err != 0 || s->failed) {
        return err != 0 ? err : NX_ENOMEM;
    }
    if (s->choice != NULL && s->choice->query.where.resolver[0] != '\0') {
        s->asks = calloc(s->n + 1, sizeof(*s->asks));
        if (s->asks == NULL) {
            return NX_ENOMEM;
        }
    }
    err = nx_engine_changed(engine, id, survey_target, s);
    if (err == 0 && s->choice != NULL) {
        drop_others(s);
    }
    return err;
}

int nx_board_survey(struct nx_board_entry *p, struct nx_engine *engine,
                    int64_t now_us) {
    struct survey s = {.engine = engine, .choice = p->choice, .now_us = now_us};
    int err = look(&s, engine, p->shown.incident_id);
    if (err == 0) {
        take_over(p, &s);
    } else {
        free(s.sites);
    }
    free(s.chosen);
    free(s.asks);
    return err;
}
