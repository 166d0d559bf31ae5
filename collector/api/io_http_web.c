/* Files of the web page. */
#include <event2/buffer.h>

#include "collector/api/io_http_parts.h"
#include "collector/web/web.h"

static void add_headers(struct evhttp_request *request,
                        const struct nx_web_file *file) {
    struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
    (void)evhttp_add_header(headers, "Content-Type", file->type);
    (void)evhttp_add_header(headers, "Cache-Control", "no-cache");
    (void)evhttp_add_header(headers, "X-Content-Type-Options", "nosniff");
    (void)evhttp_add_header(headers, "Referrer-Policy", "no-referrer");
    (void)evhttp_add_header(headers, "Cross-Origin-Opener-Policy",
                            "same-origin");
    (void)evhttp_add_header(headers, "Cross-Origin-Resource-Policy",
                            "same-origin");
    (void)evhttp_add_header(headers, "Content-Security-Policy", nx_web_policy);
}

bool nx_http_web(struct evhttp_request *request, enum nx_api_method method,
                 const char *path) {
    const struct nx_web_file *file = nx_web_find(path);
    struct nx_api_problem problem;
    if (file == NULL) {
        return false;
    }
    if (method != NX_API_GET && method != NX_API_HEAD) {
        (void)nx_api_refuse(&problem, 405, "this resource takes GET, HEAD");
        problem.allow = "GET, HEAD";
        nx_http_reply_problem(request, &problem);
        return true;
    }
    if (nx_http_reply_unchanged(request, file->etag)) {
        return true;
    }
    struct evbuffer *body = evbuffer_new();
    int err = body == NULL ? -1
                           : evbuffer_add_reference(body, file->bytes,
                                                    file->len, NULL, NULL);
    add_headers(request, file);
    evhttp_send_reply(request, err == 0 ? 200 : 500, NULL, body);
    if (body != NULL) {
        evbuffer_free(body);
    }
    return true;
}
