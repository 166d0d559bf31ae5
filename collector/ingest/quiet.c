#include "collector/ingest/quiet.h"

bool nx_quiet_pass(struct nx_quiet *quiet, int64_t now_us, int64_t every_us,
                   uint64_t *held_n) {
    if (quiet->next_us != 0 && now_us < quiet->next_us) {
        quiet->held_n++;
        return false;
    }
    *held_n = quiet->held_n;
    quiet->held_n = 0;
    quiet->next_us = now_us + every_us;
    return true;
}
