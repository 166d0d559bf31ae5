/* What canary names told of resolvers: kept in the store, so that a start does
 * not lose it. */
#include "collector/io_service_priv.h"
#include "collector/store/io_store_profiles.h"
#include "common/io_log.h"

struct loading {
    struct nx_engine *engine;
    int err; /* the first one */
};

static void see_resolver(void *user, const struct nx_book_row *row) {
    struct loading *l = user;
    int err = nx_engine_resolver_put(l->engine, row);
    l->err = l->err == NX_OK ? err : l->err;
}

int nx_service_resolvers_load(struct nx_service *service) {
    struct loading l = {service->engine, NX_OK};
    int err = nx_store_resolvers(service->store, see_resolver, &l);
    return err != NX_OK ? err : l.err;
}

void nx_service_resolver_measured(struct nx_service *service,
                                  const struct nx_book_row *row) {
    char at[NX_ENDPOINT_TEXT_MAX];
    int err = nx_group_open(nx_ingest_group(service->ingest));
    if (err == NX_OK) {
        err = nx_store_resolver_put(service->store, row);
        if (err != NX_OK) {
            nx_group_abort(nx_ingest_group(service->ingest));
        }
    }
    if (err != NX_OK) { /* known until the next start; measured again */
        nx_log(NX_LOG_WARN,
               "resolver %s of %s: what was measured is not kept: "
               "%s",
               nx_endpoint_text(&row->at, at), row->network, nx_strerror(err));
    }
}

void nx_service_resolvers_notice(struct nx_service *service) {
    if (!service->resolvers_full &&
        nx_engine_resolvers_turned_away(service->engine) > 0) {
        service->resolvers_full = true;
        nx_log(NX_LOG_WARN,
               "agents of a network name more than %u resolvers, or all of "
               "them more than %u: the rest is not measured",
               NX_BOOK_OF_NETWORK_MAX, NX_BOOK_RESOLVERS_MAX);
    }
}
