/* What happens in a story. */
#include <string.h>

#include "tests/scenario/story.h"

/* The words after the verb, in pairs and single ones. */
struct words {
    const struct story_line *line;
    size_t i;
};

static const char *take(struct words *w) {
    return w->i < w->line->n ? w->line->words[w->i++] : NULL;
}

static bool take_u32(struct words *w, uint32_t *out) {
    const char *word = take(w);
    return word != NULL && story_number(word, out);
}

/* --- the incident --- */

static bool take_moment(struct words *w, int64_t *out_us) {
    const char *word = take(w);
    if (word == NULL || !story_time(word, out_us)) {
        return false;
    }
    *out_us += WORLD_EPOCH_US;
    return true;
}

static bool act_open(struct story *s, struct words *w) {
    struct nx_incident *incident = &s->world.incident;
    incident->opened_us = WORLD_EPOCH_US + s->world.now_us;
    for (const char *word = take(w); word != NULL; word = take(w)) {
        bool known = false;
        if (strcmp(word, "outage") == 0) {
            known = take_moment(w, &incident->outage_from_us);
        } else if (strcmp(word, "restored") == 0) {
            known = take_moment(w, &incident->restored_us);
        }
        if (!known) {
            return false;
        }
    }
    return nx_engine_incident_open(s->world.engine, incident) == 0;
}

static bool act_close(struct story *s) {
    return nx_engine_incident_close(s->world.engine, WORLD_INCIDENT,
                                    WORLD_EPOCH_US + s->world.now_us) == 0;
}

static bool act_delegation(struct story *s, struct words *w) {
    struct model *m = &s->world.model;
    const char *word = take(w);
    if (word == NULL) {
        return false;
    }
    m->lost = strcmp(word, "lost") == 0;
    if (!m->lost) {
        return strcmp(word, "back") == 0;
    }
    word = take(w);
    return word == NULL || (strcmp(word, "ttl") == 0 &&
                            take_u32(w, &m->parent_server.soa.ttl_s));
}

/* --- name servers --- */

static bool mood_of_server(const char *word, enum server_mood *out) {
    static const char *const moods[] = {"good", "denies", "differs", "refuses",
                                        "silent"};
    for (size_t i = 0; i < sizeof(moods) / sizeof(moods[0]); i++) {
        if (strcmp(word, moods[i]) == 0) {
            *out = (enum server_mood)i;
            return true;
        }
    }
    return false;
}

static bool act_server(struct server *server, struct words *w) {
    for (const char *word = take(w); word != NULL; word = take(w)) {
        bool known = true;
        if (strcmp(word, "leaves") == 0 || strcmp(word, "joins") == 0) {
            server->listed = word[0] == 'j';
        } else if (strcmp(word, "serial") == 0) {
            known = take_u32(w, &server->soa.serial);
        } else if (strcmp(word, "ttl") == 0) {
            known = take_u32(w, &server->soa.ttl_s);
        } else if (strcmp(word, "minimum") == 0) {
            known = take_u32(w, &server->soa.minimum_s);
        } else {
            known = mood_of_server(word, &server->mood);
        }
        if (!known) {
            return false;
        }
    }
    return true;
}

/* --- resolvers --- */

static bool act_caches(struct story *s, struct resolver *r, struct words *w) {
    struct cache entry = {.negative = true, .soa = {900, 900, 1}};
    uint32_t ttl_s = 900;
    uint32_t cache = 1;
    for (const char *word = take(w); word != NULL; word = take(w)) {
        bool known = true;
        if (strcmp(word, "NODATA") == 0) {
            entry.nodata = true;
        } else if (strcmp(word, "OLD") == 0) {
            entry.old = true;
            entry.negative = false;
        } else if (strcmp(word, "no-soa") == 0) {
            entry.no_soa = true;
        } else if (strcmp(word, "ttl") == 0) {
            known = take_u32(w, &ttl_s);
            entry.soa.minimum_s = ttl_s;
        } else if (strcmp(word, "serial") == 0) {
            known = take_u32(w, &entry.soa.serial);
        } else if (strcmp(word, "in") == 0) {
            known = take_u32(w, &cache);
        } else {
            known = strcmp(word, "NXDOMAIN") == 0;
        }
        if (!known || cache == 0 || cache > MODEL_CACHES_MAX) {
            return false;
        }
    }
    entry.parent = s->world.model.lost;
    model_fill(r, cache - 1, &entry, s->world.now_us, ttl_s);
    return true;
}

/* The zone's SOA in the cache is replaced: another name was denied. */
static bool act_renews(struct story *s, struct resolver *r, struct words *w) {
    uint32_t ttl_s = 0;
    const char *word = take(w);
    if (word == NULL || strcmp(word, "ttl") != 0 || !take_u32(w, &ttl_s)) {
        return false;
    }
    word = take(w);
    r->zone_end_s = s->world.now_us / US_PER_S + ttl_s;
    return word != NULL && strcmp(word, "serial") == 0 &&
           take_u32(w, &r->zone_serial);
}

static bool act_resolver(struct story *s, struct resolver *r, struct words *w) {
    static const char *const moods[] = {"normal",   "silent", "refuses",
                                        "servfail", "policy", "stale"};
    const char *word = take(w);
    if (word == NULL) {
        return false;
    }
    if (strcmp(word, "caches") == 0) {
        return act_caches(s, r, w);
    }
    if (strcmp(word, "renews") == 0) {
        return act_renews(s, r, w);
    }
    if (strcmp(word, "zone-clock") == 0) {
        r->clock = CLOCK_ZONE;
        return true;
    }
    if (strcmp(word, "inclusive") == 0) {
        r->inclusive = true;
        return true;
    }
    for (size_t i = 0; i < sizeof(moods) / sizeof(moods[0]); i++) {
        if (strcmp(word, moods[i]) == 0) {
            r->mood = (enum resolver_mood)i;
            return true;
        }
    }
    return false;
}

/* --- agents --- */

static bool act_agent(struct story *s, struct world_agent *a, struct words *w) {
    const char *word = take(w);
    if (word == NULL) {
        return false;
    }
    if (strcmp(word, "back") == 0) {
        return world_reconnect(&s->world, a) == 0;
    }
    if (strcmp(word, "revoked") == 0) {
        a->agent.accepted = false;
        a->agent.revoked_us = WORLD_EPOCH_US + s->world.now_us;
        return nx_engine_agent_set(s->world.engine, &a->agent) == 0;
    }
    a->cut = strcmp(word, "cut") == 0;
    return a->cut;
}

bool story_act(struct story *s, const struct story_line *line) {
    struct words w = {.line = line, .i = 3};
    const char *who = line->words[2];
    struct resolver *r = story_resolver(s, who);
    struct server *server = story_server(s, who);
    struct world_agent *a = world_find(&s->world, who);
    if (r != NULL) {
        return act_resolver(s, r, &w);
    }
    if (server != NULL) {
        return act_server(server, &w);
    }
    if (a != NULL) {
        return act_agent(s, a, &w);
    }
    if (strcmp(who, "open") == 0) {
        return act_open(s, &w);
    }
    if (strcmp(who, "close") == 0) {
        return act_close(s);
    }
    return strcmp(who, "delegation") == 0 && act_delegation(s, &w);
}
