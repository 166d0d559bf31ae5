/* Resolvers as canary names measured them, as a document. Pure. */
#ifndef NX_COLLECTOR_STATUS_RESOLVERS_H
#define NX_COLLECTOR_STATUS_RESOLVERS_H

#include <jansson.h>

#include "collector/engine/engine.h"
#include "common/text.h"

/* Stands for network, address, scope and agent: the place in pages of the list.
 * out has NX_RESOLVER_ID_MAX bytes. */
#define NX_RESOLVER_ID_MAX 17U
const char *nx_resolver_id(const struct nx_book_row *row, char *out);

/* A resolver; nxclear-api(7) has the members. New reference; NULL: no memory.
 */
json_t *nx_status_resolver(const struct nx_engine *engine,
                           const struct nx_book_row *row, int64_t now_us);

/* Sets the members that say what was measured; false: no memory. */
bool nx_status_resolver_habits(json_t *object, const struct nx_measured *m);

/* Writes "canary_zone", "sibling_zone", "bogus_zone". */
void nx_status_put_canary_zones(const struct nx_engine *engine,
                                struct nx_text *out);

/* All of them, as of one moment, to be put in order (nx_book_row_order) a few
 * at a time, then looked at; or those that have a cap, max at most, which are
 * few where there are many, in no order. NX_ENOMEM. */
struct nx_resolver_list;
int nx_resolver_list_new(const struct nx_engine *engine,
                         struct nx_resolver_list **out) NX_MUSTUSE;
int nx_resolver_list_capped(const struct nx_engine *engine, size_t max,
                            struct nx_resolver_list **out) NX_MUSTUSE;
void nx_resolver_list_free(struct nx_resolver_list **list);
/* Compares at most so many times. True: they are in order. */
bool nx_resolver_list_sort(struct nx_resolver_list *list, size_t budget);
size_t nx_resolver_list_n(const struct nx_resolver_list *list);
const struct nx_book_row *
nx_resolver_list_at(const struct nx_resolver_list *list, size_t i);
/* Entries of the next n. NX_EAGAIN: there are more. NX_ENOMEM. */
int nx_resolver_list_some(struct nx_resolver_list *list,
                          const struct nx_engine *engine, int64_t now_us,
                          json_t *to, size_t n) NX_MUSTUSE;
/* How many more there were than max. */
size_t nx_resolver_list_left_out(const struct nx_resolver_list *list);

#endif
