/* From JSON to looks, facts and profile. Observations go through
 * nx_look_from_obs, as those of an agent do. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "collector/engine/incident.h"
#include "collector/replay/vector.h"
#include "common/rrtype.h"

#define SECONDS_MAX 1e11 /* a time: further from 0 than any clock shows */
#define SPAN_MAX 86400.0 /* of a clock's error */
#define SPAN_US_MAX (UINT32_C(3600000000))
#define LATE_VERIFIED 0.06 /* nxclear-estimator(7) 5.8 */
#define LATE_UNVERIFIED 0.10
#define FIRST_PORT 1024U

static int64_t to_us(double s) {
    return (int64_t)llround(s * 1e6);
}

static int64_t time_of(const struct nx_in *in, const char *key) {
    struct nx_in at = nx_in_member(in, key);
    if (at.value == NULL) {
        return NX_TIME_UNKNOWN;
    }
    return to_us(nx_in_real(in, key, -SECONDS_MAX, SECONDS_MAX, 0));
}

static uint16_t u16(const struct nx_in *in, const char *key) {
    return (uint16_t)nx_in_integer(in, key, 0, UINT16_MAX, 0);
}

/* --- auth --- */

static void read_auth(const struct nx_in *in, struct nx_auth_facts *out) {
    memset(out, 0, sizeof(*out));
    if (!nx_in_is_object(in)) {
        return;
    }
    out->outage_lo_us = time_of(in, "outage_lo");
    out->restored_lo_us = time_of(in, "restored_lo");
    out->restored_hi_us = time_of(in, "restored_hi");
    out->observed = nx_in_bool(in, "observed", true);
    out->all_ns_good =
        nx_in_bool(in, "all_ns_good", out->restored_hi_us != NX_TIME_UNKNOWN);
    out->verified = nx_in_bool(in, "verified", out->all_ns_good);
    out->serial_known = nx_in_member(in, "serial_restored").value != NULL;
    out->serial_moves = nx_in_bool(in, "serial_moves", out->serial_known);
    out->serial_restored = nx_in_u32(in, "serial_restored", 0);
    out->w_auth_s = nx_in_u32(in, "w_auth", 0);
    out->w_wire_s = nx_in_u32(in, "w_wire", 0);
    out->soa_minimum_s = nx_in_u32(in, "soa_minimum", 0);
    out->w_nsec_s = nx_in_u32(in, "w_nsec", 0);
    out->keys_ttl_s = nx_in_u32(in, "keys_ttl", 0);
    out->no_keys = nx_in_bool(in, "no_keys", false);
    out->parent_w_s = nx_in_u32(in, "parent_w", 0);
    out->ns_ttl_s = nx_in_u32(in, "ns_ttl", 0);
    out->old_w_s = nx_in_u32(in, "old_w", 0);
    out->deleg_changed_ns = nx_in_bool(in, "deleg_changed_ns", false);
    out->old_servers_negative = nx_in_bool(in, "old_servers_negative", false);
    out->ns_negative = u16(in, "ns_negative");
    out->ns_total = u16(in, "ns_total");
    out->epoch = nx_in_u32(in, "epoch", 0);
}

/* --- profile --- */

static const char *const CONVS[] = {"U", "F", "F0", "T"};
static const char *const CLOCKS[] = {"unknown", "own", "shared-until-change",
                                     "shared-renewed"};
static const char *const RD0S[] = {"unknown", "honoured", "refused", "bypasses",
                                   "recurses"};

#define CHOICE(in, key, texts, otherwise)                                      \
    ((uint8_t)nx_in_choice((in), (key), (texts),                               \
                           sizeof(texts) / sizeof((texts)[0]), (otherwise)))

/* Per second; also as a fraction, "0.02/3600". */
static double rate_of(const struct nx_in *in, const char *key) {
    struct nx_in at = nx_in_member(in, key);
    double per = 1;
    double n = 0;
    if (!json_is_string(at.value)) {
        return nx_in_real(in, key, 0, 1, 0);
    }
    if (sscanf(json_string_value(at.value), "%lf/%lf", &n, &per) != 2 ||
        !(n >= 0 && per >= 1 && n <= per)) {
        nx_in_fail(&at, "not a rate such as 0.02/3600");
        return 0;
    }
    return n / per;
}

void nx_vector_read_profile(const struct nx_in *in, struct nx_profile *out) {
    if (in->value == NULL) {
        nx_profile_default(out);
        return;
    }
    memset(out, 0, sizeof(*out));
    if (!nx_in_is_object(in)) {
        return;
    }
    out->verified = nx_in_bool(in, "verified", false);
    out->conv = CHOICE(in, "conv", CONVS, NX_CONV_U);
    out->soa_clock = CHOICE(in, "soa_clock", CLOCKS, NX_SOA_CLOCK_UNKNOWN);
    out->rd0 = CHOICE(in, "rd0", RD0S, NX_RD0_UNKNOWN);
    out->never_decrements = nx_in_bool(in, "never_decrements", false);
    out->chain_possible = nx_in_bool(in, "chain_possible", false);
    out->cap_hi_s = nx_in_u32(in, "cap_hi", 0);
    out->clamp_lo_s = nx_in_u32(in, "clamp_lo", 0);
    out->w_eff_s = nx_in_u32(in, "w_eff", 0);
    out->display_cap_s = nx_in_u32(in, "display_cap", 0);
    out->stale_max_s = nx_in_u32(in, "stale_max", 0);
    out->early_window_s = nx_in_u32(in, "early_window", 0);
    out->caches = u16(in, "caches");
    out->never_validates = nx_in_bool(in, "never_validates", false);
    out->p_early = nx_in_real(in, "p_early", 0, 1, 0);
    out->p_late = nx_in_real(in, "p_late", 0, 1,
                             out->verified ? LATE_VERIFIED : LATE_UNVERIFIED);
    out->lambda_early_per_s = rate_of(in, "lambda_early");
}

/* --- observations --- */

/* What all observations of a vector have in common. */
struct frame {
    uint8_t qname[NX_DNAME_MAX], apex[NX_DNAME_MAX];
    uint16_t qtype;
    struct nx_incident_item expected;
    double offset_s, eps_s;
};

/* One observation with the memory that it points into. */
struct sight {
    struct nx_question question;
    struct nx_answer answer;
    struct nx_obs obs;
    struct nx_incident_item records; /* of the answer */
    uint8_t soa_owner[NX_DNAME_MAX], denied[NX_DNAME_MAX];
};

/* RDATA in presentation format, as a set. */
static void read_rdata(const struct nx_in *in, uint16_t qtype,
                       struct nx_incident_item *out) {
    size_t n = nx_in_size(in, NX_ANSWER_RECORDS_MAX);
    out->qtype = qtype;
    for (size_t i = 0; i < n; i++) {
        struct nx_in at = nx_in_element(in, i);
        const char *text = nx_in_text_here(&at, NULL);
        if (text != NULL && nx_incident_expect(out, text) != 0) {
            nx_in_fail(&at, "not RDATA of this type: \"%.40s\"", text);
        }
    }
}

/* `answer`: RDATA, or the chain as "NAME CNAME TARGET"; other values (0, null)
 * say that there was none. True: there were records. */
static bool read_answer(const struct nx_in *in, const struct frame *frame,
                        struct sight *s) {
    struct nx_in list = nx_in_member(in, "answer");
    struct nx_in first = nx_in_element(&list, 0);
    const char *cname = json_is_string(first.value)
                            ? strstr(json_string_value(first.value), " CNAME ")
                            : NULL;
    if (!json_is_array(list.value) || json_array_size(list.value) == 0) {
        return false;
    }
    if (cname == NULL) {
        read_rdata(&list, frame->qtype, &s->records);
        return true;
    }
    if (nx_dname_parse(cname + 7, s->denied) != 0) {
        nx_in_fail(&first, "not a domain name after CNAME");
        return false;
    }
    s->answer.denied_name = s->denied;
    s->answer.cname_n = 1;
    return false;
}

static const char *const KINDS[] = {
    "POS",      "POS_OTHER", "NXDOMAIN", "NODATA", "REFERRAL", "MISS",
    "SERVFAIL", "REFUSED",   "TIMEOUT",  "NETERR", "OTHER"};
#define KINDS_N (sizeof(KINDS) / sizeof(KINDS[0]))

static void set_kind(enum nx_kind kind, struct nx_answer *answer) {
    answer->outcome = NX_ANSWERED;
    switch (kind) {
    case NX_KIND_POS:
    case NX_KIND_POS_OTHER:
        answer->flags |= NX_ANS_RDATA;
        break;
    case NX_KIND_NXDOMAIN:
        answer->rcode = NX_RCODE_NXDOMAIN;
        break;
    case NX_KIND_REFERRAL:
        answer->flags |= NX_ANS_NS;
        break;
    case NX_KIND_SERVFAIL:
        answer->rcode = NX_RCODE_SERVFAIL;
        break;
    case NX_KIND_REFUSED:
        answer->rcode = NX_RCODE_REFUSED;
        break;
    case NX_KIND_TIMEOUT:
        answer->outcome = NX_TIMEOUT;
        break;
    case NX_KIND_NETERR:
        answer->outcome = NX_UNREACHABLE;
        break;
    case NX_KIND_OTHER:
        answer->rcode = NX_RCODE_FORMERR;
        break;
    case NX_KIND_NODATA:
    case NX_KIND_MISS:
        break; /* NOERROR with nothing in it */
    }
}

static void read_soa(const struct nx_in *in, const struct frame *frame,
                     enum nx_kind kind, struct sight *s) {
    uint32_t r_s = (uint32_t)nx_in_integer(in, "r", 0, INT32_MAX, 0);
    if (kind == NX_KIND_POS || kind == NX_KIND_POS_OTHER) {
        s->obs.answer_ttl_s = r_s;
    }
    if (!nx_kind_is_negative(kind) || nx_in_member(in, "r").value == NULL) {
        return;
    }
    if (!nx_in_name(in, "soa_owner", s->soa_owner)) {
        memcpy(s->soa_owner, frame->apex, nx_dname_len(frame->apex));
    }
    s->answer.soa_owner = s->soa_owner;
    s->answer.flags |= NX_ANS_SOA;
    s->answer.soa_serial = nx_in_u32(in, "soa_serial", 0);
    s->answer.soa_minimum_s = nx_in_u32(in, "soa_minimum", 0);
    s->obs.soa_ttl_s = r_s;
}

static void read_header(const struct nx_in *in, struct sight *s) {
    static const struct {
        const char *key;
        uint16_t flag;
    } FLAGS[] = {{"aa", NX_ANS_AA},
                 {"ad", NX_ANS_AD},
                 {"edns", NX_ANS_EDNS},
                 {"soa_additional", NX_ANS_SOA_ADDITIONAL}};
    for (size_t i = 0; i < sizeof(FLAGS) / sizeof(FLAGS[0]); i++) {
        if (nx_in_bool(in, FLAGS[i].key, false)) {
            s->answer.flags |= FLAGS[i].flag;
        }
    }
    s->question.flags = nx_in_bool(in, "rd", true) ? NX_Q_RD : 0;
    s->question.flags |= nx_in_bool(in, "cd", false) ? NX_Q_CD : 0;
    if (nx_in_integer(in, "authority_ns", 0, UINT16_MAX, 0) > 0) {
        s->answer.flags |= NX_ANS_NS;
    }
    struct nx_in ede = nx_in_member(in, "ede");
    size_t n = nx_in_size(&ede, NX_ANSWER_EDE_MAX);
    for (size_t i = 0; i < n; i++) {
        struct nx_in at = nx_in_element(&ede, i);
        s->answer.ede[i] = (uint16_t)nx_in_integer_here(&at, 0, UINT16_MAX);
    }
    s->answer.ede_n = (uint8_t)n;
    const char *nsid = nx_in_text(in, "nsid", "");
    s->answer.nsid = (const uint8_t *)nsid;
    s->answer.nsid_len = (uint8_t)strnlen(nsid, NX_ANSWER_NSID_MAX);
}

static void read_times(const struct nx_in *in, size_t i, struct nx_obs *out) {
    struct nx_in rx = nx_in_member(in, "rx");
    out->rx_mono_us = time_of(in, "rx");
    out->tx_mono_us = time_of(in, "tx");
    if (rx.value == NULL) {
        nx_in_fail(&rx, "missing");
        out->rx_mono_us = out->tx_mono_us = 0;
    } else if (out->tx_mono_us == NX_TIME_UNKNOWN) {
        out->tx_mono_us = out->rx_mono_us;
    } else if (out->tx_mono_us > out->rx_mono_us) {
        nx_in_fail(&rx, "before tx");
    }
    out->src_port = (uint16_t)nx_in_integer(
        in, "src_port", 0, UINT16_MAX,
        (int64_t)(FIRST_PORT + i % (UINT16_MAX - FIRST_PORT)));
}

static void look_at(const struct nx_in *in, const struct frame *frame,
                    const struct sight *s, bool compare, struct nx_look *out) {
    const struct nx_expect expect = {.rdata = frame->expected.rdata,
                                     .rdata_len = frame->expected.rdata_len,
                                     .rdata_n = frame->expected.rdata_n};
    double offset_s = nx_in_real(in, "clock_offset", -SECONDS_MAX, SECONDS_MAX,
                                 frame->offset_s);
    double eps_s = nx_in_real(in, "clock_eps", 0, SPAN_MAX, frame->eps_s);
    double eps_us = fmin(eps_s * 1e6, SPAN_US_MAX);
    nx_look_from_obs(&s->obs, compare ? &expect : NULL, frame->apex,
                     to_us(offset_s), (uint32_t)llround(eps_us), out);
}

static void read_obs(const struct nx_in *in, size_t i,
                     const struct frame *frame, struct sight *s,
                     struct nx_look *out) {
    int kind = nx_in_choice(in, "kind", KINDS, KINDS_N, -1);
    *s = (struct sight){
        .question = {.name = frame->qname, .qtype = frame->qtype}};
    s->obs = (struct nx_obs){.question = &s->question, .answer = &s->answer};
    struct nx_in at = nx_in_member(in, "kind");
    if (kind < 0) {
        nx_in_fail(&at, "missing"); /* else the fault is told already */
        return;
    }
    bool compare = read_answer(in, frame, s);
    read_times(in, i, &s->obs);
    read_header(in, s);
    set_kind((enum nx_kind)kind, &s->answer);
    read_soa(in, frame, (enum nx_kind)kind, s);
    s->answer.rdata = s->records.rdata;
    s->answer.rdata_len = s->records.rdata_len;
    s->answer.rdata_n = s->records.rdata_n;
    look_at(in, frame, s, compare, out);
    if (!compare && kind == NX_KIND_POS_OTHER) {
        out->kind = NX_KIND_POS_OTHER; /* what it was is not told */
    }
    if (nx_in_member(in, "soa_serial").value == NULL) {
        out->flags &= (uint16_t) ~(unsigned)NX_LOOK_SERIAL;
    }
    if (out->kind != kind && !in->fault->failed) {
        nx_in_fail(&at, "%s, but the rest of it says %s", KINDS[kind],
                   nx_kind_text(out->kind));
    }
}

/* Keeps the newest, in order. */
static void push(struct nx_vector *v, const struct nx_look *look) {
    size_t at = v->looks_n;
    while (at > 0 && v->looks[at - 1].rx_us > look->rx_us) {
        at--;
    }
    if (v->looks_n < NX_LOOKS_MAX) {
        memmove(&v->looks[at + 1], &v->looks[at],
                (v->looks_n - at) * sizeof(*look));
        v->looks_n++;
    } else if (at == 0) {
        return;
    } else {
        at--;
        memmove(&v->looks[0], &v->looks[1], at * sizeof(*look));
    }
    v->looks[at] = *look;
}

static void read_frame(const struct nx_in *in, const struct nx_in *auth,
                       const struct nx_in *profile, struct frame *out) {
    static const uint8_t EXAMPLE[] = "\7example\3com";
    struct nx_in expected = nx_in_member(auth, "expected");
    struct nx_in type = nx_in_member(in, "type");
    const char *text = nx_in_text(in, "type", "A");
    memset(out, 0, sizeof(*out));
    if (nx_rrtype_parse(text, &out->qtype) != 0) {
        nx_in_fail(&type, "not a record type: \"%.40s\"", text);
    }
    if (!nx_in_name(auth, "apex", out->apex)) {
        memcpy(out->apex, EXAMPLE, sizeof(EXAMPLE));
    }
    if (!nx_in_name(in, "name", out->qname)) {
        size_t len = nx_dname_len(out->apex);
        bool fits = len + 4 <= NX_DNAME_MAX;
        memcpy(out->qname, "\3app", 4); /* some name below */
        memcpy(out->qname + (fits ? 4 : 0), out->apex, len);
    }
    read_rdata(&expected, out->qtype, &out->expected);
    out->offset_s =
        nx_in_real(profile, "clock_offset", -SECONDS_MAX, SECONDS_MAX, 0);
    out->eps_s = nx_in_real(profile, "clock_eps", 0, SPAN_MAX, 0);
}

bool nx_vector_is_case(const json_t *vector) {
    return !json_is_null(json_object_get(vector, "auth")) &&
           !json_is_null(json_object_get(vector, "obs")) &&
           !json_is_null(json_object_get(vector, "now"));
}

void nx_vector_read(const struct nx_in *in, struct nx_vector *out) {
    struct nx_in auth = nx_in_member(in, "auth");
    struct nx_in profile = nx_in_member(in, "profile");
    struct nx_in obs = nx_in_member(in, "obs");
    struct nx_in now = nx_in_member(in, "now");
    struct frame frame;
    struct sight sight;
    memset(out, 0, sizeof(*out));
    nx_diagnosis_settings_default(&out->settings);
    out->settings.first_visit_n = 1; /* the looks are a visit already */
    if (!nx_in_is_object(in)) {
        return;
    }
    read_auth(&auth, &out->auth);
    nx_vector_read_profile(&profile, &out->profile);
    read_frame(in, &auth, &profile, &frame);
    out->now_us = time_of(in, "now");
    if (now.value == NULL) {
        nx_in_fail(&now, "missing");
    }
    if (obs.value == NULL) {
        nx_in_fail(&obs, "missing");
    }
    size_t n = nx_in_size(&obs, NX_VECTOR_OBS_MAX);
    for (size_t i = 0; i < n && !in->fault->failed; i++) {
        struct nx_in at = nx_in_element(&obs, i);
        struct nx_look look = {0};
        if (!nx_in_is_object(&at)) {
            return;
        }
        read_obs(&at, i, &frame, &sight, &look);
        push(out, &look);
        if (sight.answer.denied_name != NULL) {
            out->denied_known = true;
            memcpy(out->denied_name, sight.denied, NX_DNAME_MAX);
        }
    }
}

void nx_vector_diagnose(const struct nx_vector *v, struct nx_verdict *out) {
    nx_diagnose(&v->settings, v->looks, v->looks_n, &v->auth, &v->profile,
                v->now_us, NULL, out);
}
