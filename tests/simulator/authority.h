/* The authoritative side: what it answers, and what an auditor who asks every
 * five seconds knows of it. */
#ifndef NX_TESTS_SIMULATOR_AUTHORITY_H
#define NX_TESTS_SIMULATOR_AUTHORITY_H

#include "tests/simulator/world.h"

#define SIM_SERIAL_OLD 2026010101U
#define SIM_SERIAL_RESTORED 2026010102U
#define SIM_POLL_S 5.0
#define SIM_SETTLE_S 60.0

struct sim_answer {
    bool denied;
    uint32_t ttl_s; /* of the SOA, or of the record */
    uint32_t serial;
    uint8_t rel; /* enum nx_soa_rel */
};

/* A resolver whose cached NS set is wrong until then asks at t. */
struct sim_answer sim_authority_ask(struct sim_world *world, double t_s,
                                    double wrong_until_s);

/* Facts as the collector has them at t. */
void sim_authority_facts(const struct sim_authority *authority, double t_s,
                         struct nx_auth_facts *out);

/* First instant from which probing is allowed for good, in steps of a poll;
 * the guard may have opened before a relapse. */
double sim_authority_verified_s(const struct sim_authority *authority);

#endif
