#include "common/obs.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/hash.h"
#include "common/rrtype.h"

#define PORT_DNS 53U
#define PORT_DOT 853U /* RFC 7858 section 3.1 */
#define SYSTEM "getaddrinfo"

static bool names_equal(const uint8_t *a, const uint8_t *b) {
    if (a == NULL || b == NULL) {
        return a == b;
    }
    return nx_dname_equal(a, b);
}

bool nx_endpoint_same_server(const struct nx_endpoint *a,
                             const struct nx_endpoint *b) {
    return a->address_len == b->address_len && a->port == b->port &&
           a->scope_id == b->scope_id &&
           memcmp(a->address, b->address, a->address_len) == 0;
}

bool nx_endpoint_equal(const struct nx_endpoint *a,
                       const struct nx_endpoint *b) {
    return nx_endpoint_same_server(a, b) && a->transport == b->transport &&
           a->layer == b->layer && names_equal(a->server_name, b->server_name);
}

static bool private_v4(const uint8_t a[4]) {
    return a[0] == 0 || a[0] == 10 || a[0] == 127 ||
           (a[0] == 100 && (a[1] & 0xc0) == 64) ||
           (a[0] == 169 && a[1] == 254) || (a[0] == 172 && a[1] >> 4 == 1) ||
           (a[0] == 192 && a[1] == 168) || a[0] >= 224 ||
           (a[0] == 192 && a[1] == 0 && a[2] == 0) ||
           (a[0] == 198 && (a[1] & 0xfe) == 18);
}

/* The IPv4 address in an IPv6 one that leads to it, or NULL. */
static const uint8_t *v4_inside(const uint8_t a[16]) {
    static const struct {
        uint8_t prefix[12];
        uint8_t len; /* the address comes next */
    } ways[] = {
        {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255}, 12}, /* mapped */
        {{0, 0x64, 0xff, 0x9b}, 12},                    /* RFC 6052 */
        {{0x20, 0x02}, 2},                              /* RFC 3056 */
    };
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        if (memcmp(a, ways[i].prefix, ways[i].len) == 0) {
            return a + ways[i].len;
        }
    }
    return NULL;
}

bool nx_endpoint_is_private(const struct nx_endpoint *at) {
    static const uint8_t zeros[15] = {0};
    static const uint8_t nat64[6] = {0, 0x64, 0xff, 0x9b, 0, 1}; /* RFC 8215 */
    const uint8_t *a = at->address;
    if (at->address_len == 4) {
        return private_v4(a);
    }
    const uint8_t *v4 = v4_inside(a);
    if (v4 != NULL) {
        return private_v4(v4);
    }
    return (memcmp(a, zeros, sizeof(zeros)) == 0 && a[15] <= 1) ||
           (a[0] & 0xfe) == 0xfc || (a[0] == 0xfe && a[1] >= 0x80) ||
           a[0] == 0xff || memcmp(a, nat64, sizeof(nat64)) == 0;
}

uint64_t nx_endpoint_hash(const struct nx_endpoint *e, uint64_t seed) {
    uint64_t h = nx_hash(e->address, e->address_len, seed);
    uint64_t rest = (uint64_t)e->port << 48 | (uint64_t)e->transport << 40 |
                    (uint64_t)e->layer << 32 | e->scope_id;
    h = nx_hash_u64(rest, h);
    return e->server_name != NULL ? nx_dname_hash(e->server_name, h) : h;
}

void nx_system_endpoint(struct nx_endpoint *out) {
    *out = (struct nx_endpoint){.address_len = 4,
                                .transport = NX_SYSTEM,
                                .layer = NX_LAYER_HOST,
                                .port = PORT_DNS,
                                .withheld = true};
}

/* As "10.1." and "192.0.2.0x7f.": inet_aton(3) takes them for an address. */
static bool ends_in_number(const char *text) {
    const char *last = text;
    for (const char *dot = text; dot[0] != '\0' && dot[1] != '\0'; dot++) {
        last = *dot == '.' ? dot + 1 : last;
    }
    return *last >= '0' && *last <= '9';
}

static bool is_host_name(const uint8_t *name) {
    static const char plain[] = "abcdefghijklmnopqrstuvwxyz0123456789-_."
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    char text[NX_DNAME_TEXT_MAX];
    (void)nx_dname_text(name, text);
    return nx_dname_labels(name) >= 2 && text[0] != '-' &&
           text[strspn(text, plain)] == '\0' && !ends_in_number(text);
}

bool nx_endpoint_takes(const struct nx_endpoint *at, const uint8_t *name,
                       uint16_t qtype) {
    return at->transport != NX_SYSTEM ||
           ((qtype == NX_TYPE_A || qtype == NX_TYPE_AAAA) &&
            is_host_name(name));
}

char *nx_endpoint_text(const struct nx_endpoint *e, char *out) {
    char address[INET6_ADDRSTRLEN];
    const char *suffix = e->transport == NX_TCP   ? "/tcp"
                         : e->transport == NX_TLS ? "/tls"
                                                  : "";
    int family = e->address_len == 4 ? AF_INET : AF_INET6;
    if (e->transport == NX_SYSTEM) {
        (void)snprintf(out, NX_ENDPOINT_TEXT_MAX, "%s", SYSTEM);
        return out;
    }
    if (inet_ntop(family, e->address, address, sizeof(address)) == NULL) {
        address[0] = '\0';
    }
    if (family == AF_INET6) {
        (void)snprintf(out, NX_ENDPOINT_TEXT_MAX, "[%s]@%u%s", address,
                       (unsigned)e->port, suffix);
    } else {
        (void)snprintf(out, NX_ENDPOINT_TEXT_MAX, "%s@%u%s", address,
                       (unsigned)e->port, suffix);
    }
    return out;
}

/* Cuts a "/tls" off the text. */
static bool take_transport(char *text, uint8_t *out) {
    char *slash = strrchr(text, '/');
    *out = NX_UDP;
    if (slash == NULL) {
        return true;
    }
    *slash = '\0';
    for (unsigned t = NX_UDP; t <= NX_TLS; t++) {
        if (strcmp(slash + 1, nx_transport_text(t)) == 0) {
            *out = (uint8_t)t;
            return true;
        }
    }
    return false;
}

/* Cuts an "@5353" off the text. */
static bool take_port(char *text, uint8_t transport, uint16_t *out) {
    char *at = strrchr(text, '@');
    *out = transport == NX_TLS ? PORT_DOT : PORT_DNS;
    if (at == NULL) {
        return true;
    }
    *at = '\0';
    char *end = NULL;
    unsigned long port = strtoul(at + 1, &end, 10);
    if (at[1] < '0' || at[1] > '9' || *end != '\0' || port == 0 ||
        port > UINT16_MAX) {
        return false;
    }
    *out = (uint16_t)port;
    return true;
}

static bool take_address(char *text, struct nx_endpoint *out) {
    size_t len = strlen(text);
    if (len >= 2 && text[0] == '[' && text[len - 1] == ']') {
        text[len - 1] = '\0';
        out->address_len = 16;
        return inet_pton(AF_INET6, text + 1, out->address) == 1;
    }
    if (inet_pton(AF_INET, text, out->address) == 1) {
        out->address_len = 4;
        return true;
    }
    out->address_len = 16;
    return inet_pton(AF_INET6, text, out->address) == 1;
}

int nx_endpoint_parse(const char *text, struct nx_endpoint *out) {
    char copy[NX_ENDPOINT_TEXT_MAX];
    struct nx_endpoint e = {0};
    size_t len = strlen(text);
    if (len >= sizeof(copy)) {
        return NX_EADDRESS;
    }
    if (strcmp(text, SYSTEM) == 0) {
        nx_system_endpoint(out);
        return 0;
    }
    memcpy(copy, text, len + 1);
    if (!take_transport(copy, &e.transport) ||
        !take_port(copy, e.transport, &e.port) || !take_address(copy, &e)) {
        return NX_EADDRESS;
    }
    *out = e;
    return 0;
}

static bool bytes_equal(const uint8_t *a, size_t a_len, const uint8_t *b,
                        size_t b_len) {
    return a_len == b_len && (a_len == 0 || memcmp(a, b, a_len) == 0);
}

static bool soa_equal(const struct nx_answer *a, const struct nx_answer *b) {
    return (a->flags & NX_ANS_SOA) == 0 ||
           (a->soa_serial == b->soa_serial &&
            a->soa_minimum_s == b->soa_minimum_s &&
            names_equal(a->soa_owner, b->soa_owner));
}

static bool proof_equal(const struct nx_proof *a, const struct nx_proof *b) {
    return a->inception == b->inception && a->expiration == b->expiration &&
           a->key_tag == b->key_tag && a->algorithm == b->algorithm &&
           a->signatures_n == b->signatures_n && a->denial == b->denial &&
           a->iterations == b->iterations && a->denial_ttl_s == b->denial_ttl_s;
}

bool nx_answer_equal(const struct nx_answer *a, const struct nx_answer *b) {
    return a->outcome == b->outcome && a->rcode == b->rcode &&
           a->flags == b->flags && a->cname_n == b->cname_n &&
           a->over_tcp == b->over_tcp && soa_equal(a, b) &&
           names_equal(a->denied_name, b->denied_name) &&
           names_equal(a->ns_owner, b->ns_owner) && a->ede_n == b->ede_n &&
           memcmp(a->ede, b->ede, a->ede_n * sizeof(a->ede[0])) == 0 &&
           proof_equal(&a->proof, &b->proof) &&
           bytes_equal(a->nsid, a->nsid_len, b->nsid, b->nsid_len) &&
           a->rdata_n == b->rdata_n &&
           bytes_equal(a->rdata, a->rdata_len, b->rdata, b->rdata_len);
}

const char *nx_transport_text(unsigned transport) {
    static const char *const text[] = {"udp", "tcp", "tls", SYSTEM};
    return transport <= NX_TRANSPORT_MAX ? text[transport] : "?";
}

const char *nx_layer_text(unsigned layer) {
    static const char *const text[NX_LAYER_N] = {"host", "network", "control",
                                                 "authority", "upstream"};
    return layer < NX_LAYER_N ? text[layer] : "?";
}

bool nx_layer_serves(unsigned layer) {
    return layer == NX_LAYER_HOST || layer == NX_LAYER_NETWORK;
}

const char *nx_outcome_text(unsigned outcome) {
    static const char *const text[] = {
        "answered",           "timeout",           "unreachable",
        "connection refused", "connection closed", "TLS failed",
        "malformed reply",    "local error"};
    return outcome <= NX_OUTCOME_MAX ? text[outcome] : "?";
}
