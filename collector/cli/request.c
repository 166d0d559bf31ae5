#include "collector/cli/request.h"

#include <inttypes.h>
#include <string.h>

#include "common/rfc3339.h"

static json_t *time_or_null(int64_t us) {
    char text[NX_TIME_TEXT_MAX];
    return us == NX_TIME_NONE ? json_null()
                              : json_string(nx_time_text(us, text));
}

static json_t *types_json(const struct nx_args *args) {
    json_t *types = json_array();
    for (size_t i = 0; i < args->types_n; i++) {
        if (json_array_append_new(types, json_string(args->types[i])) != 0) {
            json_decref(types);
            return NULL;
        }
    }
    return types;
}

/* Adds "A=192.0.2.10" to {"A": [...]}. */
static int add_expected(json_t *expect, const char *text) {
    size_t len = strcspn(text, "=");
    json_t *type = json_stringn(text, len);
    const char *key = json_string_value(type);
    json_t *set = key == NULL ? NULL : json_object_get(expect, key);
    int rc = -1;
    if (key != NULL && set == NULL) {
        set = json_array();
        rc = json_object_set_new(expect, key, set);
    } else if (key != NULL) {
        rc = 0;
    }
    if (rc == 0) {
        rc = json_array_append_new(set, json_string(text + len + 1));
    }
    json_decref(type);
    return rc;
}

static json_t *expect_json(const struct nx_args *args) {
    json_t *expect = json_object();
    for (size_t i = 0; i < args->expect_n; i++) {
        if (add_expected(expect, args->expect[i]) != 0) {
            json_decref(expect);
            return NULL;
        }
    }
    return expect;
}

json_t *nx_request_incident(const struct nx_args *args) {
    bool automatic = args->restored_us == NX_TIME_NONE;
    return json_pack(
        "{s:s, s:o, s:o, s:{s:o, s:o}, s:o, s:s*}", "name", args->subject,
        "types", types_json(args), "expect", expect_json(args), "outage",
        "from", time_or_null(args->outage_from_us), "to",
        time_or_null(args->outage_to_us), "restored",
        automatic ? json_string("auto") : time_or_null(args->restored_us),
        "note", args->note);
}

json_t *nx_request_audit(const struct nx_args *args) {
    return json_pack(
        "{s:s, s:o, s:o, s:s, s:b}", "name", args->subject, "types",
        types_json(args), "expect", expect_json(args), "note",
        args->command == NX_CMD_PREFLIGHT ? "preflight" : "audit", "audit", 1);
}

json_t *nx_request_accept(const struct nx_args *args) {
    return json_pack("{s:s, s:s, s:s*, s:s*}", "key", args->subject, "network",
                     args->network, "name", args->name, "role", args->role);
}

json_t *nx_request_label(const struct nx_args *args, const char *owner) {
    json_t *labels = json_object();
    for (size_t i = 0; i < args->labels_n; i++) {
        size_t len = strcspn(args->labels[i], "=");
        char key[16] = "";
        memcpy(key, args->labels[i], len < sizeof key ? len : 0);
        if (json_object_set_new(labels, key,
                                json_string(args->labels[i] + len + 1)) != 0) {
            json_decref(labels);
            return NULL;
        }
    }
    return json_pack("{s:s, s:o}", owner, args->subject, "labels", labels);
}

/* RFC 3986 section 2.3: all but unreserved characters are encoded. */
static void add_encoded(struct nx_text *out, const char *text) {
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "abcdefghijklmnopqrstuvwxyz0123456789-._~";
    for (const char *p = text; *p != '\0'; p++) {
        if (strchr(plain, *p) != NULL) {
            nx_text_bytes(out, p, 1);
        } else {
            nx_text_addf(out, "%%%02X", (unsigned)(unsigned char)*p);
        }
    }
}

void nx_request_network(uint32_t id, const char *network, struct nx_text *out) {
    nx_text_addf(out, "/v1/incidents/%" PRIu32 "/networks/", id);
    add_encoded(out, network);
}

void nx_request_status_path(const struct nx_args *args, uint32_t id,
                            struct nx_text *out) {
    const char *before = "?";
    nx_text_addf(out, "/v1/incidents/%" PRIu32 "/status", id);
    for (size_t i = 0; i < args->where_n; i++) {
        nx_text_addf(out, "%swhere=", before);
        add_encoded(out, args->where[i]);
        before = "&";
    }
    if (args->group != NULL) {
        nx_text_addf(out, "%sgroup=%s", before, args->group);
    }
}

void nx_request_score_path(const struct nx_args *args, struct nx_text *out) {
    const char *before = "?";
    char text[NX_TIME_TEXT_MAX];
    nx_text_add(out, "/v1/score");
    if (args->from_us != NX_TIME_NONE) {
        nx_text_addf(out, "%sfrom=%s", before,
                     nx_time_text(args->from_us, text));
        before = "&";
    }
    if (args->to_us != NX_TIME_NONE) {
        nx_text_addf(out, "%sto=%s", before, nx_time_text(args->to_us, text));
        before = "&";
    }
    if (args->id != 0) {
        nx_text_addf(out, "%sincident=%" PRIu32, before, args->id);
    }
}

/* "a,b": ["a", "b"]; NULL for none. */
static json_t *names_json(const char *text) {
    json_t *list = text != NULL ? json_array() : NULL;
    while (list != NULL && text != NULL) {
        size_t len = strcspn(text, ",");
        if (json_array_append_new(list, json_stringn(text, len)) != 0) {
            json_decref(list);
            return NULL;
        }
        text = text[len] == ',' ? text + len + 1 : NULL;
    }
    return list;
}

static json_t *seconds_or_null(int64_t us) {
    return us == NX_TIME_NONE ? json_null() : json_integer(us / 1000000);
}

json_t *nx_request_token(const struct nx_args *args) {
    json_t *networks = names_json(args->network);
    if (networks == NULL && args->network != NULL) {
        return NULL;
    }
    return json_pack("{s:s, s:s, s:o*, s:o}", "name", args->subject, "scope",
                     args->scope != NULL ? args->scope : "read", "networks",
                     networks, "expires_s", seconds_or_null(args->expires_us));
}

json_t *nx_request_enrol(const struct nx_args *args) {
    return json_pack("{s:s, s:s*, s:s*, s:o}", "network", args->network, "name",
                     args->name, "role", args->role, "expires_s",
                     seconds_or_null(args->expires_us));
}

json_t *nx_request_who(const struct nx_args *args) {
    return json_pack("{s:s}", "who", args->subject);
}

json_t *nx_request_id(const struct nx_args *args) {
    return json_pack("{s:I}", "id", (json_int_t)args->id);
}

json_t *nx_request_measure(const struct nx_args *args) {
    return args->network != NULL ? json_pack("{s:s}", "network", args->network)
                                 : json_object();
}
