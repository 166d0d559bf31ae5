/* Internationalised names at the edge (RFC 5890 to 5893, by libidn2): what
 * people write and read. Everything else knows A-labels alone. Pure. */
#ifndef NX_COLLECTOR_IDN_H
#define NX_COLLECTOR_IDN_H

#include <stdbool.h>

#include "common/dname.h"

#define NX_IDN_TEXT_MAX 1024U /* bytes of UTF-8 with the NUL */

/* Presentation format as nx_dname_parse takes it, or UTF-8 with letters beyond
 * ASCII, which become A-labels (without escapes then). NX_ENAME: neither. */
int nx_idn_parse(const char *text, uint8_t *out) NX_MUSTUSE;

/* The name for people to read, in UTF-8 and without the final dot. False: it
 * has no A-label; or one that is none (RFC 5890 section 2.3.2.1: it must come
 * back the same): then only its A-form may be shown. */
bool nx_idn_text(const uint8_t *name, char out[NX_IDN_TEXT_MAX]);

#endif
