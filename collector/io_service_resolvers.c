/* What canary names told of resolvers: kept in the store, so that a start does
 * not lose it. */
#include <string.h>

#include "collector/io_service_priv.h"
#include "collector/store/io_store_profiles.h"
#include "common/io_log.h"
#include "common/rrtype.h"

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
    int err = nx_store_resolvers(service->store, nx_service_now_us(service),
                                 see_resolver, &l);
    return err != NX_OK ? err : l.err;
}

static int put(struct nx_service *service, const struct nx_book_row *row) {
    int err = nx_group_open(nx_ingest_group(service->ingest));
    if (err == NX_OK) {
        err = nx_store_resolver_put(service->store, row);
        if (err != NX_OK) {
            nx_group_abort(nx_ingest_group(service->ingest));
        }
    }
    return err;
}

void nx_service_resolver_measured(struct nx_service *service,
                                  const struct nx_book_row *row) {
    char at[NX_ENDPOINT_TEXT_MAX];
    int err = put(service, row);
    if (err != NX_OK) {
        nx_log(NX_LOG_WARN,
               "resolver %s of %s: what was measured is not kept yet: %s",
               nx_endpoint_text(&row->at, at), row->network,
               nx_store_reason(service->store, err));
        nx_service_resolvers_lost(service, row->measured_us);
    }
}

void nx_service_resolvers_lost(struct nx_service *service, int64_t from_us) {
    service->derived_stale = true;
    if (from_us < service->resolvers_from_us) {
        service->resolvers_from_us = from_us;
    }
}

struct putting {
    struct nx_service *service;
    int64_t from_us;
    int err;
};

static void put_again(void *user, const struct nx_book_row *row) {
    struct putting *p = user;
    if (p->err == NX_OK && row->measured_us != NX_TIME_UNKNOWN &&
        row->measured_us >= p->from_us) {
        p->err = put(p->service, row);
    }
}

void nx_service_resolvers_again(struct nx_service *service) {
    struct putting p = {service, service->resolvers_from_us, NX_OK};
    if (p.from_us == INT64_MAX) {
        return;
    }
    int err = nx_engine_resolvers(service->engine, put_again, &p);
    if (err == NX_OK && p.err == NX_OK) {
        service->resolvers_from_us = INT64_MAX;
    } else {
        service->derived_stale = true;
    }
}

/* What was waited for is not stored. But a collector that is started again and
 * again opens no audit each time: they stay open for a while, and use up the
 * room that incidents have. */
static void recall_audit(struct nx_service *service, int64_t now_us) {
    int64_t last_us = nx_engine_siblings_audited_last_us(service->engine);
    service->siblings_audit_us = last_us < now_us ? last_us : now_us;
    service->siblings_wait_us =
        nx_engine_siblings_audit_wait_us(service->engine, 0, 0);
}

void nx_service_siblings_audit(struct nx_service *service, int64_t now_us) {
    const struct nx_canary_conf *conf = &service->settings.canary;
    if (conf->sibling && service->siblings_audit_us == 0) {
        recall_audit(service, now_us);
    }
    if ((service->siblings_audit_us != 0 &&
         now_us - service->siblings_audit_us < service->siblings_wait_us) ||
        !nx_engine_siblings_want_audit(service->engine, now_us)) {
        return;
    }
    /* NS: a zone has that, and its SOA is asked for with it. */
    struct nx_incident audit = {.closed_us = NX_TIME_UNKNOWN,
                                .outage_from_us = NX_TIME_UNKNOWN,
                                .outage_to_us = NX_TIME_UNKNOWN,
                                .restored_us = NX_TIME_UNKNOWN,
                                .audit = true,
                                .items_n = 1,
                                .items = {{.qtype = NX_TYPE_NS}},
                                .note = "before resolvers are measured by "
                                        "sibling labels"};
    memcpy(audit.items[0].name, conf->zone, nx_dname_len(conf->zone));
    service->siblings_wait_us = nx_engine_siblings_audit_wait_us(
        service->engine, service->siblings_audit_us, service->siblings_wait_us);
    service->siblings_audit_us = now_us;
    int err = nx_service_incident_open(service, &audit);
    if (err != NX_OK) {
        nx_log(NX_LOG_WARN, "no audit before sibling labels: %s",
               nx_store_reason(service->store, err));
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
