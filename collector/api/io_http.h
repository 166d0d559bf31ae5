/* The HTTP API (nxclear-api(7)) on a Unix socket and, if wanted, on TCP: evhttp
 * with the limits that it lacks by default.
 *
 * Trust: who may open the Unix socket (mode 0660) may do everything, unless the
 * request itself carries a token. On TCP every request needs a token
 * (access.h); foreign Host headers (DNS rebinding, on loopback) and requests
 * that a web page of another origin could send (CSRF) are refused besides. TCP
 * that others than this host reach is not opened before there is a token. */
#ifndef NX_COLLECTOR_IO_HTTP_H
#define NX_COLLECTOR_IO_HTTP_H

#include <event2/event.h>

#include "collector/io_service.h"

#define NX_HTTP_HEADERS_MAX_BYTES (8U * 1024U)
#define NX_HTTP_BODY_MAX_BYTES (64U * 1024U)
#define NX_HTTP_TIMEOUT_S 10U /* to send a request, or without progress */
/* A status that is not made by then: 503, and how far it has come. */
#define NX_HTTP_PATIENCE_S 10U
#define NX_HTTP_REPLY_TIMEOUT_S                                                \
    30U /* to take a reply, or a step of it: taking.h */
#define NX_HTTP_CONNECTIONS_MAX 128U
#define NX_HTTP_RECORDINGS_MAX 4U
#define NX_HTTP_STREAMS_MAX 32U          /* /events among them */
#define NX_HTTP_STREAMS_OF_READER_MAX 8U /* ... with a token of scope read */
#define NX_HTTP_PROBLEM_MAX 256U

struct nx_http;

struct nx_http_settings {
    const char *unix_path; /* NULL or "": none */
    const char *origin;    /* of a proxy in front (nx_api_guard); NULL */
    const char *listen;    /* "127.0.0.1:8053", "[::1]:8053"; NULL or "": none;
                              port 0: any free one */
    unsigned connections_max; /* 0: NX_HTTP_CONNECTIONS_MAX */
    unsigned timeout_s;       /* 0: NX_HTTP_TIMEOUT_S */
    unsigned patience_s;      /* 0: NX_HTTP_PATIENCE_S */
    unsigned reply_timeout_s; /* 0: NX_HTTP_REPLY_TIMEOUT_S */
};

/* Starts to serve on base; service and base are borrowed until nx_http_free.
 * A stale socket file is replaced only when nobody answers on it.
 *
 * On failure problem (NX_HTTP_PROBLEM_MAX bytes) says what and where, without
 * a newline: NX_ECONFIG (no token yet, no such folder, path too long, neither
 * listener given), NX_EEXISTS (somebody serves there), NX_EIO, NX_ENOMEM. */
int nx_http_new(struct event_base *base, struct nx_service *service,
                const struct nx_http_settings *settings, char *problem,
                struct nx_http **out) NX_MUSTUSE;

/* Ends all streams and connections, removes the socket file if it is still
 * ours. Sets *http to NULL. */
void nx_http_free(struct nx_http **http);

/* The TCP port in use, 0 without a TCP listener. */
unsigned nx_http_port(const struct nx_http *http);

#endif
