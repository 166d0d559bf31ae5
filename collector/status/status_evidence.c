/* The evidence behind one network: every look, the habits assumed, what the
 * numbers mean, and how to see it with one's own eyes. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "collector/status/dig.h"
#include "collector/status/status_sheet.h"
#include "collector/status/status_text.h"

#define REMARK_MAX 256U

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

/* --- what the numbers mean --- */

static const char *flag_meaning(unsigned flag) {
    switch ((enum nx_flag)flag) {
    case NX_FLAG_NO_SOA:
        return "the denial comes without SOA: its age is not shown";
    case NX_FLAG_NON_DECREMENTING:
        return "the TTL does not count down: it says nothing about the end";
    case NX_FLAG_DISPLAY_CAPPED:
        return "the TTL shown is capped: the entry lives longer than it says";
    case NX_FLAG_TTL_RAISED:
        return "the TTL shown was raised above what the zone sends";
    case NX_FLAG_EARLY_CLEAR:
        return "it cleared before its TTL was over: flushed, restarted or "
               "evicted";
    case NX_FLAG_OBSERVER_PLANTED:
        return "a query of our own may have planted the entry";
    case NX_FLAG_SERIAL_CURRENT:
        return "the denial carries the SOA serial of the restored zone";
    case NX_FLAG_SHARED_SOA:
        return "the SOA's age is the zone's, not the entry's: the entry may "
               "be younger";
    case NX_FLAG_RESOLVER_CLOCK_STEP:
        return "the resolver's clock stepped";
    case NX_FLAG_FLAPPING:
        return "answers change back and forth";
    case NX_FLAG_MIXED:
        return "several caches answer at this address";
    case NX_FLAG_INCONSISTENT:
        return "the looks contradict each other";
    case NX_FLAG_LINE_EXPIRED_UNVERIFIED:
        return "an entry seen has passed its end; a look after it is missing";
    case NX_FLAG_CD_ANSWERED:
        return "asked without validation (CD=1) it answers: DNSSEC fails";
    case NX_FLAG_CD_FAILS:
        return "asked without validation (CD=1) it fails, too: it is not "
               "DNSSEC";
    case NX_FLAG_TRUNCATED:
        return "answers are truncated, and TCP gives nothing better";
    case NX_FLAG_HOSTS_FILE:
        return "the answer stands in /etc/hosts of the agent's host: it says "
               "nothing about caches";
    case NX_FLAG_SIZE_LIMITED:
        return "asked with several EDNS sizes: large answers are lost over "
               "UDP, and come over TCP";
    case NX_FLAG_SIZE_BLOCKED:
        return "asked with several EDNS sizes: large answers are lost over "
               "UDP, and TCP gives nothing better";
    case NX_FLAG_OWN_ZONE:
        return "authoritative, and the TTL stands still: the resolver has the "
               "zone itself, or hands on what a server of it says";
    case NX_FLAG_RENEWED:
        return "this answer came again after all entries with it had ended";
    case NX_FLAG_REWRITTEN:
        return "this resolver gives an address for canary names that do not "
               "exist";
    case NX_FLAG_REFERRAL:
        return "the answer names the servers of another zone: it is neither "
               "the record nor a denial";
    case NX_FLAG_UNLIKE_SERVERS:
        return "no name server was seen to give this; no answer was named with "
               "--expect";
    case NX_FLAG_DATA_WITHHELD:
        return "the agent's policy keeps the record data: any answer counts as "
               "the restored one, an old or a wrong one too";
    case NX_FLAG_NOT_COMPARED:
        return "name servers were seen to give more different records than are "
               "kept, and not this one: any answer counts as the restored one";
    case NX_FLAG_N_:
        break;
    }
    return "";
}

static bool add_remark(json_t *list, const char *text) {
    return text[0] == '\0' || nx_json_add(list, json_string(text));
}

static const char *plural(unsigned n) {
    return n == 1 ? "" : "s";
}

/* "no negative in 59 tries: ..." */
static void write_tries(const struct nx_verdict *v, char *out) {
    out[0] = '\0';
    if (v->positives_in_row > 0 && v->denied_upper95 >= 0) {
        unsigned tries = v->positives_in_row;
        (void)snprintf(out, REMARK_MAX,
                       "no negative in %u %s: at most %.0f %% of queries are "
                       "still denied (95 %% confidence)",
                       tries, tries == 1 ? "try" : "tries",
                       ceil(v->denied_upper95 * 100.0 - 1e-9));
    }
}

static void write_lines(const struct nx_verdict *v, char *out) {
    unsigned looks = 0;
    out[0] = '\0';
    for (unsigned i = 0; i < v->lines_n; i++) {
        looks += v->lines[i].looks_n;
    }
    if (v->lines_n == 1) {
        (void)snprintf(out, REMARK_MAX, "%u look%s agree%s on one cached entry",
                       looks, plural(looks), looks == 1 ? "s" : "");
    } else if (v->lines_n > 1) {
        (void)snprintf(out, REMARK_MAX,
                       "%u looks fall on %u cached entries: so many caches "
                       "answer at this address, at least",
                       looks, (unsigned)v->lines_n);
    }
}

static void write_refill(const struct nx_verdict *v, char *out) {
    out[0] = '\0';
    if (v->refill_negative_probability > 0) {
        (void)snprintf(out, REMARK_MAX,
                       "when the entry ends, the next one is negative again "
                       "with probability %.0f %%: a name server still denies",
                       v->refill_negative_probability * 100.0);
    }
}

static json_t *remarks_json(const struct nx_verdict *v) {
    char text[REMARK_MAX];
    json_t *list = json_array();
    write_tries(v, text);
    bool ok = add_remark(list, text);
    write_lines(v, text);
    ok = ok && add_remark(list, text);
    write_refill(v, text);
    ok = ok && add_remark(list, text);
    for (unsigned i = 0; ok && i < NX_FLAG_N_; i++) {
        ok = (v->flags & 1U << i) == 0 || add_remark(list, flag_meaning(i));
    }
    if (!ok) {
        json_decref(list);
        return NULL;
    }
    return list;
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
        nx_json_set(e, "remarks", remarks_json(&row->view.verdict)) &&
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
