#include "agent/join/joined.h"

#include <string.h>

/* As the collector checks labels: nothing that YAML would read otherwise, nor a
 * terminal. */
static bool is_label(const char *text) {
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    return text[0] != '\0' && text[strspn(text, allowed)] == '\0';
}

int nx_joined_check(const struct nx_join_reply *reply) {
    return reply->addresses_n > 0 && reply->keys_n > 0 &&
                   is_label(reply->network) && is_label(reply->name)
               ? NX_OK
               : NX_EMALFORMED;
}

/* "tcp://192.0.2.1:5530" */
static void endpoint_text(const struct nx_endpoint *at, char *out) {
    char text[NX_ENDPOINT_TEXT_MAX];
    (void)nx_endpoint_text(at, text); /* "192.0.2.1@5530" */
    char *sign = strrchr(text, '@');
    if (sign != NULL) {
        *sign = ':';
    }
    memcpy(out, "tcp://", 6);
    memcpy(out + 6, text, strlen(text) + 1);
}

void nx_joined_collectors(const struct nx_join_reply *reply,
                          struct nx_text *out) {
    char endpoint[NX_ENDPOINT_TEXT_MAX + 8];
    char key[NX_KEY_TEXT_MAX];
    (void)nx_z85_key_text(reply->keys[0], key);
    for (size_t i = 0; i < reply->addresses_n; i++) {
        endpoint_text(&reply->addresses[i], endpoint);
        /* Z85 has neither quotes nor backslashes. */
        nx_text_addf(out, "  - endpoint: %s\n    key: \"%s\"\n", endpoint, key);
    }
}

void nx_joined_conf(const struct nx_join_reply *reply, const char *key_path,
                    struct nx_text *out) {
    nx_text_addf(out, "key: \"%s\"\nnetwork: \"%s\"\n", key_path,
                 reply->network);
    if (reply->authority) {
        nx_text_add(out, "role: authority\n");
    }
    nx_text_add(out, "collectors:\n");
    nx_joined_collectors(reply, out);
}

bool nx_joined_known(const struct nx_join_reply *reply,
                     const struct nx_agent_conf *conf) {
    char endpoint[NX_ENDPOINT_TEXT_MAX + 8];
    char key[NX_KEY_TEXT_MAX];
    (void)nx_z85_key_text(reply->keys[0], key);
    for (size_t i = 0; i < reply->addresses_n; i++) {
        endpoint_text(&reply->addresses[i], endpoint);
        for (size_t k = 0; k < conf->collectors_n; k++) {
            if (strcmp(conf->collectors[k].endpoint, endpoint) == 0 &&
                strcmp(conf->collectors[k].key, key) == 0) {
                return true;
            }
        }
    }
    return false;
}
