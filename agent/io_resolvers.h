/* The resolvers this host really uses: those of resolv.conf (behind
 * systemd-resolved's stub, which is of layer host then: its uplinks) and those
 * the owner named, each in its layer. Watches the
 * files and says when the set changes. */
#ifndef NX_AGENT_IO_RESOLVERS_H
#define NX_AGENT_IO_RESOLVERS_H

#include "agent/conf.h"

struct event_base;
struct nx_resolver_watch;

/* The new set; may be empty. Borrowed until the next call. False: it could not
 * be taken now (no memory); it is offered again a second later. */
typedef bool nx_resolvers_fn(void *user, const struct nx_resolver *list,
                             size_t n);

/* conf is borrowed. fn is called from here with the first set, then from the
 * loop whenever it changed. Where inotify is not to be had, the files are read
 * every few seconds. NX_ENOMEM. */
int nx_resolvers_new(struct event_base *base, const struct nx_agent_conf *conf,
                     nx_resolvers_fn *fn, void *user,
                     struct nx_resolver_watch **out) NX_MUSTUSE;
void nx_resolvers_free(struct nx_resolver_watch **watch);

/* Another configuration, or just a closer look now; fn is called if the set
 * changed. */
void nx_resolvers_reload(struct nx_resolver_watch *watch,
                         const struct nx_agent_conf *conf);

/* The address with the number that its interface has now. False: there is no
 * such interface. */
bool nx_resolvers_endpoint(const struct nx_listed *listed,
                           struct nx_endpoint *out);

/* The set now, borrowed until it changes. */
size_t nx_resolvers_get(const struct nx_resolver_watch *watch,
                        const struct nx_resolver **list);

#endif
