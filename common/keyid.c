#include "common/keyid.h"

#include <string.h>

#include <sodium.h>

#include "common/base32.h"

#define HASH_BYTES 32U
#define PRINT_BYTES 20U
#define GROUP 4U

char *nx_key_id(const uint8_t key[32], char *out) {
    uint8_t hash[HASH_BYTES];
    (void)crypto_generichash(hash, sizeof(hash), key, 32, NULL, 0);
    return nx_base32_text(hash, 10, out);
}

char *nx_key_fingerprint(const uint8_t key[32], char *out) {
    uint8_t hash[HASH_BYTES];
    char plain[NX_BASE32_LEN(PRINT_BYTES) + 1];
    char *to = out;
    (void)crypto_generichash(hash, sizeof(hash), key, 32, NULL, 0);
    (void)nx_base32_text(hash, PRINT_BYTES, plain);
    for (size_t i = 0; i < NX_BASE32_LEN(PRINT_BYTES); i += GROUP) {
        if (i > 0) {
            *to++ = '-';
        }
        memcpy(to, plain + i, GROUP);
        to += GROUP;
    }
    *to = '\0';
    return out;
}
