/* Tokens: who may ask by TCP. */
#include "collector/store/io_store_sqlite.h"

#include <stdio.h>
#include <string.h>

#define NETWORKS_TEXT_MAX (NX_SIGHT_NETWORKS_MAX * NX_TEXT_LABEL_MAX)

/* Names with spaces between; out: NETWORKS_TEXT_MAX bytes. */
static const char *networks_text(const struct nx_sight *sight, char *out) {
    size_t len = 0;
    out[0] = '\0';
    for (size_t i = 0; i < sight->networks_n; i++) {
        len += (size_t)snprintf(out + len, NETWORKS_TEXT_MAX - len, "%s%s",
                                i > 0 ? " " : "", sight->networks[i]);
    }
    return out;
}

/* False: this is not what networks_text writes. Nobody is to see more because
 * of a damaged row. */
static bool networks_parse(const char *text, struct nx_sight *out) {
    while (*text != '\0') {
        size_t len = strcspn(text, " ");
        if (len == 0 || len >= NX_TEXT_LABEL_MAX ||
            out->networks_n == NX_SIGHT_NETWORKS_MAX) {
            return false;
        }
        memcpy(out->networks[out->networks_n++], text, len);
        text += len + (text[len] == ' ' ? 1 : 0);
    }
    return true;
}

int nx_store_token_put(struct nx_store *store, struct nx_token *token) {
    char networks[NETWORKS_TEXT_MAX];
    struct nx_sq sq = nx_sq_use(
        store, NX_SQ_TOKEN_PUT,
        "INSERT INTO token(hash, name, scope, networks, created_us, "
        "expires_us, revoked_us) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7) "
        "ON CONFLICT(hash) DO UPDATE SET name = ?2, scope = ?3, networks = ?4, "
        "created_us = ?5, expires_us = ?6, revoked_us = ?7, digest = NULL");
    nx_sq_blob(&sq, token->hash, sizeof(token->hash));
    nx_sq_text(&sq, token->name);
    nx_sq_text(&sq, nx_scope_text(token->scope));
    nx_sq_text(&sq, networks_text(&token->sight, networks));
    nx_sq_int(&sq, token->created_us);
    nx_sq_time(&sq, token->expires_us);
    nx_sq_time(&sq, token->revoked_us);
    int err = nx_sq_run(&sq);
    if (err == NX_OK && token->id == 0) {
        token->id = (uint32_t)sqlite3_last_insert_rowid(store->db);
    }
    return err == NX_OK ? nx_store_seal(store, NX_SQ_TABLE_TOKEN) : err;
}

int nx_store_token_drop(struct nx_store *store, uint32_t id) {
    struct nx_sq sq = nx_sq_use(store, NX_SQ_TOKEN_DROP,
                                "DELETE FROM token WHERE token_id = ?1");
    nx_sq_int(&sq, id);
    return nx_sq_run(&sq);
}

static bool read_token(const struct nx_sq *sq, struct nx_token *out) {
    char scope[16];
    char networks[NETWORKS_TEXT_MAX];
    memset(out, 0, sizeof(*out));
    out->id = (uint32_t)nx_sq_get_int(sq, 0);
    size_t hash_len = nx_sq_get_blob(sq, 1, out->hash, sizeof(out->hash));
    nx_sq_get_text(sq, 2, out->name, sizeof(out->name));
    nx_sq_get_text(sq, 3, scope, sizeof(scope));
    nx_sq_get_text(sq, 4, networks, sizeof(networks));
    out->created_us = nx_sq_get_int(sq, 5);
    out->expires_us = nx_sq_get_time(sq, 6);
    out->revoked_us = nx_sq_get_time(sq, 7);
    out->scope = strcmp(scope, "admin") == 0 ? NX_SCOPE_ADMIN : NX_SCOPE_READ;
    return hash_len == sizeof(out->hash) &&
           networks_parse(networks, &out->sight);
}

int nx_store_tokens(struct nx_store *store,
                    void (*visit)(void *user, const struct nx_token *token),
                    void *user) {
    struct nx_sq sq = nx_sq_use(
        store, NX_SQ_TOKENS,
        "SELECT token_id, hash, name, scope, networks, created_us, expires_us, "
        "revoked_us FROM token ORDER BY token_id");
    int row = 0;
    while ((row = nx_sq_step(&sq)) > 0) {
        struct nx_token token;
        if (read_token(&sq, &token)) {
            visit(user, &token);
        }
    }
    return row;
}
