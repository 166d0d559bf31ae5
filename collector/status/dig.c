#include "collector/status/dig.h"

#include <stdio.h>
#include <string.h>

#include "common/rrtype.h"

#define PORT_DNS 53U
#define PORT_TLS 853U

/* The address alone: "192.0.2.53" of "192.0.2.53@53/tcp"; with the zone of a
 * link-local one, "fe80::1%2". */
static void add_address(const struct nx_endpoint *at, struct nx_text *out) {
    char text[NX_ENDPOINT_TEXT_MAX];
    const char *begin = nx_endpoint_text(at, text);
    size_t len = strcspn(text, "@");
    if (begin[0] == '[') {
        begin++;
        len = strcspn(begin, "]");
    }
    nx_text_bytes(out, begin, len);
    if (at->scope_id != 0) { /* RFC 4007 section 11; by number on Linux */
        nx_text_addf(out, "%%%u", (unsigned)at->scope_id);
    }
}

static bool is_harmless(const char *name) {
    static const char plain[] = "abcdefghijklmnopqrstuvwxyz0123456789-_."
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    return name[strspn(name, plain)] == '\0' && name[0] != '-';
}

/* In single quotes nothing means anything to a shell but a single quote, and
 * that one can be written as an escape of the domain name. -q: whatever
 * follows is a name. */
static void add_name(const uint8_t *wire, struct nx_text *out) {
    char name[NX_DNAME_TEXT_MAX];
    (void)nx_dname_text(wire, name);
    if (is_harmless(name)) {
        nx_text_addf(out, " %s", name);
        return;
    }
    nx_text_add(out, " -q '");
    for (const char *p = name; *p != '\0'; p++) {
        if (*p == '\'') {
            nx_text_add(out, "\\039");
        } else {
            nx_text_bytes(out, p, 1);
        }
    }
    nx_text_add(out, "'");
}

/* Without the final dot: as applications write it, and caches keep it. */
static void add_host_name(const uint8_t *wire, struct nx_text *out) {
    char name[NX_DNAME_TEXT_MAX];
    size_t len = strlen(nx_dname_text(wire, name));
    if (is_harmless(name) && len > 1) { /* others are not looked for */
        nx_text_add(out, " ");
        nx_text_bytes(out, name, len - 1);
    }
}

static void add_options(const struct nx_question *q, struct nx_text *out) {
    static const struct {
        unsigned flag;
        const char *option;
    } rows[] = {{NX_Q_CD, " +cdflag"}, {NX_Q_DO, " +dnssec"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if ((q->flags & rows[i].flag) != 0) {
            nx_text_add(out, rows[i].option);
        }
    }
    if ((q->flags & NX_Q_RD) == 0) {
        nx_text_add(out, " +norecurse");
    }
    nx_text_add(out, " +nsid");
    switch ((enum nx_transport)q->to.transport) {
    case NX_UDP:
        break;
    case NX_TCP:
        nx_text_add(out, " +tcp");
        break;
    case NX_TLS:
        nx_text_add(out, " +tls");
        break;
    case NX_SYSTEM:
        break;
    }
}

void nx_dig_question(const struct nx_question *question, struct nx_text *out) {
    char type[NX_RRTYPE_TEXT_MAX];
    const struct nx_endpoint *to = &question->to;
    unsigned usual = to->transport == NX_TLS ? PORT_TLS : PORT_DNS;
    if (to->transport == NX_SYSTEM) {
        nx_text_add(out, question->qtype == NX_TYPE_AAAA
                             ? "getaddrinfo, IPv6 addresses of"
                             : "getaddrinfo, IPv4 addresses of");
        add_host_name(question->name, out);
        return;
    }
    nx_text_add(out, "@");
    add_address(to, out);
    if (to->port != usual) {
        nx_text_addf(out, " -p %u", (unsigned)to->port);
    }
    add_name(question->name, out);
    nx_text_addf(out, " %s", nx_rrtype_text(question->qtype, type));
    add_options(question, out);
}

void nx_dig_command(const struct nx_question *question, struct nx_text *out) {
    if (question->to.transport == NX_SYSTEM) { /* the resolver library's own */
        nx_text_add(out, question->qtype == NX_TYPE_AAAA ? "getent ahostsv6"
                                                         : "getent ahostsv4");
        add_host_name(question->name, out);
        return;
    }
    nx_text_add(out, "dig ");
    nx_dig_question(question, out);
}
