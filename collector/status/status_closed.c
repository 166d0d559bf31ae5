/* What remains of an incident when it is closed: its last status document. */
#include <stdlib.h>
#include <string.h>

#include "collector/status/status_sheet.h"
#include "collector/status/status_text.h"

#define JSON_FLAGS (JSON_COMPACT | JSON_ENSURE_ASCII)

char *nx_status_final(struct nx_engine *engine, uint32_t id, int64_t now_us) {
    json_t *document = nx_status_incident(engine, id, now_us);
    char *text = document != NULL ? json_dumps(document, JSON_FLAGS) : NULL;
    json_decref(document);
    return text;
}

int nx_status_close(struct nx_engine *engine, uint32_t id, int64_t at_us,
                    const char *text) {
    const struct nx_incident *incident = nx_engine_incident(engine, id);
    bool open = incident != NULL && incident->closed_us == NX_TIME_UNKNOWN;
    char *made =
        open && text == NULL ? nx_status_final(engine, id, at_us) : NULL;
    int err = nx_engine_incident_close(engine, id, at_us);
    text = text != NULL ? text : made;
    if (err == 0 && text != NULL) {
        /* Without memory for it the incident is closed all the same. */
        int kept = nx_engine_incident_keep(engine, id, text);
        (void)kept;
    }
    free(made);
    return err;
}

json_t *nx_status_kept(const struct nx_engine *engine, uint32_t id) {
    const char *text = nx_engine_incident_kept(engine, id);
    json_t *document = text != NULL ? json_loads(text, 0, NULL) : NULL;
    if (document == NULL) {
        return NULL;
    }
    const struct nx_incident *incident = nx_engine_incident(engine, id);
    if (!nx_json_set(document, "incident", nx_status_incident_head(incident))) {
        json_decref(document);
        return NULL;
    }
    return document;
}

json_t *nx_status_kept_site(const json_t *kept, const char *network) {
    size_t i = 0;
    json_t *site = NULL;
    json_array_foreach(json_object_get(kept, "networks"), i, site) {
        const char *name = json_string_value(json_object_get(site, "network"));
        if (name != NULL && strcmp(name, network) == 0 &&
            json_object_set(site, "now", json_object_get(kept, "now")) == 0 &&
            json_object_set(site, "incident",
                            json_object_get(kept, "incident")) == 0) {
            return json_incref(site);
        }
    }
    return NULL;
}
