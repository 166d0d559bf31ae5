/* Signatures, and when to try again. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "collector/alert/payload.h"
#include "common/hash.h"

#define US_PER_S INT64_C(1000000)
#define RETRY_FIRST_US (5 * US_PER_S)
#define RETRY_MAX_US (600 * US_PER_S)

void nx_alert_sign(const char *secret, size_t secret_len, int64_t timestamp_s,
                   const char *body, size_t body_len,
                   char out[NX_ALERT_SIGNATURE_MAX]) {
    crypto_auth_hmacsha256_state state;
    uint8_t mac[crypto_auth_hmacsha256_BYTES];
    char stamp[24];
    int len = snprintf(stamp, sizeof(stamp), "%" PRId64 ".", timestamp_s);
    (void)crypto_auth_hmacsha256_init(&state, (const uint8_t *)secret,
                                      secret_len);
    (void)crypto_auth_hmacsha256_update(&state, (const uint8_t *)stamp,
                                        (unsigned long long)len);
    (void)crypto_auth_hmacsha256_update(&state, (const uint8_t *)body,
                                        body_len);
    (void)crypto_auth_hmacsha256_final(&state, mac);
    (void)sodium_bin2hex(out, NX_ALERT_SIGNATURE_MAX, mac, sizeof(mac));
    sodium_memzero(&state, sizeof(state));
}

int64_t nx_alert_retry_us(unsigned attempts, uint64_t salt) {
    int64_t us = RETRY_FIRST_US;
    for (unsigned i = 1; i < attempts && us < RETRY_MAX_US; i++) {
        us *= 2;
    }
    us = us < RETRY_MAX_US ? us : RETRY_MAX_US;
    uint64_t quarter = (uint64_t)us / 4;
    return us - (int64_t)(nx_hash_u64(attempts, salt) % quarter);
}
