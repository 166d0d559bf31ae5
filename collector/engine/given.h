/* What good name servers were seen to give for an item since the last of them
 * was bad: with it answers of resolvers are compared where the operator named
 * none. Hashes of the records and RRsets that were given last, so many that
 * servers which take turns, or give a part of what they have, are known whole
 * soon. Pure. */
#ifndef NX_COLLECTOR_GIVEN_H
#define NX_COLLECTOR_GIVEN_H

#include <stdbool.h>

#include "common/obs.h"

#define NX_GIVEN_MAX 256U

struct nx_given {
    struct nx_given_list {
        uint32_t at[NX_GIVEN_MAX]; /* given last, last */
        uint16_t n;
    } rrsets, records;
    bool many;  /* more than fit: what is not among them may be right */
    bool alias; /* a way out of the zone was given, too or alone */
    bool old;   /* to be forgotten with the next answer */
};

void nx_given_forget(struct nx_given *given);
/* Who gave it may be gone, or not be believed any more: it is compared with
 * until the next answer of a good server, as else any answer would pass until
 * then. */
void nx_given_age(struct nx_given *given);
void nx_given_note(struct nx_given *given, const struct nx_answer *answer);
void nx_given_note_alias(struct nx_given *given);
/* Is there anything to compare with? */
bool nx_given_any(const struct nx_given *given);

/* One RRset that was given (nx_answer_hash), or one record of one. */
bool nx_given_has(const struct nx_given *given, uint32_t answer_hash);
/* An RRset each record of which was given. */
bool nx_given_covers(const struct nx_given *given,
                     const struct nx_answer *answer);

#endif
