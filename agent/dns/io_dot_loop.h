/* getdns on a libevent base, by getdns' public API only: its own extension
 * library of 1.6.0 exports no symbols (getdnsapi/getdns issue 493). */
#ifndef NX_AGENT_IO_DOT_LOOP_H
#define NX_AGENT_IO_DOT_LOOP_H

#include <getdns/getdns.h>

struct event_base;

/* base: borrowed, must outlive the context. */
getdns_return_t nx_dot_loop_attach(getdns_context *context,
                                   struct event_base *base);

#endif
