#include "collector/api/api_member.h"

#include <stdio.h>
#include <string.h>

#include "collector/ingest/agent_record.h"
#include "common/rfc3339.h"

#define CLOCK_SLACK_US (300 * INT64_C(1000000))
#define QUERY_MAX 2048U

int nx_member_load(const char *body, size_t len, const char *const *known,
                   json_t **out, struct nx_api_problem *problem) {
    json_error_t error;
    json_t *root = json_loadb(body, len, JSON_REJECT_DUPLICATES, &error);
    if (root == NULL) {
        return nx_api_refuse(problem, 400, "line %d, column %d: %s", error.line,
                             error.column, error.text);
    }
    if (!json_is_object(root)) {
        json_decref(root);
        return nx_api_refuse(problem, 422, "body: must be a JSON object");
    }
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach(root, key, value) {
        size_t i = 0;
        while (known[i] != NULL && strcmp(known[i], key) != 0) {
            i++;
        }
        if (known[i] == NULL) {
            (void)nx_api_refuse(problem, 422, NX_SHOWN ": unknown member", key);
            json_decref(root);
            return NX_EDENIED;
        }
    }
    *out = root;
    return 0;
}

int nx_member_text(const json_t *object, const char *place, const char *member,
                   bool optional, size_t max, const char **out,
                   struct nx_api_problem *problem) {
    const json_t *value = json_object_get(object, member);
    if (value == NULL || json_is_null(value)) {
        *out = NULL;
        return optional ? 0
                        : nx_api_refuse(problem, 422, "%s%s: missing", place,
                                        member);
    }
    if (!json_is_string(value)) {
        return nx_api_refuse(problem, 422, "%s%s: must be a string", place,
                             member);
    }
    if (json_string_length(value) > max) {
        return nx_api_refuse(problem, 422, "%s%s: longer than %zu bytes", place,
                             member, max);
    }
    *out = json_string_value(value);
    return 0;
}

int nx_member_time(const json_t *object, const char *place, const char *member,
                   int64_t now_us, int64_t *out_us,
                   struct nx_api_problem *problem) {
    const char *text = NULL;
    int64_t us = NX_TIME_UNKNOWN;
    int err = nx_member_text(object, place, member, true, 64, &text, problem);
    if (err != 0 || text == NULL) {
        *out_us = NX_TIME_UNKNOWN;
        return err;
    }
    if (nx_time_parse(text, &us) != 0) {
        return nx_api_refuse(problem, 422,
                             "%s%s: not an RFC 3339 time "
                             "(2026-11-20T20:01:10Z): " NX_SHOWN,
                             place, member, text);
    }
    if (us > now_us + CLOCK_SLACK_US) {
        char now[NX_TIME_TEXT_MAX];
        return nx_api_refuse(problem, 422,
                             "%s%s: in the future: " NX_SHOWN " (it is %s)",
                             place, member, text, nx_time_text(now_us, now));
    }
    *out_us = us;
    return 0;
}

int nx_member_label(const json_t *root, const char *member, bool optional,
                    char *out, struct nx_api_problem *problem) {
    const char *text = NULL;
    int err = nx_member_text(root, "", member, optional, NX_TEXT_LABEL_MAX - 1,
                             &text, problem);
    if (err != 0 || text == NULL) {
        return err;
    }
    if (!nx_agent_label_valid(text)) {
        return nx_api_refuse(problem, 422,
                             "%s: must be 1 to %u letters, digits, '.', '_', "
                             "'-', the first a letter or digit: " NX_SHOWN,
                             member, NX_TEXT_LABEL_MAX - 1, text);
    }
    (void)snprintf(out, NX_TEXT_LABEL_MAX, "%s", text);
    return 0;
}

int nx_member_lasts(const json_t *root, const char *member, json_int_t max_s,
                    int64_t *out_us, struct nx_api_problem *problem) {
    const json_t *value = json_object_get(root, member);
    if (value == NULL || json_is_null(value)) {
        return 0;
    }
    json_int_t seconds = json_integer_value(value);
    if (!json_is_integer(value) || seconds < 1 || seconds > max_s) {
        return nx_api_refuse(problem, 422,
                             "%s: must be a whole number of seconds, 1 to "
                             "%" JSON_INTEGER_FORMAT,
                             member, max_s);
    }
    *out_us = seconds * INT64_C(1000000);
    return 0;
}

int nx_member_role(const json_t *root, bool *authority,
                   struct nx_api_problem *problem) {
    const char *role = NULL;
    int err = nx_member_text(root, "", "role", true, 16, &role, problem);
    if (err != 0) {
        return err;
    }
    *authority = role != NULL && strcmp(role, "authority") == 0;
    if (role != NULL && !*authority && strcmp(role, "network") != 0) {
        return nx_api_refuse(problem, 422,
                             "role: must be network or authority: " NX_SHOWN,
                             role);
    }
    return 0;
}

int nx_query_pairs(const char *query, nx_query_take *take, void *user,
                   struct nx_api_problem *problem) {
    char copy[QUERY_MAX];
    char *rest = NULL;
    size_t len = query == NULL ? 0 : strlen(query);
    if (len >= sizeof(copy)) {
        return nx_api_refuse(problem, 422, "query: longer than %u bytes",
                             QUERY_MAX - 1);
    }
    memcpy(copy, len > 0 ? query : "", len + 1);
    for (char *pair = strtok_r(copy, "&", &rest); pair != NULL;
         pair = strtok_r(NULL, "&", &rest)) {
        char *value = strchr(pair, '=');
        if (value == NULL || !nx_percent_decode(value + 1)) {
            return nx_api_refuse(problem, 422,
                                 "query: not NAME=VALUE: " NX_SHOWN, pair);
        }
        *value++ = '\0';
        int err = take(user, pair, value, problem);
        if (err != 0) {
            return err;
        }
    }
    return 0;
}
