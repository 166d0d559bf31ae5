#include "collector/engine/above.h"

#include <stdlib.h>

#include "collector/infer/facts.h"
#include "common/plants.h"
#include "common/rrtype.h"

void nx_above_init(struct nx_above *above) {
    *above = (struct nx_above){.crowded_us = NX_TIME_UNKNOWN,
                               .heard_us = NX_TIME_UNKNOWN,
                               .blind_us = NX_TIME_UNKNOWN};
}

void nx_above_fini(struct nx_above *above) {
    free(above->list);
    nx_above_init(above);
}

static struct nx_above_server *find(const struct nx_above *above,
                                    uint32_t agent_id,
                                    const struct nx_endpoint *at) {
    for (size_t i = 0; i < above->n; i++) {
        struct nx_above_server *s = &above->list[i];
        if (s->agent_id == agent_id && nx_endpoint_same_server(&s->at, at)) {
            return s;
        }
    }
    return NULL;
}

static struct nx_above_server *make(struct nx_above *above) {
    struct nx_above_server *grown =
        above->n < NX_ABOVE_MAX
            ? realloc(above->list, (above->n + 1) * sizeof(*grown))
            : NULL;
    if (grown == NULL) {
        return NULL;
    }
    above->list = grown;
    return &grown[above->n++];
}

static int deny(struct nx_above *above, uint32_t agent_id,
                const struct nx_question *question, const uint8_t *zone,
                int64_t at_us) {
    struct nx_above_server *s = find(above, agent_id, &question->to);
    if (s == NULL) {
        s = make(above);
        if (s == NULL) {
            above->crowded_us = nx_time_later(above->crowded_us, at_us);
            return above->n < NX_ABOVE_MAX ? NX_ENOMEM : NX_OK;
        }
        *s = (struct nx_above_server){
            .at = question->to, .agent_id = agent_id, .denied_us = at_us};
        s->at.server_name = NULL;
    }
    s->names |= nx_above_bit(question->name);
    s->denied_us = nx_time_later(s->denied_us, at_us);
    unsigned labels = nx_dname_labels(question->name);
    bool parent = question->qtype == NX_TYPE_DS && labels > 0;
    s->zone_labels = (uint8_t)(parent ? labels - 1 : nx_dname_labels(zone));
    return NX_OK;
}

typedef bool says(const struct nx_answer *answer, const uint8_t *name,
                  const uint8_t *zone);

static void take_back(struct nx_above *above, uint32_t agent_id,
                      const struct nx_obs *obs, int64_t at_us, says *so,
                      uint64_t names) {
    struct nx_above_server *s = find(above, agent_id, &obs->question->to);
    const uint8_t *name = obs->question->name;
    if (s != NULL && at_us >= s->denied_us &&
        so(obs->answer, name, nx_name_above(name, s->zone_labels))) {
        s->names &= ~names;
    }
}

void nx_above_is_there(struct nx_above *above, uint32_t agent_id,
                       const struct nx_obs *obs, int64_t at_us) {
    bool all = obs->question->qtype == NX_TYPE_DS;
    take_back(above, agent_id, obs, at_us, nx_answer_shows_name,
              all ? NX_ABOVE_ALL : nx_above_bit(obs->question->name));
}

void nx_above_leads_down(struct nx_above *above, uint32_t agent_id,
                         const struct nx_obs *obs, int64_t at_us) {
    take_back(above, agent_id, obs, at_us, nx_answer_leads_down, NX_ABOVE_ALL);
}

int nx_above_hear(struct nx_above *above, uint32_t agent_id,
                  const struct nx_obs *obs, const uint8_t *zone,
                  int64_t at_us) {
    if (nx_answer_is_no_name(obs->answer)) {
        return deny(above, agent_id, obs->question, zone, at_us);
    }
    nx_above_is_there(above, agent_id, obs, at_us);
    return NX_OK;
}

void nx_above_forget(struct nx_above *above, uint32_t agent_id) {
    size_t kept = 0;
    for (size_t i = 0; i < above->n; i++) {
        if (above->list[i].agent_id != agent_id) {
            above->list[kept++] = above->list[i];
        }
    }
    above->n = kept;
}

void nx_above_blind(struct nx_above *above, int64_t at_us) {
    above->blind_us = nx_time_later(above->blind_us, at_us);
}

void nx_above_heard(struct nx_above *above, int64_t at_us) {
    if (above->gap_us > 0 &&
        nx_time_past(above->heard_us, above->gap_us, at_us)) {
        nx_above_blind(above, at_us);
    }
    above->heard_us = nx_time_later(above->heard_us, at_us);
}

/* Would more have been heard of it, for so long? */
static bool is_silent(const struct nx_above *above, int64_t denied_us,
                      int64_t patience_us) {
    return nx_time_past(nx_time_later(denied_us, above->blind_us), patience_us,
                        nx_time_later(denied_us, above->heard_us));
}

bool nx_above_holds(struct nx_above *above, int64_t settle_us,
                    int64_t patience_us, int64_t now_us) {
    size_t kept = 0;
    above->gap_us = patience_us / 2;
    for (size_t i = 0; i < above->n; i++) {
        const struct nx_above_server *s = &above->list[i];
        bool over = s->names != 0 ? is_silent(above, s->denied_us, patience_us)
                                  : now_us - s->denied_us >= settle_us;
        if (!over) {
            above->list[kept++] = *s;
        }
    }
    above->n = kept;
    if (above->crowded_us != NX_TIME_UNKNOWN &&
        is_silent(above, above->crowded_us, patience_us)) {
        above->crowded_us = NX_TIME_UNKNOWN;
    }
    return kept > 0 || above->crowded_us != NX_TIME_UNKNOWN;
}

bool nx_above_denied(const struct nx_above *above) {
    bool any = above->crowded_us != NX_TIME_UNKNOWN;
    for (size_t i = 0; i < above->n; i++) {
        any = any || above->list[i].names != 0;
    }
    return any;
}

const uint8_t *nx_above_name(const struct nx_above_server *server,
                             const uint8_t *name) {
    const uint8_t *highest = NULL;
    for (; nx_dname_labels(name) > 0; name = nx_dname_parent(name)) {
        highest = (server->names & nx_above_bit(name)) != 0 ? name : highest;
    }
    return highest;
}
