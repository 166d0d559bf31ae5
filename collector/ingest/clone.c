#include "collector/ingest/clone.h"

#include <string.h>

#include "collector/ingest/stream.h"

/* Was this message made after the connection was left? */
static bool lives(const struct nx_clone_seat *seat,
                  const struct nx_clock_sample *clock, int64_t now_us) {
    if (now_us - seat->left_us > NX_CLONE_DEAD_US) {
        return true;
    }
    return clock->offset_known &&
           nx_made_us(clock) > (double)(seat->left_us + NX_CLONE_MARGIN_US);
}

/* Puts the seat to the front. */
static void sit(struct nx_clone *clone, size_t from, uint64_t connection,
                int64_t now_us) {
    clone->seats[0].left_us = now_us;
    memmove(&clone->seats[1], &clone->seats[0], from * sizeof(clone->seats[0]));
    clone->seats[0] = (struct nx_clone_seat){.connection = connection};
}

bool nx_clone_seen(struct nx_clone *clone, uint64_t connection,
                   const struct nx_clock_sample *clock, int64_t now_us) {
    size_t i = 0;
    while (i < NX_CLONE_SEATS && clone->seats[i].connection != connection) {
        i++;
    }
    if (i == 0) {
        return false;
    }
    if (i == NX_CLONE_SEATS) {
        sit(clone, NX_CLONE_SEATS - 1, connection, now_us);
        return false;
    }
    if (!lives(&clone->seats[i], clock, now_us)) {
        return false;
    }
    sit(clone, i, connection, now_us);
    bool soon = now_us - clone->returned_us <= NX_CLONE_WITHIN_US;
    clone->returns_n = soon ? clone->returns_n + 1 : 1;
    clone->returned_us = now_us;
    return clone->returns_n >= NX_CLONE_RETURNS;
}

/* --- in turn --- */

static bool is_boot(const struct nx_clone_boot *boot, double boot_us,
                    double error_us, int64_t now_us) {
    double apart_us = boot->boot_us - boot_us;
    double away_us = (double)now_us - (double)boot->seen_us;
    apart_us = apart_us < 0 ? -apart_us : apart_us;
    return apart_us <=
           NX_CLONE_SAME_BOOT_US + error_us + NX_CLONE_DRIFT * away_us;
}

/* What a connection that died had been given may come after the words of the
 * next one. */
static bool is_late(const struct nx_clone *clone,
                    const struct nx_clock_sample *clock) {
    return clone->boots_n > 0 &&
           nx_made_us(clock) <= (double)clone->boots[0].seen_us;
}

bool nx_clone_in_turn(struct nx_clone *clone, const struct nx_hello *hello,
                      int64_t now_us) {
    const struct nx_clock_sample *clock = &hello->clock;
    double error_us = (double)clock->offset_error_us;
    if (!clock->offset_known || error_us > NX_CLONE_SAME_BOOT_US ||
        is_late(clone, clock)) {
        return false;
    }
    const struct nx_clone_boot now = {.boot_us = -(double)clock->offset_us,
                                      .seen_us = now_us,
                                      .epoch = hello->epoch,
                                      .produced = hello->produced};
    unsigned i = 0;
    while (i < clone->boots_n &&
           !is_boot(&clone->boots[i], now.boot_us, error_us, now_us)) {
        i++;
    }
    bool known = i < clone->boots_n;
    bool same = clone->boots_n > 0 && clone->boots[0].epoch == now.epoch;
    bool less = same && now.produced < clone->boots[0].produced;
    /* A spool that moved to another machine and goes on there is no copy. */
    bool back = known && (i > 0 ? !same || less : less);
    if (!known && clone->boots_n < NX_CLONE_BOOTS) {
        clone->boots_n++;
    }
    i = i < NX_CLONE_BOOTS ? i : NX_CLONE_BOOTS - 1;
    memmove(&clone->boots[1], &clone->boots[0], i * sizeof(clone->boots[0]));
    clone->boots[0] = now;
    if (!back) {
        return false;
    }
    bool soon = now_us - clone->turned_us <= NX_CLONE_PATIENCE_US;
    clone->turns_n = soon ? clone->turns_n + 1 : 1;
    clone->turned_us = now_us;
    return clone->turns_n >= NX_CLONE_RETURNS;
}
