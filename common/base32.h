/* Base 32 (RFC 4648 section 6) without padding, in small letters: what people
 * copy, and read to each other. Reading takes capitals, too. */
#ifndef NX_COMMON_BASE32_H
#define NX_COMMON_BASE32_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

/* Characters for that many bytes, without a NUL. */
#define NX_BASE32_LEN(bytes) (((bytes)*8U + 4U) / 5U)

/* Writes NX_BASE32_LEN(len) characters and a NUL; returns out. */
char *nx_base32_text(const uint8_t *bytes, size_t len, char *out);

/* The bytes of text_len characters: text_len * 5 / 8 of them, at most cap.
 * NX_EMALFORMED: a foreign character, or no number of whole bytes (bits left
 * over must be 0); NX_ELIMIT: more than cap. */
int nx_base32_parse(const char *text, size_t text_len, uint8_t *out, size_t cap,
                    size_t *len) NX_MUSTUSE;

#endif
