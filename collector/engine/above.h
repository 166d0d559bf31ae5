/* Who says that the name's zone, or a name between zone and name, does not
 * exist: a resolver that asks there first (RFC 9156) is told that there is
 * nothing below it (RFC 8020). Rule 1 (do no harm) holds the guard shut, though
 * the zone's own servers be good, until each took it back itself and the settle
 * time has passed since, or it has said nothing for long. Pure. */
#ifndef NX_COLLECTOR_ABOVE_H
#define NX_COLLECTOR_ABOVE_H

#include "common/obs.h"

#define NX_ABOVE_MAX 256U

/* One server as one vantage sees it. */
struct nx_above_server {
    struct nx_endpoint at; /* without server_name */
    uint32_t agent_id;
    uint64_t names;      /* denied: nx_above_bit of each */
    uint8_t zone_labels; /* of the zone in which it last did */
    int64_t denied_us;   /* it last did */
};

struct nx_above {
    struct nx_above_server *list;
    size_t n;
    int64_t crowded_us; /* there was no room for one; NX_TIME_UNKNOWN */
    int64_t heard_us;   /* newest answer of the zone's servers */
    int64_t blind_us;   /* until then none came to anybody */
    int64_t gap_us;     /* without one for so long none came */
};

void nx_above_init(struct nx_above *above);
void nx_above_fini(struct nx_above *above);

/* An answer of a server of `zone` (the parent's, asked for a DS: not read) to a
 * question for this name. NX_ENOMEM: that it denies is known (crowded_us), who
 * is not; with NX_ABOVE_MAX of them likewise, and NX_OK. */
int nx_above_hear(struct nx_above *above, uint32_t agent_id,
                  const struct nx_obs *obs, const uint8_t *zone,
                  int64_t at_us) NX_MUSTUSE;

/* Does it take a denial back, by showing that the name is there? That of the
 * DS, at the parent, all: what is below the cut is for others to say. */
void nx_above_is_there(struct nx_above *above, uint32_t agent_id,
                       const struct nx_obs *obs, int64_t at_us);

/* So does a referral downwards, in answer to a question for any name below. */
void nx_above_leads_down(struct nx_above *above, uint32_t agent_id,
                         const struct nx_obs *obs, int64_t at_us);

/* Nothing is heard from this agent any more. */
void nx_above_forget(struct nx_above *above, uint32_t agent_id);

/* A server of the zone answered; or none does, and nobody can tell who is
 * silent. */
void nx_above_heard(struct nx_above *above, int64_t at_us);
void nx_above_blind(struct nx_above *above, int64_t at_us);

/* Does one of them hold the guard? Forgets those that do not any more: who took
 * it back settle_us after the last denial, others when the zone's servers were
 * heard for patience_us more. */
bool nx_above_holds(struct nx_above *above, int64_t settle_us,
                    int64_t patience_us, int64_t now_us);

/* Does one of them deny still, or nobody knows who did? */
bool nx_above_denied(const struct nx_above *above);

/* The highest name that the server denies, `name` or one above it; NULL: it
 * took all back. */
const uint8_t *nx_above_name(const struct nx_above_server *server,
                             const uint8_t *name);

#endif
