/* What the papers of one name server say of the server itself. Pure. */
#ifndef NX_COLLECTOR_AUDIT_SERVER_H
#define NX_COLLECTOR_AUDIT_SERVER_H

#include "collector/audit/paper.h"
#include "collector/infer/sizes.h"

enum nx_says { NX_SAYS_NOTHING, NX_SAYS_NO, NX_SAYS_YES };

struct nx_server_paper {
    uint8_t tcp;               /* enum nx_says: does it answer over TCP? */
    uint8_t edns;              /* ... with EDNS, what has EDNS? */
    uint8_t sized[NX_SIZES_N]; /* enum nx_sized: the DNSKEY, by EDNS size */
    const struct nx_paper *ns; /* the NS set that it gives; borrowed, or NULL */
};

/* The newest of whichever agent; the sizes of one. */
void nx_server_paper_of(const struct nx_papers *papers,
                        const struct nx_endpoint *at,
                        struct nx_server_paper *out);

#endif
