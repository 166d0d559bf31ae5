/* What was measured of resolvers, in the store. */
#ifndef NX_COLLECTOR_IO_STORE_PROFILES_H
#define NX_COLLECTOR_IO_STORE_PROFILES_H

#include "collector/store/io_store.h"

/* Inside a transaction: adds, or takes the place of what was there; what was
 * measured NX_BOOK_KEPT_US before goes. */
int nx_store_resolver_put(struct nx_store *store,
                          const struct nx_book_row *row) NX_MUSTUSE;
/* The newest NX_BOOK_RESOLVERS_MAX, newest first; what cannot be read is left
 * out. */
int nx_store_resolvers(struct nx_store *store,
                       void (*visit)(void *user, const struct nx_book_row *row),
                       void *user) NX_MUSTUSE;

#endif
