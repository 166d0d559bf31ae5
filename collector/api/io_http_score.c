/* GET /v1/score. */
#include "collector/api/io_http_parts.h"

void nx_http_score(struct nx_service *service, struct evhttp_request *request) {
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
    struct nx_api_problem problem;
    struct nx_api_score asked;
    json_t *document = NULL;
    if (nx_api_score_query(evhttp_uri_get_query(uri),
                           nx_service_now_us(service), &asked, &problem) != 0) {
        nx_http_reply_problem(request, &problem);
        return;
    }
    const struct nx_store_period in = {asked.from_us, asked.to_us,
                                       asked.incident_id};
    int err = nx_service_scores(service, &in, &document);
    if (err != 0) {
        nx_http_reply_error(request, err, "the score could not be read");
    } else {
        nx_http_reply_json(request, 200, document);
    }
}
