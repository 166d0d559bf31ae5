/* The child of io_lookup.c. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* __nss_configure_lookup */
#endif
#include <netdb.h>
#include <netinet/in.h>
#include <nss.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include "agent/dns/io_lookup.h"
#include "agent/dns/lookup.h"

#define LIFE_MAX_S 60 /* should the parent not do it */

static int ask(const char *name, int family, struct addrinfo **list) {
    const struct addrinfo hints = {.ai_family = family,
                                   .ai_socktype = SOCK_STREAM};
    return getaddrinfo(name, NULL, &hints, list);
}

static void add_all(const struct addrinfo *list, int family,
                    struct nx_lookup_reply *reply) {
    for (; list != NULL; list = list->ai_next) {
        if (list->ai_family == family && family == AF_INET) {
            struct sockaddr_in at;
            memcpy(&at, list->ai_addr, sizeof(at));
            nx_lookup_add(reply, (const uint8_t *)&at.sin_addr, 4);
        } else if (list->ai_family == family) {
            struct sockaddr_in6 at;
            memcpy(&at, list->ai_addr, sizeof(at));
            nx_lookup_add(reply, at.sin6_addr.s6_addr, 16);
        }
    }
}

/* Would the answer be there without any DNS? */
static bool in_hosts_file(const char *name, int family) {
    struct addrinfo *list = NULL;
    if (__nss_configure_lookup("hosts", "files") != 0 ||
        ask(name, family, &list) != 0) {
        return false;
    }
    freeaddrinfo(list);
    return true;
}

int nx_lookup_child(const char *name, const char *family) {
    int af = strcmp(family, "6") == 0 ? AF_INET6 : AF_INET;
    struct nx_lookup_reply reply;
    struct addrinfo *list = NULL;
    memset(&reply, 0, sizeof(reply));
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    (void)alarm(LIFE_MAX_S);
    reply.status = ask(name, af, &list);
    if (reply.status == 0) {
        add_all(list, af, &reply);
        freeaddrinfo(list);
        reply.hosts_file = in_hosts_file(name, af) ? 1 : 0;
    }
    return write(STDOUT_FILENO, &reply, sizeof(reply)) == sizeof(reply)
               ? EX_OK
               : EX_IOERR;
}
