#include "collector/api/access.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "collector/api/api_member.h"
#include "collector/ingest/agent_record.h"
#include "common/base32.h"
#include "common/rfc3339.h"

#define TOKEN_PREFIX "nxt_"
#define LASTS_MAX_S (10 * 366 * 86400)

_Static_assert(sizeof(TOKEN_PREFIX) - 1 +
                       NX_BASE32_LEN(NX_TOKEN_SECRET_BYTES) ==
                   NX_TOKEN_TEXT_LEN,
               "length of a token");

const char *nx_scope_text(unsigned scope) {
    return scope == NX_SCOPE_ADMIN ? "admin" : "read";
}

/* --- tokens --- */

void nx_token_text(const uint8_t secret[NX_TOKEN_SECRET_BYTES], char *out) {
    memcpy(out, TOKEN_PREFIX, sizeof(TOKEN_PREFIX) - 1);
    (void)nx_base32_text(secret, NX_TOKEN_SECRET_BYTES,
                         out + sizeof(TOKEN_PREFIX) - 1);
}

void nx_token_hash(const char *text, size_t len,
                   uint8_t out[NX_TOKEN_HASH_BYTES]) {
    (void)crypto_generichash(out, NX_TOKEN_HASH_BYTES,
                             (const unsigned char *)text, len, NULL, 0);
}

bool nx_token_live(const struct nx_token *token, int64_t now_us) {
    return token->revoked_us == NX_TIME_UNKNOWN &&
           (token->expires_us == NX_TIME_UNKNOWN || now_us < token->expires_us);
}

int nx_token_grant(const struct nx_token *tokens, size_t n, const char *text,
                   int64_t now_us, struct nx_grant *out) {
    uint8_t hash[NX_TOKEN_HASH_BYTES];
    size_t len = strnlen(text, NX_TOKEN_TEXT_LEN + 1);
    if (len != NX_TOKEN_TEXT_LEN) {
        return NX_EDENIED;
    }
    nx_token_hash(text, len, hash);
    for (size_t i = 0; i < n; i++) {
        const struct nx_token *token = &tokens[i];
        if (sodium_memcmp(token->hash, hash, sizeof(hash)) == 0 &&
            nx_token_live(token, now_us)) {
            *out = (struct nx_grant){.scope = token->scope,
                                     .sight = token->sight,
                                     .token_id = token->id};
            snprintf(out->who, sizeof(out->who), "token %s", token->name);
            return NX_OK;
        }
    }
    return NX_EDENIED;
}

/* --- who asks --- */

const char *nx_access_bearer(const char *header) {
    static const char scheme[] = "bearer";
    size_t n = sizeof(scheme) - 1;
    for (size_t i = 0; i < n; i++) {
        if (tolower((unsigned char)header[i]) != scheme[i]) {
            return NULL;
        }
    }
    size_t spaces = strspn(header + n, " ");
    return spaces > 0 && header[n + spaces] != '\0' ? header + n + spaces
                                                    : NULL;
}

int nx_access_check(const struct nx_api_request *request,
                    const struct nx_grant *grant,
                    struct nx_api_problem *problem) {
    if (request->access == NX_ACCESS_OPEN) {
        return 0;
    }
    if (grant == NULL) {
        return nx_api_refuse(problem, 401,
                             "a valid token is needed here: Authorization: "
                             "Bearer TOKEN. On the collector's host `nxclear "
                             "tokens create` makes one");
    }
    if (grant->scope == NX_SCOPE_ADMIN) {
        return 0;
    }
    if (request->post || request->access == NX_ACCESS_ADMIN) {
        return nx_api_refuse(problem, 403,
                             "this token may only read; the request needs one "
                             "of scope admin");
    }
    if (request->route == NX_API_INCIDENT_NETWORK) {
        return nx_sight_covers(&grant->sight, request->network)
                   ? 0
                   : nx_api_refuse(problem, 403,
                                   "this token is not for network %s",
                                   request->network);
    }
    if (request->access == NX_ACCESS_ALL && grant->sight.networks_n > 0) {
        return nx_api_refuse(problem, 403,
                             "this token is for some networks only, and what "
                             "is asked for shows all");
    }
    return 0;
}

/* --- requests about tokens --- */

static int take_scope(const json_t *root, enum nx_scope *out,
                      struct nx_api_problem *problem) {
    const char *text = NULL;
    int err = nx_member_text(root, "", "scope", false, 16, &text, problem);
    if (err != 0) {
        return err;
    }
    *out = strcmp(text, "admin") == 0 ? NX_SCOPE_ADMIN : NX_SCOPE_READ;
    if (*out == NX_SCOPE_READ && strcmp(text, "read") != 0) {
        return nx_api_refuse(problem, 422,
                             "scope: must be read or admin: " NX_SHOWN, text);
    }
    return 0;
}

static int take_networks(const json_t *root, struct nx_sight *out,
                         struct nx_api_problem *problem) {
    const json_t *list = json_object_get(root, "networks");
    size_t i = 0;
    const json_t *one = NULL;
    if (list == NULL || json_is_null(list)) {
        return 0;
    }
    if (!json_is_array(list) || json_array_size(list) == 0 ||
        json_array_size(list) > NX_SIGHT_NETWORKS_MAX) {
        return nx_api_refuse(problem, 422,
                             "networks: must be a list of 1 to %u names",
                             NX_SIGHT_NETWORKS_MAX);
    }
    json_array_foreach(list, i, one) {
        const char *text = json_string_value(one);
        if (text == NULL || !nx_agent_label_valid(text)) {
            return nx_api_refuse(
                problem, 422, "networks[%zu]: not a network's name: " NX_SHOWN,
                i, text != NULL ? text : "");
        }
        snprintf(out->networks[i], sizeof(out->networks[i]), "%s", text);
    }
    out->networks_n = json_array_size(list);
    return 0;
}

int nx_api_token(const char *body, size_t len, struct nx_api_token *out,
                 struct nx_api_problem *problem) {
    static const char *const known[] = {"name", "scope", "networks",
                                        "expires_s", NULL};
    struct nx_api_token token = {.lasts_us = 0};
    json_t *root = NULL;
    int err = nx_member_load(body, len, known, &root, problem);
    if (err != 0) {
        return err;
    }
    err = nx_member_label(root, "name", false, token.name, problem);
    err = err != 0 ? err : take_scope(root, &token.scope, problem);
    err = err != 0 ? err : take_networks(root, &token.sight, problem);
    err = err != 0 ? err
                   : nx_member_lasts(root, "expires_s", LASTS_MAX_S,
                                     &token.lasts_us, problem);
    if (err == 0 && token.scope == NX_SCOPE_ADMIN &&
        token.sight.networks_n > 0) {
        err = nx_api_refuse(problem, 422,
                            "networks: only with scope read; an admin token "
                            "is for the whole collector");
    }
    json_decref(root);
    if (err == 0) {
        *out = token;
    }
    return err;
}

static json_t *time_or_null(int64_t us) {
    char text[NX_TIME_TEXT_MAX];
    return us == NX_TIME_UNKNOWN ? json_null()
                                 : json_string(nx_time_text(us, text));
}

static const char *state_of(const struct nx_token *token, int64_t now_us) {
    if (token->revoked_us != NX_TIME_UNKNOWN) {
        return "revoked";
    }
    return nx_token_live(token, now_us) ? "valid" : "expired";
}

json_t *nx_token_json(const struct nx_token *token, int64_t now_us) {
    json_t *networks = json_array();
    for (size_t i = 0; i < token->sight.networks_n; i++) {
        (void)json_array_append_new(networks,
                                    json_string(token->sight.networks[i]));
    }
    return json_pack(
        "{s:I, s:s, s:s, s:o, s:o, s:o, s:s}", "id", (json_int_t)token->id,
        "name", token->name, "scope", nx_scope_text(token->scope), "networks",
        networks, "created", time_or_null(token->created_us), "expires",
        time_or_null(token->expires_us), "state", state_of(token, now_us));
}
