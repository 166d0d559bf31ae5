/* Domain names in uncompressed wire format (RFC 1035 section 3.1).
 *
 * A name is a `const uint8_t *` to at most 255 octets that end with the root
 * label; every function here but nx_dname_check expects a checked name.
 * Presentation format escapes as RFC 1035 section 5.1 and RFC 4343 section 2.1
 * say: `\.` and `\\` for these two, `\DDD` for octets outside 0x21..0x7e (and
 * `"`, `(`, `)`, `;`, `@`, `$`), so the text is safe for a terminal. */
#ifndef NX_COMMON_DNAME_H
#define NX_COMMON_DNAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

#define NX_DNAME_MAX 255U       /* octets, RFC 1035 section 2.3.4 */
#define NX_LABEL_MAX 63U        /* octets */
#define NX_DNAME_TEXT_MAX 1010U /* bytes of text with the NUL, worst case */

/* Is [wire, wire+len) exactly one uncompressed name?
 * NX_ENAME when not. */
int nx_dname_check(const uint8_t *wire, size_t len) NX_MUSTUSE;

/* Octets of a checked name, with the root label: 1..255. */
size_t nx_dname_len(const uint8_t *name);

/* Parses presentation format; a missing final dot is added. out has
 * NX_DNAME_MAX octets. NX_ENAME: empty label, label over 63, name over 255,
 * bad escape, empty text. Letter case is kept. */
int nx_dname_parse(const char *text, uint8_t *out) NX_MUSTUSE;

/* Writes the presentation format with the final dot; out has
 * NX_DNAME_TEXT_MAX bytes. Returns out. */
char *nx_dname_text(const uint8_t *name, char *out);

/* ASCII case-insensitive (RFC 4343). */
bool nx_dname_equal(const uint8_t *a, const uint8_t *b);

/* Is `name` equal to or below `ancestor`? */
bool nx_dname_under(const uint8_t *name, const uint8_t *ancestor);

/* Labels without the root: 0 for ".". */
unsigned nx_dname_labels(const uint8_t *name);

/* The name without its first label, inside `name`; NULL for the root. */
const uint8_t *nx_dname_parent(const uint8_t *name);

/* Lower-cases A..Z into out (NX_DNAME_MAX octets); returns its length. */
size_t nx_dname_lower(const uint8_t *name, uint8_t *out);

/* Case-insensitive 64-bit hash. */
uint64_t nx_dname_hash(const uint8_t *name, uint64_t seed);

#endif
