/* Tables for people, derived from the log: readable text, no blobs. */
#include "collector/store/io_store_sqlite.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/rrtype.h"

#define FORECAST_MOVED_US 1000000

struct target_before {
    bool known;
    char state[40];
    int64_t clear_us; /* NX_TIME_UNKNOWN */
    int64_t truth_us; /* the clearing that was told last; NX_TIME_UNKNOWN */
};

/* "[fe80::1%3]@53" (RFC 4007): at that address there is another resolver on
 * each link of the agent. */
static void resolver_text(const struct nx_endpoint *at, char *out) {
    char rest[NX_ENDPOINT_TEXT_MAX];
    char *end = strchr(nx_endpoint_text(at, out), ']');
    if (at->scope_id != 0 && end != NULL) {
        (void)snprintf(rest, sizeof(rest), "%s", end);
        (void)snprintf(end, NX_ENDPOINT_TEXT_MAX - (size_t)(end - out),
                       "%%%" PRIu32 "%s", at->scope_id, rest);
    }
}

/* The same back; the text is changed. */
static bool read_resolver(char *text, struct nx_endpoint *out) {
    char *scope = strchr(text, '%');
    char *end = scope != NULL ? strchr(scope, ']') : NULL;
    uint32_t scope_id = 0;
    if (end != NULL) {
        scope_id = (uint32_t)strtoul(scope + 1, NULL, 10);
        memmove(scope, end, strlen(end) + 1);
    }
    if (nx_endpoint_parse(text, out) != NX_OK) {
        return false;
    }
    out->scope_id = scope_id;
    return true;
}

void nx_sq_target(struct nx_sq_target *key, const struct nx_store_subject *of) {
    *key = (struct nx_sq_target){.incident_id = of->incident_id,
                                 .agent_id = of->agent_id};
    if (of->question != NULL) {
        resolver_text(&of->question->to, key->resolver);
        nx_dname_text(of->question->name, key->name);
        nx_rrtype_text(of->question->qtype, key->type);
    } else {
        (void)snprintf(key->name, sizeof(key->name), "%s", of->network);
    }
}

void nx_sq_bind_target(struct nx_sq *sq, const struct nx_sq_target *key) {
    nx_sq_int(sq, key->incident_id);
    nx_sq_int(sq, key->agent_id);
    nx_sq_text(sq, key->resolver);
    nx_sq_text(sq, key->name);
    nx_sq_text(sq, key->type);
}

static void bind_text_or_null(struct nx_sq *sq, bool known, const char *text) {
    if (known) {
        nx_sq_text(sq, text);
    } else {
        nx_sq_null(sq);
    }
}

static int read_before(struct nx_store *store, const struct nx_sq_target *key,
                       struct target_before *out) {
    memset(out, 0, sizeof(*out));
    out->clear_us = NX_TIME_UNKNOWN;
    out->truth_us = NX_TIME_UNKNOWN;
    struct nx_sq sq = nx_sq_use(
        store, NX_SQ_TARGET_GET,
        "SELECT state, clear_us, clear_hi_us FROM " NX_SQ_TARGET_ROWS
        "WHERE incident_id = ?1 AND agent_id = ?2 AND resolver = ?3 AND "
        "name = ?4 AND type = ?5 AND " NX_SQ_SOUND);
    nx_sq_bind_target(&sq, key);
    int row = nx_sq_step(&sq);
    if (row <= 0) {
        return row;
    }
    out->known = true;
    nx_sq_get_text(&sq, 0, out->state, sizeof(out->state));
    out->clear_us = nx_sq_get_time(&sq, 1);
    out->truth_us = nx_sq_get_time(&sq, 2);
    nx_sq_end(&sq);
    return NX_OK;
}

static int add_transition(struct nx_store *store,
                          const struct nx_sq_target *key,
                          const struct target_before *before, const char *state,
                          int64_t at_us) {
    struct nx_sq sq =
        nx_sq_use(store, NX_SQ_TRANSITION_ADD,
                  "INSERT INTO transition(" NX_SQ_TRANSITION_VALUES
                  ", digest) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, "
                  "nx_digest(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8))");
    nx_sq_bind_target(&sq, key);
    nx_sq_int(&sq, at_us);
    bind_text_or_null(&sq, before->known, before->state);
    nx_sq_text(&sq, state);
    return nx_sq_run(&sq);
}

static void bind_bound(struct nx_sq *sq, const struct nx_hard *hard) {
    bool known = hard->reason != NX_HARD_NONE;
    nx_sq_time(sq, known ? hard->at_us : NX_TIME_UNKNOWN);
    bind_text_or_null(sq, known, nx_hard_reason_text(hard->reason));
}

#define SHOWN                                                                  \
    "?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, "  \
    "?17, ?18, ?19, coalesce(?20, (SELECT network FROM agent WHERE agent_id "  \
    "= ?2), ''), "
#define NO_SCORE "NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL"

static int add_forecast(struct nx_store *store, const struct nx_sq_target *key,
                        const char *network,
                        const struct nx_store_forecast *f) {
    char shape[NX_SHAPE_TEXT_MAX];
    struct nx_sq sq = nx_sq_use(store, NX_SQ_FORECAST_ADD,
                                "INSERT INTO forecast(" NX_SQ_FORECAST
                                ", digest) VALUES(" SHOWN NO_SCORE
                                ", nx_digest(" SHOWN NO_SCORE "))");
    nx_sq_bind_target(&sq, key);
    nx_sq_int(&sq, f->at_us);
    nx_sq_text(&sq, nx_basis_text(f->basis));
    nx_sq_int(&sq, f->eta.point_us);
    nx_sq_int(&sq, f->eta.lo90_us);
    nx_sq_int(&sq, f->eta.hi90_us);
    bind_bound(&sq, &f->hard);
    nx_sq_text(&sq, nx_state_text(f->state));
    nx_sq_int(&sq, f->verified);
    nx_sq_text(&sq, nx_family_text(f->family));
    nx_sq_int(&sq, f->eta.lo50_us);
    nx_sq_int(&sq, f->eta.hi50_us);
    nx_sq_real(&sq, f->p_late);
    nx_sq_text(&sq, nx_shape_write(&f->shape, f->at_us, shape));
    bind_text_or_null(&sq, network != NULL, network);
    return nx_sq_run(&sq);
}

static int add_forecast_of(struct nx_store *store,
                           const struct nx_sq_target *key,
                           const struct nx_verdict *v, int64_t at_us) {
    struct nx_store_forecast f = {.at_us = at_us,
                                  .state = v->state,
                                  .basis = v->basis,
                                  .verified = v->verified,
                                  .family = v->family,
                                  .p_late = v->dist.p_late,
                                  .eta = v->eta,
                                  .hard = v->hard};
    nx_shape_of(&v->dist, &f.shape);
    return add_forecast(store, key, NULL, &f);
}

#define TARGET                                                                 \
    "?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, "  \
    "?17, ?18, ?19"

static int put_target(struct nx_store *store, const struct nx_sq_target *key,
                      const struct nx_verdict *verdict, int64_t since_us,
                      int64_t at_us, int64_t truth_us) {
    struct nx_sq sq =
        nx_sq_use(store, NX_SQ_TARGET_PUT,
                  "INSERT OR REPLACE INTO target(" NX_SQ_TARGET_VALUES
                  ", digest) VALUES(" TARGET ", nx_digest(" TARGET "))");
    nx_sq_bind_target(&sq, key);
    nx_sq_text(&sq, nx_state_text(verdict->state));
    bind_text_or_null(&sq, verdict->unknown_reason != NX_UNKNOWN_NONE,
                      nx_unknown_reason_text(verdict->unknown_reason));
    nx_sq_text(&sq, nx_basis_text(verdict->basis));
    if (verdict->denied_ratio >= 0) {
        nx_sq_real(&sq, verdict->denied_ratio);
    } else {
        nx_sq_null(&sq);
    }
    bool eta = verdict->eta.known;
    nx_sq_time(&sq, eta ? verdict->eta.point_us : NX_TIME_UNKNOWN);
    nx_sq_time(&sq, eta ? verdict->eta.lo90_us : NX_TIME_UNKNOWN);
    nx_sq_time(&sq, eta ? verdict->eta.hi90_us : NX_TIME_UNKNOWN);
    bind_bound(&sq, &verdict->hard);
    nx_sq_time(&sq, verdict->last_look_us);
    nx_sq_int(&sq, since_us);
    nx_sq_int(&sq, at_us);
    nx_sq_time(&sq, verdict->doubt_us);
    nx_sq_time(&sq, truth_us);
    return nx_sq_run(&sq);
}

static bool moved(int64_t before_us, const struct nx_eta *eta) {
    int64_t by_us = 0;
    if (before_us == NX_TIME_UNKNOWN) {
        return true;
    }
    by_us = eta->point_us - before_us;
    return by_us > FORECAST_MOVED_US || by_us < -FORECAST_MOVED_US;
}

/* Of a clearing only what was told with it is remembered. */
static int64_t truth_of(const struct target_before *before, bool turned,
                        const struct nx_verdict *verdict) {
    if (!turned || verdict->state != NX_STATE_CLEAR) {
        return before->truth_us;
    }
    return verdict->clear_hi_us != NX_TIME_UNKNOWN ? verdict->clear_hi_us : 0;
}

static enum nx_store_turn turn_of(const struct target_before *before,
                                  unsigned state) {
    bool was_clear = before->known &&
                     strcmp(before->state, nx_state_text(NX_STATE_CLEAR)) == 0;
    switch ((enum nx_state)state) {
    case NX_STATE_STILL_NEGATIVE_AT_AUTHORITY:
        return NX_TURN_VOID;
    case NX_STATE_RECACHED:
    case NX_STATE_POLICY_BLOCKED:
        return NX_TURN_REFILLED;
    case NX_STATE_ANCESTOR_NXDOMAIN:
    case NX_STATE_STALE_SERVED:
    case NX_STATE_CACHED_NXDOMAIN:
    case NX_STATE_CACHED_NODATA:
    case NX_STATE_SYNTHESIZED_NEGATIVE:
    case NX_STATE_PARTLY_CLEAR:
        return was_clear ? NX_TURN_RELAPSED : NX_TURN_NONE;
    case NX_STATE_SERVFAIL_DNSSEC:
    case NX_STATE_SERVFAIL_OTHER:
    case NX_STATE_OLD_POSITIVE:
    case NX_STATE_REFUSED:
    case NX_STATE_UNREACHABLE:
    case NX_STATE_UNKNOWN:
    case NX_STATE_CLEAR:
    case NX_STATE_N_:
        break;
    }
    return NX_TURN_NONE;
}

int nx_store_target_put(struct nx_store *store, uint32_t incident_id,
                        uint32_t agent_id, const struct nx_question *question,
                        const struct nx_verdict *verdict, int64_t since_us,
                        int64_t at_us, enum nx_store_turn *turn) {
    const struct nx_store_subject of = {
        .incident_id = incident_id, .agent_id = agent_id, .question = question};
    struct nx_sq_target key;
    struct target_before before;
    nx_sq_target(&key, &of);
    int err = read_before(store, &key, &before);
    if (err != NX_OK) {
        return err;
    }
    const char *state = nx_state_text(verdict->state);
    bool turned = !before.known || strcmp(before.state, state) != 0;
    if (turn != NULL) {
        *turn = turned ? turn_of(&before, verdict->state) : NX_TURN_NONE;
    }
    if (turned) {
        err = add_transition(store, &key, &before, state, at_us);
    }
    if (err == NX_OK && verdict->eta.known && verdict->dist.known &&
        (turned || moved(before.clear_us, &verdict->eta))) {
        err = add_forecast_of(store, &key, verdict, at_us);
    }
    return err == NX_OK ? put_target(store, &key, verdict, since_us, at_us,
                                     truth_of(&before, turned, verdict))
                        : err;
}

int nx_store_network_forecast_put(struct nx_store *store,
                                  const struct nx_store_subject *of,
                                  const struct nx_store_forecast *forecast) {
    struct nx_sq_target key;
    char state[40] = "";
    int64_t clear_us = NX_TIME_UNKNOWN;
    nx_sq_target(&key, of);
    struct nx_sq sq = nx_sq_use(
        store, NX_SQ_FORECAST_LAST,
        "SELECT state, clear_us FROM forecast WHERE incident_id = ?1 AND "
        "agent_id = ?2 AND resolver = ?3 AND name = ?4 AND type = ?5 ORDER BY "
        "forecast_id DESC LIMIT 1");
    nx_sq_bind_target(&sq, &key);
    int row = nx_sq_step(&sq);
    if (row > 0) {
        nx_sq_get_text(&sq, 0, state, sizeof(state));
        clear_us = nx_sq_get_time(&sq, 1);
        nx_sq_end(&sq);
    }
    if (row < 0 || (strcmp(state, nx_state_text(forecast->state)) == 0 &&
                    !moved(clear_us, &forecast->eta))) {
        return row < 0 ? row : NX_OK;
    }
    return add_forecast(store, &key, of->network, forecast);
}

int nx_store_authority_put(struct nx_store *store, uint32_t incident_id,
                           unsigned item, const struct nx_auth_facts *facts,
                           int64_t at_us) {
    struct nx_sq sq = nx_sq_use(
        store, NX_SQ_AUTHORITY_ADD,
        "INSERT INTO authority_fact(incident_id, item, at_us, all_good, "
        "verified, outage_from_us, restored_lo_us, restored_hi_us, serial, "
        "negative_ttl_s, servers_negative, servers) SELECT ?1, ?2, ?3, ?4, ?5, "
        "?6, ?7, ?8, ?9, ?10, ?11, ?12 WHERE NOT EXISTS (SELECT 1 FROM "
        "(SELECT * FROM authority_fact WHERE incident_id = ?1 AND item = ?2 "
        "ORDER BY fact_id DESC LIMIT 1) WHERE all_good IS ?4 AND verified IS "
        "?5 AND outage_from_us IS ?6 AND restored_lo_us IS ?7 AND "
        "restored_hi_us IS ?8 AND serial IS ?9 AND negative_ttl_s IS ?10 AND "
        "servers_negative IS ?11 AND servers IS ?12)");
    nx_sq_int(&sq, incident_id);
    nx_sq_int(&sq, item);
    nx_sq_int(&sq, at_us);
    nx_sq_int(&sq, facts->all_ns_good);
    nx_sq_int(&sq, facts->verified);
    nx_sq_time(&sq, facts->outage_lo_us);
    nx_sq_time(&sq, facts->restored_lo_us);
    nx_sq_time(&sq, facts->restored_hi_us);
    if (facts->serial_known) {
        nx_sq_int(&sq, facts->serial_restored);
    } else {
        nx_sq_null(&sq);
    }
    nx_sq_int(&sq, facts->w_auth_s);
    nx_sq_int(&sq, facts->ns_negative);
    nx_sq_int(&sq, facts->ns_total);
    return nx_sq_run(&sq);
}

/* False: not what put_target writes. */
static bool read_past(const struct nx_sq *sq, uint8_t *name,
                      struct nx_target_past *out) {
    char resolver[NX_ENDPOINT_TEXT_MAX];
    char text[NX_DNAME_TEXT_MAX];
    char type[NX_RRTYPE_TEXT_MAX];
    char state[40];
    nx_sq_get_text(sq, 2, resolver, sizeof(resolver));
    nx_sq_get_text(sq, 3, text, sizeof(text));
    nx_sq_get_text(sq, 4, type, sizeof(type));
    nx_sq_get_text(sq, 5, state, sizeof(state));
    *out = (struct nx_target_past){
        .incident_id = (uint32_t)nx_sq_get_int(sq, 0),
        .agent_id = (uint32_t)nx_sq_get_int(sq, 1),
        .question.name = name,
        .state = (uint8_t)nx_state_of_text(state),
        .since_us = nx_sq_get_time(sq, 6),
        .seen_us = nx_sq_get_time(sq, 7),
        .doubt_us = nx_sq_get_time(sq, 8),
        .changed_us = nx_sq_get_int(sq, 9),
    };
    return read_resolver(resolver, &out->question.to) &&
           nx_dname_parse(text, name) == NX_OK &&
           nx_rrtype_parse(type, &out->question.qtype) == NX_OK &&
           out->state < NX_STATE_N_;
}

int nx_store_targets(struct nx_store *store,
                     void (*visit)(void *user,
                                   const struct nx_target_past *past),
                     void *user) {
    uint8_t name[NX_DNAME_MAX];
    struct nx_sq sq = nx_sq_use(
        store, NX_SQ_TARGETS,
        "SELECT incident_id, agent_id, resolver, name, type, state, since_us, "
        "seen_us, doubt_us, changed_us FROM " NX_SQ_TARGET_ROWS
        "WHERE incident_id IN (SELECT incident_id FROM incident WHERE "
        "closed_us IS NULL) AND " NX_SQ_SOUND);
    int row = 0;
    while ((row = nx_sq_step(&sq)) > 0) {
        struct nx_target_past past;
        if (read_past(&sq, name, &past)) {
            visit(user, &past);
        }
    }
    return row;
}
