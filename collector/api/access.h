/* Who may do what at the API, and the tokens that say so. Pure.
 *
 * A token is `nxt_` and 32 characters of base 32: 160 random bits, so that its
 * hash needs neither salt nor delay. Only the hash is kept. A token reads, or
 * does everything; one that reads may be confined to some networks. */
#ifndef NX_COLLECTOR_ACCESS_H
#define NX_COLLECTOR_ACCESS_H

#include "collector/api/api.h"
#include "collector/status/sight.h"

#define NX_TOKEN_SECRET_BYTES 20U
#define NX_TOKEN_TEXT_LEN 36U /* without the NUL */
#define NX_TOKEN_HASH_BYTES 32U
#define NX_TOKENS_MAX 1024U /* in the store, with those that are over */

/* In replies: what the asker may do, "read" or "admin". */
#define NX_ACCESS_HEADER "Nxclear-Access"

enum nx_scope { NX_SCOPE_READ, NX_SCOPE_ADMIN };
const char *nx_scope_text(unsigned scope);

/* What somebody may do. */
struct nx_grant {
    enum nx_scope scope;
    struct nx_sight sight; /* of a reader */
    uint32_t token_id;     /* 0: came by the Unix socket without a token */
    /* For the audit log: "unix socket", "token NAME". */
    char who[NX_TEXT_LABEL_MAX + 8];
};

struct nx_token {
    uint32_t id;
    char name[NX_TEXT_LABEL_MAX];
    enum nx_scope scope;
    struct nx_sight sight;
    int64_t created_us;
    int64_t expires_us; /* NX_TIME_UNKNOWN: never */
    int64_t revoked_us; /* NX_TIME_UNKNOWN: not */
    uint8_t hash[NX_TOKEN_HASH_BYTES];
};

/* out: NX_TOKEN_TEXT_LEN + 1 bytes. */
void nx_token_text(const uint8_t secret[NX_TOKEN_SECRET_BYTES], char *out);
/* BLAKE2b-256. */
void nx_token_hash(const char *text, size_t len,
                   uint8_t out[NX_TOKEN_HASH_BYTES]);
bool nx_token_live(const struct nx_token *token, int64_t now_us);

/* What the text of a token grants; NX_EDENIED: unknown, expired or revoked. */
int nx_token_grant(const struct nx_token *tokens, size_t n, const char *text,
                   int64_t now_us, struct nx_grant *out) NX_MUSTUSE;

/* The token in the value of an Authorization header (RFC 6750 section 2.1),
 * NULL when it has none. Inside `header`. */
const char *nx_access_bearer(const char *header);

/* May the request be done? grant NULL: nobody said who asks. NX_EDENIED with
 * *problem: 401, 403. */
int nx_access_check(const struct nx_api_request *request,
                    const struct nx_grant *grant,
                    struct nx_api_problem *problem) NX_MUSTUSE;

/* --- requests about tokens --- */

struct nx_api_token {
    char name[NX_TEXT_LABEL_MAX];
    enum nx_scope scope;
    struct nx_sight sight;
    int64_t lasts_us; /* 0: for ever */
};
/* The body of POST /v1/tokens: {"name", "scope": "read" | "admin",
 * "networks": [..] (optional, with read), "expires_s" (optional)}. */
int nx_api_token(const char *body, size_t len, struct nx_api_token *out,
                 struct nx_api_problem *problem) NX_MUSTUSE;

/* {"id", "name", "scope", "networks", "created", "expires", "state"}; a new
 * reference, NULL when out of memory. */
json_t *nx_token_json(const struct nx_token *token, int64_t now_us);

#endif
