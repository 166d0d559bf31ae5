/* What audits knew of zones' name servers: kept in the store, so that a start
 * in the middle of an incident does not forget whom caches may still ask. */
#include "collector/io_service_priv.h"
#include "collector/store/io_store_zones.h"
#include "common/io_log.h"

#define ZONES_A_TICK 4U /* the loop has others to serve */

int nx_service_zones_load(struct nx_service *service) {
    struct nx_ns_book_loading l = {nx_engine_ns_book(service->engine), NX_OK};
    int err = nx_store_zones(service->store, nx_service_now_us(service),
                             nx_ns_book_load, &l);
    return err != NX_OK ? err : l.err;
}

void nx_service_zones_keep(struct nx_service *service, int64_t now_us) {
    struct nx_group *group = nx_ingest_group(service->ingest);
    struct nx_ns_book *book = nx_engine_ns_book(service->engine);
    struct nx_ns_book_zone *zone = nx_ns_book_unstored(book);
    for (unsigned n = 0;
         n < ZONES_A_TICK && zone != NULL && nx_group_open(group) == NX_OK;
         n++) {
        int err = nx_store_zone_put(service->store, zone, now_us);
        if (err != NX_OK) {
            nx_log(NX_LOG_WARN, "name servers of a zone are not kept yet: %s",
                   nx_store_reason(service->store, err));
            nx_group_abort(group);
            return; /* the next tick tries again */
        }
        nx_ns_book_stored(zone);
        zone = nx_ns_book_unstored(book);
    }
}
