/* What remains of an incident when it is closed: its last status document. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/status/json_scan.h"
#include "collector/status/status_group.h"
#include "collector/status/status_sheet.h"
#include "collector/status/status_text.h"

char *nx_status_final(struct nx_engine *engine, uint32_t id, int64_t now_us) {
    struct nx_text text;
    nx_text_init(&text);
    nx_status_put_incident(&text, engine, id, NULL, now_us);
    return nx_text_take(&text);
}

int nx_status_close(struct nx_engine *engine, uint32_t id, int64_t at_us) {
    const struct nx_incident *incident = nx_engine_incident(engine, id);
    bool open = incident != NULL && incident->closed_us == NX_TIME_UNKNOWN;
    char *text = open ? nx_status_final(engine, id, at_us) : NULL;
    int err = nx_engine_incident_close(engine, id, at_us);
    /* Without memory for it the incident is closed all the same. */
    if (err == 0 && text != NULL &&
        nx_engine_incident_take(engine, id, text) == 0) {
        text = NULL;
    }
    free(text);
    return err;
}

json_t *nx_status_kept(const struct nx_engine *engine, uint32_t id) {
    const char *text = nx_engine_incident_kept(engine, id);
    json_t *document = text != NULL ? json_loads(text, 0, NULL) : NULL;
    if (document == NULL) {
        return NULL;
    }
    const struct nx_incident *incident = nx_engine_incident(engine, id);
    if (!nx_json_set(document, "incident", nx_status_incident_head(incident))) {
        json_decref(document);
        return NULL;
    }
    return document;
}

json_t *nx_status_named(const json_t *list, const char *key, const char *text) {
    size_t i = 0;
    json_t *one = NULL;
    json_array_foreach(list, i, one) {
        const char *name = json_string_value(json_object_get(one, key));
        if (name != NULL && strcmp(name, text) == 0) {
            return json_incref(one);
        }
    }
    return NULL;
}

static json_t *read_piece(const struct nx_piece *piece) {
    return json_loadb(piece->at, piece->len, JSON_DECODE_ANY, NULL);
}

static bool names(const struct nx_piece *site, const char *network) {
    struct nx_scan scan = {.at = site->at, .end = site->at + site->len};
    struct nx_piece key;
    struct nx_piece value;
    bool same = false;
    nx_scan_enter(&scan, '{');
    while (!same && nx_scan_member(&scan, &key, &value) &&
           !nx_piece_is(&key, "targets")) {
        if (nx_piece_is(&key, "network")) {
            json_t *name = read_piece(&value);
            same = json_is_string(name) &&
                   strcmp(json_string_value(name), network) == 0;
            json_decref(name);
            break;
        }
    }
    return same;
}

/* Only what is asked for is read: the document may be large. */
json_t *nx_status_kept_network(const struct nx_engine *engine, uint32_t id,
                               const char *network) {
    const char *text = nx_engine_incident_kept(engine, id);
    struct nx_scan scan = {.at = text, .end = text + strlen(text)};
    struct nx_piece key;
    struct nx_piece value;
    json_t *now = NULL;
    json_t *site = NULL;
    nx_scan_enter(&scan, '{');
    while (site == NULL && nx_scan_key(&scan, &key)) {
        if (nx_piece_is(&key, "networks")) {
            nx_scan_enter(&scan, '[');
            while (site == NULL && nx_scan_element(&scan, &value)) {
                site = names(&value, network) ? read_piece(&value) : NULL;
            }
        } else if (nx_scan_value(&scan, &value) && nx_piece_is(&key, "now")) {
            json_decref(now);
            now = read_piece(&value);
        }
    }
    const struct nx_incident *incident = nx_engine_incident(engine, id);
    if (site != NULL &&
        (!nx_json_set(site, "now", json_incref(now)) ||
         !nx_json_set(site, "incident", nx_status_incident_head(incident)))) {
        json_decref(site);
        site = NULL;
    }
    json_decref(now);
    return site;
}

/* --- a part of it --- */

const char *nx_status_kept_label(const json_t *labels, enum nx_label_key key,
                                 char *number) {
    const json_t *member = json_object_get(labels, nx_label_key_text(key));
    if (json_is_integer(member)) {
        (void)snprintf(number, NX_LABEL_VALUE_MAX, "%" JSON_INTEGER_FORMAT,
                       json_integer_value(member));
        return number;
    }
    return json_is_string(member) ? json_string_value(member) : "";
}

static bool member_is(const json_t *labels, enum nx_label_key key,
                      const char *value) {
    char number[NX_LABEL_VALUE_MAX];
    const char *said = nx_status_kept_label(labels, key, number);
    return said[0] != '\0' && strcmp(said, value) == 0;
}

static bool asks(const json_t *site, const char *resolver) {
    size_t i = 0;
    const json_t *target = NULL;
    json_array_foreach(json_object_get(site, "targets"), i, target) {
        const char *text =
            json_string_value(json_object_get(target, "resolver"));
        if (text != NULL && strcmp(text, resolver) == 0) {
            return true;
        }
    }
    return false;
}

bool nx_status_kept_holds(const struct nx_where *where, const json_t *site) {
    const json_t *labels = json_object_get(site, "labels");
    if (where->resolver[0] != '\0' && !asks(site, where->resolver)) {
        return false;
    }
    for (size_t i = 0; i < where->n; i++) {
        if (!member_is(labels, where->at[i].key, where->at[i].value)) {
            return false;
        }
    }
    return true;
}

static bool count_state(json_t *states, const json_t *site) {
    const char *state = json_string_value(json_object_get(site, "state"));
    json_int_t n =
        state == NULL ? 0 : json_integer_value(json_object_get(states, state));
    return state != NULL && nx_json_set(states, state, json_integer(n + 1));
}

/* What was foretold of all, and what their fills told, says nothing of a part.
 */
static bool summarize(json_t *kept, const json_t *sites) {
    json_t *states = json_object();
    json_t *old = json_object_get(kept, "summary");
    json_t *summary = json_object();
    json_t *authority = json_object_get(kept, "authority");
    size_t i = 0;
    const char *key = NULL;
    json_t *value = NULL;
    bool made = true;
    json_array_foreach(sites, i, value) {
        made = made && count_state(states, value);
    }
    json_object_foreach(old, key, value) {
        made = made && nx_json_set(summary, key, json_null());
    }
    made = nx_json_set(summary, "states", states) && made;
    made =
        made && nx_json_set(summary, "networks", json_integer((json_int_t)i));
    made = (!json_is_object(authority) ||
            nx_json_set(authority, "outage_by_fills", json_null())) &&
           made;
    return nx_json_set(kept, "summary", summary) && made;
}

static bool was_denied(const json_t *kept) {
    const json_t *authority = json_object_get(kept, "authority");
    const char *state = json_string_value(json_object_get(authority, "state"));
    return state != NULL && strcmp(state, "restored") != 0 &&
           strcmp(state, "unobserved") != 0;
}

/* As nx_sheet_outlook_of has it. What the name servers denied is so for every
 * part. */
static bool put_outlook(json_t *kept, const json_t *sites) {
    static const enum nx_outlook worst_first[] = {
        NX_OUTLOOK_STUCK, NX_OUTLOOK_WAITING, NX_OUTLOOK_UNKNOWN,
        NX_OUTLOOK_CLEAR};
    const char *found = nx_outlook_text(NX_OUTLOOK_UNKNOWN);
    if (was_denied(kept)) {
        return true;
    }
    for (size_t i = 0; i < sizeof(worst_first) / sizeof(worst_first[0]); i++) {
        const char *text = nx_outlook_text(worst_first[i]);
        json_t *one = nx_status_named(sites, "outlook", text);
        json_decref(one);
        if (one != NULL) {
            found = text;
            break;
        }
    }
    return nx_json_set(kept, "outlook", json_string(found));
}

bool nx_status_kept_count(json_t *kept, const json_t *sites) {
    return summarize(kept, sites) && put_outlook(kept, sites);
}

static bool put_groups(json_t *kept, const struct nx_status_query *query) {
    struct nx_kept_groups *groups = NULL;
    struct nx_text text;
    size_t i = 0;
    const json_t *site = NULL;
    int err = nx_kept_groups_new(query, &groups);
    nx_text_init(&text);
    json_array_foreach(json_object_get(kept, "networks"), i, site) {
        err = err == 0 ? nx_kept_groups_add(groups, site) : err;
    }
    if (err == 0) {
        (void)nx_kept_groups_put(groups, SIZE_MAX, &text);
    }
    nx_kept_groups_free(&groups);
    json_t *made = nx_put_read(&text);
    return err == 0 && nx_json_set(kept, "groups", made);
}

static bool choose(json_t *kept, const struct nx_status_query *query) {
    json_t *chosen = json_array();
    size_t i = 0;
    json_t *site = NULL;
    bool made = chosen != NULL;
    bool all = query->sight == NULL || query->sight->networks_n == 0;
    if (query->where.n == 0 && query->where.resolver[0] == '\0' && all) {
        json_decref(chosen);
        return made;
    }
    json_array_foreach(json_object_get(kept, "networks"), i, site) {
        const char *network =
            json_string_value(json_object_get(site, "network"));
        bool seen = network != NULL && nx_sight_covers(query->sight, network);
        made = made && (!seen || !nx_status_kept_holds(&query->where, site) ||
                        json_array_append(chosen, site) == 0);
    }
    made = made && nx_status_kept_count(kept, chosen);
    return nx_json_set(kept, "networks", chosen) && made;
}

bool nx_status_kept_choose(json_t *kept, const struct nx_status_query *query) {
    return choose(kept, query) && (!query->grouped || put_groups(kept, query));
}
