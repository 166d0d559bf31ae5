#include "common/join.h"

#include <ctype.h>
#include <string.h>

#include <sodium.h>

#include "common/base32.h"

#define PREFIX "nxj"
#define VERSION '1'
#define PREFIX_LEN (sizeof(PREFIX)) /* with the version instead of the NUL */
#define SUM_BYTES 4U
#define ADDRESS_BYTES 19U /* family, 16 octets, port */
#define RAW_MAX                                                                \
    (NX_KEY_BYTES + NX_JOIN_TOKEN_BYTES +                                      \
     NX_JOIN_ADDRESSES_MAX * ADDRESS_BYTES + SUM_BYTES)

_Static_assert(PREFIX_LEN + NX_BASE32_LEN(RAW_MAX) < NX_JOIN_TEXT_MAX,
               "the longest string fits");

void nx_join_token_hash(const uint8_t token[NX_JOIN_TOKEN_BYTES],
                        uint8_t out[32]) {
    (void)crypto_generichash(out, 32, token, NX_JOIN_TOKEN_BYTES, NULL, 0);
}

/* --- the string --- */

static void sum_of(const uint8_t *bytes, size_t len, uint8_t out[SUM_BYTES]) {
    uint8_t hash[32];
    (void)crypto_generichash(hash, sizeof(hash), bytes, len, NULL, 0);
    memcpy(out, hash, SUM_BYTES);
}

static bool address_ok(const struct nx_endpoint *at) {
    return (at->address_len == 4 || at->address_len == 16) && at->port > 0;
}

static bool addresses_ok(const struct nx_endpoint *list, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (!address_ok(&list[i])) {
            return false;
        }
    }
    return true;
}

/* Family, address, port; `room` octets for the address. */
static uint8_t *put_address(uint8_t *p, const struct nx_endpoint *at,
                            size_t room) {
    *p++ = at->address_len == 4 ? 4 : 6;
    memcpy(p, at->address, at->address_len);
    p += room;
    *p++ = (uint8_t)(at->port >> 8);
    *p++ = (uint8_t)(at->port & 0xff);
    return p;
}

int nx_join_text(const struct nx_join *join, char *out) {
    uint8_t raw[RAW_MAX];
    uint8_t *p = raw;
    if (join->addresses_n == 0 || join->addresses_n > NX_JOIN_ADDRESSES_MAX) {
        return NX_ELIMIT;
    }
    if (!addresses_ok(join->addresses, join->addresses_n)) {
        return NX_EADDRESS;
    }
    memcpy(p, join->server_key, NX_KEY_BYTES);
    p += NX_KEY_BYTES;
    memcpy(p, join->token, NX_JOIN_TOKEN_BYTES);
    p += NX_JOIN_TOKEN_BYTES;
    for (size_t i = 0; i < join->addresses_n; i++) {
        const struct nx_endpoint *at = &join->addresses[i];
        p = put_address(p, at, at->address_len);
    }
    sum_of(raw, (size_t)(p - raw), p);
    p += SUM_BYTES;
    memcpy(out, PREFIX, PREFIX_LEN - 1);
    out[PREFIX_LEN - 1] = VERSION;
    (void)nx_base32_text(raw, (size_t)(p - raw), out + PREFIX_LEN);
    sodium_memzero(raw, sizeof(raw));
    return NX_OK;
}

/* Reads an address of a string; NULL: it is none. */
static const uint8_t *get_address(const uint8_t *p, const uint8_t *end,
                                  struct nx_endpoint *out) {
    size_t len = p < end && *p == 4 ? 4 : 16;
    if (p == end || (*p != 4 && *p != 6) || (size_t)(end - p) < len + 3) {
        return NULL;
    }
    memcpy(out->address, p + 1, len);
    out->address_len = (uint8_t)len;
    p += 1 + len;
    out->port = (uint16_t)((unsigned)p[0] << 8 | p[1]);
    return out->port > 0 ? p + 2 : NULL;
}

static int parse_raw(const uint8_t *raw, size_t len, struct nx_join *out) {
    struct nx_join join;
    uint8_t sum[SUM_BYTES];
    memset(&join, 0, sizeof(join));
    if (len < NX_KEY_BYTES + NX_JOIN_TOKEN_BYTES + SUM_BYTES) {
        return NX_EMISMATCH;
    }
    const uint8_t *end = raw + len - SUM_BYTES;
    sum_of(raw, len - SUM_BYTES, sum);
    if (memcmp(sum, end, SUM_BYTES) != 0) {
        return NX_EMISMATCH;
    }
    memcpy(join.server_key, raw, NX_KEY_BYTES);
    memcpy(join.token, raw + NX_KEY_BYTES, NX_JOIN_TOKEN_BYTES);
    const uint8_t *p = raw + NX_KEY_BYTES + NX_JOIN_TOKEN_BYTES;
    while (p != NULL && p < end && join.addresses_n < NX_JOIN_ADDRESSES_MAX) {
        p = get_address(p, end, &join.addresses[join.addresses_n++]);
    }
    if (p != end || join.addresses_n == 0) {
        return NX_EMALFORMED;
    }
    *out = join;
    return NX_OK;
}

/* Without white space; false: too long. */
static bool squeeze(const char *text, char *out, size_t cap) {
    size_t n = 0;
    for (; *text != '\0'; text++) {
        if (isspace((unsigned char)*text) != 0) {
            continue;
        }
        if (n + 1 == cap) {
            return false;
        }
        out[n++] = *text;
    }
    out[n] = '\0';
    return true;
}

int nx_join_parse(const char *text, struct nx_join *out) {
    char plain[NX_JOIN_TEXT_MAX];
    uint8_t raw[RAW_MAX];
    size_t len = 0;
    if (!squeeze(text, plain, sizeof(plain)) ||
        strncmp(plain, PREFIX, PREFIX_LEN - 1) != 0) {
        return NX_EMALFORMED;
    }
    if (plain[PREFIX_LEN - 1] != VERSION) {
        return plain[PREFIX_LEN - 1] >= '2' && plain[PREFIX_LEN - 1] <= '9'
                   ? NX_EVERSION
                   : NX_EMALFORMED;
    }
    /* What is no base 32 was mistyped. */
    int err = nx_base32_parse(plain + PREFIX_LEN, strlen(plain) - PREFIX_LEN,
                              raw, sizeof(raw), &len);
    err = err == NX_OK ? parse_raw(raw, len, out) : NX_EMISMATCH;
    sodium_memzero(plain, sizeof(plain));
    sodium_memzero(raw, sizeof(raw));
    return err;
}

/* --- the messages --- */

static const uint8_t request_magic[4] = {'N', 'X', 'E', '1'};
static const uint8_t reply_magic[4] = {'N', 'X', 'R', '1'};

/* A text with its NUL in a fixed field, NULs behind it. */
static bool get_text(const uint8_t *p, char out[NX_JOIN_LABEL_MAX]) {
    memcpy(out, p, NX_JOIN_LABEL_MAX);
    return out[NX_JOIN_LABEL_MAX - 1] == '\0';
}

static void put_text(uint8_t *p, const char *text) {
    memcpy(p, text, strnlen(text, NX_JOIN_LABEL_MAX - 1));
}

void nx_join_request_pack(const struct nx_join_request *request,
                          uint8_t out[NX_JOIN_REQUEST_BYTES]) {
    memset(out, 0, NX_JOIN_REQUEST_BYTES);
    memcpy(out, request_magic, sizeof(request_magic));
    memcpy(out + 4, request->token, NX_JOIN_TOKEN_BYTES);
    put_text(out + 4 + NX_JOIN_TOKEN_BYTES, request->name);
}

int nx_join_request_parse(const uint8_t *bytes, size_t len,
                          struct nx_join_request *out) {
    struct nx_join_request request;
    uint8_t again[NX_JOIN_REQUEST_BYTES];
    if (len != NX_JOIN_REQUEST_BYTES) {
        return NX_EMALFORMED;
    }
    memcpy(request.token, bytes + 4, NX_JOIN_TOKEN_BYTES);
    if (!get_text(bytes + 4 + NX_JOIN_TOKEN_BYTES, request.name)) {
        return NX_EMALFORMED;
    }
    nx_join_request_pack(&request, again);
    if (memcmp(again, bytes, len) != 0) {
        return NX_EMALFORMED;
    }
    *out = request;
    return NX_OK;
}

int nx_join_reply_pack(const struct nx_join_reply *reply,
                       uint8_t out[NX_JOIN_REPLY_BYTES]) {
    if (reply->addresses_n > NX_JOIN_ADDRESSES_MAX ||
        reply->keys_n > NX_JOIN_KEYS_MAX) {
        return NX_ELIMIT;
    }
    if (!addresses_ok(reply->addresses, reply->addresses_n)) {
        return NX_EADDRESS;
    }
    memset(out, 0, NX_JOIN_REPLY_BYTES);
    memcpy(out, reply_magic, sizeof(reply_magic));
    uint8_t *p = out + sizeof(reply_magic);
    *p++ = (uint8_t)reply->verdict;
    *p++ = reply->authority ? 1 : 0;
    put_text(p, reply->network);
    p += NX_JOIN_LABEL_MAX;
    put_text(p, reply->name);
    p += NX_JOIN_LABEL_MAX;
    *p++ = (uint8_t)reply->addresses_n;
    for (size_t i = 0; i < reply->addresses_n; i++) {
        p = put_address(p, &reply->addresses[i], 16);
    }
    p += (NX_JOIN_ADDRESSES_MAX - reply->addresses_n) * ADDRESS_BYTES;
    *p++ = (uint8_t)reply->keys_n;
    memcpy(p, reply->keys, reply->keys_n * NX_KEY_BYTES);
    return NX_OK;
}

static bool get_addresses(const uint8_t *p, struct nx_join_reply *out) {
    out->addresses_n = *p++;
    if (out->addresses_n > NX_JOIN_ADDRESSES_MAX) {
        return false;
    }
    for (size_t i = 0; i < out->addresses_n; i++, p += ADDRESS_BYTES) {
        struct nx_endpoint *at = &out->addresses[i];
        at->address_len = p[0] == 4 ? 4 : 16;
        memcpy(at->address, p + 1, at->address_len);
        at->port = (uint16_t)((unsigned)p[17] << 8 | p[18]);
    }
    return true;
}

int nx_join_reply_parse(const uint8_t *bytes, size_t len,
                        struct nx_join_reply *out) {
    struct nx_join_reply reply;
    uint8_t again[NX_JOIN_REPLY_BYTES];
    memset(&reply, 0, sizeof(reply));
    if (len != NX_JOIN_REPLY_BYTES || bytes[4] > NX_JOIN_VERDICT_MAX) {
        return NX_EMALFORMED;
    }
    reply.verdict = (enum nx_join_verdict)bytes[4];
    reply.authority = bytes[5] == 1;
    const uint8_t *p = bytes + 6;
    if (!get_text(p, reply.network) ||
        !get_text(p + NX_JOIN_LABEL_MAX, reply.name) ||
        !get_addresses(p + (size_t)2 * NX_JOIN_LABEL_MAX, &reply)) {
        return NX_EMALFORMED;
    }
    p += 2 * NX_JOIN_LABEL_MAX + 1 + NX_JOIN_ADDRESSES_MAX * ADDRESS_BYTES;
    reply.keys_n = *p++;
    if (reply.keys_n > NX_JOIN_KEYS_MAX) {
        return NX_EMALFORMED;
    }
    memcpy(reply.keys, p, reply.keys_n * NX_KEY_BYTES);
    if (nx_join_reply_pack(&reply, again) != NX_OK ||
        memcmp(again, bytes, len) != 0) {
        return NX_EMALFORMED; /* a bad magic, and all that is not canonical */
    }
    *out = reply;
    return NX_OK;
}
