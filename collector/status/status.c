#include "collector/status/status.h"

#include <string.h>

#include "collector/engine/idn.h"
#include "collector/status/status_group.h"
#include "collector/status/status_sheet.h"
#include "collector/status/status_text.h"

/* --- the incident as it was opened --- */

static json_t *types_json(const struct nx_incident *incident) {
    json_t *list = json_array();
    for (unsigned i = 0; list != NULL && i < incident->items_n; i++) {
        if (!nx_json_add(list, nx_json_type(incident->items[i].qtype))) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static json_t *restored_json(const struct nx_incident *incident) {
    return incident->restored_us == NX_TIME_UNKNOWN
               ? json_string("auto")
               : nx_json_time(incident->restored_us);
}

static json_t *unicode_json(const struct nx_incident *incident) {
    char text[NX_IDN_TEXT_MAX];
    return nx_idn_text(incident->items[0].name, text) ? json_string(text)
                                                      : json_null();
}

json_t *nx_status_incident_head(const struct nx_incident *incident) {
    json_t *h = json_object();
    json_t *outage =
        json_pack("{s:o, s:o}", "from", nx_json_time(incident->outage_from_us),
                  "to", nx_json_time(incident->outage_to_us));
    bool made = nx_json_set(h, "outage", outage);
    if (made && nx_json_set(h, "id", json_integer(incident->id)) &&
        nx_json_set(h, "name", nx_json_name(incident->items[0].name)) &&
        nx_json_set(h, "unicode", unicode_json(incident)) &&
        nx_json_set(h, "types", types_json(incident)) &&
        nx_json_set(h, "expect", nx_json_expect(incident)) &&
        nx_json_set(h, "opened", nx_json_time(incident->opened_us)) &&
        nx_json_set(h, "closed", nx_json_time(incident->closed_us)) &&
        nx_json_set(h, "restored", restored_json(incident)) &&
        nx_json_set(h, "note", nx_json_text(incident->note)) &&
        (!incident->audit || nx_json_set(h, "audit", json_true()))) {
        return h;
    }
    json_decref(h);
    return NULL;
}

/* --- the summary --- */

/* The latest bound, when every affected network has one. */
static json_t *all_hard_json(const struct nx_incident_forecast *f,
                             const char *network) {
    if (!f->hard_all_known || f->hard.reason == NX_HARD_NONE ||
        network == NULL) {
        return json_null();
    }
    json_t *hard = nx_json_hard(&f->hard);
    if (nx_json_set(hard, "network", nx_json_text(network))) {
        return hard;
    }
    json_decref(hard);
    return NULL;
}

static json_t *milestone(const struct nx_incident_forecast *f, int64_t at_us) {
    return f->milestones_known ? nx_json_time(at_us) : json_null();
}

json_t *nx_status_forecast(const struct nx_incident_forecast *f,
                           const char *hard_network) {
    json_t *s = json_object();
    if (nx_json_set(s, "all_clear", nx_json_eta(&f->all_clear)) &&
        nx_json_set(s, "hard", all_hard_json(f, hard_network)) &&
        nx_json_set(s, "affected", nx_json_ratio(f->affected)) &&
        nx_json_set(s, "below_10pct", milestone(f, f->below_10pct_us)) &&
        nx_json_set(s, "below_1pct", milestone(f, f->below_1pct_us)) &&
        nx_json_set(s, "below_01pct", milestone(f, f->below_01pct_us))) {
        return s;
    }
    json_decref(s);
    return NULL;
}

static json_t *summary_of(const struct nx_sheet *sheet) {
    const struct nx_incident_forecast *f = &sheet->forecast;
    size_t hard = f->hard_network;
    json_t *s = nx_status_forecast(
        f, hard < sheet->sites_n ? sheet->sites[hard].network : NULL);
    if (nx_json_set(s, "networks", json_integer((json_int_t)sheet->sites_n)) &&
        nx_json_set(s, "states", nx_status_states(sheet, NULL)) &&
        nx_json_set(s, "unverified",
                    json_integer((json_int_t)f->unverified_n)) &&
        nx_json_set(s, "denied",
                    nx_json_ratio(nx_members_denied(sheet, NULL)))) {
        return s;
    }
    json_decref(s);
    return NULL;
}

/* --- documents --- */

static void put_sites(struct nx_text *out, const struct nx_sheet *sheet) {
    nx_put_open(out, '[');
    for (size_t i = 0; i < sheet->sites_n && !out->failed; i++) {
        (void)nx_status_put_site(out, sheet, &sheet->sites[i]);
    }
    nx_put_close(out, ']');
}

static void put_json(struct nx_text *out, const char *key, json_t *value) {
    nx_put_key(out, key);
    nx_put_value(out, value);
}

static void put_document(struct nx_text *out, struct nx_engine *engine,
                         const struct nx_sheet *sheet,
                         const struct nx_status_query *query) {
    nx_put_open(out, '{');
    put_json(out, "now", nx_json_time(sheet->now_us));
    put_json(out, "as_of", nx_json_time(sheet->now_us));
    nx_put_member(out, "outlook", nx_outlook_text(nx_sheet_outlook(sheet)));
    put_json(out, "incident", nx_status_incident_head(sheet->incident));
    put_json(out, "authority", nx_status_authority(engine, sheet));
    put_json(out, "negative", nx_status_negative(engine, sheet));
    put_json(out, "summary", summary_of(sheet));
    nx_put_key(out, "networks");
    put_sites(out, sheet);
    if (query != NULL && query->grouped) {
        nx_put_key(out, "groups");
        nx_status_put_groups(out, sheet, query);
    }
    nx_put_close(out, '}');
}

static void put_open(struct nx_text *out, struct nx_engine *engine, uint32_t id,
                     const struct nx_status_query *query, int64_t now_us) {
    struct nx_sheet sheet;
    if (nx_sheet_init(&sheet, engine, id, query, now_us) != 0) {
        out->failed = true;
        return;
    }
    if (nx_sheet_foresee(&sheet)) {
        put_document(out, engine, &sheet, query);
    } else {
        out->failed = true;
    }
    nx_sheet_fini(&sheet);
}

void nx_status_put_incident(struct nx_text *out, struct nx_engine *engine,
                            uint32_t id, const struct nx_status_query *query,
                            int64_t now_us) {
    json_t *kept = nx_status_kept(engine, id);
    if (kept == NULL) {
        put_open(out, engine, id, query, now_us);
    } else if (query == NULL || nx_status_kept_choose(kept, query)) {
        nx_put_value(out, kept);
    } else {
        json_decref(kept);
        out->failed = true;
    }
}

json_t *nx_status_incident(struct nx_engine *engine, uint32_t id,
                           int64_t now_us) {
    struct nx_text text;
    nx_text_init(&text);
    nx_status_put_incident(&text, engine, id, NULL, now_us);
    return nx_put_read(&text);
}

json_t *nx_status_network(struct nx_engine *engine, uint32_t id,
                          const char *network, int64_t now_us) {
    struct nx_sheet sheet;
    const struct nx_sheet_site *site = NULL;
    json_t *found = NULL;
    if (nx_engine_incident_kept(engine, id) != NULL) {
        return nx_status_kept_network(engine, id, network);
    }
    if (nx_sheet_init_network(&sheet, engine, id, network, now_us,
                              NX_SHEET_NOW) != 0) {
        return NULL;
    }
    if (sheet.sites_n == 1) {
        site = &sheet.sites[0];
        found = nx_status_site(&sheet, site);
    }
    if (found != NULL &&
        (!nx_json_set(found, "now", nx_json_time(now_us)) ||
         !nx_json_set(found, "incident",
                      nx_status_incident_head(sheet.incident)) ||
         !nx_status_put_evidence(found, engine, &sheet, site))) {
        json_decref(found);
        found = NULL;
    }
    nx_sheet_fini(&sheet);
    return found;
}
