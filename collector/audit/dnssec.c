#include "collector/audit/dnssec.h"

#include <sodium/crypto_hash_sha256.h>
#include <string.h>

#include "common/dname.h"

#define DS_FIXED_BYTES 4U
#define KEY_FIXED_BYTES 4U
#define DIGEST_SHA256 2U

bool nx_rdata_next(struct nx_rdata_list *list, const uint8_t **rdata,
                   size_t *len) {
    if (list->len < 2) {
        return false;
    }
    size_t n = (size_t)list->bytes[0] << 8 | list->bytes[1];
    if (n > list->len - 2) {
        return false;
    }
    *rdata = list->bytes + 2;
    *len = n;
    list->bytes += n + 2;
    list->len -= n + 2;
    return true;
}

uint16_t nx_key_tag(const uint8_t *rdata, size_t len) {
    uint32_t sum = 0;
    for (size_t i = 0; i < len; i++) {
        sum += (i & 1) != 0 ? rdata[i] : (uint32_t)rdata[i] << 8;
    }
    return (uint16_t)(sum + (sum >> 16));
}

static bool digest_fits(const uint8_t *ds, size_t ds_len, const uint8_t *owner,
                        const uint8_t *key, size_t key_len) {
    uint8_t digest[crypto_hash_sha256_BYTES];
    crypto_hash_sha256_state state;
    if (ds[3] != DIGEST_SHA256) {
        return true;
    }
    if (ds_len - DS_FIXED_BYTES != sizeof(digest)) {
        return false;
    }
    (void)crypto_hash_sha256_init(&state);
    (void)crypto_hash_sha256_update(&state, owner, nx_dname_len(owner));
    (void)crypto_hash_sha256_update(&state, key, key_len);
    (void)crypto_hash_sha256_final(&state, digest);
    return memcmp(digest, ds + DS_FIXED_BYTES, sizeof(digest)) == 0;
}

bool nx_ds_fits(const uint8_t *ds, size_t ds_len, const uint8_t *owner,
                struct nx_rdata_list keys) {
    const uint8_t *key = NULL;
    size_t key_len = 0;
    if (ds_len <= DS_FIXED_BYTES) {
        return false;
    }
    uint16_t tag = (uint16_t)(ds[0] << 8 | ds[1]);
    while (nx_rdata_next(&keys, &key, &key_len)) {
        if (key_len > KEY_FIXED_BYTES && key[3] == ds[2] &&
            nx_key_tag(key, key_len) == tag &&
            digest_fits(ds, ds_len, owner, key, key_len)) {
            return true;
        }
    }
    return false;
}
