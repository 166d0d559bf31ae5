/* Requests to the collector's API with libcurl. */
#ifndef NX_CLI_IO_API_H
#define NX_CLI_IO_API_H

#include <jansson.h>
#include <signal.h>
#include <stdio.h>

#include "collector/cli/show.h"

#define NX_API_REPLY_MAX_BYTES (64U << 20)
#define NX_API_WHY_MAX 640U

struct nx_api;

/* Why a request failed. */
struct nx_api_error {
    int exit_code;    /* enum nx_exit */
    unsigned again_s; /* a status is being made: ask again in; 0: is not */
    char why[NX_API_WHY_MAX]; /* for people, escaped */
};

/* api: "unix:/PATH", "http://HOST:PORT" or "https://HOST", borrowed. token:
 * what goes into the Authorization header, copied; NULL: none. NX_ENOMEM. */
int nx_api_new(const char *api, const char *token,
               struct nx_api **out) NX_MUSTUSE;
void nx_api_free(struct nx_api **api);

/* Requests from now on are given up a second after *stopped is not 0, borrowed,
 * and at until_us of the monotonic clock (NX_TIME_NONE: as usual), but not
 * before they had a second. */
void nx_api_patience(struct nx_api *api, const volatile sig_atomic_t *stopped,
                     int64_t until_us);

/* *out: a new reference to the reply. Asks once: a status that comes later is
 * asked for again by who has the time. NX_EIO with *error. */
int nx_api_get(struct nx_api *api, const char *path, json_t **out,
               struct nx_api_error *error) NX_MUSTUSE;
/* Writes what comes to the stream; may take as long as it flows. */
int nx_api_download(struct nx_api *api, const char *path, FILE *to,
                    struct nx_api_error *error) NX_MUSTUSE;
/* body: borrowed. */
int nx_api_post(struct nx_api *api, const char *path, const json_t *body,
                json_t **out, struct nx_api_error *error) NX_MUSTUSE;

#endif
