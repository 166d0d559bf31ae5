/* Who denied a name, or one of its types, and has not said otherwise since.
 * Pure.
 *
 * A round hears each server once, and not always: the one that denies may lose
 * a packet, or serve a zone above, whose servers a walk asks by turns. Such a
 * denial stands until the same server takes it back, or has said nothing for so
 * long that resolvers will not hear it either. */
#ifndef NX_AGENT_DENIERS_H
#define NX_AGENT_DENIERS_H

#include "common/obs.h"

#define NX_DENIERS_MAX 32U
#define NX_DENIERS_SILENT_S 300

struct nx_denier {
    struct nx_endpoint at; /* without server_name */
    int64_t at_us;         /* when it last denied */
    uint16_t types;        /* as bits, the caller's */
    bool name;             /* it said NXDOMAIN */
    uint64_t above;        /* ... of names above: nx_above_bit of each */
    uint8_t zone_labels;   /* of the zone that it was asked for */
};

struct nx_deniers {
    size_t n;
    bool crowded; /* there was no room for another one */
    struct nx_denier list[NX_DENIERS_MAX];
};

/* Valid until the next change; NULL: it is none. */
const struct nx_denier *nx_deniers_find(const struct nx_deniers *deniers,
                                        const struct nx_endpoint *at);

/* It denies these types (or, too), the name, or names above. */
void nx_deniers_add(struct nx_deniers *deniers, const struct nx_denier *denier);

/* It took back the name, and these types: not what it said of names above,
 * which are questions of their own. */
void nx_deniers_remove(struct nx_deniers *deniers, const struct nx_endpoint *at,
                       uint16_t types);

/* It took back names above. */
void nx_deniers_remove_above(struct nx_deniers *deniers,
                             const struct nx_endpoint *at, uint64_t above);

/* Forgets who has been silent for long, and that it was crowded. */
void nx_deniers_expire(struct nx_deniers *deniers, int64_t now_mono_us);

/* Does anybody deny the name, one above, or these types? */
bool nx_deniers_any(const struct nx_deniers *deniers, uint16_t types);

#endif
