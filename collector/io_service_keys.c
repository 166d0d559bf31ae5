/* The collector's own keys, as it announces them to the agents. */
#include <stdio.h>
#include <string.h>

#include "collector/io_service_priv.h"
#include "common/io_log.h"

/* Public; the secret is not wanted before it is the present one. */
static int read_next(const struct nx_service *service, const char *path,
                     char *text, char *why, size_t why_cap) {
    struct nx_keypair keys;
    int err = nx_keys_read(path, &keys, why, why_cap);
    if (err != NX_OK) {
        return err;
    }
    memcpy(text, keys.public_key, NX_KEY_TEXT_MAX);
    nx_keys_wipe(&keys);
    if (strcmp(text, service->server_key) == 0) {
        snprintf(why, why_cap, "%s: next_key is the present key", path);
        return NX_ECONFIG;
    }
    return NX_OK;
}

/* In the audit log once, however often it is announced. What cannot be written
 * now is written by the next start or reload. */
static void log_next(struct nx_service *service, const char *next) {
    static const char action[] = "next key announced";
    struct nx_change change = {.action = action, .key = next};
    int err = nx_store_door_log_has(service->store, action, next);
    if (err == 0) {
        nx_service_act_as(service, "collector");
        err = nx_service_keep(service, &change);
    }
    if (err < 0) {
        nx_log(NX_LOG_WARN,
               "the next key is not in the audit log yet (%s): the next start "
               "or reload writes it",
               nx_store_reason(service->store, err));
    }
}

int nx_service_announce(struct nx_service *service,
                        const struct nx_collector_conf *conf, char *why,
                        size_t why_cap) {
    struct nx_collector_keys keys = {.n = 1};
    char next[NX_KEY_TEXT_MAX] = "";
    int err = nx_z85_key_parse(service->server_key, keys.list[0]);
    if (err == NX_OK && conf->next_key_path != NULL) {
        err = read_next(service, conf->next_key_path, next, why, why_cap);
    }
    if (err == NX_OK && next[0] != '\0') {
        err = nx_z85_key_parse(next, keys.list[keys.n++]);
    }
    if (err != NX_OK) {
        return err;
    }
    nx_ingest_announce(service->ingest, &keys);
    if (next[0] != '\0') {
        log_next(service, next);
    }
    if (strcmp(next, service->next_key) != 0) {
        nx_log(NX_LOG_INFO, "%s%s",
               next[0] != '\0' ? "announcing the next key "
                               : "no next key is announced any more",
               next);
        memcpy(service->next_key, next, sizeof(service->next_key));
    }
    return NX_OK;
}
