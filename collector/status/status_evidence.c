/* The evidence behind one network: every look, the habits assumed, what the
 * numbers mean, and how to see it with one's own eyes. */
#include <string.h>

#include "collector/status/dig.h"
#include "collector/status/status_sheet.h"
#include "collector/status/status_text.h"
#include "common/ede.h"

/* --- looks --- */

static json_t *look_flags(const struct nx_look *look) {
    static const struct {
        unsigned flag;
        const char *text;
    } rows[] = {
        {NX_LOOK_AA, "aa"},
        {NX_LOOK_AD, "ad"},
        {NX_LOOK_EDE_STALE, "ede-stale"},
        {NX_LOOK_EDE_POLICY, "ede-policy"},
        {NX_LOOK_EDE_DNSSEC, "ede-dnssec"},
        {NX_LOOK_EDE_SYNTH, "ede-synthesized"},
        {NX_LOOK_EDE_NETWORK, "ede-network"},
        {NX_LOOK_TWIN_ANSWERED, "cd-answered"},
        {NX_LOOK_TWIN_FAILED, "cd-fails"},
        {NX_LOOK_TC, "truncated"},
        {NX_LOOK_HOSTS_FILE, "hosts-file"},
        {NX_LOOK_CNAME, "cname"},
        {NX_LOOK_SOA_ADDITIONAL, "soa-in-additional"},
    };
    json_t *list = json_array();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if ((look->flags & rows[i].flag) != 0) {
            (void)nx_json_add(list, json_string(rows[i].text));
        }
    }
    return list;
}

/* RFC 8914; of one whose name is not known, the code alone. */
static json_t *ede_json(unsigned code) {
    const char *name = nx_ede_name(code);
    return code == 0
               ? json_null()
               : json_pack("{s:i, s:o}", "code", (int)code, "name",
                           name != NULL ? json_string(name) : json_null());
}

/* A countdown's look says when its entry ends. */
static json_t *look_ends(const struct nx_look *look) {
    return look->r_s < 0 ? json_null()
                         : nx_json_time(look->rx_us +
                                        (int64_t)look->r_s * INT64_C(1000000));
}

static json_t *look_json(const struct nx_look *look) {
    json_t *l = json_object();
    bool serial = (look->flags & NX_LOOK_SERIAL) != 0;
    if (nx_json_set(l, "at", nx_json_time(look->tx_us)) &&
        nx_json_set(l, "answer", json_string(nx_kind_text(look->kind))) &&
        nx_json_set(l, "ttl_s",
                    look->r_s < 0 ? json_null() : json_integer(look->r_s)) &&
        nx_json_set(l, "ends", look_ends(look)) &&
        nx_json_set(l, "serial",
                    serial ? json_integer(look->soa_serial) : json_null()) &&
        nx_json_set(l, "rtt_ms",
                    json_real((double)(look->rx_us - look->tx_us) / 1000.0)) &&
        nx_json_set(l, "clock_error_ms",
                    json_real((double)look->eps_us / 1000.0)) &&
        nx_json_set(l, "port", json_integer(look->src_port)) &&
        nx_json_set(l, "flags", look_flags(look)) &&
        nx_json_set(l, "extended_error", ede_json(look->ede)) &&
        nx_json_set(l, "sizes", nx_json_sizes(look->sized))) {
        return l;
    }
    json_decref(l);
    return NULL;
}

static json_t *looks_json(const struct nx_target_evidence *evidence) {
    json_t *list = json_array();
    for (size_t i = 0; list != NULL && i < evidence->looks_n; i++) {
        if (!nx_json_add(list, look_json(&evidence->looks[i]))) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

/* --- habits --- */

static json_t *seconds_or_null(uint32_t seconds) {
    return seconds == 0 ? json_null() : json_integer(seconds);
}

static bool put_bogus(json_t *o, const struct nx_measured *m) {
    bool code = m != NULL && m->bogus_ede_seen;
    return nx_json_set(o, "bogus_answer",
                       json_string(nx_bogus_text(
                           m != NULL ? m->bogus : NX_BOGUS_UNKNOWN))) &&
           nx_json_set(o, "extended_errors",
                       json_string(nx_ede_text(m != NULL ? nx_measured_ede(m)
                                                         : NX_EDE_UNKNOWN))) &&
           nx_json_set(o, "extended_error_code",
                       code ? json_integer(m->bogus_ede) : json_null());
}

static json_t *profile_json(const struct nx_target_evidence *evidence) {
    const struct nx_profile *profile = &evidence->profile;
    json_t *o =
        json_pack("{s:b, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:b}", "measured",
                  profile->verified ? 1 : 0, "soa_clock",
                  nx_soa_clock_text(profile->soa_clock), "rounding",
                  nx_conv_text(profile->conv), "rd0", nx_rd0_text(profile->rd0),
                  "negative_ttl_cap_s", seconds_or_null(profile->cap_hi_s),
                  "negative_ttl_floor_s", seconds_or_null(profile->clamp_lo_s),
                  "stale_max_s", seconds_or_null(profile->stale_max_s),
                  "caches", seconds_or_null(profile->caches), "chain_possible",
                  profile->chain_possible ? 1 : 0);
    if (put_bogus(o, evidence->measured)) {
        return o;
    }
    json_decref(o);
    return NULL;
}

/* --- to see it oneself --- */

static json_t *command_json(const struct nx_question *question) {
    struct nx_text text;
    nx_text_init(&text);
    nx_dig_command(question, &text);
    json_t *command = text.failed ? NULL : json_string(text.bytes);
    nx_text_fini(&text);
    return command;
}

/* Rule 1 binds people, too: asked while the guard is shut, the resolver may
 * keep the very denial. */
static json_t *dig_json(const struct nx_engine *engine,
                        const struct nx_sheet *sheet,
                        const struct nx_sheet_row *row,
                        const struct nx_question *question) {
    struct nx_auth_view view;
    if (nx_engine_authority(engine, sheet->incident->id, row->view.item,
                            &view) != 0 ||
        !view.proven) {
        return json_null();
    }
    return command_json(question);
}

static json_t *evidence_json(const struct nx_engine *engine,
                             const struct nx_sheet *sheet,
                             const struct nx_sheet_row *row) {
    struct nx_target_evidence evidence;
    struct nx_question question = *row->view.question;
    question.flags = NX_Q_RD | NX_Q_NSID;
    if (nx_engine_target_evidence(engine, sheet->incident->id, row->view.item,
                                  row->view.agent_id, &question.to,
                                  &evidence) != 0) {
        return json_null();
    }
    json_t *e = json_object();
    if (nx_json_set(e, "looks", looks_json(&evidence)) &&
        nx_json_set(e, "profile", profile_json(&evidence)) &&
        nx_json_set(e, "remarks",
                    nx_status_remarks(&evidence, &row->view.verdict)) &&
        nx_json_set(e, "extended_error", ede_json(row->view.verdict.ede)) &&
        nx_json_set(e, "dig", dig_json(engine, sheet, row, &question)) &&
        nx_json_set(e, "denied_name", nx_json_name(row->view.denied_name)) &&
        nx_json_set(e, "denied_by", nx_json_name(row->view.denied_by))) {
        return e;
    }
    json_decref(e);
    return NULL;
}

/* The authoritative servers, asked as the audit does. */
static bool add_servers(json_t *list, const struct nx_incident_item *item,
                        const struct nx_auth_view *view) {
    for (size_t i = 0; i < view->servers_n; i++) {
        const struct nx_question question = {
            .name = item->name,
            .qtype = item->qtype,
            .to = view->servers[i].at,
        };
        if (!nx_json_add(list, command_json(&question))) {
            return false;
        }
    }
    return true;
}

static json_t *authority_commands(const struct nx_engine *engine,
                                  const struct nx_sheet *sheet) {
    json_t *list = json_array();
    bool ok = list != NULL;
    for (unsigned i = 0; ok && i < sheet->incident->items_n; i++) {
        struct nx_auth_view view;
        if (nx_engine_authority(engine, sheet->incident->id, i, &view) == 0) {
            ok = add_servers(list, &sheet->incident->items[i], &view);
        }
    }
    if (!ok) {
        json_decref(list);
        return NULL;
    }
    return list;
}

/* --- who may be used meanwhile --- */

static bool listed(const struct nx_sheet *sheet,
                   const struct nx_sheet_site *site, size_t row) {
    const struct nx_endpoint *at = &sheet->rows[row].view.question->to;
    for (size_t i = site->first; i < row; i++) {
        if (nx_endpoint_equal(&sheet->rows[i].view.question->to, at)) {
            return true;
        }
    }
    return false;
}

/* Those alone that the agent's policy lets suggest: the network's own first,
 * then those asked for comparison. */
static bool add_good(json_t *list, const struct nx_sheet *sheet,
                     const struct nx_sheet_site *site, unsigned layer) {
    for (size_t i = site->first; i < site->first + site->n; i++) {
        const struct nx_endpoint *at = &sheet->rows[i].view.question->to;
        if (at->layer != layer || sheet->rows[i].view.item != 0 ||
            !nx_sheet_may_suggest(at) || listed(sheet, site, i) ||
            !nx_sheet_answers(sheet, site, at)) {
            continue;
        }
        if (!nx_json_add(list, json_pack("{s:o, s:s}", "resolver",
                                         nx_json_address(at), "layer",
                                         nx_layer_text(layer)))) {
            return false;
        }
    }
    return true;
}

static json_t *meanwhile_json(const struct nx_sheet *sheet,
                              const struct nx_sheet_site *site) {
    json_t *list = json_array();
    if (list != NULL && add_good(list, sheet, site, NX_LAYER_NETWORK) &&
        add_good(list, sheet, site, NX_LAYER_UPSTREAM) &&
        add_good(list, sheet, site, NX_LAYER_CONTROL)) {
        return list;
    }
    json_decref(list);
    return NULL;
}

bool nx_status_put_evidence(json_t *network, const struct nx_engine *engine,
                            const struct nx_sheet *sheet,
                            const struct nx_sheet_site *site) {
    json_t *targets = json_object_get(network, "targets");
    for (size_t i = 0; i < site->n; i++) {
        json_t *target = json_array_get(targets, i);
        if (target == NULL ||
            !nx_json_set(
                target, "evidence",
                evidence_json(engine, sheet, &sheet->rows[site->first + i]))) {
            return false;
        }
    }
    return nx_json_set(network, "meanwhile", meanwhile_json(sheet, site)) &&
           nx_json_set(network, "authority_dig",
                       authority_commands(engine, sheet));
}
