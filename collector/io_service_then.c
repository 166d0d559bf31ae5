/* What an incident rests on beside what agents say, kept with it: a recording
 * of it is to give the same verdicts later. */
#include <inttypes.h>
#include <string.h>

#include "collector/io_service_priv.h"
#include "collector/replay/recording.h"
#include "collector/store/io_store_zones.h"
#include "common/io_log.h"

static int keep_zones(struct nx_service *service,
                      const struct nx_incident *incident) {
    const struct nx_ns_book *book = nx_engine_ns_book(service->engine);
    int err = NX_OK;
    for (size_t i = 0; i < book->n && err == NX_OK; i++) {
        if (nx_incident_in_zone(incident, book->zones[i].apex)) {
            err = nx_store_zone_then_add(service->store, incident->id,
                                         &book->zones[i]);
        }
    }
    return err;
}

int nx_service_then(struct nx_service *service,
                    const struct nx_incident *incident) {
    struct nx_text text;
    nx_text_init(&text);
    nx_recording_write_settings(&service->settings, &text);
    int err = text.failed ? NX_ENOMEM
                          : nx_store_incident_settings_put(
                                service->store, incident->id, text.bytes);
    nx_text_fini(&text);
    return err == NX_OK ? keep_zones(service, incident) : err;
}

/* An error is as good as another one: it is put. */
static bool has_settings(struct nx_service *service, uint32_t id,
                         const char *settings) {
    struct nx_text stored;
    nx_text_init(&stored);
    bool same =
        nx_store_incident_settings(service->store, id, &stored) == NX_OK &&
        strcmp(stored.bytes, settings) == 0;
    nx_text_fini(&stored);
    return same;
}

static void put_settings(struct nx_service *service, uint32_t id,
                         const char *settings) {
    struct nx_group *group = nx_ingest_group(service->ingest);
    int err = nx_group_begin(group);
    if (err == NX_OK) {
        err = nx_group_end(group, nx_store_incident_settings_put(service->store,
                                                                 id, settings));
    }
    if (err != NX_OK) {
        nx_log(NX_LOG_WARN,
               "incident %" PRIu32 ": a recording of it will not tell the "
               "settings of now: %s",
               id, nx_store_reason(service->store, err));
    }
}

void nx_service_judged_anew(struct nx_service *service) {
    struct nx_text text;
    const struct nx_incident **all = NULL;
    size_t n = nx_engine_incidents(service->engine, &all);
    nx_text_init(&text);
    nx_recording_write_settings(&service->settings, &text);
    for (size_t i = 0; i < n && !text.failed; i++) {
        if (all[i]->closed_us == NX_TIME_UNKNOWN &&
            !has_settings(service, all[i]->id, text.bytes)) {
            put_settings(service, all[i]->id, text.bytes);
        }
    }
    nx_text_fini(&text);
}
