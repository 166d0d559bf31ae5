/* Which networks a reader may see: documents are made as if there were no
 * others. */
#ifndef NX_COLLECTOR_SIGHT_H
#define NX_COLLECTOR_SIGHT_H

#include <stdbool.h>
#include <stddef.h>

#include "collector/engine/engine.h"

#define NX_SIGHT_NETWORKS_MAX 16U

struct nx_sight {
    char networks[NX_SIGHT_NETWORKS_MAX][NX_TEXT_LABEL_MAX];
    size_t networks_n; /* 0: every network */
};

/* sight NULL: every network. */
bool nx_sight_covers(const struct nx_sight *sight, const char *network);

#endif
