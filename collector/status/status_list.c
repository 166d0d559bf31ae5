/* The list of incidents, each with its outlook: that of its status, found
 * without making one. */
#include <string.h>

#include "collector/status/status_sheet.h"
#include "collector/status/status_text.h"

/* Targets judged for a list; of very many more the last ticks' word is taken,
 * for others wait for the loop. */
#define JUDGED_MAX 500U

/* A network on its way. */
struct network {
    char name[NX_TEXT_LABEL_MAX]; /* "": none yet */
    unsigned state, unknown_reason;
    bool any; /* a target that speaks for it */
    bool stuck;
};

struct listing {
    const struct nx_engine *engine;
    const struct nx_sheet *sheet; /* without networks */
    const struct nx_sight *sight;
    struct network network;
    const struct nx_agent *agent; /* whose weight that is */
    double weight;
    char counted[NX_TEXT_LABEL_MAX]; /* the last one of networks_n */
    size_t networks_n, told_n;
    bool seen[NX_OUTLOOK_UNKNOWN + 1];
};

static bool counts(const struct listing *l, const struct nx_agent *agent) {
    return nx_agent_counts(agent, l->sheet->incident) &&
           nx_sight_covers(l->sight, agent->network);
}

/* Agents come by network, and so do targets. */
static void count_network(void *user, const struct nx_agent_view *view) {
    struct listing *l = user;
    if (!counts(l, view->agent)) {
        return;
    }
    l->seen[NX_OUTLOOK_UNKNOWN] |=
        nx_engine_no_room(l->engine, l->sheet->incident->id, view->agent->id);
    if (l->networks_n == 0 || strcmp(l->counted, view->agent->network) != 0) {
        memcpy(l->counted, view->agent->network, sizeof(l->counted));
        l->networks_n++;
    }
}

static void begin_network(struct listing *l, const char *name) {
    l->network = (struct network){.state = NX_STATE_UNKNOWN,
                                  .unknown_reason = NX_UNKNOWN_NEVER_SEEN};
    memcpy(l->network.name, name, strlen(name) + 1);
}

static void end_network(struct listing *l) {
    const struct network *n = &l->network;
    if (n->any) {
        l->seen[nx_sheet_outlook_in(l->sheet, n->state, n->unknown_reason,
                                    n->stuck)] = true;
        l->told_n++;
    }
}

/* As nx_rollup_network: the worst state. An agent without weight speaks for
 * nobody. */
static void take(struct listing *l, const struct nx_verdict *v) {
    static const struct nx_verdict none = {
        .state = NX_STATE_UNKNOWN, .unknown_reason = NX_UNKNOWN_NEVER_SEEN};
    struct network *n = &l->network;
    v = v != NULL ? v : &none;
    if (l->weight > 0 && (!n->any || v->state < n->state)) {
        n->any = true;
        n->state = v->state;
        n->unknown_reason = v->unknown_reason;
    }
}

static void take_target(void *user, const struct nx_agent *agent,
                        const struct nx_endpoint *at,
                        const struct nx_verdict *verdict) {
    struct listing *l = user;
    if (!counts(l, agent) || !nx_layer_serves(at->layer)) {
        return;
    }
    if (strcmp(l->network.name, agent->network) != 0) {
        end_network(l);
        begin_network(l, agent->network);
    }
    if (l->agent != agent) {
        struct nx_labels own;
        nx_engine_agent_labels(l->engine, agent, &own);
        l->agent = agent;
        l->weight = own.weight;
    }
    take(l, verdict);
    l->network.stuck |=
        verdict != NULL &&
        nx_verdict_is_stuck(verdict, at->layer, l->sheet->now_us);
}

/* Where an agent asks nothing that speaks for its network, nothing is known. */
static bool look(struct listing *l, struct nx_engine *engine) {
    const struct nx_sheet *sheet = l->sheet;
    if (!sheet->incident->audit &&
        nx_engine_agents_of(engine, NULL, count_network, l) != 0) {
        return false;
    }
    if (nx_engine_verdicts(engine, sheet->incident->id, sheet->now_us,
                           JUDGED_MAX, take_target, l) != 0) {
        return false;
    }
    end_network(l);
    l->seen[NX_OUTLOOK_UNKNOWN] |= l->told_n < l->networks_n;
    return true;
}

static json_t *outlook_json(struct nx_engine *engine, uint32_t id,
                            int64_t now_us, const struct nx_sight *sight) {
    struct nx_sheet sheet;
    struct listing l = {.engine = engine, .sheet = &sheet, .sight = sight};
    if (nx_sheet_init_head(&sheet, engine, id, now_us) != 0) {
        return NULL;
    }
    bool looked = look(&l, engine);
    enum nx_outlook outlook = nx_sheet_outlook_of(&sheet, l.seen);
    nx_sheet_fini(&sheet);
    return looked ? json_string(nx_outlook_text(outlook)) : NULL;
}

/* A closed one has no outlook. */
static json_t *listed(struct nx_engine *engine,
                      const struct nx_incident *incident, int64_t now_us,
                      const struct nx_sight *sight) {
    json_t *head = nx_status_incident_head(incident);
    if (head != NULL &&
        nx_json_set(head, "outlook",
                    incident->closed_us != NX_TIME_UNKNOWN
                        ? json_null()
                        : outlook_json(engine, incident->id, now_us, sight))) {
        return head;
    }
    json_decref(head);
    return NULL;
}

json_t *nx_status_incident_list(struct nx_engine *engine, int64_t now_us,
                                const struct nx_sight *sight) {
    const struct nx_incident **incidents = NULL;
    size_t n = nx_engine_incidents(engine, &incidents);
    json_t *list = json_array();
    for (size_t i = 0; list != NULL && i < n; i++) {
        if (!nx_json_add(list, listed(engine, incidents[i], now_us, sight))) {
            json_decref(list);
            return NULL;
        }
    }
    return json_pack("{s:o, s:o}", "now", nx_json_time(now_us), "incidents",
                     list);
}
