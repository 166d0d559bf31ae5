/* Asks one question at one endpoint and tells how it ended, with times.
 *
 * Every query has a socket of its own: connected, so that the kernel keeps
 * other sources out and shows ICMP errors; a new source port and random id;
 * kernel receive time stamps. TC=1 is repeated over TCP within the same
 * timeout. Nothing is retried, nothing is remembered from one query to the
 * next: a resolver that failed is asked like any other. */
#ifndef NX_AGENT_IO_PROBE_H
#define NX_AGENT_IO_PROBE_H

#include "common/obs.h"

struct event_base;
struct nx_prober;

/* A default; keep it well below RLIMIT_NOFILE. */
#define NX_PROBE_INFLIGHT_MAX 256U

/* All pointers are valid during the callback only. */
struct nx_probe_result {
    struct nx_obs obs;  /* with the reply as it came, unless it is too long */
    const uint8_t *msg; /* the whole reply with NX_ANSWERED, else NULL */
    size_t msg_len;
    int error_errno; /* why, with NX_UNREACHABLE .. NX_LOCAL_ERROR, or 0 */
    bool repeated;   /* the query went over TCP as well */
    bool withheld;   /* see nx_probe_permit; with NX_LOCAL_ERROR */
};

/* May call nx_probe_send; must not free the prober. */
typedef void nx_probe_fn(void *user, const struct nx_probe_result *result);

/* inflight_max: queries under way at once, 1..1024. NX_ENOMEM, NX_ERANGE. */
int nx_probe_new(struct event_base *base, unsigned inflight_max,
                 struct nx_prober **out) NX_MUSTUSE;

/* A question that leaves later than nx_probe_send was called is asked about
 * again, just before: over TCP when the connection stands (also after a
 * truncated reply, which is the answer then). False: it is not sent, and ends
 * as withheld. Over TLS nobody can tell when it leaves: call nx_probe_recheck
 * when answers may have changed, not from a callback of `may`; what is under
 * way then, sent or not, is given up. */
typedef bool nx_probe_may_fn(void *user, const struct nx_question *question);
void nx_probe_permit(struct nx_prober *prober, nx_probe_may_fn *may,
                     void *user);
void nx_probe_recheck(struct nx_prober *prober);

/* Ends all queries without calling back. */
void nx_probe_free(struct nx_prober **prober);

/* Prepares DNS over TLS to `to` (server_name: the name to authenticate;
 * ca_file: PEM, NULL for the system's). Needed before the first query with
 * transport NX_TLS to it; without it these end as NX_LOCAL_ERROR. Copies its
 * arguments. NX_ENOTFOUND: the DoT module cannot be loaded; NX_ENOMEM,
 * NX_ELIMIT. */
int nx_probe_add_tls(struct nx_prober *prober, const struct nx_endpoint *to,
                     const char *ca_file) NX_MUSTUSE;

/* Forgets all TLS endpoints (configuration reload); their queries under way
 * end as NX_LOCAL_ERROR. Not from a callback. */
void nx_probe_clear_tls(struct nx_prober *prober);

/* Sends the question (copied) to question->to. callback is called exactly once
 * from the event loop, never from here, with whatever came of it; also when no
 * socket could be had (NX_LOCAL_ERROR).
 * NX_EAGAIN: inflight_max queries are under way, try later; no callback. */
int nx_probe_send(struct nx_prober *prober, const struct nx_question *question,
                  unsigned timeout_ms, nx_probe_fn *callback,
                  void *user) NX_MUSTUSE;

/* Queries under way. */
unsigned nx_probe_inflight(const struct nx_prober *prober);

#endif
