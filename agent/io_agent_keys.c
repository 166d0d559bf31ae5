/* The keys of the collectors: what they announce is believed and kept. */
#include <stdlib.h>
#include <string.h>

#include "agent/io_agent_priv.h"
#include "common/io_clock.h"
#include "common/io_log.h"

/* A change of keys is told, and written, once a minute, three at once: it is
 * planned for days, and somebody who has the key should wear out no disk. */
#define CHANGE_UNITS 60U
static const struct nx_bucket_rate change_rate = {1, 3 * CHANGE_UNITS};

int nx_agentd_load_keys(struct nx_agentd *a) {
    char why[NX_PINS_WHY_MAX];
    const char *folder = a->setup.conf->spool_path;
    if (folder == NULL) {
        nx_log(NX_LOG_WARN,
               "no spool.path and no state folder of a service manager: "
               "results, and keys that the collector announces, are kept in "
               "memory and forgotten at the end; when the collector's key is "
               "changed, the configuration has to be, too");
        return NX_OK;
    }
    a->pins_folder = strdup(folder);
    if (a->pins_folder == NULL) {
        return NX_ENOMEM;
    }
    if (nx_pins_load(folder, &a->kept, why, sizeof(why)) != NX_OK) {
        nx_log(NX_LOG_ERROR,
               "%s; the collectors' keys of the configuration are used", why);
        return NX_OK;
    }
    a->pins = a->kept;
    return NX_OK;
}

/* Only what is on the disk is said to be kept. */
static void keep(struct nx_agentd *a) {
    char why[NX_PINS_WHY_MAX];
    nx_pins_keep(&a->pins, a->setup.conf);
    if (nx_pins_store(a->pins_folder, &a->pins, why, sizeof(why)) != NX_OK) {
        nx_log(NX_LOG_ERROR, "%s; tried again with the next plan", why);
        return;
    }
    a->kept = a->pins;
    a->pins_due = false;
    nx_uplink_hello(a->uplink);
}

static void log_taken(const struct nx_agentd *a,
                      const struct nx_collector_keys *keys) {
    char text[NX_KEY_TEXT_MAX];
    for (size_t i = 0; i < keys->n; i++) {
        nx_log(NX_LOG_INFO, "the collector announces its %s key %s",
               i == 0 ? "present" : "next",
               nx_z85_key_text(keys->list[i], text));
    }
    if (a->pins_folder == NULL) {
        nx_log(NX_LOG_WARN, "there is no spool.path to keep that in: after a "
                            "restart only the configuration's key is known");
    }
}

void nx_agentd_on_keys(void *user, const uint8_t *anchor, const uint8_t *used,
                       const struct nx_collector_keys *keys) {
    struct nx_agentd *a = user;
    bool changed = false;
    int err = nx_pins_take(&a->pins, anchor, used, keys, &changed);
    if (err != NX_OK) {
        nx_log(NX_LOG_WARN,
               "the keys that the collector announces are not taken: %s",
               nx_strerror(err));
        return;
    }
    a->pins_due |= changed && a->pins_folder != NULL;
    if (!(changed || a->pins_due) ||
        !nx_bucket_take(&a->keys_told, &change_rate, CHANGE_UNITS,
                        nx_clock_mono_us())) {
        return; /* what is due is written with a later plan */
    }
    if (changed) {
        log_taken(a, keys);
    }
    if (a->pins_due) {
        keep(a);
    }
}
