/* Requests to the API: the first line is the path, the rest the body. */
#include <stdlib.h>
#include <string.h>

#include "collector/api/access.h"
#include "collector/enrol/enrolment.h"
#include "tests/fuzz/replay.h"

static void check_detail(const struct nx_api_problem *problem) {
    for (const char *p = problem->detail; *p != '\0'; p++) {
        if (*p < 0x20 || *p > 0x7e) {
            abort(); /* a byte of the request came through unescaped */
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct nx_incident incident;
    struct nx_api_problem problem = {.detail = ""};
    struct nx_api_request request;
    struct nx_api_accept accept;
    struct nx_api_token token;
    char who[NX_TEXT_LABEL_MAX];
    char path[512];
    const uint8_t *line = size == 0 ? NULL : memchr(data, '\n', size);
    size_t len = line == NULL ? size : (size_t)(line - data);
    const char *body = line == NULL ? "" : (const char *)line + 1;
    size_t body_len = line == NULL ? 0 : size - len - 1;
    if (len >= sizeof path) {
        return 0;
    }
    if (len > 0) {
        memcpy(path, data, len);
    }
    path[len] = '\0';
    (void)nx_api_host_is_loopback(path);
    int err = nx_api_route(NX_API_GET, path, &request, &problem);
    check_detail(&problem);
    err |= nx_api_route(NX_API_POST, path, &request, &problem);
    check_detail(&problem);
    err |=
        nx_api_guard(true, NX_API_LOOPBACK, path, path, path, path, &problem);
    err |= nx_api_incident(body, body_len, INT64_C(1795205946000000), &incident,
                           &problem);
    check_detail(&problem);
    err |= nx_api_accept(body, body_len, &accept, &problem);
    check_detail(&problem);
    err |= nx_api_revoke(body, body_len, who, &problem);
    struct nx_api_label label;
    struct nx_status_query query;
    err |= nx_api_label(body, body_len, "network", &label, &problem);
    check_detail(&problem);
    err |= nx_api_status_query(path, &query, &problem);
    check_detail(&problem);
    err |= nx_api_query(path, &request, &problem);
    check_detail(&problem);
    struct nx_api_enrolment enrolment;
    err |= nx_api_enrolment(body, body_len, &enrolment, &problem);
    check_detail(&problem);
    uint32_t id = 0;
    err |= nx_api_enrolment_revoke(body, body_len, &id, &problem);
    check_detail(&problem);
    char name[NX_TEXT_LABEL_MAX];
    err |= nx_api_measure(body, body_len, name, &problem);
    check_detail(&problem);
    err |= nx_api_alert_test(body, body_len, who, &problem);
    check_detail(&problem);
    struct nx_api_score score;
    err |=
        nx_api_score_query(path, INT64_C(1795205946000000), &score, &problem);
    check_detail(&problem);
    err |= nx_api_token(body, body_len, &token, &problem);
    check_detail(&problem);
    (void)nx_access_bearer(path);
    err |= nx_api_nothing(body, body_len, &problem);
    check_detail(&problem);
    (void)err;
    return 0;
}
