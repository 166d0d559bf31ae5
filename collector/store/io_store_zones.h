/* The book of zones' name servers, in the store: rule 1 holds across a start.
 * What nobody saw for NX_NS_BOOK_KEPT_US goes, and so does what is more than
 * NX_NS_BOOK_ZONES_MAX zones. */
#ifndef NX_COLLECTOR_IO_STORE_ZONES_H
#define NX_COLLECTOR_IO_STORE_ZONES_H

#include "collector/engine/ns_book.h"
#include "collector/store/io_store.h"

/* Inside a transaction: in place of what was stored of that zone. */
int nx_store_zone_put(struct nx_store *store,
                      const struct nx_ns_book_zone *zone,
                      int64_t now_us) NX_MUSTUSE;

/* Those seen last come first. What cannot be read is left out. */
int nx_store_zones(struct nx_store *store, int64_t now_us,
                   void (*visit)(void *user, const uint8_t *apex,
                                 const struct nx_ns_server *server),
                   void *user) NX_MUSTUSE;

/* --- as an incident was opened --- */

/* Inside of the transaction that adds it. */
int nx_store_zone_then_add(struct nx_store *store, uint32_t incident_id,
                           const struct nx_ns_book_zone *zone) NX_MUSTUSE;
/* The servers of a zone one after the other. */
int nx_store_zones_then(struct nx_store *store, uint32_t incident_id,
                        void (*visit)(void *user, const uint8_t *apex,
                                      const struct nx_ns_server *server),
                        void *user) NX_MUSTUSE;

#endif
