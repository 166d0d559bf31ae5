/* The query of GET /v1/score. */
#include <string.h>

#include "collector/api/api_member.h"
#include "common/rfc3339.h"

static int take_time(const char *name, const char *text, int64_t *out_us,
                     struct nx_api_problem *problem) {
    return nx_time_parse(text, out_us) == 0
               ? 0
               : nx_api_refuse(problem, 422,
                               "%s: not an RFC 3339 time "
                               "(2026-11-20T20:01:10Z): " NX_SHOWN,
                               name, text);
}

static int take_pair(void *user, const char *name, const char *value,
                     struct nx_api_problem *problem) {
    struct nx_api_score *out = user;
    if (strcmp(name, "from") == 0) {
        return take_time("from", value, &out->from_us, problem);
    }
    if (strcmp(name, "to") == 0) {
        return take_time("to", value, &out->to_us, problem);
    }
    if (strcmp(name, "incident") != 0) {
        return nx_api_refuse(
            problem, 422,
            "query: only from, to and incident are known: " NX_SHOWN, name);
    }
    return nx_api_parse_id(value, &out->incident_id)
               ? 0
               : nx_api_refuse(problem, 422,
                               "incident: not a number (1, 2, ...): " NX_SHOWN,
                               value);
}

int nx_api_score_query(const char *query, int64_t now_us,
                       struct nx_api_score *out,
                       struct nx_api_problem *problem) {
    struct nx_api_score parsed = {.from_us = NX_TIME_UNKNOWN,
                                  .to_us = now_us + 1};
    int err = nx_query_pairs(query, take_pair, &parsed, problem);
    if (err == 0 && parsed.from_us >= parsed.to_us) {
        err = nx_api_refuse(problem, 422, "to: not after from");
    }
    if (err == 0) {
        *out = parsed;
    }
    return err;
}
