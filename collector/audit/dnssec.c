#include "collector/audit/dnssec.h"

#include <sodium/crypto_hash_sha256.h>
#include <sodium/crypto_hash_sha512.h>
#include <string.h>

#include "common/dname.h"

#define DS_FIXED_BYTES 4U
#define KEY_FIXED_BYTES 4U
#define DIGEST_SHA256 2U
#define DIGEST_SHA384 4U
#define SHA384_BYTES 48U

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

static bool is_strong(unsigned digest_type) {
    return digest_type == DIGEST_SHA256 || digest_type == DIGEST_SHA384;
}

struct bytes {
    const uint8_t *at;
    size_t len;
};

static void sha256(const uint8_t *owner, struct bytes key, uint8_t *out) {
    crypto_hash_sha256_state state;
    (void)crypto_hash_sha256_init(&state);
    (void)crypto_hash_sha256_update(&state, owner, nx_dname_len(owner));
    (void)crypto_hash_sha256_update(&state, key.at, key.len);
    (void)crypto_hash_sha256_final(&state, out);
}

/* SHA-512 from another start, cut (FIPS 180-4 sections 5.3.4, 6.5). */
static void sha384(const uint8_t *owner, struct bytes key, uint8_t *out) {
    static const uint64_t start[8] = {0xcbbb9d5dc1059ed8, 0x629a292a367cd507,
                                      0x9159015a3070dd17, 0x152fecd8f70e5939,
                                      0x67332667ffc00b31, 0x8eb44a8768581511,
                                      0xdb0c2e0d64f98fa7, 0x47b5481dbefa4fa4};
    uint8_t whole[crypto_hash_sha512_BYTES];
    crypto_hash_sha512_state state;
    (void)crypto_hash_sha512_init(&state);
    memcpy(state.state, start, sizeof(start));
    (void)crypto_hash_sha512_update(&state, owner, nx_dname_len(owner));
    (void)crypto_hash_sha512_update(&state, key.at, key.len);
    (void)crypto_hash_sha512_final(&state, whole);
    memcpy(out, whole, SHA384_BYTES);
}

static bool digest_fits(struct bytes ds, const uint8_t *owner,
                        struct bytes key) {
    uint8_t digest[SHA384_BYTES];
    bool longer = ds.at[3] == DIGEST_SHA384;
    size_t len = longer ? SHA384_BYTES : crypto_hash_sha256_BYTES;
    if (!is_strong(ds.at[3])) {
        return true;
    }
    if (ds.len - DS_FIXED_BYTES != len) {
        return false;
    }
    (longer ? sha384 : sha256)(owner, key, digest);
    return memcmp(digest, ds.at + DS_FIXED_BYTES, len) == 0;
}

static bool one_fits(struct bytes ds, const uint8_t *owner,
                     struct nx_rdata_list keys) {
    struct bytes key = {0};
    uint16_t tag = (uint16_t)(ds.at[0] << 8 | ds.at[1]);
    while (nx_rdata_next(&keys, &key.at, &key.len)) {
        if (key.len > KEY_FIXED_BYTES && key.at[3] == ds.at[2] &&
            nx_key_tag(key.at, key.len) == tag && digest_fits(ds, owner, key)) {
            return true;
        }
    }
    return false;
}

bool nx_ds_fit(struct nx_rdata_list ds, const uint8_t *owner,
               struct nx_rdata_list keys) {
    struct nx_rdata_list all = ds;
    struct bytes one = {0};
    bool strong = false;
    while (nx_rdata_next(&all, &one.at, &one.len)) {
        strong |= one.len > DS_FIXED_BYTES && is_strong(one.at[3]);
    }
    while (nx_rdata_next(&ds, &one.at, &one.len)) {
        if (one.len > DS_FIXED_BYTES && (!strong || is_strong(one.at[3])) &&
            one_fits(one, owner, keys)) {
            return true;
        }
    }
    return false;
}
