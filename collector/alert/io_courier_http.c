/* libcurl's multi interface in libevent's loop: curl says which sockets and
 * which time it waits for, libevent says when. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/alert/io_courier_parts.h"

#define US_PER_S INT64_C(1000000)
#define RETRY_AFTER_MAX_S 3600

static size_t on_body(char *bytes, size_t size, size_t n, void *user) {
    (void)bytes;
    (void)user;
    return size * n;
}

static void end_task(struct nx_courier_task *task, CURLcode code) {
    long status = 0;
    curl_off_t retry_after_s = 0;
    char why[NX_COURIER_WHY_MAX] = "";
    (void)curl_easy_getinfo(task->curl, CURLINFO_RESPONSE_CODE, &status);
    (void)curl_easy_getinfo(task->curl, CURLINFO_RETRY_AFTER, &retry_after_s);
    if (code != CURLE_OK) {
        (void)snprintf(why, sizeof(why), "%.120s",
                       task->problem[0] != '\0' ? task->problem
                                                : curl_easy_strerror(code));
    } else if (status < 200 || status > 299) {
        (void)snprintf(why, sizeof(why), "HTTP status %ld", status);
    }
    if (retry_after_s < 0 || retry_after_s > RETRY_AFTER_MAX_S) {
        retry_after_s = RETRY_AFTER_MAX_S;
    }
    nx_courier_finish(task, why[0] == '\0', why, (int64_t)retry_after_s);
}

static void collect(struct nx_courier *courier) {
    CURLMsg *message = NULL;
    int left = 0;
    while ((message = curl_multi_info_read(courier->multi, &left)) != NULL) {
        struct nx_courier_task *task = NULL;
        CURLcode code = message->data.result;
        if (message->msg == CURLMSG_DONE &&
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &task) ==
                CURLE_OK) {
            end_task(task, code);
        }
    }
}

static void act(struct nx_courier *courier, curl_socket_t fd, int what) {
    int running = 0;
    (void)curl_multi_socket_action(courier->multi, fd, what, &running);
    collect(courier);
}

static void on_socket(evutil_socket_t fd, short what, void *arg) {
    act(arg, fd,
        ((what & EV_READ) != 0 ? CURL_CSELECT_IN : 0) |
            ((what & EV_WRITE) != 0 ? CURL_CSELECT_OUT : 0));
}

static void on_timer(evutil_socket_t fd, short what, void *arg) {
    (void)fd;
    (void)what;
    act(arg, CURL_SOCKET_TIMEOUT, 0);
}

/* curl wants to hear of a socket in another way from now on. */
static int want_socket(CURL *curl, curl_socket_t fd, int what, void *user,
                       void *socket_user) {
    struct nx_courier *courier = user;
    struct event *event = socket_user;
    (void)curl;
    if (event != NULL) {
        event_free(event);
        event = NULL;
    }
    if (what != CURL_POLL_REMOVE) {
        short flags = EV_PERSIST;
        flags |= (what & CURL_POLL_IN) != 0 ? EV_READ : 0;
        flags |= (what & CURL_POLL_OUT) != 0 ? EV_WRITE : 0;
        event = event_new(courier->base, fd, flags, on_socket, courier);
        if (event != NULL) {
            (void)event_add(event, NULL); /* without it the time-out ends it */
        }
    }
    (void)curl_multi_assign(courier->multi, fd, event);
    return 0;
}

static int want_timer(CURLM *multi, long ms, void *user) {
    struct nx_courier *courier = user;
    const struct timeval at = {ms / 1000, ms % 1000 * 1000};
    (void)multi;
    if (ms < 0) {
        (void)event_del(courier->timer);
    } else {
        (void)event_add(courier->timer, &at);
    }
    return 0;
}

int nx_courier_http_init(struct nx_courier *courier) {
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        return NX_ENOMEM;
    }
    courier->timer = evtimer_new(courier->base, on_timer, courier);
    courier->multi = curl_multi_init();
    if (courier->timer == NULL || courier->multi == NULL) {
        return NX_ENOMEM;
    }
    (void)curl_multi_setopt(courier->multi, CURLMOPT_SOCKETFUNCTION,
                            want_socket);
    (void)curl_multi_setopt(courier->multi, CURLMOPT_SOCKETDATA, courier);
    (void)curl_multi_setopt(courier->multi, CURLMOPT_TIMERFUNCTION, want_timer);
    (void)curl_multi_setopt(courier->multi, CURLMOPT_TIMERDATA, courier);
    return 0;
}

void nx_courier_http_fini(struct nx_courier *courier) {
    if (courier->multi != NULL) {
        (void)curl_multi_cleanup(courier->multi);
    }
    if (courier->timer != NULL) {
        event_free(courier->timer);
    }
    curl_global_cleanup();
}

void nx_courier_http_drop(struct nx_courier_task *task) {
    if (task->curl != NULL) {
        (void)curl_multi_remove_handle(task->courier->multi, task->curl);
        curl_easy_cleanup(task->curl);
    }
    curl_slist_free_all(task->headers);
}

/* --- one request --- */

static bool add_header(struct nx_courier_task *task, const char *head,
                       const char *value) {
    char line[NX_COURIER_SECRET_MAX + 64];
    int len = snprintf(line, sizeof(line), "%s%s", head, value);
    struct curl_slist *more = len > 0 && (size_t)len < sizeof(line)
                                  ? curl_slist_append(task->headers, line)
                                  : NULL;
    if (more == NULL) {
        return false;
    }
    task->headers = more;
    return true;
}

static bool add_signature(struct nx_courier_task *task,
                          const struct nx_courier_job *job) {
    char stamp[24];
    char signature[NX_ALERT_SIGNATURE_MAX];
    int64_t now_s = job->now_us / US_PER_S;
    (void)snprintf(stamp, sizeof(stamp), "%" PRId64, now_s);
    nx_alert_sign(job->secret, job->secret_len, now_s, task->body.bytes,
                  task->body.len, signature);
    return add_header(task, "X-Nxclear-Timestamp: ", stamp) &&
           add_header(task, "X-Nxclear-Signature: sha256=", signature);
}

static bool add_headers(struct nx_courier_task *task,
                        const struct nx_courier_job *job,
                        const char *content_type) {
    const char *key = json_string_value(json_object_get(job->document, "key"));
    bool ok = add_header(task, "Content-Type: ", content_type) &&
              add_header(task, "Idempotency-Key: ", key != NULL ? key : "");
    if (!ok || job->secret_len == 0) {
        return ok;
    }
    switch ((enum nx_receiver_kind)job->receiver->kind) {
    case NX_RECEIVER_WEBHOOK:
        return add_signature(task, job);
    case NX_RECEIVER_SLACK:
    case NX_RECEIVER_MATTERMOST:
    case NX_RECEIVER_TEAMS:
    case NX_RECEIVER_MATRIX:
    case NX_RECEIVER_ALERTMANAGER:
        return add_header(task, "Authorization: Bearer ", job->secret);
    case NX_RECEIVER_EMAIL:
    case NX_RECEIVER_EXEC:
    case NX_RECEIVER_N_:
        break;
    }
    return true;
}

/* A Matrix server knows a message that comes again by the end of the path. */
static char *url_of(const struct nx_courier_job *job) {
    const char *key = json_string_value(json_object_get(job->document, "key"));
    bool matrix = job->receiver->kind == NX_RECEIVER_MATRIX;
    struct nx_text url;
    nx_text_init(&url);
    nx_text_addf(&url, "%s%s%s", job->receiver->url, matrix ? "/" : "",
                 matrix && key != NULL ? key : "");
    return nx_text_take(&url);
}

static void set_up(struct nx_courier_task *task, bool put) {
    CURL *curl = task->curl;
    (void)curl_easy_setopt(curl, CURLOPT_URL, task->url);
    (void)curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    (void)curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    (void)curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
    (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    /* The thread that resolves the name is left behind at a time-out: to wait
     * for it would stop the loop for as long as the DNS is silent. */
    (void)curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT,
                           NX_COURIER_CONNECT_TIMEOUT_S);
    (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT, NX_COURIER_TIMEOUT_S);
    (void)curl_easy_setopt(curl, CURLOPT_USERAGENT, "nxclear/" NX_VERSION);
    (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, task->body.bytes);
    (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
                           (curl_off_t)task->body.len);
    if (put) {
        (void)curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, "PUT");
    }
    (void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, task->headers);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    (void)curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, task->problem);
    (void)curl_easy_setopt(curl, CURLOPT_PRIVATE, task);
}

int nx_courier_http_start(struct nx_courier_task *task,
                          const struct nx_courier_job *job,
                          const char *content_type) {
    task->curl = curl_easy_init();
    task->url = url_of(job);
    if (task->curl == NULL || task->url == NULL ||
        !add_headers(task, job, content_type)) {
        return NX_ENOMEM;
    }
    set_up(task, job->receiver->kind == NX_RECEIVER_MATRIX);
    return curl_multi_add_handle(task->courier->multi, task->curl) == CURLM_OK
               ? 0
               : NX_ENOMEM;
}
