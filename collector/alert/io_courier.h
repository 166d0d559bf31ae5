/* Carries one message to one receiver, without blocking the loop: HTTP(S) with
 * libcurl, or a program (sendmail, a hook) with the message on its standard
 * input.
 *
 * HTTP: the certificate is verified, redirects are not followed, only http and
 * https are spoken, what is replied is thrown away, 5 s to connect and 10 s in
 * all. A URL comes from the configuration file alone, never from the network or
 * the API: whoever may write it could start programs anyway. Nothing of the
 * reply reaches operators but its status code, so a URL that points inside (an
 * SSRF) shows nothing.
 *
 * Programs: no shell; argv as configured; environment PATH, NXCLEAR_KEY,
 * NXCLEAR_KIND, NXCLEAR_INCIDENT and NXCLEAR_OUTLOOK; killed after 30 s. */
#ifndef NX_COLLECTOR_IO_COURIER_H
#define NX_COLLECTOR_IO_COURIER_H

#include <event2/event.h>

#include "collector/alert/payload.h"

#define NX_COURIER_TIMEOUT_S 10L
#define NX_COURIER_CONNECT_TIMEOUT_S 5L
#define NX_COURIER_PROGRAM_TIMEOUT_S 30
#define NX_COURIER_WHY_MAX 160U
#define NX_COURIER_SECRET_MAX 512U

struct nx_courier;

struct nx_courier_job {
    const struct nx_receiver *receiver; /* borrowed until done */
    const char *sendmail;               /* path; for mail */
    const json_t *document; /* what it says of all changes; for the call */
    struct nx_alert_payload *payload; /* its body is taken, in any case */
    const char *secret;               /* "": none */
    size_t secret_len;
    int64_t now_us; /* of the attempt: what is signed */
    /* How it ended; why: "" when it was taken. retry_after_s: what the
     * receiver asked for, 0. Not called from within nx_courier_send. */
    void (*done)(void *user, bool taken, const char *why,
                 int64_t retry_after_s);
    void *user;
};

/* NX_ENOMEM. */
int nx_courier_new(struct event_base *base, struct nx_courier **out) NX_MUSTUSE;
/* Ends what is under way without calling done. */
void nx_courier_free(struct nx_courier **courier);

/* NX_ENOMEM, NX_EIO: not begun, done is not called. */
int nx_courier_send(struct nx_courier *courier,
                    const struct nx_courier_job *job) NX_MUSTUSE;

/* Reads a secret, without the final newline. NX_EIO with why
 * (NX_COURIER_WHY_MAX); others than the owner must not be able to read it. */
int nx_courier_secret(const char *path, char secret[NX_COURIER_SECRET_MAX],
                      size_t *len, char *why) NX_MUSTUSE;

/* Will this sendmail work here? NX_EIO with why (NX_COURIER_WHY_MAX) and what
 * to do: it cannot be run, or it, or the helper that it puts mail into its
 * queue with, is set-user-ID or set-group-ID while that does not count
 * (no_new_privs, prctl(2), as under nxclear-collector.service). So are those of
 * Exim, dma, OpenSMTPD; of Postfix (postdrop) and nullmailer (nullmailer-queue)
 * the helpers. */
int nx_courier_sendmail(const char *path, char *why) NX_MUSTUSE;

#endif
