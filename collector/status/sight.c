#include "collector/status/sight.h"

#include <string.h>

bool nx_sight_covers(const struct nx_sight *sight, const char *network) {
    if (sight == NULL || sight->networks_n == 0) {
        return true;
    }
    for (size_t i = 0; i < sight->networks_n; i++) {
        if (strcmp(sight->networks[i], network) == 0) {
            return true;
        }
    }
    return false;
}
