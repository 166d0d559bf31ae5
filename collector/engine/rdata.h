/* RDATA in presentation format (RFC 1035 section 5.1) to canonical form
 * (RFC 4034 section 6.2) and back. Types with a known shape: A, AAAA, NS,
 * CNAME, PTR, DNAME, MX, SRV, TXT, CAA, DS, SOA, SVCB, HTTPS; every type in the
 * generic form of RFC 3597 section 5 (`\# 4 c0000201`). Pure. */
#ifndef NX_COLLECTOR_RDATA_H
#define NX_COLLECTOR_RDATA_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

/* Fields of a known shape, one letter each:
 * 1, 2: number of so many octets; l: of four; 4, 6: address;
 * n: name, lower-cased; x: octets to the end, in hexadecimal;
 * s: character-string without quotes; v: octets to the end, as one string;
 * t: character-strings to the end, at least one; p: SvcParams to the end. NULL:
 * shape not known. */
const char *nx_rdata_shape(uint16_t qtype);

/* out: cap octets. NX_EMALFORMED; NX_ELIMIT: longer than cap. */
int nx_rdata_parse(uint16_t qtype, const char *text, uint8_t *out, size_t cap,
                   size_t *len) NX_MUSTUSE;

/* Lower-cases the names in RDATA that has the type's shape.
 * NX_EMALFORMED: it has not. */
int nx_rdata_canonical(uint16_t qtype, uint8_t *rdata, size_t len) NX_MUSTUSE;

/* Presentation of one RDATA, always printable ASCII; generic where the shape
 * is unknown or does not fit. Cut at cap. Returns out. */
char *nx_rdata_present(uint16_t qtype, const uint8_t *rdata, size_t len,
                       char *out, size_t cap);

#endif
