/* What was measured of resolvers, in the store: each time, so that a recording
 * can tell what was known when. It goes with the log (retention); the last
 * measurement of a resolver stays NX_BOOK_KEPT_US longer. */
#ifndef NX_COLLECTOR_IO_STORE_PROFILES_H
#define NX_COLLECTOR_IO_STORE_PROFILES_H

#include "collector/store/io_store.h"

#define NX_RESOLVERS_PAGE 64

/* Inside a transaction: adds it; the same once more changes nothing. */
int nx_store_resolver_put(struct nx_store *store,
                          const struct nx_book_row *row) NX_MUSTUSE;
/* Of each resolver the last one that is not older than NX_BOOK_KEPT_US; the
 * newest NX_BOOK_RESOLVERS_MAX of them, newest first. What cannot be read is
 * left out. */
int nx_store_resolvers(struct nx_store *store, int64_t now_us,
                       void (*visit)(void *user, const struct nx_book_row *row),
                       void *user) NX_MUSTUSE;

/* How far _past has read. */
struct nx_profile_mark {
    int64_t measured_us, id;
};

/* The next NX_RESOLVERS_PAGE after mark, oldest first: what was known at at_us,
 * the last one of each resolver, and then each one up to until_us. Moves the
 * mark; the number of rows, 0: that was all. */
int nx_store_resolvers_past(struct nx_store *store, int64_t at_us,
                            int64_t until_us, struct nx_profile_mark *mark,
                            void (*visit)(void *user,
                                          const struct nx_book_row *row),
                            void *user) NX_MUSTUSE;

#endif
