/* Inside io_http: connections, listeners, handlers, streams. */
#ifndef NX_COLLECTOR_IO_HTTP_PARTS_H
#define NX_COLLECTOR_IO_HTTP_PARTS_H

#include <event2/bufferevent.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <jansson.h>
#include <sys/stat.h>

#include "collector/api/access.h"
#include "collector/api/api.h"
#include "collector/api/io_http.h"
#include "collector/api/taking.h"
#include "collector/status/board.h"
#include "common/slice.h"

struct nx_http;

/* One way in: the Unix socket, or TCP. */
struct nx_http_door {
    struct nx_http *http;
    struct evhttp *evhttp; /* NULL: not used */
    enum nx_api_door kind;
};

/* A client that reads /events. */
struct nx_http_stream {
    struct nx_http_stream *next;
    struct evhttp_request *request;
    uint32_t incident_id;
    struct nx_grant grant; /* of who reads */
    uint64_t tag;          /* of what was sent last; of a narrow sight */
    bool changes;          /* wants what changed, not all of it each time */
    bool lanes;            /* ... and networks without their targets */
    bool waits;            /* for a page that is being made */
    uint64_t revision;     /* of the page that it knows; 0: none */
    uint64_t sent_s;       /* nx_http.second of the last bytes */
    uint64_t looked_s;     /* nx_http.second of the last look */
};

/* What is asked of the board. */
struct nx_http_wish {
    struct nx_api_request asked;
    bool chosen;                  /* some networks, or in groups: */
    struct nx_status_query query; /* without its sight */
    struct nx_sight sight;
    uint64_t since_s; /* nx_http.second */
};

/* A client that waits for the status of an incident; io_http_status.c. */
struct nx_http_waiter {
    struct nx_http_waiter *next;
    struct evhttp_request *request;
    struct nx_http_wish wish;
};

/* A document that is made for one request; io_http_job.c. */
struct nx_http_job;
enum nx_http_progress {
    NX_HTTP_MORE,
    NX_HTTP_LATER, /* the same, when something else is over: soon */
    NX_HTTP_WAITS, /* for a page of the board */
    NX_HTTP_DONE,  /* it can be replied */
};
struct nx_http_craft {
    /* Goes on with it, for about so many units of time: of each some 10 us. */
    enum nx_http_progress (*step)(struct nx_http *http, void *work,
                                  size_t budget);
    void (*reply)(struct nx_http *http, void *work,
                  struct evhttp_request *request);
    void (*free)(void *work); /* NULL: nothing */
    /* Who waits for a page has so much patience. One of both: after hurry_s it
     * goes on without it; or the client is told how far that incident is. */
    void (*hurry)(void *work);
    uint64_t hurry_s;
    uint32_t (*incident_of)(const void *work);
    /* Is it to be done although the client has gone away? NULL: never. */
    bool (*goes_on)(const void *work);
};

/* A client that reads a recording; io_http_recording.c. */
struct nx_http_recording;

/* An accepted connection, known from accept to close. */
struct nx_http_conn {
    struct nx_http_conn *next;
    struct nx_http_door *door;
    struct evhttp_connection *evcon; /* NULL: just accepted */
    struct bufferevent *bev;         /* with a reference while evcon is NULL */
    bool reading;                    /* no whole request yet */
    uint64_t deadline_s;             /* of a request; 0: none */
    bool recording;                  /* it stays in a crowd */
    bool replying;                   /* ... but for the reply: */
    struct nx_taking taking;
};

struct nx_http {
    struct event_base *base;
    struct nx_service *service;
    char *origin; /* of a proxy in front; NULL: none */
    unsigned connections_max;
    unsigned timeout_s;
    unsigned patience_s;
    unsigned reply_timeout_s;
    struct nx_http_door unix_door;
    struct nx_http_door tcp_door;
    struct nx_board *board;
    uint64_t epoch;             /* in revisions that clients see */
    struct event *tick;         /* each second */
    struct event *arrived;      /* activated after an accept */
    struct event *work;         /* brings pages up to date */
    struct nx_slice slice;      /* ... so many targets at a time */
    struct event *crowded;      /* too many connections: a moment later */
    uint64_t second;            /* ticks since the start */
    struct nx_http_conn *conns; /* newest first */
    unsigned conns_n;
    struct nx_http_waiter *waiters; /* as they came */
    struct nx_http_job *jobs;       /* as they came */
    struct nx_slice job_slice;
    struct nx_http_stream *streams;
    unsigned streams_n;
    struct nx_http_recording *recordings;
    unsigned recordings_n;
    char *unix_path; /* of the socket file that is ours; NULL */
    dev_t unix_dev;
    ino_t unix_ino;
    unsigned port;
};

/* io_http_listen.c: listening sockets, -1 with *err and problem set. */
int nx_http_listen_unix(const char *path, char *problem, int *err);
int nx_http_listen_tcp(const char *text, char *problem, unsigned *port,
                       enum nx_api_door *kind, int *err);

/* io_http_route.c: answers one request. */
void nx_http_handle(struct nx_http_door *door, struct evhttp_request *request);
/* The caller's; NULL: no such incident, or no memory. */
json_t *nx_http_incident_head(struct nx_service *service, uint32_t id);

/* io_http_health.c: documents that are the caller's; NULL: no memory, or no
 * such incident. */
json_t *nx_http_health(struct nx_service *service);

/* io_http_doors.c: agents and tokens. */
void nx_http_doors(struct nx_service *service, struct evhttp_request *request,
                   const struct nx_api_request *asked);

/* io_http_agents.c: who there is at one moment, and an entry for so many of
 * them, with what is known of them then. NX_EAGAIN: there are more. NX_ENOMEM.
 */
struct nx_http_agents;
int nx_http_agents_new(struct nx_service *service,
                       struct nx_http_agents **out) NX_MUSTUSE;
void nx_http_agents_free(struct nx_http_agents **agents);
int nx_http_agents_some(struct nx_http_agents *agents,
                        struct nx_service *service, json_t *list,
                        size_t n) NX_MUSTUSE;
size_t nx_http_agents_n(const struct nx_http_agents *agents);
const struct nx_agent_record *
nx_http_agents_at(const struct nx_http_agents *agents, size_t i);
/* An entry; NULL: no memory. */
json_t *nx_http_agent_json(struct nx_service *service,
                           const struct nx_agent_record *record);

/* io_http_reply.c. */
struct nx_http_body {
    const char *bytes;
    size_t len;
};
/* The body of a request; borrowed from it. */
struct nx_http_body nx_http_body(struct evhttp_request *request);
/* Collector time. */
json_t *nx_http_now_json(struct nx_service *service);
/* A document's reference is taken; NULL (no memory): 500. */
void nx_http_reply_json(struct evhttp_request *request, unsigned status,
                        json_t *document);
/* 200 with a document's text, which is taken. */
void nx_http_reply_document(struct evhttp_request *request,
                            struct nx_text *text);
/* The same of another type, as it is. */
void nx_http_reply_made(struct evhttp_request *request, const char *type,
                        struct nx_text *text);
/* A document with an entity tag; 304 when the client has it already. */
void nx_http_reply_tagged(struct evhttp_request *request, json_t *document);
/* 304 for a client that has the tag; else adds it to the reply's headers and
 * is false. */
bool nx_http_reply_unchanged(struct evhttp_request *request, const char *etag);
void nx_http_reply_problem(struct evhttp_request *request,
                           const struct nx_api_problem *problem);
/* What the service could not do: "what: why". */
void nx_http_reply_error(struct evhttp_request *request, int err,
                         const char *what);
/* The same, where NX_EMALFORMED is the last status of a closed incident. */
void nx_http_reply_not_made(struct evhttp_request *request, int err,
                            const char *what);
void nx_http_reply_text(struct evhttp_request *request, unsigned status,
                        const char *type, const char *text);
/* The headers that every reply has. */
void nx_http_common_headers(struct evhttp_request *request, const char *type);

/* io_http_list.c: lists, in pages if wanted. */
void nx_http_get_list(struct nx_http *http, struct evhttp_request *request,
                      const struct nx_api_request *asked,
                      const struct nx_sight *sight);
/* RFC 8288: the next page, as this one was asked for; next "": none. */
void nx_http_add_link(struct evhttp_request *request,
                      const struct nx_api_request *asked, const char *next);

/* io_http_web.c: answers if the path is one of the page's; false: it is not. */
bool nx_http_web(struct evhttp_request *request, enum nx_api_method method,
                 const char *path);

/* io_http_status.c: the status of an incident from the board: at once, or when
 * the page has been made. */
void nx_http_get_status(struct nx_http *http, struct evhttp_request *request,
                        const struct nx_api_request *asked);
/* The same of some networks, or in groups. */
void nx_http_get_chosen(struct nx_http *http, struct evhttp_request *request,
                        const struct nx_api_request *asked,
                        const struct nx_status_query *query,
                        const struct nx_sight *sight);
/* NX_EAGAIN: it is being made; nx_http_streams_ready is called then. */
int nx_http_page(struct nx_http *http, uint32_t id,
                 const struct nx_board_page **out) NX_MUSTUSE;
/* The same of some networks, or in groups. */
int nx_http_page_of(struct nx_http *http, uint32_t id,
                    const struct nx_status_query *query,
                    const struct nx_board_page **out) NX_MUSTUSE;
/* The connection is going down: forgets who waits there. */
void nx_http_waiter_closed(struct nx_http *http,
                           const struct evhttp_connection *evcon);
/* Each second: whoever waited for long is told how far it has come. */
void nx_http_waiters_tick(struct nx_http *http);
/* 503: how far the status of the incident has come; id 0: of all of them. */
void nx_http_say_progress(struct nx_http *http, struct evhttp_request *request,
                          uint32_t id);
/* Work goes on then. */
void nx_http_work_in(struct nx_http *http, int64_t pause_us);
/* A timer, while somebody asks for pages, or documents are made. */
void nx_http_work(evutil_socket_t fd, short what, void *http);
/* Adds the document, or what changed in it since a revision (0: all). Texts
 * are not copied. False: no memory. */
struct nx_http_part {
    bool lanes;     /* networks without their targets */
    uint64_t since; /* a revision */
};
bool nx_http_add_status(struct nx_http *http, struct evbuffer *out,
                        const struct nx_board_page *page,
                        const struct nx_http_part *part) NX_MUSTUSE;

/* io_http_job.c. Takes the work; NULL: no memory. */
void nx_http_job_start(struct nx_http *http, struct evhttp_request *request,
                       const struct nx_http_craft *craft, void *work);
/* Goes on with one of them. True: there is more to do, in *pause_us. */
bool nx_http_jobs_some(struct nx_http *http, int64_t *pause_us);
/* Does any wait for a page? */
bool nx_http_jobs_wait(const struct nx_http *http);
/* Pages may be there that were waited for. */
void nx_http_jobs_ready(struct nx_http *http);
void nx_http_jobs_tick(struct nx_http *http);
/* The connection is going down: forgets what was made for it. */
void nx_http_job_closed(struct nx_http *http,
                        const struct evhttp_connection *evcon);
/* Those that nobody waits for. */
void nx_http_jobs_fini(struct nx_http *http);

/* io_http_close.c, io_http_metrics.c, io_http_report.c, io_http_rows.c (lists
 * of agents, networks, resolvers): jobs. */
void nx_http_close(struct nx_http *http, struct evhttp_request *request,
                   uint32_t incident_id);
void nx_http_metrics(struct nx_http *http, struct evhttp_request *request);
void nx_http_report(struct nx_http *http, struct evhttp_request *request,
                    uint32_t incident_id);
void nx_http_get_rows(struct nx_http *http, struct evhttp_request *request,
                      const struct nx_api_request *asked,
                      const struct nx_sight *sight);

/* io_http_stream.c. */
void nx_http_stream_start(struct nx_http *http, struct evhttp_request *request,
                          const struct nx_api_request *asked,
                          const struct nx_grant *grant);
void nx_http_streams_tick(struct nx_http *http);
unsigned nx_http_streams_of(const struct nx_http *http, uint32_t token_id);
/* Is the token of a reply that goes on still valid? 0: there was none. */
bool nx_http_admits(const struct nx_http *http, uint32_t token_id);
/* A page may be there that streams waited for. */
void nx_http_streams_ready(struct nx_http *http);
/* The connection is going down: forgets its stream, if it has one. */
void nx_http_stream_closed(struct nx_http *http,
                           const struct evhttp_connection *evcon);

/* io_http_recording.c; as for streams. */
void nx_http_recording_start(struct nx_http *http,
                             struct evhttp_request *request,
                             uint32_t incident_id,
                             const struct nx_grant *grant);
void nx_http_recordings_tick(struct nx_http *http);
void nx_http_recording_closed(struct nx_http *http,
                              const struct evhttp_connection *evcon);

/* io_http_conns.c: what libevent calls. */
struct bufferevent *nx_http_on_accept(struct event_base *base, void *door);
void nx_http_on_accept_error(struct evconnlistener *listener, void *door);
void nx_http_on_arrived(evutil_socket_t fd, short what, void *http);
void nx_http_on_crowded(evutil_socket_t fd, short what, void *http);
void nx_http_on_request(struct evhttp_request *request, void *door);
/* Each second: whoever had his time is dropped. */
void nx_http_conns_tick(struct nx_http *http);
/* A reply in parts, each of which is to be taken in time. */
void nx_http_conn_is_recording(struct nx_http *http,
                               const struct evhttp_connection *evcon);
/* It took a part. */
void nx_http_conn_takes(struct nx_http *http,
                        const struct evhttp_connection *evcon);
/* The connection has no deadline from now on; what is sent must be taken. */
void nx_http_conn_is_stream(struct nx_http *http,
                            struct evhttp_connection *evcon);
void nx_http_conns_fini(struct nx_http *http);

/* io_http_label.c: POST /v1/networks/label, /v1/agents/label. */
void nx_http_label(struct nx_service *service, struct evhttp_request *request,
                   enum nx_label_kind kind);

/* io_http_measure.c: POST /v1/resolvers/measure. */
void nx_http_measure(struct nx_service *service,
                     struct evhttp_request *request);

/* io_http_score.c: GET /v1/score. */
void nx_http_score(struct nx_service *service, struct evhttp_request *request);

#endif
