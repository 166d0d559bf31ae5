/* Has resolvers measured on demand. */
#include <stdio.h>

#include "collector/api/io_http_parts.h"
#include "collector/profile/book.h"
#include "collector/status/status_text.h"

#define US_PER_S INT64_C(1000000)

static int ask(struct nx_service *service, const char *network,
               struct nx_book_asked *asked, struct nx_api_problem *problem) {
    int64_t now_us = nx_service_now_us(service);
    int err = nx_engine_resolvers_measure(nx_service_engine(service),
                                          network[0] != '\0' ? network : NULL,
                                          now_us, asked);
    if (err == NX_ESTATE) {
        return nx_api_refuse(problem, 409,
                             "no canary zone is configured: set canary.zone, "
                             "see nxclear-collector.yaml(5)");
    }
    if (err == NX_EDENIED) {
        return nx_api_refuse(problem, 409,
                             "the zone of canary.siblings_of is signed: names "
                             "that do not exist are not asked there, run a "
                             "canary zone");
    }
    if (err != NX_OK) {
        return nx_api_refuse(problem, 409,
                             "an incident is open whose name lies near the "
                             "canary zone: canary names rest until it is "
                             "closed, and below a zone in use until caches "
                             "cannot hold what it left");
    }
    if (asked->due_n + asked->running_n > 0) {
        return NX_OK;
    }
    if (asked->recent_n > 0) {
        return nx_api_refuse(
            problem, 429,
            "measured, or tried, less than %d s ago: again in %d s",
            (int)(NX_BOOK_AGAIN_US / US_PER_S),
            (int)((asked->again_us - now_us) / US_PER_S) + 1);
    }
    return network[0] != '\0'
               ? nx_api_refuse(problem, 404,
                               "network: no agent with a resolver is in %s",
                               network)
               : nx_api_refuse(problem, 404, "no agent has a resolver");
}

void nx_http_measure(struct nx_service *service,
                     struct evhttp_request *request) {
    struct nx_api_problem problem;
    struct nx_http_body body = nx_http_body(request);
    struct nx_book_asked asked;
    char network[NX_TEXT_LABEL_MAX];
    int64_t now_us = nx_service_now_us(service);
    if (nx_api_measure(body.bytes, body.len, network, &problem) != 0 ||
        ask(service, network, &asked, &problem) != 0) {
        nx_http_reply_problem(request, &problem);
        return;
    }
    nx_http_reply_json(request, 202,
                       json_pack("{s:o, s:i, s:i, s:i}", "since",
                                 nx_json_time(now_us), "due", (int)asked.due_n,
                                 "running", (int)asked.running_n, "recent",
                                 (int)asked.recent_n));
}
