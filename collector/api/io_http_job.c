/* Documents that are made for one request and take long: a piece at a time,
 * in turn with the pages of the board. */
#include <stdlib.h>

#include "collector/api/io_http_parts.h"
#include "common/io_clock.h"

#define LATER_US 1000

struct nx_http_job {
    struct nx_http_job *next;
    struct evhttp_request *request; /* NULL: nobody waits for it */
    const struct nx_http_craft *craft;
    void *work;
    uint64_t since_s; /* nx_http.second */
    bool waits;       /* for a page */
};

static void append(struct nx_http *http, struct nx_http_job *job) {
    struct nx_http_job **last = &http->jobs;
    while (*last != NULL) {
        last = &(*last)->next;
    }
    job->next = NULL;
    *last = job;
}

void nx_http_job_start(struct nx_http *http, struct evhttp_request *request,
                       const struct nx_http_craft *craft, void *work) {
    struct nx_http_job *job = work != NULL ? calloc(1, sizeof *job) : NULL;
    if (job == NULL) {
        craft->free(work);
        nx_http_reply_error(request, NX_ENOMEM, "the document was not made");
        return;
    }
    *job = (struct nx_http_job){.request = request,
                                .craft = craft,
                                .work = work,
                                .since_s = http->second};
    append(http, job);
    nx_http_work_in(http, 0);
}

/* Takes it out of the list and frees it; its request lives on. */
static struct evhttp_request *forget(struct nx_http_job **link) {
    struct nx_http_job *job = *link;
    struct evhttp_request *request = job->request;
    *link = job->next;
    job->craft->free(job->work);
    free(job);
    return request;
}

/* Answering may close the connection, which then does not find it. */
static void reply(struct nx_http *http, struct nx_http_job **link) {
    struct nx_http_job *job = *link;
    *link = job->next;
    if (job->request != NULL) {
        job->craft->reply(http, job->work, job->request);
    }
    job->craft->free(job->work);
    free(job);
}

bool nx_http_jobs_wait(const struct nx_http *http) {
    bool wait = false;
    for (const struct nx_http_job *job = http->jobs; job != NULL;
         job = job->next) {
        wait |= job->waits;
    }
    return wait;
}

void nx_http_jobs_ready(struct nx_http *http) {
    for (struct nx_http_job *job = http->jobs; job != NULL; job = job->next) {
        job->waits = false;
    }
}

static struct nx_http_job **first_ready(struct nx_http *http) {
    struct nx_http_job **link = &http->jobs;
    while (*link != NULL && (*link)->waits) {
        link = &(*link)->next;
    }
    return link;
}

bool nx_http_jobs_some(struct nx_http *http, int64_t *pause_us) {
    bool later = false;
    struct nx_http_job **link = first_ready(http);
    struct nx_http_job *job = *link;
    if (job == NULL) {
        return false;
    }
    int64_t from_us = nx_clock_mono_us();
    enum nx_http_progress progress =
        job->craft->step(http, job->work, http->job_slice.n);
    if (progress != NX_HTTP_LATER) {
        nx_slice_took(&http->job_slice, nx_clock_mono_us() - from_us);
    }
    switch (progress) {
    case NX_HTTP_LATER:
        later = true;
        break;
    case NX_HTTP_MORE: /* stays first: two closings would mix their parts */
        break;
    case NX_HTTP_WAITS:
        job->waits = true; /* behind those that do not */
        *link = job->next;
        append(http, job);
        break;
    case NX_HTTP_DONE:
        reply(http, link);
        break;
    }
    *pause_us = later ? LATER_US : 0;
    return *first_ready(http) != NULL;
}

void nx_http_jobs_tick(struct nx_http *http) {
    struct nx_http_job **link = &http->jobs;
    while (*link != NULL) {
        struct nx_http_job *job = *link;
        uint64_t waited_s = http->second - job->since_s;
        if (job->waits && job->craft->hurry != NULL &&
            waited_s >= job->craft->hurry_s) {
            job->craft->hurry(job->work);
            job->waits = false;
            nx_http_work_in(http, 0);
        }
        if (!job->waits || waited_s < http->patience_s ||
            job->craft->incident_of == NULL) {
            link = &job->next;
            continue;
        }
        uint32_t id = job->craft->incident_of(job->work);
        nx_http_say_progress(http, forget(link), id);
        link = &http->jobs; /* the list may have changed */
    }
}

/* As for waiters. */
void nx_http_job_closed(struct nx_http *http,
                        const struct evhttp_connection *evcon) {
    struct nx_http_job **link = &http->jobs;
    while (*link != NULL) {
        struct nx_http_job *job = *link;
        struct evhttp_request *request = job->request;
        struct evhttp_connection *of =
            request != NULL ? evhttp_request_get_connection(request) : NULL;
        if (request == NULL || (of != NULL && of != evcon)) {
            link = &job->next;
            continue;
        }
        if (of == NULL) {
            evhttp_request_free(request);
        }
        if (job->craft->goes_on != NULL && job->craft->goes_on(job->work)) {
            job->request = NULL;
        } else {
            (void)forget(link);
        }
    }
}

void nx_http_jobs_fini(struct nx_http *http) {
    while (http->jobs != NULL) {
        (void)forget(&http->jobs);
    }
}
