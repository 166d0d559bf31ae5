/* Asks as the applications of this host do: getaddrinfo(3), through
 * nsswitch.conf(5) with all that stands there (files, systemd-resolved, mdns).
 * Not where nscd runs: it asks for more than it is asked for.
 *
 * getaddrinfo blocks, cannot be broken off, and loads code of strangers. So it
 * is called in a child: this program again, with one descriptor, an empty
 * environment but for the search list, in the sandbox of its parent. The child
 * ends with its parent, and is killed when it takes too long. One at a time.
 *
 * The end of the child takes the question back from what runs in it, such as
 * glibc's own stub resolver, but not from a daemon that it was handed to:
 * systemd-resolved 252, by nss-resolve and by its stub alike, goes on asking a
 * resolver that does not answer, every 5.2 s until 74 s after the question
 * (measured). agent/plan/guard.h says what that means. */
#ifndef NX_AGENT_IO_LOOKUP_H
#define NX_AGENT_IO_LOOKUP_H

#include "agent/dns/io_probe.h"

/* argv[1] of the child; then the name and "4" or "6". */
#define NX_LOOKUP_ARGUMENT "getaddrinfo"
#define NX_LOOKUP_ARGC 4

struct nx_lookup;

/* program: whose main leads to nx_lookup_child; NULL: this one. Copied.
 * NX_ENOMEM. */
int nx_lookup_new(struct event_base *base, const char *program,
                  struct nx_lookup **out) NX_MUSTUSE;

/* Kills the child, if there is one, without calling back. */
void nx_lookup_free(struct nx_lookup **lookup);

/* Looks for question->name (copied; nx_endpoint_takes says which) and A or
 * AAAA. callback is called exactly once, from the event loop, with an
 * observation without TTL, SOA, port and message; NX_TIMEOUT after timeout_ms.
 * NX_EAGAIN: a child is there already; NX_EIO: none could be made, nscd
 * runs, or the name is none that applications ask for; no callback then. */
int nx_lookup_start(struct nx_lookup *lookup,
                    const struct nx_question *question, unsigned timeout_ms,
                    nx_probe_fn *callback, void *user) NX_MUSTUSE;

/* Is there a child? One that was killed counts until it has gone. */
bool nx_lookup_busy(const struct nx_lookup *lookup);

/* What is being asked; NULL: nothing. */
const struct nx_question *nx_lookup_question(const struct nx_lookup *lookup);

/* Kills the child, without calling back. */
void nx_lookup_abandon(struct nx_lookup *lookup);

/* The child's main: asks, writes the reply to standard output. Returns the exit
 * status. */
int nx_lookup_child(const char *name, const char *family);

#endif
