/* Join strings as the collector keeps them: a token that lets one key in, into
 * one network, for a while. Pure. */
#ifndef NX_COLLECTOR_ENROLMENT_H
#define NX_COLLECTOR_ENROLMENT_H

#include <jansson.h>

#include "collector/api/api.h"
#include "collector/ingest/agent_record.h"
#include "common/join.h"

#define NX_ENROLMENTS_MAX 4096U /* in the store, with those that are over */
#define NX_ENROLMENT_DEFAULT_US INT64_C(3600000000)
#define NX_ENROLMENT_LASTS_MAX_S (366 * 86400)

struct nx_enrolment {
    uint32_t id;
    uint8_t token_hash[32]; /* nx_join_token_hash */
    char network[NX_TEXT_LABEL_MAX];
    char name[NX_TEXT_LABEL_MAX]; /* "": the agent's own, or the network's */
    bool authority;
    int64_t created_us;
    int64_t expires_us;
    int64_t revoked_us;                /* NX_TIME_UNKNOWN: not */
    int64_t used_us;                   /* NX_TIME_UNKNOWN: not */
    char used_key[NX_KEY_Z85_LEN + 1]; /* Z85; "" */
};

enum nx_enrolment_state {
    NX_ENROLMENT_OPEN,
    NX_ENROLMENT_USED,
    NX_ENROLMENT_EXPIRED,
    NX_ENROLMENT_REVOKED,
};
enum nx_enrolment_state nx_enrolment_state(const struct nx_enrolment *enrolment,
                                           int64_t now_us);
const char *nx_enrolment_state_text(unsigned state);

/* The one with this token's hash; NULL: there is none. */
const struct nx_enrolment *
nx_enrolment_find(const struct nx_enrolment *list, size_t n,
                  const uint8_t token[NX_JOIN_TOKEN_BYTES]);

/* May this key use it now? An open one, or one that the same key used before:
 * the answer may not have arrived. */
bool nx_enrolment_admits(const struct nx_enrolment *enrolment, const char *key,
                         int64_t now_us);

/* {"id", "network", "name", "role", "created", "expires", "used", "key",
 * "state"}; a new reference, NULL when out of memory. */
json_t *nx_enrolment_json(const struct nx_enrolment *enrolment, int64_t now_us);

/* The body of POST /v1/enrolments: {"network", "name", "role", "expires_s"},
 * all but the first optional. */
struct nx_api_enrolment {
    char network[NX_TEXT_LABEL_MAX];
    char name[NX_TEXT_LABEL_MAX]; /* "" */
    bool authority;
    int64_t lasts_us;
};
int nx_api_enrolment(const char *body, size_t len, struct nx_api_enrolment *out,
                     struct nx_api_problem *problem) NX_MUSTUSE;
/* The body of POST /v1/enrolments/revoke: {"id": 3}. */
int nx_api_enrolment_revoke(const char *body, size_t len, uint32_t *id,
                            struct nx_api_problem *problem) NX_MUSTUSE;

#endif
