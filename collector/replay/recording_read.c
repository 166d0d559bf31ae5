/* Lines to records. What is read was written by strangers: every count, size
 * and number is checked before it is used, memory comes from the arena. */
#include <string.h>

#include "collector/replay/recording.h"
#include "collector/replay/recording_in.h"
#include "collector/replay/vector.h"

#define PARSE_FLAGS (JSON_REJECT_DUPLICATES)

static json_t *parse(const char *line, size_t len,
                     struct nx_json_fault *fault) {
    json_error_t error;
    json_t *document = NULL;
    struct nx_in root = nx_in_root(NULL, fault);
    if (len > NX_RECORDING_LINE_MAX) {
        nx_in_fail(&root, "a line of more than %u bytes",
                   NX_RECORDING_LINE_MAX);
        return NULL;
    }
    document = json_loadb(line, len, PARSE_FLAGS, &error);
    if (document == NULL) {
        nx_in_fail(&root, "column %d: %.160s", error.column, error.text);
    }
    return document;
}

/* --- header --- */

static void read_item(const struct nx_in *in, struct nx_incident_item *out) {
    struct nx_in name = nx_in_member(in, "name");
    struct nx_answer answer = {0};
    uint8_t memory[NX_ANSWER_RDATA_MAX];
    struct nx_arena arena;
    memset(out, 0, sizeof(*out));
    if (!nx_in_is_object(in)) {
        return;
    }
    if (!nx_in_name(in, "name", out->name)) {
        nx_in_fail(&name, "missing");
    }
    out->qtype = nx_take_type(in, "type");
    nx_arena_init(&arena, memory, sizeof(memory));
    nx_take_rdata(in, "rdata", &arena, &answer);
    if (!in->fault->failed && answer.rdata_len > 0) {
        memcpy(out->rdata, answer.rdata, answer.rdata_len);
        out->rdata_len = answer.rdata_len;
        out->rdata_n = answer.rdata_n;
    }
}

/* As nx_learnt_write writes it; absent or "": the profile's own values. */
static void take_learnt(const struct nx_in *in, struct nx_learnt *out) {
    const char *text = nx_in_text(in, "learnt", "");
    struct nx_in at = nx_in_member(in, "learnt");
    if (text != NULL && text[0] != '\0' && nx_learnt_read(text, out) != 0) {
        nx_in_fail(&at, "not FAMILY=P_LATE,EARLY_PER_S;...");
    }
}

static void read_incident(const struct nx_in *in, struct nx_incident *out) {
    struct nx_in items = nx_in_member(in, "items");
    struct nx_in opened = nx_in_member(in, "opened");
    memset(out, 0, sizeof(*out));
    if (!nx_in_is_object(in)) {
        return;
    }
    out->id = (uint32_t)nx_in_integer(in, "id", 1, UINT32_MAX, 1);
    out->opened_us = nx_take_moment(in, "opened");
    out->closed_us = NX_TIME_UNKNOWN; /* the record of that comes in time */
    out->outage_from_us = nx_take_moment(in, "outage_from");
    out->outage_to_us = nx_take_moment(in, "outage_to");
    out->restored_us = nx_take_moment(in, "restored");
    if (out->opened_us == NX_TIME_UNKNOWN) {
        nx_in_fail(&opened, "missing");
    }
    out->audit = nx_in_bool(in, "audit", false);
    nx_take_text(in, "note", out->note, sizeof(out->note));
    take_learnt(in, &out->learnt);
    size_t n = nx_in_size(&items, NX_INCIDENT_ITEMS_MAX);
    if (n == 0) {
        nx_in_fail(&items, "missing");
    }
    for (size_t i = 0; i < n; i++) {
        struct nx_in at = nx_in_element(&items, i);
        read_item(&at, &out->items[i]);
    }
    out->items_n = (uint8_t)n;
}

static void read_settings(const struct nx_in *in,
                          struct nx_engine_settings *out) {
    const int64_t day_us = INT64_C(86400000000);
    struct nx_diagnosis_settings *d = &out->diagnosis;
    nx_engine_settings_default(out);
    if (in->value == NULL || !nx_in_is_object(in)) {
        return;
    }
    out->settle_us = nx_in_integer(in, "settle_us", 0, day_us, out->settle_us);
    out->vantages =
        (unsigned)nx_in_integer(in, "vantages", 1, 1000, out->vantages);
    out->authority_interval_ms = (uint32_t)nx_in_integer(
        in, "authority_interval_ms", 100, 86400000, out->authority_interval_ms);
    out->evaluate_every_us = nx_in_integer(in, "evaluate_every_us", 10000,
                                           day_us, out->evaluate_every_us);
    d->clear_max_share =
        nx_in_real(in, "clear_share", 0.0001, 0.5, d->clear_max_share);
    d->probe_floor_us =
        nx_in_integer(in, "probe_floor_us", 1000, day_us, d->probe_floor_us);
    d->probe_ceiling_us = nx_in_integer(
        in, "probe_ceiling_us", d->probe_floor_us, day_us,
        d->probe_ceiling_us > d->probe_floor_us ? d->probe_ceiling_us
                                                : d->probe_floor_us);
    d->probe_cost_s =
        nx_in_real(in, "probe_cost_s", 0.001, 86400, d->probe_cost_s);
    d->guard_us = nx_in_integer(in, "guard_us", 0, day_us, d->guard_us);
    d->silent_after_us =
        nx_in_integer(in, "silent_after_us", 1000, day_us, d->silent_after_us);
    d->first_visit_n =
        (uint16_t)nx_in_integer(in, "first_visit", 1, 16, d->first_visit_n);
}

int nx_recording_read_header(const char *line, size_t len,
                             struct nx_recording_header *out,
                             struct nx_json_fault *fault) {
    struct nx_recording_header header;
    json_t *document = parse(line, len, fault);
    if (document == NULL) {
        return NX_EMALFORMED;
    }
    struct nx_in root = nx_in_root(document, fault);
    struct nx_in incident = nx_in_member(&root, "incident");
    struct nx_in settings = nx_in_member(&root, "settings");
    struct nx_in format = nx_in_member(&root, "nxclear_recording");
    if (format.value == NULL) {
        nx_in_fail(&root, "not the header of a recording");
    }
    (void)nx_in_integer(&root, "nxclear_recording", 1, NX_RECORDING_FORMAT, 0);
    read_incident(&incident, &header.incident);
    read_settings(&settings, &header.settings);
    json_decref(document);
    if (fault->failed) {
        return NX_EMALFORMED;
    }
    *out = header;
    return 0;
}

int nx_recording_read_settings(const char *text, size_t len,
                               struct nx_engine_settings *out) {
    struct nx_engine_settings settings;
    struct nx_json_fault fault = {.failed = false};
    json_t *document = parse(text, len, &fault);
    if (document == NULL) {
        return NX_EMALFORMED;
    }
    struct nx_in root = nx_in_root(document, &fault);
    read_settings(&root, &settings);
    json_decref(document);
    if (fault.failed) {
        return NX_EMALFORMED;
    }
    *out = settings;
    return NX_OK;
}

/* --- records --- */

static void read_agent(const struct nx_in *in, int64_t at_us,
                       struct nx_agent *out) {
    static const char *const ROLES[] = {"network", "authority"};
    memset(out, 0, sizeof(*out));
    out->id = (uint32_t)nx_in_integer(in, "agent", 1, UINT32_MAX, 0);
    nx_take_text(in, "name", out->name, sizeof(out->name));
    nx_take_text(in, "network", out->network, sizeof(out->network));
    out->authority = nx_in_choice(in, "role", ROLES, 2, 0) == 1;
    out->accepted = nx_in_bool(in, "accepted", true);
    bool rejected = nx_in_bool(in, "rejected", false);
    out->revoked_us = out->accepted || rejected ? 0 : at_us;
}

static void read_hello(const struct nx_in *in, struct nx_arena *arena,
                       struct nx_hello *out) {
    struct nx_in resolvers = nx_in_member(in, "resolvers");
    char software[NX_SOFTWARE_MAX + 1];
    memset(out, 0, sizeof(*out));
    nx_take_text(in, "software", software, sizeof(software));
    out->software = (const char *)nx_arena_copy(
        arena, (const uint8_t *)software, strlen(software) + 1);
    if (out->software == NULL) {
        nx_in_fail(in, "larger than the limit");
    }
    out->protocol = NX_PROTOCOL;
    out->epoch = nx_take_digits(in, "epoch");
    out->next_seq = 1;
    nx_take_clock(in, "clock", &out->clock);
    out->resolvers_n = nx_take_endpoints(&resolvers, NX_HELLO_RESOLVERS_MAX,
                                         arena, &out->resolvers);
    out->plan_revision = nx_take_digits(in, "plan_revision");
    out->dropped = (uint64_t)nx_in_integer(in, "dropped", 0, INT64_MAX, 0);
}

static void read_body(const struct nx_in *in, struct nx_arena *arena,
                      struct nx_record *out) {
    bool of_agent = out->kind <= NX_RECORD_BATCH;
    struct nx_in agent = nx_in_member(in, "agent");
    out->agent_id = (uint32_t)nx_in_integer(in, "agent", 1, UINT32_MAX, 0);
    if (of_agent && agent.value == NULL) {
        nx_in_fail(&agent, "missing");
    }
    switch (out->kind) {
    case NX_RECORD_AGENT:
        read_agent(in, out->at_us, &out->u.agent);
        break;
    case NX_RECORD_HELLO:
        read_hello(in, arena, &out->u.hello);
        break;
    case NX_RECORD_BATCH:
        nx_take_batch(in, arena, &out->u.batch);
        break;
    case NX_RECORD_PROFILE: {
        struct nx_in profile = nx_in_member(in, "profile");
        nx_vector_read_profile(&profile, &out->u.profile);
        break;
    }
    case NX_RECORD_RESOLVER:
        nx_take_resolver(in, arena, &out->u.resolver);
        break;
    case NX_RECORD_ZONE:
        out->u.zone = nx_take_zone(in, arena);
        break;
    case NX_RECORD_END:
        out->u.lacks.before_us = nx_take_moment(in, "missing_before");
        out->u.lacks.damaged_n =
            (uint64_t)nx_in_integer(in, "damaged", 0, INT64_MAX, 0);
        break;
    case NX_RECORD_OPEN:
    case NX_RECORD_CLOSE:
        break;
    }
}

bool nx_record_is_whole_end(const struct nx_record *record) {
    return record->kind == NX_RECORD_END &&
           record->u.lacks.before_us == NX_TIME_UNKNOWN &&
           record->u.lacks.damaged_n == 0;
}

int nx_recording_read(const char *line, size_t len, struct nx_arena *arena,
                      struct nx_record *out, struct nx_json_fault *fault) {
    struct nx_record record;
    const char *kinds[NX_RECORD_END + 1];
    json_t *document = parse(line, len, fault);
    if (document == NULL) {
        return NX_EMALFORMED;
    }
    struct nx_in root = nx_in_root(document, fault);
    struct nx_in kind = nx_in_member(&root, "kind");
    struct nx_in at = nx_in_member(&root, "at");
    memset(&record, 0, sizeof(record));
    for (unsigned i = 0; i <= NX_RECORD_END; i++) {
        kinds[i] = nx_record_kind_text(i);
    }
    int k = nx_in_choice(&root, "kind", kinds, NX_RECORD_END + 1, -1);
    record.at_us = nx_take_moment(&root, "at");
    if (record.at_us == NX_TIME_UNKNOWN) {
        nx_in_fail(&at, "missing");
    } else if (k < 0) {
        nx_in_fail(&kind, "missing");
    } else {
        record.kind = (enum nx_record_kind)k;
        read_body(&root, arena, &record);
    }
    json_decref(document);
    if (fault->failed) {
        return NX_EMALFORMED;
    }
    *out = record;
    return 0;
}
