/* Short names for a public key, for people to compare. Pure. */
#ifndef NX_COMMON_KEYID_H
#define NX_COMMON_KEYID_H

#include <stdint.h>

#define NX_KEY_ID_LEN 16U          /* 80 bits in base 32 */
#define NX_KEY_FINGERPRINT_LEN 39U /* 160 bits, in groups of four */

/* The first 80 bits of BLAKE2b-256 of the key, in base 32; out:
 * NX_KEY_ID_LEN + 1 bytes; returns out. */
char *nx_key_id(const uint8_t key[32], char *out);

/* The first 160 bits, "abcd-efgh-...": it begins with the id. out:
 * NX_KEY_FINGERPRINT_LEN + 1 bytes; returns out. */
char *nx_key_fingerprint(const uint8_t key[32], char *out);

#endif
