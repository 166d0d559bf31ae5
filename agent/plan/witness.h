/* What one round of an own walk says of a name, for the guard: the answers of
 * the zone's name servers, type by type. Pure.
 *
 * A denial counts at once. That nobody denies is known at the round's end: then
 * it is a good word, if at least half of the servers that can be reached from
 * here have the record; those that cannot are the ones of an address family
 * that this host has no way to. A server that left the set is no witness for
 * the record, only against it. */
#ifndef NX_AGENT_WITNESS_H
#define NX_AGENT_WITNESS_H

#include "agent/plan/guard.h"
#include "common/obs.h"

#define NX_WITNESS_TYPES_MAX 16U

struct nx_witness_type {
    uint16_t qtype;
    bool denied;
    struct {
        unsigned asked_n;
        unsigned affirmed_n;
        bool way; /* else this host may have no such addresses itself */
    } family[2];  /* IPv4, IPv6: servers of the set */
};

struct nx_witness {
    struct nx_witness_type types[NX_WITNESS_TYPES_MAX];
    size_t types_n;
    bool no_name; /* the round has seen that the name does not exist */
};

/* Told each word, of a type or of NX_GUARD_EVERY_TYPE. */
typedef void nx_witness_tell(void *user, uint16_t qtype,
                             enum nx_guard_word word);

/* A round for n types, at most NX_WITNESS_TYPES_MAX. Those of the round before
 * keep their last word until this one has another; of others no round will say
 * anything more. */
void nx_witness_begin(struct nx_witness *witness, const uint16_t *types,
                      size_t n, nx_witness_tell *tell, void *user);

/* An answer, or none, to the walk's own name. zone: the one whose servers are
 * asked, NULL: not known; left: the server left its set. Types that the round
 * is not for are ignored. */
void nx_witness_hear(struct nx_witness *witness, const struct nx_obs *obs,
                     const uint8_t *zone, bool left, nx_witness_tell *tell,
                     void *user);

void nx_witness_end(const struct nx_witness *witness, nx_witness_tell *tell,
                    void *user);

/* Nobody asks any more: takes all words back. */
void nx_witness_forget(const struct nx_witness *witness, nx_witness_tell *tell,
                       void *user);

#endif
