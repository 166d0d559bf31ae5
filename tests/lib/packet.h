/* Builds DNS messages for tests, without compression. */
#ifndef NX_TESTS_LIB_PACKET_H
#define NX_TESTS_LIB_PACKET_H

#include <arpa/inet.h>
#include <assert.h>
#include <string.h>

#include "common/dname.h"
#include "common/rrtype.h"

enum { PKT_ANSWER, PKT_AUTHORITY, PKT_EXTRA };

#define PKT_QR 0x8000U
#define PKT_AA 0x0400U
#define PKT_TC 0x0200U
#define PKT_RD 0x0100U
#define PKT_RA 0x0080U

struct pkt {
    size_t len;
    uint8_t bytes[65536];
};

static inline void pkt_u8(struct pkt *p, unsigned v) {
    assert(p->len < sizeof(p->bytes));
    p->bytes[p->len++] = (uint8_t)v;
}

static inline void pkt_u16(struct pkt *p, unsigned v) {
    pkt_u8(p, v >> 8 & 0xffU);
    pkt_u8(p, v & 0xffU);
}

static inline void pkt_u32(struct pkt *p, uint32_t v) {
    pkt_u16(p, v >> 16);
    pkt_u16(p, v & 0xffffU);
}

static inline void pkt_put(struct pkt *p, const void *bytes, size_t len) {
    assert(sizeof(p->bytes) - p->len >= len);
    memcpy(p->bytes + p->len, bytes, len);
    p->len += len;
}

static inline void pkt_name(struct pkt *p, const char *text) {
    uint8_t wire[NX_DNAME_MAX];
    int err = nx_dname_parse(text, wire);
    assert(err == 0);
    (void)err;
    pkt_put(p, wire, nx_dname_len(wire));
}

/* A message with the question and nothing else yet. */
static inline void pkt_begin(struct pkt *p, uint16_t id, unsigned bits,
                             const char *name, uint16_t type) {
    p->len = 0;
    pkt_u16(p, id);
    pkt_u16(p, bits);
    pkt_u16(p, 1);
    pkt_u16(p, 0);
    pkt_u16(p, 0);
    pkt_u16(p, 0);
    pkt_name(p, name);
    pkt_u16(p, type);
    pkt_u16(p, 1);
}

/* Starts a record; pkt_close sets its RDLENGTH. */
static inline size_t pkt_open(struct pkt *p, unsigned section,
                              const char *owner, uint16_t type, uint32_t ttl) {
    uint8_t *count = p->bytes + 6 + 2 * section;
    unsigned n = (unsigned)(count[0] << 8 | count[1]) + 1;
    count[0] = (uint8_t)(n >> 8);
    count[1] = (uint8_t)n;
    pkt_name(p, owner);
    pkt_u16(p, type);
    pkt_u16(p, 1);
    pkt_u32(p, ttl);
    pkt_u16(p, 0);
    return p->len;
}

static inline void pkt_close(struct pkt *p, size_t start) {
    size_t n = p->len - start;
    p->bytes[start - 2] = (uint8_t)(n >> 8);
    p->bytes[start - 1] = (uint8_t)n;
}

static inline void pkt_raw(struct pkt *p, unsigned section, const char *owner,
                           uint16_t type, uint32_t ttl, const void *rdata,
                           size_t len) {
    size_t at = pkt_open(p, section, owner, type, ttl);
    pkt_put(p, rdata, len);
    pkt_close(p, at);
}

/* An A or AAAA record, by the look of the address. */
static inline void pkt_address(struct pkt *p, unsigned section,
                               const char *owner, uint32_t ttl,
                               const char *address) {
    uint8_t b[16];
    int v6 = strchr(address, ':') != NULL;
    int ok = inet_pton(v6 ? AF_INET6 : AF_INET, address, b);
    assert(ok == 1);
    (void)ok;
    pkt_raw(p, section, owner, v6 ? NX_TYPE_AAAA : NX_TYPE_A, ttl, b,
            v6 ? 16 : 4);
}

/* A record whose RDATA is one name. */
static inline void pkt_target(struct pkt *p, unsigned section,
                              const char *owner, uint16_t type, uint32_t ttl,
                              const char *target) {
    size_t at = pkt_open(p, section, owner, type, ttl);
    pkt_name(p, target);
    pkt_close(p, at);
}

static inline void pkt_soa(struct pkt *p, unsigned section, const char *owner,
                           uint32_t ttl, uint32_t serial, uint32_t minimum) {
    size_t at = pkt_open(p, section, owner, NX_TYPE_SOA, ttl);
    pkt_name(p, "ns.example.com.");
    pkt_name(p, "hostmaster.example.com.");
    pkt_u32(p, serial);
    pkt_u32(p, 3600);
    pkt_u32(p, 600);
    pkt_u32(p, 86400);
    pkt_u32(p, minimum);
    pkt_close(p, at);
}

/* OPT with a extended rcode (upper 8 bits) and these option bytes. */
static inline void pkt_opt(struct pkt *p, unsigned extended_rcode,
                           const void *options, size_t len) {
    pkt_raw(p, PKT_EXTRA, ".", NX_TYPE_OPT, extended_rcode << 24, options, len);
}

#endif
