/* CURVE keys as text: 40 characters of Z85 (ZeroMQ RFC 32) for 32 octets. */
#ifndef NX_COMMON_Z85_H
#define NX_COMMON_Z85_H

#include <stdint.h>

#include "common/err.h"

#define NX_KEY_BYTES 32U
#define NX_KEY_TEXT_LEN 40U
#define NX_KEY_TEXT_MAX 41U /* with the NUL */

/* Decodes exactly NX_KEY_TEXT_LEN characters; out has NX_KEY_BYTES octets and
 * may be NULL to check only. NX_EMALFORMED: other length, a character outside
 * the alphabet, or a group above 2^32-1. */
int nx_z85_key_parse(const char *text, uint8_t *out) NX_MUSTUSE;

/* Writes NX_KEY_TEXT_MAX bytes; returns out. */
char *nx_z85_key_text(const uint8_t key[NX_KEY_BYTES], char *out);

#endif
