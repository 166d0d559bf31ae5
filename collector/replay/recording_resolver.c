/* What canary names told of a resolver, as a line of a recording: the members
 * of /v1/resolvers, and what else makes the same profile of it again. What only
 * people want to know is not read back. */
#include <string.h>

#include "collector/replay/recording_in.h"
#include "collector/replay/recording_text.h"
#include "collector/status/status_resolvers.h"
#include "collector/status/status_text.h"

#define EARLY_MAX_S 3600

void nx_recording_write_resolver(int64_t at_us, const struct nx_book_row *row,
                                 struct nx_text *out) {
    char measured[NX_MOMENT_TEXT_MAX];
    const struct nx_measured *m = &row->measured;
    json_t *r = nx_record_begin(at_us, NX_RECORD_RESOLVER);
    bool complete =
        nx_json_set(r, "network", nx_json_text(row->network)) &&
        nx_json_set(r, "resolver", nx_json_address(&row->at)) &&
        nx_json_set(r, "scope", json_integer(row->at.scope_id)) &&
        (row->agent_id == 0 ||
         nx_json_set(r, "agent", json_integer(row->agent_id))) &&
        nx_json_set(r, "measured",
                    json_string(nx_moment_text(row->measured_us, measured))) &&
        nx_json_set(r, "early_window_s",
                    json_integer(m->profile.early_window_s)) &&
        nx_json_set(r, "early_seen",
                    json_boolean(m->profile.early_seen == NX_EARLY_SEEN)) &&
        nx_status_resolver_habits(r, m);
    nx_record_end(r, complete, out);
}

/* --- reading --- */

static uint8_t take_word(const struct nx_in *in, const char *key,
                         const char *(*text_of)(unsigned), unsigned last) {
    const char *texts[8];
    for (unsigned i = 0; i <= last; i++) {
        texts[i] = text_of(i);
    }
    return (uint8_t)nx_in_choice(in, key, texts, last + 1, 0);
}

static uint32_t take_seconds(const struct nx_in *in, const char *key) {
    int64_t seconds = nx_in_integer(in, key, 0, INT32_MAX, -1);
    return seconds < 0 ? NX_NOT_MEASURED : (uint32_t)seconds;
}

static uint32_t take_cap(const struct nx_in *in, const char *key,
                         const char *uncapped) {
    return nx_in_bool(in, uncapped, false) ? 0 : take_seconds(in, key);
}

/* What is none is left out. */
static void take_address(const struct nx_in *in, const char *key,
                         struct nx_egress *out) {
    struct nx_endpoint at;
    const char *text = nx_in_text(in, key, NULL);
    if (text != NULL && nx_endpoint_parse(text, &at) == NX_OK) {
        out->len = at.address_len;
        memcpy(out->address, at.address, at.address_len);
    }
}

/* Once "none" was said of one that asks from its own address. */
static uint8_t take_chain(const struct nx_in *in) {
    const char *texts[] = {nx_chain_text(NX_CHAIN_UNKNOWN),
                           nx_chain_text(NX_CHAIN_OWN),
                           nx_chain_text(NX_CHAIN_OTHER), "none"};
    int chain = nx_in_choice(in, "chain", texts, 4, 0);
    return chain == 3 ? (uint8_t)NX_CHAIN_OWN : (uint8_t)chain;
}

static void take_habits(const struct nx_in *in, struct nx_measured *m) {
    struct nx_profile *p = &m->profile;
    nx_profile_default(p);
    m->nxdomain_cap_s = take_cap(in, "nxdomain_cap_s", "nxdomain_uncapped");
    m->nodata_cap_s = take_cap(in, "nodata_cap_s", "nodata_uncapped");
    m->floor_s = take_seconds(in, "floor_s");
    m->soa_clock = take_word(in, "soa_clock", nx_soa_clock_text,
                             NX_SOA_CLOCK_SHARED_RENEWED);
    m->chain = take_chain(in);
    m->soa_shown = nx_in_bool(in, "soa_shown", false);
    m->rewrites_nxdomain = nx_in_bool(in, "rewrites_nxdomain", false);
    m->caches_seen =
        (uint16_t)nx_in_integer(in, "caches_at_least", 0, UINT16_MAX, 0);
    take_address(in, "rewrites_to", &m->rewrites_to);
    m->sibling_w_s =
        (uint32_t)nx_in_integer(in, "sibling_w_s", 0, INT32_MAX, 0);
    m->validates =
        take_word(in, "validates", nx_validates_text, NX_VALIDATES_NOT_SAID);
    m->bogus = take_word(in, "bogus_answer", nx_bogus_text, NX_BOGUS_ANSWERED);
    p->conv = take_word(in, "rounding", nx_conv_text, NX_CONV_T);
    p->rd0 = take_word(in, "rd0", nx_rd0_text, NX_RD0_RECURSES);
    p->past_ttl =
        take_word(in, "past_ttl", nx_past_ttl_text, NX_PAST_TTL_SERVED);
    p->caches = (uint16_t)nx_in_integer(in, "caches", 0, UINT16_MAX, 0);
    p->never_decrements = !nx_in_bool(in, "counts_down", true);
    p->early_window_s =
        (uint32_t)nx_in_integer(in, "early_window_s", 0, EARLY_MAX_S, 0);
    bool never = !nx_in_bool(in, "refreshed_by_looking", true);
    p->early_seen = nx_in_bool(in, "early_seen", false) ? NX_EARLY_SEEN
                    : never                             ? NX_EARLY_NEVER
                                                        : NX_EARLY_UNKNOWN;
    nx_measured_settle(m);
}

void nx_take_resolver(const struct nx_in *in, struct nx_arena *arena,
                      struct nx_book_row *out) {
    struct nx_in network = nx_in_member(in, "network");
    struct nx_in measured = nx_in_member(in, "measured");
    memset(out, 0, sizeof(*out));
    nx_take_text(in, "network", out->network, sizeof(out->network));
    nx_take_endpoint(in, "resolver", arena, &out->at);
    out->agent_id = (uint32_t)nx_in_integer(in, "agent", 0, UINT32_MAX, 0);
    out->measured_us = nx_take_moment(in, "measured");
    out->failed_us = NX_TIME_UNKNOWN;
    if (out->network[0] == '\0') {
        nx_in_fail(&network, "missing");
    }
    if (out->measured_us == NX_TIME_UNKNOWN) {
        nx_in_fail(&measured, "missing");
    }
    take_habits(in, &out->measured);
}
