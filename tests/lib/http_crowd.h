/* Networks, each with an agent and HTTP_CROWD_RESOLVERS resolvers, all asked
 * for one name. Include after tests/lib/http.h or service_bench.h. */
#ifndef NX_TESTS_LIB_HTTP_CROWD_H
#define NX_TESTS_LIB_HTTP_CROWD_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/engine/engine.h"
#include "common/rrtype.h"

#define HTTP_CROWD_RESOLVERS 24U

static inline void crowd_network(struct nx_engine *engine, uint32_t id,
                                 int64_t now_us) {
    struct nx_agent agent = {.id = id, .accepted = true};
    struct nx_endpoint resolvers[HTTP_CROWD_RESOLVERS];
    const struct nx_hello hello = {
        .protocol = NX_PROTOCOL,
        .software = "test",
        .epoch = 1,
        .next_seq = 1,
        .clock = {.mono_us = now_us, .wall_us = now_us, .offset_known = true},
        .resolvers = resolvers,
        .resolvers_n = HTTP_CROWD_RESOLVERS};
    (void)snprintf(agent.name, sizeof(agent.name), "agent-%u", id);
    (void)snprintf(agent.network, sizeof(agent.network), "net-%03u", id);
    for (unsigned i = 0; i < HTTP_CROWD_RESOLVERS; i++) {
        resolvers[i] =
            (struct nx_endpoint){.address = {192, 0, 2, (uint8_t)(i + 1)},
                                 .address_len = 4,
                                 .port = 53,
                                 .layer = NX_LAYER_NETWORK};
    }
    if (nx_engine_agent_set(engine, &agent) != 0 ||
        nx_engine_hello(engine, id, &hello, now_us) != 0) {
        abort();
    }
}

/* Incident 1, restored; nobody judges its targets. */
static inline void crowd_fill(struct nx_engine *engine, unsigned networks_n) {
    static const uint8_t www[] = "\3www\7example\3com";
    int64_t now_us = nx_service_now_us(NULL);
    struct nx_incident incident = {.id = 1,
                                   .opened_us = now_us,
                                   .closed_us = NX_TIME_UNKNOWN,
                                   .outage_from_us = NX_TIME_UNKNOWN,
                                   .outage_to_us = NX_TIME_UNKNOWN,
                                   .restored_us = NX_TIME_UNKNOWN,
                                   .items_n = 1};
    memcpy(incident.items[0].name, www, sizeof(www));
    incident.items[0].qtype = NX_TYPE_A;
    for (unsigned i = 1; i <= networks_n; i++) {
        crowd_network(engine, i, now_us);
    }
    if (nx_engine_incident_open(engine, &incident) != 0) {
        abort();
    }
}

#endif
