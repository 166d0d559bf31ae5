/* Which name servers a zone had before the incident, as a line of a recording:
 * whom caches may still ask (ns_book.h). */
#include <string.h>

#include "collector/replay/recording_in.h"
#include "collector/replay/recording_text.h"
#include "collector/status/status_text.h"

static json_t *moment(int64_t us) {
    char text[NX_MOMENT_TEXT_MAX];
    return us < 0 ? json_null() : json_string(nx_moment_text(us, text));
}

static json_t *server_json(const struct nx_ns_server *s) {
    json_t *o = json_object();
    if (nx_json_set(o, "at", nx_json_address(&s->at)) &&
        nx_json_set(o, "scope", json_integer(s->at.scope_id)) &&
        (!s->named || nx_json_set(o, "server", nx_json_name(s->name))) &&
        nx_json_set(o, "ttl", json_integer(s->ttl_s)) &&
        nx_json_set(o, "since", moment(s->since_us)) &&
        nx_json_set(o, "seen", moment(s->seen_us)) &&
        nx_json_set(o, "gone", moment(s->gone_us)) &&
        nx_json_set(o, "until", moment(s->until_us))) {
        return o;
    }
    json_decref(o);
    return NULL;
}

void nx_recording_write_zone(int64_t at_us, const struct nx_ns_book_zone *zone,
                             struct nx_text *out) {
    json_t *r = nx_record_begin(at_us, NX_RECORD_ZONE);
    json_t *servers = json_array();
    bool complete = nx_json_set(r, "apex", nx_json_name(zone->apex));
    for (size_t i = 0; complete && i < zone->servers_n; i++) {
        complete = nx_json_add(servers, server_json(&zone->servers[i]));
    }
    complete = nx_json_set(r, "servers", servers) && complete;
    nx_record_end(r, complete, out);
}

/* --- reading --- */

static void take_server(const struct nx_in *in, struct nx_arena *arena,
                        struct nx_ns_server *out) {
    nx_take_endpoint(in, "at", arena, &out->at);
    out->at.layer = NX_LAYER_AUTHORITY;
    if (out->at.server_name != NULL) {
        out->named = true;
        (void)nx_dname_lower(out->at.server_name, out->name);
        out->at.server_name = NULL;
    }
    out->ttl_s = (uint32_t)nx_in_integer(in, "ttl", 0, UINT32_MAX, 0);
    out->since_us = nx_take_moment(in, "since");
    out->seen_us = nx_take_moment(in, "seen");
    out->gone_us = nx_take_moment(in, "gone");
    out->until_us = nx_take_moment(in, "until");
}

const struct nx_ns_book_zone *nx_take_zone(const struct nx_in *in,
                                           struct nx_arena *arena) {
    struct nx_in apex = nx_in_member(in, "apex");
    struct nx_in servers = nx_in_member(in, "servers");
    size_t n = nx_in_size(&servers, NX_DELEG_SERVERS_MAX);
    struct nx_ns_book_zone *zone = nx_arena_alloc(arena, 1, sizeof(*zone));
    if (zone == NULL) {
        nx_in_fail(in, "larger than the limit");
        return NULL;
    }
    memset(zone, 0, sizeof(*zone));
    if (!nx_in_name(in, "apex", zone->apex)) {
        nx_in_fail(&apex, "missing");
    }
    for (size_t i = 0; i < n; i++) {
        struct nx_in at = nx_in_element(&servers, i);
        if (nx_in_is_object(&at)) {
            take_server(&at, arena, &zone->servers[i]);
        }
    }
    zone->servers_n = n;
    return zone;
}
