#include "collector/enrol/enrolment.h"

#include <string.h>

#include <sodium.h>

#include "collector/api/api_member.h"
#include "common/rfc3339.h"

enum nx_enrolment_state nx_enrolment_state(const struct nx_enrolment *enrolment,
                                           int64_t now_us) {
    if (enrolment->used_us != NX_TIME_UNKNOWN) {
        return NX_ENROLMENT_USED;
    }
    if (enrolment->revoked_us != NX_TIME_UNKNOWN) {
        return NX_ENROLMENT_REVOKED;
    }
    return now_us < enrolment->expires_us ? NX_ENROLMENT_OPEN
                                          : NX_ENROLMENT_EXPIRED;
}

const char *nx_enrolment_state_text(unsigned state) {
    static const char *const text[] = {"open", "used", "expired", "revoked"};
    return state <= NX_ENROLMENT_REVOKED ? text[state] : "?";
}

const struct nx_enrolment *
nx_enrolment_find(const struct nx_enrolment *list, size_t n,
                  const uint8_t token[NX_JOIN_TOKEN_BYTES]) {
    uint8_t hash[sizeof(list->token_hash)];
    nx_join_token_hash(token, hash);
    for (size_t i = 0; i < n; i++) {
        if (sodium_memcmp(list[i].token_hash, hash, sizeof(hash)) == 0) {
            return &list[i];
        }
    }
    return NULL;
}

bool nx_enrolment_admits(const struct nx_enrolment *enrolment, const char *key,
                         int64_t now_us) {
    enum nx_enrolment_state state = nx_enrolment_state(enrolment, now_us);
    return state == NX_ENROLMENT_OPEN ||
           (state == NX_ENROLMENT_USED && now_us < enrolment->expires_us &&
            strcmp(enrolment->used_key, key) == 0);
}

/* --- as JSON --- */

static json_t *time_or_null(int64_t us) {
    char text[NX_TIME_TEXT_MAX];
    return us == NX_TIME_UNKNOWN ? json_null()
                                 : json_string(nx_time_text(us, text));
}

static json_t *text_or_null(const char *text) {
    return text[0] == '\0' ? json_null() : json_string(text);
}

json_t *nx_enrolment_json(const struct nx_enrolment *enrolment,
                          int64_t now_us) {
    return json_pack(
        "{s:I, s:s, s:o, s:s, s:o, s:o, s:o, s:o, s:s}", "id",
        (json_int_t)enrolment->id, "network", enrolment->network, "name",
        text_or_null(enrolment->name), "role",
        enrolment->authority ? "authority" : "network", "created",
        time_or_null(enrolment->created_us), "expires",
        time_or_null(enrolment->expires_us), "used",
        time_or_null(enrolment->used_us), "key",
        text_or_null(enrolment->used_key), "state",
        nx_enrolment_state_text(nx_enrolment_state(enrolment, now_us)));
}

/* --- requests --- */

int nx_api_enrolment(const char *body, size_t len, struct nx_api_enrolment *out,
                     struct nx_api_problem *problem) {
    static const char *const known[] = {"network", "name", "role", "expires_s",
                                        NULL};
    struct nx_api_enrolment asked = {.lasts_us = NX_ENROLMENT_DEFAULT_US};
    json_t *root = NULL;
    int err = nx_member_load(body, len, known, &root, problem);
    if (err != 0) {
        return err;
    }
    err = nx_member_label(root, "network", false, asked.network, problem);
    err = err != 0 ? err
                   : nx_member_label(root, "name", true, asked.name, problem);
    err = err != 0 ? err : nx_member_role(root, &asked.authority, problem);
    err = err != 0
              ? err
              : nx_member_lasts(root, "expires_s", NX_ENROLMENT_LASTS_MAX_S,
                                &asked.lasts_us, problem);
    json_decref(root);
    if (err == 0) {
        *out = asked;
    }
    return err;
}

int nx_api_enrolment_revoke(const char *body, size_t len, uint32_t *id,
                            struct nx_api_problem *problem) {
    static const char *const known[] = {"id", NULL};
    json_t *root = NULL;
    int err = nx_member_load(body, len, known, &root, problem);
    if (err != 0) {
        return err;
    }
    const json_t *value = json_object_get(root, "id");
    json_int_t number = json_integer_value(value);
    if (!json_is_integer(value) || number < 1 || number > UINT32_MAX) {
        err = nx_api_refuse(problem, 422,
                            "id: must be the number of a join string");
    } else {
        *id = (uint32_t)number;
    }
    json_decref(root);
    return err;
}
