/* Does a client take its reply? It may take as long as it needs, while it takes
 * some of it. Seconds are ticks of any clock. Pure. */
#ifndef NX_COLLECTOR_TAKING_H
#define NX_COLLECTOR_TAKING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* So much is to be taken each time, or the rest of it: a slower line than
 * 9 kB/s is none for a large reply. */
#define NX_TAKING_STEP_BYTES (256U * 1024U)

struct nx_taking {
    uint64_t patience_s;
    uint64_t until_s;  /* the next step is to be done */
    size_t left_bytes; /* when the last one was */
};

/* A request has come; what is made for it comes later. */
void nx_taking_begin(struct nx_taking *taking, uint64_t second,
                     uint64_t patience_s);

/* left_bytes: of what is there of the reply, not taken yet. Where there is
 * none, or more than before, it is not up to the client. True: it had its time.
 */
bool nx_taking_is_late(struct nx_taking *taking, size_t left_bytes,
                       uint64_t second);

#endif
