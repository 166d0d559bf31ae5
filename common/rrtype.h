/* Names of record types and response codes (IANA DNS parameters; TYPEnnn as
 * in RFC 3597 section 5). */
#ifndef NX_COMMON_RRTYPE_H
#define NX_COMMON_RRTYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

enum nx_rrtype {
    NX_TYPE_A = 1,
    NX_TYPE_NS = 2,
    NX_TYPE_CNAME = 5,
    NX_TYPE_SOA = 6,
    NX_TYPE_PTR = 12,
    NX_TYPE_MX = 15,
    NX_TYPE_TXT = 16,
    NX_TYPE_AAAA = 28,
    NX_TYPE_SRV = 33,
    NX_TYPE_DNAME = 39,
    NX_TYPE_OPT = 41,
    NX_TYPE_DS = 43,
    NX_TYPE_RRSIG = 46,
    NX_TYPE_NSEC = 47,
    NX_TYPE_DNSKEY = 48,
    NX_TYPE_NSEC3 = 50,
    NX_TYPE_SVCB = 64,
    NX_TYPE_HTTPS = 65,
    NX_TYPE_CAA = 257,
};

enum nx_rcode {
    NX_RCODE_NOERROR = 0,
    NX_RCODE_FORMERR = 1,
    NX_RCODE_SERVFAIL = 2,
    NX_RCODE_NXDOMAIN = 3,
    NX_RCODE_NOTIMP = 4,
    NX_RCODE_REFUSED = 5,
    NX_RCODE_NOTAUTH = 9,
};

#define NX_RRTYPE_TEXT_MAX 12U /* "OPENPGPKEY", "TYPE65535" and the NUL */
#define NX_RCODE_TEXT_MAX 12U  /* "RCODE4095" and the NUL */

/* "A", "aaaa", "TYPE64": NX_ETYPE when not known; meta types (0, OPT, IXFR,
 * AXFR, ANY and 128..255) are refused: they are no question about an RRset. */
int nx_rrtype_parse(const char *text, uint16_t *out) NX_MUSTUSE;

/* For private use: nobody's but who agreed on it (RFC 6895 section 3.1). */
#define NX_TYPE_PRIVATE_FIRST 65280U
#define NX_TYPE_PRIVATE_N 255U

bool nx_rrtype_is_private(uint16_t type);

/* Writes the mnemonic or TYPEnnn into out (NX_RRTYPE_TEXT_MAX); returns out. */
char *nx_rrtype_text(uint16_t type, char *out);

/* "NXDOMAIN"; "RCODE17" into out (NX_RCODE_TEXT_MAX) when it has no name. */
const char *nx_rcode_text(unsigned rcode, char *out);

#endif
