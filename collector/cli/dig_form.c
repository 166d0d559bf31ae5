/* An observation in the form of dig. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "collector/cli/bundle.h"
#include "collector/engine/rdata.h"
#include "collector/status/dig.h"
#include "common/ede.h"
#include "common/rfc3339.h"
#include "common/rrtype.h"

#define RDATA_TEXT_MAX (4U * NX_ANSWER_RDATA_MAX + 32U)

static const char *rcode_text(unsigned rcode, char *out, size_t cap) {
    static const char *const names[] = {
        "NOERROR",  "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED",
        "YXDOMAIN", "YXRRSET", "NXRRSET",  "NOTAUTH",  "NOTZONE"};
    if (rcode < sizeof names / sizeof names[0]) {
        return names[rcode];
    }
    (void)snprintf(out, cap, "RCODE%u", rcode);
    return out;
}

static void add_name(const uint8_t *name, struct nx_text *out) {
    char text[NX_DNAME_TEXT_MAX];
    nx_text_add(out, name != NULL ? nx_dname_text(name, text) : "?");
}

static void add_flags(const struct nx_obs *obs, struct nx_text *out) {
    static const struct {
        unsigned bit;
        const char *text;
    } rows[] = {{NX_ANS_AA, " aa"},
                {NX_ANS_TC, " tc"},
                {NX_ANS_RA, " ra"},
                {NX_ANS_AD, " ad"},
                {NX_ANS_CD, " cd"}};
    nx_text_add(out, ";; flags: qr");
    if ((obs->question->flags & NX_Q_RD) != 0) {
        nx_text_add(out, " rd");
    }
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if ((obs->answer->flags & rows[i].bit) != 0) {
            nx_text_add(out, rows[i].text);
        }
    }
    nx_text_add(out, "\n");
}

static void add_ede(unsigned code, struct nx_text *out) {
    const char *name = nx_ede_name(code);
    nx_text_addf(out, "; EDE: %u", code);
    if (name != NULL) {
        nx_text_addf(out, " (%s)", name);
    }
    nx_text_add(out, "\n");
}

/* What is not printable is a dot, as in dig. */
static void add_nsid(const struct nx_answer *a, struct nx_text *out) {
    for (unsigned i = 0; i < a->nsid_len; i++) {
        nx_text_addf(out, "%s%02x", i == 0 ? "; NSID: " : " ", a->nsid[i]);
    }
    for (unsigned i = 0; i < a->nsid_len; i++) {
        bool plain = a->nsid[i] >= 0x20 && a->nsid[i] < 0x7f;
        nx_text_addf(out, "%s%c", i == 0 ? " (\"" : "",
                     plain ? a->nsid[i] : '.');
    }
    nx_text_add(out, a->nsid_len > 0 ? "\")\n" : "");
}

static void add_edns(const struct nx_answer *a, struct nx_text *out) {
    if ((a->flags & NX_ANS_EDNS) == 0) {
        return;
    }
    nx_text_add(out, "\n;; OPT PSEUDOSECTION:\n; EDNS: version: 0\n");
    for (unsigned i = 0; i < a->ede_n; i++) {
        add_ede(a->ede[i], out);
    }
    add_nsid(a, out);
}

static void add_rdata(const struct nx_obs *obs, struct nx_text *out) {
    const struct nx_answer *a = obs->answer;
    const uint8_t *owner =
        a->denied_name != NULL ? a->denied_name : obs->question->name;
    char type[NX_RRTYPE_TEXT_MAX];
    char text[RDATA_TEXT_MAX];
    const uint8_t *p = a->rdata;
    (void)nx_rrtype_text(obs->question->qtype, type);
    for (unsigned i = 0; i < a->rdata_n; i++) {
        size_t len = (size_t)p[0] << 8 | p[1];
        add_name(owner, out);
        nx_text_addf(out, "\t%" PRIu32 "\tIN\t%s\t%s\n", obs->answer_ttl_s,
                     type,
                     nx_rdata_present(obs->question->qtype, p + 2, len, text,
                                      sizeof text));
        p += 2 + len;
    }
    if (a->rdata_n == 0 && (a->flags & NX_ANS_PARTIAL) == 0) {
        nx_text_add(out, "; records that the agent's policy withholds\n");
    }
    if ((a->flags & NX_ANS_PARTIAL) != 0) {
        nx_text_add(out, "; more records than are recorded\n");
    }
}

static void add_answer(const struct nx_obs *obs, struct nx_text *out) {
    const struct nx_answer *a = obs->answer;
    if (a->cname_n == 0 && (a->flags & NX_ANS_RDATA) == 0) {
        return;
    }
    nx_text_add(out, "\n;; ANSWER SECTION:\n");
    if (a->cname_n > 0) {
        nx_text_addf(out, "; %u CNAME record%s from ", (unsigned)a->cname_n,
                     a->cname_n == 1 ? "" : "s");
        add_name(obs->question->name, out);
        nx_text_add(out, " to ");
        add_name(a->denied_name, out);
        nx_text_add(out, "\n");
    }
    if ((a->flags & NX_ANS_RDATA) != 0) {
        add_rdata(obs, out);
    }
}

static void add_authority(const struct nx_obs *obs, struct nx_text *out) {
    const struct nx_answer *a = obs->answer;
    bool additional = (a->flags & NX_ANS_SOA_ADDITIONAL) != 0;
    if ((a->flags & NX_ANS_SOA) != 0 || additional) {
        nx_text_addf(out, "\n;; %s SECTION:\n",
                     additional ? "ADDITIONAL" : "AUTHORITY");
        add_name(a->soa_owner, out);
        nx_text_addf(out,
                     "\t%" PRIu32 "\tIN\tSOA\t; serial %" PRIu32
                     ", minimum %" PRIu32
                     "; the other fields are not recorded\n",
                     obs->soa_ttl_s, a->soa_serial, a->soa_minimum_s);
    }
    if ((a->flags & NX_ANS_NS) != 0) {
        nx_text_add(out, "; NS records of ");
        add_name(a->ns_owner, out);
        nx_text_add(out, "\n");
    }
}

static void add_times(const struct nx_obs *obs, int64_t offset_us,
                      uint64_t eps_us, struct nx_text *out) {
    char text[NX_TIME_TEXT_MAX];
    nx_text_addf(out, ";; WHEN: %s",
                 nx_time_text(obs->tx_mono_us - offset_us, text));
    if (eps_us > 0) {
        nx_text_addf(out, " (clock error at most %" PRIu64 " ms)",
                     (eps_us + 999) / 1000);
    }
    nx_text_addf(out, "\n;; Query time: %.1f msec, from port %u\n",
                 (double)(obs->rx_mono_us - obs->tx_mono_us) / 1000.0,
                 (unsigned)obs->src_port);
}

void nx_obs_as_dig(const struct nx_obs *obs, int64_t offset_us, uint64_t eps_us,
                   struct nx_text *out) {
    char type[NX_RRTYPE_TEXT_MAX];
    char rcode[24];
    nx_text_add(out, ";; ASKED: ");
    nx_dig_question(obs->question, out);
    nx_text_add(out, "\n");
    if (obs->answer->outcome != NX_ANSWERED) {
        nx_text_addf(out, ";; %s\n", nx_outcome_text(obs->answer->outcome));
        add_times(obs, offset_us, eps_us, out);
        nx_text_add(out, "\n");
        return;
    }
    nx_text_addf(out, ";; ->>HEADER<<- opcode: QUERY, status: %s\n",
                 rcode_text(obs->answer->rcode, rcode, sizeof rcode));
    add_flags(obs, out);
    add_edns(obs->answer, out);
    nx_text_add(out, "\n;; QUESTION SECTION:\n;");
    add_name(obs->question->name, out);
    nx_text_addf(out, "\tIN\t%s\n", nx_rrtype_text(obs->question->qtype, type));
    add_answer(obs, out);
    add_authority(obs, out);
    nx_text_add(out, "\n");
    add_times(obs, offset_us, eps_us, out);
    nx_text_add(out, "\n");
}
