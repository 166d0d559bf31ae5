/* Inside io_courier*.c. */
#ifndef NX_COLLECTOR_IO_COURIER_PARTS_H
#define NX_COLLECTOR_IO_COURIER_PARTS_H

#include <curl/curl.h>
#include <sys/types.h>

#include "collector/alert/io_courier.h"

/* A message under way. */
struct nx_courier_task {
    struct nx_courier *courier;
    struct nx_courier_task *next;
    void (*done)(void *user, bool taken, const char *why,
                 int64_t retry_after_s);
    void *user;
    struct nx_text body;
    /* by HTTP */
    CURL *curl;
    struct curl_slist *headers;
    char *url;
    char problem[CURL_ERROR_SIZE];
    /* by a program */
    pid_t pid; /* 0: none */
    struct event *too_long;
    bool killed;
};

struct nx_courier {
    struct event_base *base;
    CURLM *multi;
    struct event *timer;
    struct event *on_child;
    struct nx_courier_task *tasks;
};

/* Takes the task off the list, frees it, and says how it ended. */
void nx_courier_finish(struct nx_courier_task *task, bool taken,
                       const char *why, int64_t retry_after_s);

/* io_courier_http.c */
int nx_courier_http_init(struct nx_courier *courier) NX_MUSTUSE;
void nx_courier_http_fini(struct nx_courier *courier);
int nx_courier_http_start(struct nx_courier_task *task,
                          const struct nx_courier_job *job,
                          const char *content_type) NX_MUSTUSE;
void nx_courier_http_drop(struct nx_courier_task *task);

/* io_courier_program.c */
int nx_courier_program_init(struct nx_courier *courier) NX_MUSTUSE;
void nx_courier_program_fini(struct nx_courier *courier);
int nx_courier_program_start(struct nx_courier_task *task,
                             const struct nx_courier_job *job) NX_MUSTUSE;
void nx_courier_program_drop(struct nx_courier_task *task);

#endif
