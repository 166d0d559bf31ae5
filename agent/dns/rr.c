#include "agent/dns/rr.h"

#include <string.h>

#include "common/rrtype.h"

#define POINTER_BITS 0xC0U /* RFC 1035 section 4.1.4 */
#define POINTERS_MAX 127U  /* of one name: it has no more labels */
#define RR_FIXED_BYTES 10U /* type, class, TTL, RDLENGTH */
#define STRINGS_TO_END UINT8_MAX

uint16_t nx_wire_u16(const uint8_t *p) {
    return (uint16_t)(p[0] << 8 | p[1]);
}

uint32_t nx_wire_u32(const uint8_t *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 |
           p[3];
}

int nx_wire_name(const uint8_t *msg, size_t len, size_t at, uint8_t *out,
                 size_t *next) {
    size_t n = 0;
    size_t after = 0;  /* behind the first pointer; 0: none seen */
    size_t start = at; /* of this run of labels: pointers go before it */
    unsigned pointers_n = 0;
    for (;;) {
        if (at >= len) {
            return NX_EMALFORMED;
        }
        size_t label = msg[at];
        if ((label & POINTER_BITS) == POINTER_BITS) {
            if (len - at < 2) {
                return NX_EMALFORMED;
            }
            size_t target = (label & ~(size_t)POINTER_BITS) << 8 | msg[at + 1];
            if (target >= start || target < NX_HEADER_BYTES ||
                ++pointers_n > POINTERS_MAX) {
                return NX_EMALFORMED;
            }
            after = after != 0 ? after : at + 2;
            start = target;
            at = target;
            continue;
        }
        if (label > NX_LABEL_MAX || len - at <= label ||
            n + label + 1 > NX_DNAME_MAX) {
            return NX_EMALFORMED;
        }
        memcpy(out + n, msg + at, label + 1);
        n += label + 1;
        at += label + 1;
        if (label == 0) {
            *next = after != 0 ? after : at;
            return 0;
        }
    }
}

void nx_rr_iter_init(struct nx_rr_iter *iter, const uint8_t *msg, size_t len) {
    uint8_t qname[NX_DNAME_MAX];
    size_t at = 0;
    *iter = (struct nx_rr_iter){.msg = msg, .len = len, .broken = true};
    if (len < NX_HEADER_BYTES || nx_wire_u16(msg + 4) != 1 ||
        nx_wire_name(msg, len, NX_HEADER_BYTES, qname, &at) != 0 ||
        len - at < 4) {
        return;
    }
    iter->at = at + 4;
    iter->broken = false;
    for (size_t i = 0; i < 3; i++) {
        iter->left[i] = nx_wire_u16(msg + 6 + 2 * i);
    }
}

static bool read_rr(struct nx_rr_iter *iter, struct nx_rr *out) {
    size_t at = 0;
    if (nx_wire_name(iter->msg, iter->len, iter->at, out->owner, &at) != 0 ||
        iter->len - at < RR_FIXED_BYTES) {
        return false;
    }
    const uint8_t *p = iter->msg + at;
    out->type = nx_wire_u16(p);
    out->rclass = nx_wire_u16(p + 2);
    out->ttl_raw = nx_wire_u32(p + 4);
    out->ttl_s = out->ttl_raw > INT32_MAX ? 0 : out->ttl_raw;
    out->rdata_len = nx_wire_u16(p + 8);
    out->rdata_at = at + RR_FIXED_BYTES;
    if (iter->len - out->rdata_at < out->rdata_len) {
        return false;
    }
    iter->at = out->rdata_at + out->rdata_len;
    return true;
}

bool nx_rr_next(struct nx_rr_iter *iter, struct nx_rr *out) {
    size_t section = 0;
    while (section < 3 && iter->left[section] == 0) {
        section++;
    }
    if (section == 3 || iter->broken) {
        return false;
    }
    iter->left[section]--;
    out->section = (uint8_t)section;
    iter->broken = !read_rr(iter, out);
    return !iter->broken;
}

/* RDATA of the types that hold names or have a fixed size, in this order. All
 * of RFC 4034 section 6.2 that is in use (RFC 3597 section 4), and addresses
 * and texts. */
struct layout {
    uint16_t type;
    uint8_t prefix;  /* octets */
    uint8_t strings; /* character-strings, or STRINGS_TO_END (one or more) */
    uint8_t names;
    uint8_t suffix; /* octets */
};

static const struct layout layouts[] = {
    {NX_TYPE_A, 4, 0, 0, 0},
    {NX_TYPE_AAAA, 16, 0, 0, 0},
    {NX_TYPE_NS, 0, 0, 1, 0},
    {NX_TYPE_CNAME, 0, 0, 1, 0},
    {NX_TYPE_DNAME, 0, 0, 1, 0},
    {NX_TYPE_PTR, 0, 0, 1, 0},
    {NX_TYPE_SOA, 0, 0, 2, 20},
    {NX_TYPE_MX, 2, 0, 1, 0},
    {NX_TYPE_SRV, 6, 0, 1, 0},
    {14 /* MINFO */, 0, 0, 2, 0},
    {17 /* RP */, 0, 0, 2, 0},
    {18 /* AFSDB */, 2, 0, 1, 0},
    {21 /* RT */, 2, 0, 1, 0},
    {26 /* PX */, 2, 0, 2, 0},
    {35 /* NAPTR */, 4, 3, 1, 0},
    {36 /* KX */, 2, 0, 1, 0},
    {NX_TYPE_TXT, 0, STRINGS_TO_END, 0, 0},
};

static const struct layout *layout_of(const struct nx_rr *rr) {
    if (rr->rclass != NX_CLASS_IN) {
        return NULL;
    }
    for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++) {
        if (layouts[i].type == rr->type) {
            return &layouts[i];
        }
    }
    return NULL;
}

/* Moves *at over character-strings that must stay below end. */
static bool skip_strings(const uint8_t *msg, size_t end, unsigned n,
                         size_t *at) {
    for (unsigned i = 0; n == STRINGS_TO_END ? i == 0 || *at < end : i < n;
         i++) {
        if (*at >= end || end - *at <= msg[*at]) {
            return false;
        }
        *at += (size_t)msg[*at] + 1;
    }
    return true;
}

int nx_rr_check(const uint8_t *msg, size_t len, const struct nx_rr *rr) {
    const struct layout *layout = layout_of(rr);
    uint8_t name[NX_DNAME_MAX];
    size_t at = rr->rdata_at;
    size_t end = at + rr->rdata_len;
    if (layout == NULL) {
        return 0;
    }
    if (end > len || rr->rdata_len < layout->prefix) {
        return NX_EMALFORMED;
    }
    at += layout->prefix;
    if (!skip_strings(msg, end, layout->strings, &at)) {
        return NX_EMALFORMED;
    }
    for (unsigned i = 0; i < layout->names; i++) {
        if (nx_wire_name(msg, len, at, name, &at) != 0 || at > end) {
            return NX_EMALFORMED;
        }
    }
    return end - at == layout->suffix ? 0 : NX_EMALFORMED;
}

int nx_rr_target(const struct nx_rr_iter *iter, const struct nx_rr *rr,
                 uint8_t *out) {
    uint8_t name[NX_DNAME_MAX];
    size_t next = 0;
    if (nx_wire_name(iter->msg, iter->len, rr->rdata_at, name, &next) != 0 ||
        next > rr->rdata_at + rr->rdata_len) {
        return NX_EMALFORMED;
    }
    memcpy(out, name, nx_dname_len(name));
    return 0;
}

/* SVCB and HTTPS: a priority, an uncompressed name (RFC 9460 section 2.2), and
 * what is left as it is. False: too long, or no such name there. */
static bool lower_target(const uint8_t *rdata, size_t len, uint8_t *scratch) {
    size_t end = 2;
    while (end < len && rdata[end] > 0) {
        end += (size_t)rdata[end] + 1;
    }
    if (end >= len || len > NX_RR_SCRATCH_BYTES ||
        nx_dname_check(rdata + 2, end - 1) != 0) {
        return false;
    }
    memcpy(scratch, rdata, len);
    (void)nx_dname_lower(rdata + 2, scratch + 2);
    return true;
}

const uint8_t *nx_rr_canonical(const uint8_t *msg, size_t len,
                               const struct nx_rr *rr, uint8_t *scratch,
                               size_t *canonical_len) {
    const struct layout *layout = layout_of(rr);
    if (layout == NULL || layout->names == 0) {
        const uint8_t *rdata = msg + rr->rdata_at;
        bool service = rr->type == NX_TYPE_SVCB || rr->type == NX_TYPE_HTTPS;
        *canonical_len = rr->rdata_len;
        return service && lower_target(rdata, rr->rdata_len, scratch) ? scratch
                                                                      : rdata;
    }
    size_t at = rr->rdata_at + layout->prefix;
    size_t end = rr->rdata_at + rr->rdata_len;
    size_t n = 0;
    if (skip_strings(msg, end, layout->strings, &at)) {
        n = at - rr->rdata_at;
        memcpy(scratch, msg + rr->rdata_at, n);
    }
    for (unsigned i = 0; i < layout->names; i++) {
        uint8_t name[NX_DNAME_MAX];
        if (nx_wire_name(msg, len, at, name, &at) == 0) {
            n += nx_dname_lower(name, scratch + n);
        }
    }
    memcpy(scratch + n, msg + end - layout->suffix, layout->suffix);
    *canonical_len = n + layout->suffix;
    return scratch;
}

int nx_rdata_compare(const uint8_t *a, size_t a_len, const uint8_t *b,
                     size_t b_len) {
    size_t n = a_len < b_len ? a_len : b_len;
    int order = n > 0 ? memcmp(a, b, n) : 0;
    if (order != 0 || a_len == b_len) {
        return order;
    }
    return a_len < b_len ? -1 : 1;
}
