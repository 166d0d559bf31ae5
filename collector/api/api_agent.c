/* The bodies of POST /v1/agents/accept and /v1/agents/revoke, and the empty
 * one. */
#include <stdio.h>
#include <string.h>

#include "collector/api/api_member.h"
#include "collector/ingest/agent_record.h"

#define KEY_PREFIX_MIN 6U

static int take_key(const json_t *root, char *out, size_t cap,
                    struct nx_api_problem *problem) {
    /* The alphabet of Z85 (ZeroMQ RFC 32). */
    static const char z85[] = "0123456789abcdefghijklmnopqrstuvwxyz"
                              "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                              ".-:+=^!/*?&<>()[]{}@%$#";
    const char *text = NULL;
    int err = nx_member_text(root, "", "key", false, cap - 1, &text, problem);
    if (err != 0) {
        return err;
    }
    size_t len = strlen(text);
    if (len < KEY_PREFIX_MIN || strspn(text, z85) != len) {
        return nx_api_refuse(problem, 422,
                             "key: not a Z85 key, nor the first %u or more "
                             "characters of one: " NX_SHOWN,
                             KEY_PREFIX_MIN, text);
    }
    (void)snprintf(out, cap, "%s", text);
    return 0;
}

int nx_api_accept(const char *body, size_t len, struct nx_api_accept *out,
                  struct nx_api_problem *problem) {
    static const char *const known[] = {"key", "network", "name", "role", NULL};
    struct nx_api_accept accept = {.authority = false};
    json_t *root = NULL;
    int err = nx_member_load(body, len, known, &root, problem);
    if (err != 0) {
        return err;
    }
    err = take_key(root, accept.key, sizeof accept.key, problem);
    err = err != 0 ? err
                   : nx_member_label(root, "network", false, accept.network,
                                     problem);
    err = err != 0 ? err
                   : nx_member_label(root, "name", true, accept.name, problem);
    err = err != 0 ? err : nx_member_role(root, &accept.authority, problem);
    json_decref(root);
    if (err == 0) {
        *out = accept;
    }
    return err;
}

int nx_api_revoke(const char *body, size_t len, char *who,
                  struct nx_api_problem *problem) {
    static const char *const known[] = {"who", NULL};
    const char *text = NULL;
    json_t *root = NULL;
    int err = nx_member_load(body, len, known, &root, problem);
    if (err != 0) {
        return err;
    }
    err = nx_member_text(root, "", "who", false, NX_TEXT_LABEL_MAX - 1, &text,
                         problem);
    if (err == 0 && text[0] == '\0') {
        err = nx_api_refuse(problem, 422, "who: empty");
    }
    if (err == 0) {
        (void)snprintf(who, NX_TEXT_LABEL_MAX, "%s", text);
    }
    json_decref(root);
    return err;
}

int nx_api_nothing(const char *body, size_t len,
                   struct nx_api_problem *problem) {
    static const char *const known[] = {NULL};
    json_t *root = NULL;
    if (len == 0) {
        return 0;
    }
    int err = nx_member_load(body, len, known, &root, problem);
    json_decref(root);
    return err;
}

/* A body with a name that need not be there. */
static int name_or_all(const char *body, size_t len, const char *key,
                       char *name, struct nx_api_problem *problem) {
    const char *const known[] = {key, NULL};
    json_t *object = NULL;
    const char *text = NULL;
    int err = nx_member_load(len > 0 ? body : "{}", len > 0 ? len : 2, known,
                             &object, problem);
    if (err == 0) {
        err = nx_member_text(object, "", key, true, NX_TEXT_LABEL_MAX - 1,
                             &text, problem);
    }
    if (err == 0) {
        (void)snprintf(name, NX_TEXT_LABEL_MAX, "%s", text != NULL ? text : "");
    }
    json_decref(object);
    return err;
}

int nx_api_alert_test(const char *body, size_t len, char *receiver,
                      struct nx_api_problem *problem) {
    return name_or_all(body, len, "receiver", receiver, problem);
}

int nx_api_measure(const char *body, size_t len, char *network,
                   struct nx_api_problem *problem) {
    return name_or_all(body, len, "network", network, problem);
}
