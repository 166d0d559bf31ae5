#include "collector/api/roster.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/keyid.h"
#include "common/rfc3339.h"
#include "common/z85.h"

static json_t *time_or_null(int64_t us) {
    char text[NX_TIME_TEXT_MAX];
    return us == NX_TIME_UNKNOWN ? json_null()
                                 : json_string(nx_time_text(us, text));
}

static json_t *text_or_null(const char *text) {
    return text == NULL || text[0] == '\0' ? json_null() : json_string(text);
}

static json_t *seconds(int64_t us) {
    return json_real((double)us / 1e6);
}

static json_t *resolver_list(const struct nx_agent_view *view) {
    char text[NX_ENDPOINT_TEXT_MAX];
    json_t *list = json_array();
    for (size_t i = 0; view != NULL && i < view->resolvers_n; i++) {
        json_t *at = json_string(nx_endpoint_text(&view->resolvers[i], text));
        if (json_array_append_new(list, at) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static json_t *claim_json(unsigned claim) {
    return claim == NX_CLAIM_NONE
               ? json_null()
               : json_string(claim == NX_CLAIM_AUTHORITY ? "authority"
                                                         : "network");
}

static json_t *next_json(unsigned next) {
    return next == NX_NEXT_NONE ? json_null()
                                : json_boolean(next == NX_NEXT_YES);
}

/* The engine's part; absent members are null. Steals nothing on failure. */
static json_t *seen_json(const struct nx_agent_view *view) {
    if (view == NULL) {
        return json_pack("{s:n, s:n, s:n, s:n, s:o, s:n, s:n}", "last_seen",
                         "last_result", "clock_offset_s", "clock_error_s",
                         "resolvers", resolver_list(NULL), "results",
                         "software");
    }
    bool known = view->offset_known;
    return json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:I, s:o}", "last_seen",
        time_or_null(view->last_seen_us), "last_result",
        time_or_null(view->last_result_us), "clock_offset_s",
        known ? seconds(view->wall_offset_us) : json_null(), "clock_error_s",
        known ? seconds((int64_t)view->offset_error_us) : json_null(),
        "resolvers", resolver_list(view), "results",
        (json_int_t)view->results_n, "software", text_or_null(view->software));
}

static json_t *fingerprint_json(const char *key) {
    uint8_t bytes[NX_KEY_BYTES];
    char print[NX_KEY_FINGERPRINT_LEN + 1];
    return nx_z85_key_parse(key, bytes) == 0
               ? json_string(nx_key_fingerprint(bytes, print))
               : json_null();
}

json_t *nx_roster_agent(const struct nx_agent_record *record,
                        const struct nx_agent_view *view,
                        const struct nx_ledger *ledger) {
    const struct nx_agent *agent = &record->agent;
    bool pending = agent->network[0] == '\0';
    json_t *entry = json_pack(
        "{s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o}",
        "id", agent->id == 0 ? json_null() : json_integer(agent->id), "key",
        record->key, "fingerprint", fingerprint_json(record->key), "name",
        text_or_null(agent->name), "network", text_or_null(agent->network),
        "role",
        pending ? json_null()
                : json_string(agent->authority ? "authority" : "network"),
        "own_role", claim_json(record->claim), "state",
        nx_agent_state_text(record->state), "reason",
        text_or_null(record->reason), "address", text_or_null(record->address),
        "changed", time_or_null(record->changed_us), "next_key",
        next_json(record->next), "dropped",
        ledger == NULL ? json_null()
                       : json_integer((json_int_t)ledger->dropped));
    json_t *seen = seen_json(view);
    if (entry == NULL || seen == NULL || json_object_update(entry, seen) != 0) {
        json_decref(entry);
        entry = NULL;
    }
    json_decref(seen);
    return entry;
}

static json_t *said_or_null(const struct nx_ledger *ledger, uint64_t number) {
    return ledger->heard ? json_integer((json_int_t)number) : json_null();
}

json_t *nx_roster_ledger(const struct nx_ledger *ledger) {
    char epoch[24];
    if (ledger == NULL) {
        return json_null();
    }
    bool any = ledger->heard || ledger->epoch != 0;
    (void)snprintf(epoch, sizeof epoch, "%016" PRIx64, ledger->epoch);
    return json_pack(
        "{s:b, s:o, s:o, s:I, s:I, s:o, s:o, s:o, s:o}", "heard", ledger->heard,
        "epoch", text_or_null(any ? epoch : NULL), "produced",
        said_or_null(ledger, ledger->produced), "received",
        (json_int_t)ledger->received, "dropped", (json_int_t)ledger->dropped,
        "spooled", said_or_null(ledger, ledger->spooled), "spool_bytes",
        said_or_null(ledger, ledger->spool_bytes), "balanced",
        ledger->heard ? json_boolean(ledger->problem == NULL) : json_null(),
        "problem", text_or_null(ledger->problem));
}
