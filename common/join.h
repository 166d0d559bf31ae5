/* Enrolment: the join string that an operator hands to whoever sets up an
 * agent, and the two messages of the enrolment port. Pure.
 *
 * A join string is one word: "nxj1" and, in base 32, the collector's public key
 * (32 octets), the token (16), for each address of the enrolment port its
 * family (4 or 6), address and port (network order), and the first 4 octets of
 * BLAKE2b-256 of all that, so that what was cut or mistyped is noticed. It is
 * as good as a password until it is used or expires.
 *
 * The messages have one size each and no structure that could nest: what comes
 * from a stranger is compared octet by octet. */
#ifndef NX_COMMON_JOIN_H
#define NX_COMMON_JOIN_H

#include "common/obs.h"
#include "common/z85.h"

#define NX_JOIN_ADDRESSES_MAX 4U
#define NX_JOIN_TOKEN_BYTES 16U
#define NX_JOIN_TEXT_MAX 256U /* with the NUL */
#define NX_JOIN_LABEL_MAX 64U /* a network's or agent's name with the NUL */
#define NX_JOIN_KEYS_MAX 3U   /* pinned keys of one collector */

struct nx_join {
    uint8_t server_key[NX_KEY_BYTES];
    uint8_t token[NX_JOIN_TOKEN_BYTES];
    struct nx_endpoint addresses[NX_JOIN_ADDRESSES_MAX]; /* address and port */
    size_t addresses_n;                                  /* 1.. */
};

/* Writes the string; out: NX_JOIN_TEXT_MAX bytes. NX_ELIMIT: no address, or too
 * many; NX_EADDRESS: not IPv4 or IPv6, or no port. */
int nx_join_text(const struct nx_join *join, char *out) NX_MUSTUSE;

/* Reads one; white space in it, as a mail program leaves it, does not count.
 * NX_EMALFORMED: not a join string; NX_EVERSION: of another version;
 * NX_EMISMATCH: something is missing or was mistyped. */
int nx_join_parse(const char *text, struct nx_join *out) NX_MUSTUSE;

/* BLAKE2b-256 of the token: what the collector keeps. */
void nx_join_token_hash(const uint8_t token[NX_JOIN_TOKEN_BYTES],
                        uint8_t out[32]);

/* --- the enrolment port --- */

#define NX_JOIN_REQUEST_BYTES 128U
#define NX_JOIN_REPLY_BYTES 512U

/* Who asks is the key that CURVE authenticated. */
struct nx_join_request {
    uint8_t token[NX_JOIN_TOKEN_BYTES];
    char name[NX_JOIN_LABEL_MAX]; /* what the agent would like; "" */
};

enum nx_join_verdict {
    NX_JOIN_ACCEPTED,
    NX_JOIN_TOKEN, /* not a token of this collector, used, expired, revoked */
    NX_JOIN_KEY,   /* this key was refused, revoked or quarantined before */
    NX_JOIN_LATER, /* nothing can be stored now */
};
#define NX_JOIN_VERDICT_MAX NX_JOIN_LATER

/* With ACCEPTED all that an agent's configuration needs. */
struct nx_join_reply {
    enum nx_join_verdict verdict;
    bool authority;
    char network[NX_JOIN_LABEL_MAX];
    char name[NX_JOIN_LABEL_MAX];
    struct nx_endpoint addresses[NX_JOIN_ADDRESSES_MAX]; /* for agents */
    size_t addresses_n;
    uint8_t keys[NX_JOIN_KEYS_MAX][NX_KEY_BYTES]; /* the present one first */
    size_t keys_n;
};

void nx_join_request_pack(const struct nx_join_request *request,
                          uint8_t out[NX_JOIN_REQUEST_BYTES]);
/* NX_EMALFORMED: another size, or anything that _pack does not write. */
int nx_join_request_parse(const uint8_t *bytes, size_t len,
                          struct nx_join_request *out) NX_MUSTUSE;

/* addresses_n and keys_n within their limits; addresses as in nx_join_text. */
int nx_join_reply_pack(const struct nx_join_reply *reply,
                       uint8_t out[NX_JOIN_REPLY_BYTES]) NX_MUSTUSE;
int nx_join_reply_parse(const uint8_t *bytes, size_t len,
                        struct nx_join_reply *out) NX_MUSTUSE;

#endif
