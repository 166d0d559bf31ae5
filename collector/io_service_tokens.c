/* Operators' tokens: made, revoked, recognised. */
#include "collector/io_service_priv.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include <sodium.h>

static bool over(const void *item, int64_t now_us) {
    return !nx_token_live(item, now_us);
}

struct loading {
    struct nx_shelf *tokens;
    int err;
};

static void load_one(void *user, const struct nx_token *token) {
    struct loading *loading = user;
    if (loading->err == NX_OK) {
        loading->err = nx_shelf_load(loading->tokens, token);
    }
}

int nx_service_tokens_load(struct nx_service *service) {
    struct loading loading = {&service->tokens, NX_OK};
    service->tokens = (struct nx_shelf){.item_bytes = sizeof(struct nx_token),
                                        .max = NX_TOKENS_MAX,
                                        .over = over};
    int err = nx_store_tokens(service->store, load_one, &loading);
    return err != NX_OK ? err : loading.err;
}

static int64_t over_us(const void *item) {
    const struct nx_token *token = item;
    int64_t at_us =
        token->revoked_us != NX_TIME_UNKNOWN ? token->revoked_us : INT64_MAX;
    return token->expires_us != NX_TIME_UNKNOWN && token->expires_us < at_us
               ? token->expires_us
               : at_us;
}

void nx_service_tokens_trim(struct nx_service *service, int64_t before_us) {
    nx_shelf_trim(&service->tokens, over_us, before_us);
}

/* The valid token of a name, or NULL. */
static struct nx_token *valid_token(struct nx_service *service,
                                    const char *name) {
    int64_t now_us = nx_service_doors_us(service);
    for (size_t i = 0; i < service->tokens.n; i++) {
        struct nx_token *token = nx_shelf_at(&service->tokens, i);
        if (nx_token_live(token, now_us) && strcmp(token->name, name) == 0) {
            return token;
        }
    }
    return NULL;
}

/* old: makes room for it; NULL. */
static int keep(struct nx_service *service, struct nx_token *token,
                const struct nx_token *old, const char *action) {
    struct nx_change change = {.token = token,
                               .old_token = old != NULL ? old->id : 0,
                               .action = action,
                               .subject = token->name,
                               .detail = nx_scope_text(token->scope)};
    return nx_service_keep(service, &change);
}

static int draw(char *text) {
    uint8_t secret[NX_TOKEN_SECRET_BYTES];
    if (getrandom(secret, sizeof(secret), 0) != (ssize_t)sizeof(secret)) {
        return NX_EIO;
    }
    nx_token_text(secret, text);
    sodium_memzero(secret, sizeof(secret));
    return NX_OK;
}

int nx_service_token_create(struct nx_service *service,
                            const struct nx_api_token *asked,
                            struct nx_token *out, char *text) {
    int64_t now_us = nx_service_doors_us(service);
    struct nx_token token = {
        .scope = asked->scope,
        .sight = asked->sight,
        .created_us = now_us,
        .expires_us =
            asked->lasts_us > 0 ? now_us + asked->lasts_us : NX_TIME_UNKNOWN,
        .revoked_us = NX_TIME_UNKNOWN,
    };
    if (valid_token(service, asked->name) != NULL) {
        return NX_EEXISTS;
    }
    void *old = NULL;
    int err = nx_shelf_reserve(&service->tokens, now_us, &old);
    err = err == NX_OK ? draw(text) : err;
    if (err != NX_OK) {
        return err;
    }
    memcpy(token.name, asked->name, sizeof(token.name));
    nx_token_hash(text, NX_TOKEN_TEXT_LEN, token.hash);
    err = keep(service, &token, old, "token created");
    if (err == NX_OK) {
        nx_shelf_add(&service->tokens, old, &token);
        *out = token;
    }
    return err;
}

int nx_service_token_revoke(struct nx_service *service, const char *name,
                            struct nx_token *out) {
    struct nx_token *known = valid_token(service, name);
    if (known == NULL) {
        return NX_ENOTFOUND;
    }
    struct nx_token token = *known;
    token.revoked_us = nx_service_doors_us(service);
    int err = keep(service, &token, NULL, "token revoked");
    if (err != NX_OK) {
        return err;
    }
    *known = token;
    *out = token;
    return NX_OK;
}

void nx_service_tokens(const struct nx_service *service,
                       void (*visit)(void *user, const struct nx_token *token),
                       void *user) {
    for (size_t i = 0; i < service->tokens.n; i++) {
        visit(user, nx_shelf_at(&service->tokens, i));
    }
}

int nx_service_token_grant(const struct nx_service *service, const char *text,
                           struct nx_grant *out) {
    return nx_token_grant(service->tokens.items, service->tokens.n, text,
                          nx_service_doors_us(service), out);
}

bool nx_service_token_valid(const struct nx_service *service, uint32_t id) {
    int64_t now_us = nx_service_doors_us(service);
    for (size_t i = 0; i < service->tokens.n; i++) {
        const struct nx_token *token = nx_shelf_at(&service->tokens, i);
        if (token->id == id) {
            return nx_token_live(token, now_us);
        }
    }
    return false;
}
