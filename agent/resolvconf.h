/* Which resolvers a host uses, read from text; and addresses with the zone
 * index of link-local IPv6 ("fe80::1%eth0"), whose number only the edge knows.
 */
#ifndef NX_AGENT_RESOLVCONF_H
#define NX_AGENT_RESOLVCONF_H

#include "common/obs.h"

#define NX_RESOLVCONF_MAX 16U      /* addresses taken from one file */
#define NX_RESOLVCONF_BYTES 65536U /* of a file that are read */
#define NX_SCOPE_MAX 16U           /* bytes of an interface name with the NUL */

struct nx_listed {
    struct nx_endpoint at;    /* parsed: NX_LAYER_NETWORK; scope_id 0 */
    char scope[NX_SCOPE_MAX]; /* interface, empty if none */
};

/* nx_endpoint_parse that also takes "%interface" after an address.
 * NX_EADDRESS. */
int nx_listed_parse(const char *text, struct nx_listed *out) NX_MUSTUSE;

/* Reads the nameserver lines of resolv.conf(5) text, without duplicates, up to
 * cap of them; everything else (search, options, lines that are wrong) is
 * left out. *skipped counts the nameserver lines that could not be read or did
 * not fit. Returns the number of entries written. */
size_t nx_resolvconf_parse(const char *text, size_t len, struct nx_listed *out,
                           size_t cap, size_t *skipped);

/* Is this one of the addresses where systemd-resolved's stub listens
 * (127.0.0.53, 127.0.0.54)? */
bool nx_resolvconf_is_stub(const struct nx_endpoint *at);

#endif
