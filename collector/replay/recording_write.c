#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/audit/paper.h"
#include "collector/replay/recording.h"
#include "collector/replay/recording_text.h"
#include "collector/status/status_text.h"
#include "common/rrtype.h"

#define FLAGS (JSON_COMPACT | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(17))
#define SANE_US (INT64_C(1) << 60) /* what the reader takes */

void nx_record_end(json_t *object, bool complete, struct nx_text *out) {
    char *line = object != NULL && complete ? json_dumps(object, FLAGS) : NULL;
    if (line == NULL) {
        out->failed = true;
    } else {
        nx_text_add(out, line);
        nx_text_add(out, "\n");
    }
    free(line);
    json_decref(object);
}

static json_t *integer(uint64_t value) {
    return json_integer(value > INT64_MAX ? INT64_MAX : (json_int_t)value);
}

/* Bits that a JSON number may not keep. */
static json_t *digits(uint64_t value) {
    char text[24];
    (void)snprintf(text, sizeof(text), "%" PRIu64, value);
    return json_string(text);
}

/* The longest that is written so. */
#define HEX_MAX NX_OBS_WIRE_MAX
_Static_assert(HEX_MAX >= NX_ANSWER_RDATA_MAX, "RDATA is written so, too");

static json_t *hex(const uint8_t *bytes, size_t len) {
    static const char DIGITS[] = "0123456789abcdef";
    char text[2 * HEX_MAX + 1];
    for (size_t i = 0; i < len; i++) {
        text[2 * i] = DIGITS[bytes[i] >> 4];
        text[2 * i + 1] = DIGITS[bytes[i] & 15];
    }
    return json_stringn(text, 2 * len);
}

static json_t *moment(int64_t us) {
    char text[NX_MOMENT_TEXT_MAX];
    return us < 0 ? json_null() : json_string(nx_moment_text(us, text));
}

json_t *nx_record_begin(int64_t at_us, enum nx_record_kind kind) {
    return json_pack("{s:o, s:s}", "at", moment(at_us), "kind",
                     nx_record_kind_text(kind));
}

/* --- parts --- */

static json_t *rdata_json(const uint8_t *rdata, size_t len) {
    json_t *list = json_array();
    size_t at = 0;
    while (list != NULL && at + 2 <= len) {
        size_t n = (size_t)rdata[at] << 8 | rdata[at + 1];
        at += 2;
        if (n > len - at || !nx_json_add(list, hex(rdata + at, n))) {
            break;
        }
        at += n;
    }
    return list;
}

/* object[key] = "192.0.2.53@53", and beside it what that does not say. */
static bool put_endpoint(json_t *object, const char *key,
                         const struct nx_endpoint *e) {
    return nx_json_set(object, key, nx_json_address(e)) &&
           nx_json_set(object, "layer", json_string(nx_layer_text(e->layer))) &&
           (e->scope_id == 0 ||
            nx_json_set(object, "scope", json_integer(e->scope_id))) &&
           (!e->withheld || nx_json_set(object, "withheld", json_true())) &&
           (e->server_name == NULL ||
            nx_json_set(object, "server", nx_json_name(e->server_name)));
}

static json_t *endpoints_json(const struct nx_endpoint *at, size_t n) {
    json_t *list = json_array();
    for (size_t i = 0; i < n && list != NULL; i++) {
        json_t *one = json_object();
        if (!put_endpoint(one, "at", &at[i]) || !nx_json_add(list, one)) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static json_t *clock_json(const struct nx_clock_sample *c) {
    json_t *clock = json_pack("{s:I, s:I}", "mono_us", (json_int_t)c->mono_us,
                              "wall_us", (json_int_t)c->wall_us);
    if (c->offset_known) {
        (void)nx_json_set(clock, "offset_us", json_integer(c->offset_us));
        (void)nx_json_set(clock, "error_us", integer(c->offset_error_us));
    }
    return clock;
}

/* --- observations --- */

static json_t *flags_json(unsigned flags, const char *const *names) {
    json_t *list = json_array();
    for (unsigned bit = 0; names[bit] != NULL; bit++) {
        if ((flags & 1U << bit) != 0 && names[bit][0] != '\0') {
            (void)nx_json_add(list, json_string(names[bit]));
        }
    }
    return list;
}

static json_t *ede_json(const struct nx_answer *a) {
    json_t *list = json_array();
    for (unsigned i = 0; i < a->ede_n && i < NX_ANSWER_EDE_MAX; i++) {
        (void)nx_json_add(list, json_integer(a->ede[i]));
    }
    return list;
}

static json_t *soa_json(const struct nx_obs *obs) {
    const struct nx_answer *a = obs->answer;
    return json_pack(
        "{s:o, s:I, s:I, s:I}", "owner", nx_json_name(a->soa_owner), "serial",
        (json_int_t)a->soa_serial, "minimum", (json_int_t)a->soa_minimum_s,
        "ttl", (json_int_t)obs->soa_ttl_s);
}

static json_t *proof_json(const struct nx_proof *p) {
    return json_pack("{s:I, s:I, s:i, s:i, s:i, s:i, s:i, s:I}", "inception",
                     (json_int_t)p->inception, "expiration",
                     (json_int_t)p->expiration, "key_tag", p->key_tag,
                     "algorithm", p->algorithm, "signatures", p->signatures_n,
                     "denial", p->denial, "iterations", p->iterations,
                     "denial_ttl", (json_int_t)p->denial_ttl_s);
}

static bool put_proof(json_t *o, const struct nx_proof *p) {
    return (p->signatures_n == 0 && p->denial == NX_DENIAL_NONE) ||
           nx_json_set(o, "proof", proof_json(p));
}

static bool put_answer(json_t *o, const struct nx_obs *obs) {
    const struct nx_answer *a = obs->answer;
    bool soa = (a->flags & NX_ANS_SOA) != 0;
    bool rdata = (a->flags & NX_ANS_RDATA) != 0;
    return nx_json_set(o, "rcode", json_integer(a->rcode)) &&
           nx_json_set(o, "flags", flags_json(a->flags, nx_answer_flags)) &&
           (!soa || nx_json_set(o, "soa", soa_json(obs))) &&
           (!rdata ||
            (nx_json_set(o, "rdata", rdata_json(a->rdata, a->rdata_len)) &&
             nx_json_set(o, "ttl", integer(obs->answer_ttl_s)))) &&
           (a->cname_n == 0 ||
            nx_json_set(o, "cnames", json_integer(a->cname_n))) &&
           (a->denied_name == NULL ||
            nx_json_set(o, "denied", nx_json_name(a->denied_name))) &&
           ((a->flags & NX_ANS_NS) == 0 || a->ns_owner == NULL ||
            nx_json_set(o, "ns", nx_json_name(a->ns_owner))) &&
           (!a->over_tcp || nx_json_set(o, "over_tcp", json_true())) &&
           put_proof(o, &a->proof) &&
           (a->ede_n == 0 || nx_json_set(o, "ede", ede_json(a))) &&
           (a->nsid_len == 0 ||
            nx_json_set(o, "nsid", hex(a->nsid, a->nsid_len)));
}

static json_t *obs_json(const struct nx_obs *obs) {
    const struct nx_question *q = obs->question;
    const struct nx_answer *a = obs->answer;
    json_t *o = json_pack(
        "{s:I, s:I, s:o, s:o, s:o, s:s, s:I}", "tx_us",
        (json_int_t)obs->tx_mono_us, "rx_us", (json_int_t)obs->rx_mono_us,
        "name", nx_json_name(q->name), "type", nx_json_type(q->qtype), "ask",
        flags_json(q->flags, nx_question_flags), "outcome",
        nx_outcome_text(a->outcome), "port", (json_int_t)obs->src_port);
    if (o != NULL && put_endpoint(o, "to", &q->to) &&
        (q->udp_bytes == 0 ||
         nx_json_set(o, "udp_bytes", json_integer(q->udp_bytes))) &&
        (a->outcome != NX_ANSWERED || put_answer(o, obs)) &&
        (obs->wire_len == 0 ||
         nx_json_set(o, "wire", hex(obs->wire, obs->wire_len)))) {
        return o;
    }
    json_decref(o);
    return NULL;
}

/* Of the audit: about this name's zone, or the wildcard beside the name. */
static bool audits(const struct nx_incident_item *item,
                   const struct nx_question *q) {
    const uint8_t *parent = nx_dname_parent(q->name);
    return nx_paper_is(q) &&
           (nx_dname_under(item->name, q->name) ||
            (parent != NULL && nx_dname_under(item->name, parent)));
}

/* Does an observation of this question mean something to the incident? The
 * SOA of any zone above a name may be the one of its zone. */
static bool concerns(const struct nx_incident *incident,
                     const struct nx_question *q) {
    bool soa = q->qtype == NX_TYPE_SOA && q->to.layer == NX_LAYER_AUTHORITY;
    for (unsigned i = 0; i < incident->items_n; i++) {
        const struct nx_incident_item *item = &incident->items[i];
        if ((item->qtype == q->qtype && nx_dname_equal(item->name, q->name)) ||
            (soa && nx_dname_under(item->name, q->name)) || audits(item, q)) {
            return true;
        }
    }
    return false;
}

static bool sane(const struct nx_obs *obs) {
    return obs->tx_mono_us > -SANE_US && obs->rx_mono_us < SANE_US &&
           obs->tx_mono_us <= obs->rx_mono_us;
}

static json_t *list_obs(const struct nx_batch *batch, size_t skip,
                        const struct nx_incident *incident) {
    json_t *list = json_array();
    for (size_t i = skip; i < batch->obs_n; i++) {
        const struct nx_obs *obs = &batch->obs[i];
        if (sane(obs) && concerns(incident, obs->question) &&
            !nx_json_add(list, obs_json(obs))) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

/* --- delegations and gaps --- */

static json_t *delegation_json(const struct nx_delegation *d) {
    json_t *one =
        json_pack("{s:I, s:o, s:o, s:o, s:I, s:o, s:I}", "at_us",
                  (json_int_t)d->at_mono_us, "name", nx_json_name(d->name),
                  "apex", nx_json_name(d->apex), "parent",
                  nx_json_name(d->parent), "ns_ttl", (json_int_t)d->ns_ttl_s,
                  "servers", endpoints_json(d->servers, d->servers_n),
                  "problems", (json_int_t)d->problems);
    if (one != NULL && d->unasked_n > 0) {
        (void)nx_json_set(one, "unasked", json_integer(d->unasked_n));
    }
    if (one != NULL && d->glue != 0) {
        (void)nx_json_set(one, "glue", json_integer(d->glue));
    }
    if (one != NULL && d->sides != NULL) {
        (void)nx_json_set(one, "sides", hex(d->sides, d->servers_n));
    }
    return one;
}

static json_t *list_delegations(const struct nx_batch *batch,
                                const struct nx_incident *incident) {
    json_t *list = json_array();
    for (size_t i = 0; i < batch->delegations_n; i++) {
        const struct nx_delegation *d = &batch->delegations[i];
        bool ours = false;
        for (unsigned k = 0; k < incident->items_n; k++) {
            ours |= nx_dname_equal(incident->items[k].name, d->name);
        }
        if (ours && d->at_mono_us > -SANE_US && d->at_mono_us < SANE_US &&
            !nx_json_add(list, delegation_json(d))) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static json_t *list_gaps(const struct nx_batch *batch) {
    json_t *list = json_array();
    for (size_t i = 0; i < batch->gaps_n; i++) {
        const struct nx_gap *gap = &batch->gaps[i];
        (void)nx_json_add(list, json_pack("[o, o]", integer(gap->from_seq),
                                          integer(gap->to_seq)));
    }
    return list;
}

/* --- lines --- */

static json_t *item_json(const struct nx_incident_item *item) {
    return json_pack("{s:o, s:o, s:o}", "name", nx_json_name(item->name),
                     "type", nx_json_type(item->qtype), "rdata",
                     rdata_json(item->rdata, item->rdata_len));
}

static json_t *incident_json(const struct nx_incident *incident) {
    json_t *items = json_array();
    char learnt[NX_LEARNT_TEXT_MAX];
    for (unsigned i = 0; i < incident->items_n; i++) {
        (void)nx_json_add(items, item_json(&incident->items[i]));
    }
    return json_pack(
        "{s:I, s:o, s:o, s:o, s:o, s:o, s:b, s:o, s:o, s:s}", "id",
        (json_int_t)incident->id, "opened", moment(incident->opened_us),
        "closed", moment(incident->closed_us), "outage_from",
        moment(incident->outage_from_us), "outage_to",
        moment(incident->outage_to_us), "restored",
        moment(incident->restored_us), "audit", incident->audit ? 1 : 0, "note",
        nx_json_text(incident->note), "items", items, "learnt",
        nx_learnt_write(&incident->learnt, learnt));
}

static json_t *settings_json(const struct nx_engine_settings *s) {
    const struct nx_diagnosis_settings *d = &s->diagnosis;
    return json_pack(
        "{s:I, s:I, s:I, s:I, s:f, s:I, s:I, s:f, s:I, s:I, s:I}", "settle_us",
        (json_int_t)s->settle_us, "vantages", (json_int_t)s->vantages,
        "authority_interval_ms", (json_int_t)s->authority_interval_ms,
        "evaluate_every_us", (json_int_t)s->evaluate_every_us, "clear_share",
        d->clear_max_share, "probe_floor_us", (json_int_t)d->probe_floor_us,
        "probe_ceiling_us", (json_int_t)d->probe_ceiling_us, "probe_cost_s",
        d->probe_cost_s, "guard_us", (json_int_t)d->guard_us, "silent_after_us",
        (json_int_t)d->silent_after_us, "first_visit",
        (json_int_t)d->first_visit_n);
}

void nx_recording_write_settings(const struct nx_engine_settings *settings,
                                 struct nx_text *out) {
    json_t *object = settings_json(settings);
    char *text = object != NULL ? json_dumps(object, FLAGS) : NULL;
    if (text == NULL) {
        out->failed = true;
    } else {
        nx_text_add(out, text);
    }
    free(text);
    json_decref(object);
}

void nx_recording_write_header(const struct nx_incident *incident,
                               const struct nx_engine_settings *settings,
                               struct nx_text *out) {
    json_t *header =
        json_pack("{s:i, s:s, s:o, s:o}", "nxclear_recording",
                  NX_RECORDING_FORMAT, "version", NX_VERSION, "incident",
                  incident_json(incident), "settings", settings_json(settings));
    nx_record_end(header, true, out);
}

void nx_recording_write_agent(int64_t at_us, const struct nx_agent *agent,
                              struct nx_text *out) {
    json_t *r = nx_record_begin(at_us, NX_RECORD_AGENT);
    bool complete =
        nx_json_set(r, "agent", json_integer(agent->id)) &&
        nx_json_set(r, "name", nx_json_text(agent->name)) &&
        nx_json_set(r, "network", nx_json_text(agent->network)) &&
        nx_json_set(r, "role",
                    json_string(agent->authority ? "authority" : "network")) &&
        nx_json_set(r, "accepted", json_boolean(agent->accepted)) &&
        (agent->accepted || agent->revoked_us > 0 ||
         nx_json_set(r, "rejected", json_true()));
    nx_record_end(r, complete, out);
}

void nx_recording_write_hello(int64_t at_us, uint32_t agent_id,
                              const struct nx_hello *hello,
                              struct nx_text *out) {
    json_t *r = nx_record_begin(at_us, NX_RECORD_HELLO);
    bool complete =
        nx_json_set(r, "agent", json_integer(agent_id)) &&
        nx_json_set(r, "software", nx_json_text(hello->software)) &&
        nx_json_set(r, "epoch", digits(hello->epoch)) &&
        nx_json_set(r, "clock", clock_json(&hello->clock)) &&
        nx_json_set(r, "resolvers",
                    endpoints_json(hello->resolvers, hello->resolvers_n)) &&
        nx_json_set(r, "plan_revision", digits(hello->plan_revision)) &&
        nx_json_set(r, "dropped", integer(hello->dropped));
    nx_record_end(r, complete, out);
}

void nx_recording_write_batch(int64_t at_us, uint32_t agent_id,
                              const struct nx_batch *batch, size_t skip,
                              const struct nx_incident *incident,
                              struct nx_text *out) {
    json_t *obs = list_obs(batch, skip, incident);
    json_t *delegations = list_delegations(batch, incident);
    if (batch->clock.offset_known && obs != NULL && delegations != NULL &&
        json_array_size(obs) + json_array_size(delegations) == 0) {
        json_decref(obs);
        json_decref(delegations);
        return;
    }
    json_t *r = nx_record_begin(at_us, NX_RECORD_BATCH);
    bool complete =
        nx_json_set(r, "agent", json_integer(agent_id)) &&
        nx_json_set(r, "epoch", digits(batch->epoch)) &&
        nx_json_set(r, "clock", clock_json(&batch->clock)) &&
        (batch->gaps_n == 0 || nx_json_set(r, "gaps", list_gaps(batch)));
    complete = nx_json_set(r, "delegations", delegations) && complete;
    complete = nx_json_set(r, "obs", obs) && complete;
    nx_record_end(r, complete, out);
}

void nx_recording_write_turn(int64_t at_us, enum nx_record_kind kind,
                             struct nx_text *out) {
    nx_record_end(nx_record_begin(at_us, kind), true, out);
}

void nx_recording_write_end(int64_t at_us,
                            const struct nx_recording_lacks *lacks,
                            struct nx_text *out) {
    json_t *r = nx_record_begin(at_us, NX_RECORD_END);
    bool complete =
        (lacks->before_us == NX_TIME_UNKNOWN ||
         nx_json_set(r, "missing_before", moment(lacks->before_us))) &&
        (lacks->damaged_n == 0 ||
         nx_json_set(r, "damaged", integer(lacks->damaged_n)));
    nx_record_end(r, complete, out);
}
