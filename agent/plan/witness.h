/* What one round of an own walk says of a name, for the guard: the answers of
 * the zone's name servers, type by type. Pure.
 *
 * A denial counts at once, of a name above too: there is nothing below it (RFC
 * 8020). That nobody denies is known at the round's end: then it is a good
 * word, if the walk arrived, if nobody who denied earlier (deniers.h) has yet
 * to say otherwise, and if at least half of the servers that can be reached
 * from here have the record; those that cannot are the ones of an address
 * family that this host has no way to. A server that left the set is no witness
 * for the record, only against it.
 *
 * An alias out of the zone is no word, whatever the server says to be at its
 * end, unless it was denied and is back (nx_answer_is_back). */
#ifndef NX_AGENT_WITNESS_H
#define NX_AGENT_WITNESS_H

#include "agent/plan/deniers.h"
#include "agent/plan/guard.h"

#define NX_WITNESS_TYPES_MAX 16U

struct nx_witness_type {
    uint16_t qtype;
    bool denied;
    bool missed; /* denied in its zone, in this round or another */
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
    bool exists;  /* ... that a server of the set has it, or an alias */
    int64_t begun_us;
    struct nx_deniers deniers; /* of all rounds */
};

/* How the walk of the round went. */
struct nx_witness_walk {
    bool arrived;       /* at the zone's servers of today, as far as is known */
    unsigned unasked_n; /* name servers without an address: not asked */
};

/* Told each word, of a type or of NX_GUARD_EVERY_TYPE. */
typedef void nx_witness_tell(void *user, uint16_t qtype,
                             enum nx_guard_word word);

/* A round for n types, at most NX_WITNESS_TYPES_MAX. Those of the round before
 * keep their last word until this one has another; of others no round will say
 * anything more. */
void nx_witness_begin(struct nx_witness *witness, const uint16_t *types,
                      size_t n, int64_t now_mono_us, nx_witness_tell *tell,
                      void *user);

/* Whom the round has to ask too, if they are not of its zone: who denied. At
 * most `max` of them; returns how many. Forgets those that do not `matter`. */
typedef bool nx_witness_matters(const void *user, const struct nx_endpoint *at);
size_t nx_witness_deniers(struct nx_witness *witness,
                          nx_witness_matters *matters, const void *user,
                          struct nx_endpoint *out, size_t max);

/* An answer, or none, to a question of the round. name: the walk's own; of
 * others only those above it count, and of the DS that no type is for that
 * there is no such name. zone: the one whose servers are asked,
 * NULL: not known; left: the server is not of its set. Types of the name that
 * the round is not for are ignored. */
void nx_witness_hear(struct nx_witness *witness, const uint8_t *name,
                     const struct nx_obs *obs, const uint8_t *zone, bool left,
                     nx_witness_tell *tell, void *user);

void nx_witness_end(const struct nx_witness *witness,
                    const struct nx_witness_walk *walk, nx_witness_tell *tell,
                    void *user);

/* Nobody asks any more: takes all words back. */
void nx_witness_forget(const struct nx_witness *witness, nx_witness_tell *tell,
                       void *user);

#endif
