#include "collector/cli/io_api.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/cli/io_run.h"

#define CONNECT_TIMEOUT_S 5L
#define TIMEOUT_S 30L
#define TIMEOUT_MIN_MS 1000L
#define RETRY_MAX_S 10U /* what a collector may ask for */

struct nx_api {
    CURL *curl;
    const char *where; /* as the user gave it */
    const char *unix_path;
    char *base;                           /* "http://localhost" */
    struct curl_slist *headers;           /* of every request; NULL: none */
    const volatile sig_atomic_t *stopped; /* NULL: nothing stops it */
    int64_t until_us;
};

static bool set_token(struct nx_api *api, const char *token) {
    struct nx_text header;
    nx_text_init(&header);
    nx_text_addf(&header, "Authorization: Bearer %s", token);
    api->headers = header.failed ? NULL : curl_slist_append(NULL, header.bytes);
    nx_text_fini(&header);
    return api->headers != NULL;
}

int nx_api_new(const char *where, const char *token, struct nx_api **out) {
    struct nx_api *api = calloc(1, sizeof *api);
    if (api == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        free(api);
        return NX_ENOMEM;
    }
    bool by_unix = strncmp(where, "unix:", 5) == 0;
    api->where = where;
    api->unix_path = by_unix ? where + 5 : NULL;
    api->until_us = NX_TIME_NONE;
    api->base = strdup(by_unix ? "http://localhost" : where);
    api->curl = curl_easy_init();
    if (api->base == NULL || api->curl == NULL ||
        (token != NULL && !set_token(api, token))) {
        nx_api_free(&api);
        return NX_ENOMEM;
    }
    size_t len = strlen(api->base);
    if (api->base[len - 1] == '/') {
        api->base[len - 1] = '\0';
    }
    *out = api;
    return 0;
}

void nx_api_free(struct nx_api **api) {
    struct nx_api *a = *api;
    *api = NULL;
    if (a == NULL) {
        return;
    }
    if (a->curl != NULL) {
        curl_easy_cleanup(a->curl);
    }
    curl_slist_free_all(a->headers);
    free(a->base);
    free(a);
    curl_global_cleanup();
}

static size_t on_bytes(char *bytes, size_t size, size_t n, void *user) {
    struct nx_text *body = user;
    size_t len = size * n; /* size is 1 */
    if (len > NX_API_REPLY_MAX_BYTES - body->len) {
        return 0;
    }
    nx_text_bytes(body, bytes, len);
    return body->failed ? 0 : len;
}

static int fail(struct nx_api_error *error, int exit_code, const char *format,
                ...) NX_PRINTF(3, 4);

static int fail(struct nx_api_error *error, int exit_code, const char *format,
                ...) {
    char raw[NX_API_WHY_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(raw, sizeof raw, format, args);
    va_end(args);
    (void)nx_escape(raw, error->why, sizeof error->why);
    error->exit_code = exit_code;
    error->again_s = 0;
    return NX_EIO;
}

/* curl could not talk to the collector. */
static int transport_error(const struct nx_api *api, CURLcode code,
                           struct nx_api_error *error) {
    long os_errno = 0;
    (void)curl_easy_getinfo(api->curl, CURLINFO_OS_ERRNO, &os_errno);
    const char *why =
        os_errno != 0 ? strerror((int)os_errno) : curl_easy_strerror(code);
    if (code == CURLE_COULDNT_CONNECT &&
        (os_errno == EACCES || os_errno == EPERM)) {
        return fail(error, NX_EXIT_NOPERM,
                    "not permitted to talk to the collector at %s: %s; join "
                    "the group that owns the socket",
                    api->where, why);
    }
    if (code == CURLE_OUT_OF_MEMORY) {
        return fail(error, NX_EXIT_INTERNAL, "%s", why);
    }
    if (code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST) {
        return fail(error, NX_EXIT_UNAVAILABLE,
                    "collector not reachable at %s (%s): is nxclear-collector "
                    "running, and is that its address? Else give it with "
                    "--api or NXCLEAR_API",
                    api->where, why);
    }
    if (code == CURLE_UNSUPPORTED_PROTOCOL ||
        code == CURLE_WEIRD_SERVER_REPLY) {
        return fail(error, NX_EXIT_UNAVAILABLE,
                    "what answers at %s does not speak HTTP: give the address "
                    "of the collector's http.listen, not the one of its agents",
                    api->where);
    }
    return fail(error, NX_EXIT_UNAVAILABLE,
                "the collector at %s did not answer: %s", api->where,
                curl_easy_strerror(code));
}

static int exit_of(long status) {
    if (status == 401 || status == 403) {
        return NX_EXIT_NOPERM;
    }
    return status >= 500 ? NX_EXIT_UNAVAILABLE : NX_EXIT_USAGE;
}

/* The collector answered: a document, or why not. */
static int take_reply(const struct nx_api *api, const char *text, size_t len,
                      json_t **out, struct nx_api_error *error) {
    long status = 0;
    (void)curl_easy_getinfo(api->curl, CURLINFO_RESPONSE_CODE, &status);
    json_t *document = json_loadb(text, len, 0, NULL);
    if (status >= 200 && status < 300 && document != NULL) {
        *out = document;
        return 0;
    }
    if (!json_is_string(json_object_get(document, "title"))) {
        json_decref(document);
        return fail(error, NX_EXIT_UNAVAILABLE,
                    "what answers at %s is no nxclear-collector (HTTP status "
                    "%ld)",
                    api->where, status);
    }
    struct nx_text why;
    nx_text_init(&why);
    nx_show_problem(document, &why);
    char *shown = nx_text_take(&why);
    json_decref(document);
    int err = fail(error, exit_of(status), "%s",
                   shown != NULL ? shown : "out of memory");
    free(shown);
    return err;
}

void nx_api_patience(struct nx_api *api, const volatile sig_atomic_t *stopped,
                     int64_t until_us) {
    api->stopped = stopped;
    api->until_us = until_us;
}

/* curl asks once a second at least; not 0: give up. */
static int on_progress(void *user, curl_off_t down_all, curl_off_t down,
                       curl_off_t up_all, curl_off_t up) {
    const struct nx_api *api = user;
    (void)down_all;
    (void)down;
    (void)up_all;
    (void)up;
    return api->stopped != NULL && *api->stopped != 0 ? 1 : 0;
}

static long timeout_ms(const struct nx_api *api) {
    int64_t left_ms = TIMEOUT_S * 1000;
    if (api->until_us != NX_TIME_NONE) {
        left_ms = (api->until_us - nx_run_mono_us()) / 1000;
    }
    return left_ms < TIMEOUT_MIN_MS     ? TIMEOUT_MIN_MS
           : left_ms > TIMEOUT_S * 1000 ? TIMEOUT_S * 1000
                                        : (long)left_ms;
}

static void set_up(struct nx_api *api, const char *url, struct nx_text *body) {
    CURL *curl = api->curl;
    curl_easy_reset(curl); /* keeps the connection */
    (void)curl_easy_setopt(curl, CURLOPT_URL, url);
    (void)curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_PROXY, ""); /* none, ever */
    (void)curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, CONNECT_TIMEOUT_S);
    (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, timeout_ms(api));
    (void)curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L); /* a silent DNS */
    (void)curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    (void)curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    (void)curl_easy_setopt(curl, CURLOPT_XFERINFODATA, api);
    (void)curl_easy_setopt(curl, CURLOPT_USERAGENT, "nxclear/" NX_VERSION);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_bytes);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, body);
    (void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, api->headers);
    if (api->unix_path != NULL) {
        (void)curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, api->unix_path);
    }
}

struct download {
    CURL *curl;
    FILE *to;
    struct nx_text problem;
    bool unwritten; /* the stream took not all */
};

static size_t on_download(char *bytes, size_t size, size_t n, void *user) {
    struct download *d = user;
    long status = 0;
    (void)curl_easy_getinfo(d->curl, CURLINFO_RESPONSE_CODE, &status);
    if (status != 200) {
        return on_bytes(bytes, size, n, &d->problem);
    }
    size_t taken = fwrite(bytes, size, n, d->to);
    d->unwritten |= taken != n;
    return taken * size;
}

static int download_result(const struct nx_api *api, struct download *d,
                           CURLcode code, struct nx_api_error *error) {
    json_t *none = NULL;
    long status = 0;
    (void)curl_easy_getinfo(api->curl, CURLINFO_RESPONSE_CODE, &status);
    if (d->unwritten || (code == CURLE_OK && fflush(d->to) != 0)) {
        return fail(error, NX_EXIT_INTERNAL, "cannot write: %s",
                    strerror(errno));
    }
    if (code != CURLE_OK) {
        return transport_error(api, code, error);
    }
    if (status == 200) {
        return 0;
    }
    int err = take_reply(api, d->problem.bytes != NULL ? d->problem.bytes : "",
                         d->problem.len, &none, error);
    json_decref(none);
    return err;
}

int nx_api_download(struct nx_api *api, const char *path, FILE *to,
                    struct nx_api_error *error) {
    struct nx_text url;
    struct download d = {.curl = api->curl, .to = to};
    nx_text_init(&url);
    nx_text_init(&d.problem);
    nx_text_addf(&url, "%s%s", api->base, path);
    char *address = nx_text_take(&url);
    CURLcode code = CURLE_OUT_OF_MEMORY;
    if (address != NULL) {
        set_up(api, address, NULL);
        (void)curl_easy_setopt(api->curl, CURLOPT_TIMEOUT_MS, 0L);
        (void)curl_easy_setopt(api->curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
        (void)curl_easy_setopt(api->curl, CURLOPT_LOW_SPEED_TIME, TIMEOUT_S);
        (void)curl_easy_setopt(api->curl, CURLOPT_WRITEFUNCTION, on_download);
        (void)curl_easy_setopt(api->curl, CURLOPT_WRITEDATA, &d);
        code = curl_easy_perform(api->curl);
    }
    int err = download_result(api, &d, code, error);
    nx_text_fini(&d.problem);
    free(address);
    return err;
}

/* The headers of every request, and that the body is JSON; to be freed by the
 * caller. */
static struct curl_slist *json_headers(const struct nx_api *api) {
    struct curl_slist *list =
        curl_slist_append(NULL, "Content-Type: application/json");
    for (const struct curl_slist *h = api->headers; h != NULL && list != NULL;
         h = h->next) {
        list = curl_slist_append(list, h->data);
    }
    return list;
}

/* post: NULL for GET. */
static int request(struct nx_api *api, const char *path, const char *post,
                   json_t **out, struct nx_api_error *error) {
    struct nx_text url;
    struct nx_text body;
    struct curl_slist *headers = NULL;
    nx_text_init(&url);
    nx_text_init(&body);
    nx_text_addf(&url, "%s%s", api->base, path);
    char *address = nx_text_take(&url);
    CURLcode code = CURLE_OUT_OF_MEMORY;
    if (address != NULL) {
        set_up(api, address, &body);
        if (post != NULL) {
            headers = json_headers(api);
            (void)curl_easy_setopt(api->curl, CURLOPT_HTTPHEADER, headers);
            (void)curl_easy_setopt(api->curl, CURLOPT_POSTFIELDS, post);
        }
        code = curl_easy_perform(api->curl);
    }
    int err = code != CURLE_OK
                  ? transport_error(api, code, error)
                  : take_reply(api, body.bytes != NULL ? body.bytes : "",
                               body.len, out, error);
    curl_slist_free_all(headers);
    nx_text_fini(&body);
    free(address);
    return err;
}

/* Of very many networks the status is not made at once: the collector says when
 * to ask again. Seconds; 0: it says something else. */
static unsigned comes_in(const struct nx_api *api, const char *path) {
    long status = 0;
    curl_off_t after_s = 0;
    const char *end = strstr(path, "/status");
    (void)curl_easy_getinfo(api->curl, CURLINFO_RESPONSE_CODE, &status);
    (void)curl_easy_getinfo(api->curl, CURLINFO_RETRY_AFTER, &after_s);
    bool asks = status == 503 && after_s > 0 && end != NULL &&
                (end[7] == '\0' || end[7] == '?');
    return !asks ? 0 : after_s < RETRY_MAX_S ? (unsigned)after_s : RETRY_MAX_S;
}

int nx_api_get(struct nx_api *api, const char *path, json_t **out,
               struct nx_api_error *error) {
    int err = request(api, path, NULL, out, error);
    if (err != 0) {
        error->again_s = comes_in(api, path);
    }
    return err;
}

int nx_api_post(struct nx_api *api, const char *path, const json_t *body,
                json_t **out, struct nx_api_error *error) {
    char *text = json_dumps(body, JSON_COMPACT | JSON_ENSURE_ASCII);
    if (text == NULL) {
        /* Invalid UTF-8 on the command line never becomes a json_t. */
        return fail(error, NX_EXIT_INTERNAL, "out of memory");
    }
    int err = request(api, path, text, out, error);
    free(text);
    return err;
}
