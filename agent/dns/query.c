#include "agent/dns/query.h"

#include <string.h>

#include "agent/dns/rr.h"
#include "common/rrtype.h"

#define BIT_RD 0x0100U
#define BIT_AD 0x0020U
#define BIT_CD 0x0010U
#define OPTION_NSID 3U      /* RFC 5001 */
#define EDNS_DO 0x00008000U /* in the TTL of OPT, RFC 6891 section 6.1.4 */

static uint8_t *put_u16(uint8_t *p, unsigned value) {
    p[0] = (uint8_t)(value >> 8);
    p[1] = (uint8_t)value;
    return p + 2;
}

static uint8_t *put_header(uint8_t *p, uint16_t id, uint16_t flags) {
    unsigned bits = (flags & NX_Q_RD) != 0 ? BIT_RD : 0;
    bits |= (flags & NX_Q_CD) != 0 ? BIT_CD : 0;
    bits |= (flags & NX_Q_AD) != 0 ? BIT_AD : 0;
    p = put_u16(p, id);
    p = put_u16(p, bits);
    p = put_u16(p, 1); /* questions */
    p = put_u16(p, 0);
    p = put_u16(p, 0);
    return put_u16(p, 1); /* the OPT */
}

static uint8_t *put_opt(uint8_t *p, const struct nx_question *question) {
    unsigned flags = question->flags;
    unsigned nsid = flags & NX_Q_NSID;
    *p++ = 0; /* owner: the root */
    p = put_u16(p, NX_TYPE_OPT);
    p = put_u16(p, question->udp_bytes != 0 ? question->udp_bytes
                                            : NX_EDNS_UDP_BYTES);
    p = put_u16(p, 0); /* extended rcode, version 0 */
    p = put_u16(p, (flags & NX_Q_DO) != 0 ? EDNS_DO : 0);
    p = put_u16(p, nsid != 0 ? 4 : 0);
    if (nsid != 0) {
        p = put_u16(p, OPTION_NSID);
        p = put_u16(p, 0);
    }
    return p;
}

size_t nx_query_build(const struct nx_question *question, uint16_t id,
                      uint8_t *out) {
    size_t name_len = nx_dname_len(question->name);
    uint8_t *p = put_header(out, id, question->flags);
    memcpy(p, question->name, name_len);
    p = put_u16(p + name_len, question->qtype);
    p = put_u16(p,
                (question->flags & NX_Q_CH) != 0 ? NX_CLASS_CH : NX_CLASS_IN);
    p = put_opt(p, question);
    return (size_t)(p - out);
}
