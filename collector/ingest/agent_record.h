/* A key as enrolment sees it. */
#ifndef NX_COLLECTOR_AGENT_RECORD_H
#define NX_COLLECTOR_AGENT_RECORD_H

#include "collector/engine/engine.h"

#define NX_KEY_Z85_LEN 40U
#define NX_ADDRESS_TEXT_MAX 48U /* an IPv6 address with the NUL, and a bit */

enum nx_agent_state {
    NX_AGENT_PENDING, /* tried to connect, not accepted yet */
    NX_AGENT_ACCEPTED,
    NX_AGENT_REVOKED,
    NX_AGENT_REJECTED,    /* not wanted; was never accepted */
    NX_AGENT_QUARANTINED, /* shut out until somebody has looked at it; its
                             network goes on without it, as unknown */
};
const char *nx_agent_state_text(unsigned state);
/* NX_EMALFORMED: none of these. */
int nx_agent_state_parse(const char *text, uint8_t *out) NX_MUSTUSE;

#define NX_AGENT_REASON_MAX 160U

/* The role an agent says it has; what it was accepted as counts. */
enum nx_agent_claim {
    NX_CLAIM_NONE, /* not known */
    NX_CLAIM_NETWORK,
    NX_CLAIM_AUTHORITY,
};

/* Does an agent keep the collector's next key? */
enum nx_agent_next {
    NX_NEXT_NONE, /* there is none, or the agent has not said since start */
    NX_NEXT_NO,
    NX_NEXT_YES,
};

struct nx_agent_record {
    struct nx_agent agent;             /* id 0 while pending; accepted: it
                                          belongs to the fleet, be it in
                                          quarantine */
    uint8_t state;                     /* enum nx_agent_state */
    char key[NX_KEY_Z85_LEN + 1];      /* Z85 of the CURVE public key */
    char address[NX_ADDRESS_TEXT_MAX]; /* last peer address; "" when none */
    int64_t changed_us;
    char reason[NX_AGENT_REASON_MAX]; /* of the state; "" */
    uint8_t claim;                    /* enum nx_agent_claim; not stored */
    uint8_t next;                     /* enum nx_agent_next; not stored */
};

/* Does it belong to the fleet, or did once? Else it is a key that was turned
 * away. */
bool nx_agent_ever_accepted(const struct nx_agent_record *record);

/* Is this a name for a network or an agent? 1..63 letters, digits, '.', '_',
 * '-', beginning with a letter or digit. */
bool nx_agent_label_valid(const char *label);

/* "192.0.2.1" for "::ffff:192.0.2.1" (RFC 4291 section 2.5.5.2), as a dual
 * stack socket names it; any other address as it is. Inside `text`. */
const char *nx_address_unmapped(const char *text);

#endif
