/* The receivers of alerts in the configuration. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/conf_parts.h"

#define SENDMAIL "/usr/sbin/sendmail"
#define KEY_MAX 64U
#define US_PER_S INT64_C(1000000)

#define RECEIVER_TEXT(key, flags)                                              \
    CYAML_FIELD_STRING_PTR(#key, flags, struct nx_conf_raw_receiver, key, 1,   \
                           NX_CONF_TEXT_MAX)

static const cyaml_schema_value_t word_value = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, NX_CONF_TEXT_MAX)};

static const cyaml_schema_field_t receiver_fields[] = {
    RECEIVER_TEXT(name, CYAML_FLAG_POINTER),
    RECEIVER_TEXT(url, OPTIONAL_PTR),
    RECEIVER_TEXT(format, OPTIONAL_PTR),
    RECEIVER_TEXT(secret_file, OPTIONAL_PTR),
    RECEIVER_TEXT(email, OPTIONAL_PTR),
    RECEIVER_TEXT(from, OPTIONAL_PTR),
    CYAML_FIELD_SEQUENCE("exec", OPTIONAL_PTR, struct nx_conf_raw_receiver,
                         exec, &word_value, 1, NX_RECEIVER_ARGS_MAX),
    CYAML_FIELD_END};

static const cyaml_schema_value_t receiver_value = {CYAML_VALUE_MAPPING(
    CYAML_FLAG_DEFAULT, struct nx_conf_raw_receiver, receiver_fields)};

#define SECONDS(key)                                                           \
    CYAML_FIELD_UINT_PTR(#key, OPTIONAL_PTR, struct nx_conf_raw_alerts, key)

const cyaml_schema_field_t nx_conf_alert_fields[] = {
    SECONDS(hold_s),
    SECONDS(group_wait_s),
    SECONDS(group_interval_s),
    CYAML_FIELD_STRING_PTR("sendmail", OPTIONAL_PTR, struct nx_conf_raw_alerts,
                           sendmail, 1, NX_CONF_TEXT_MAX),
    CYAML_FIELD_BOOL_PTR("allow_exec", OPTIONAL_PTR, struct nx_conf_raw_alerts,
                         allow_exec),
    CYAML_FIELD_SEQUENCE("receivers", CYAML_FLAG_POINTER,
                         struct nx_conf_raw_alerts, receivers, &receiver_value,
                         1, NX_RECEIVERS_MAX),
    CYAML_FIELD_END};

/* --- one receiver --- */

struct place {
    const struct nx_conf_reader *r;
    char key[KEY_MAX]; /* "alerts.receivers[0]" */
};

static int refuse(const struct place *at, const char *member,
                  const char *reason) {
    char key[2 * KEY_MAX];
    snprintf(key, sizeof(key), "%s%s%s", at->key, member[0] != '\0' ? "." : "",
             member);
    return nx_yaml_error(at->r->doc, at->r->why, at->r->why_cap, key, "%s",
                         reason);
}

/* What goes into headers, environments and logs. */
static bool is_plain(const char *text) {
    for (const char *p = text; *p != '\0'; p++) {
        if (*p <= ' ' || *p > '~') {
            return false;
        }
    }
    return true;
}

static int take_name(const struct place *at, const char *name,
                     struct nx_receiver *out) {
    const struct nx_alert_conf *conf = &at->r->out->alerts;
    if (!is_plain(name) || strlen(name) >= sizeof(out->name)) {
        return refuse(at, "name",
                      "not 1 to 63 printable characters without space");
    }
    for (size_t i = 0; i < conf->receivers_n; i++) {
        if (strcmp(conf->receivers[i].name, name) == 0) {
            return refuse(at, "name", "another receiver is called so");
        }
    }
    snprintf(out->name, sizeof(out->name), "%s", name);
    return NX_OK;
}

static int take_url(const struct place *at,
                    const struct nx_conf_raw_receiver *raw,
                    struct nx_receiver *out) {
    const char *format = raw->format != NULL ? raw->format : "webhook";
    bool scheme = strncmp(raw->url, "https://", 8) == 0 ||
                  strncmp(raw->url, "http://", 7) == 0;
    if (!scheme || !is_plain(raw->url) || strstr(raw->url, "://")[3] == '\0') {
        return refuse(at, "url", "not https://... or http://...");
    }
    unsigned kind = 0;
    while (kind < NX_RECEIVER_EMAIL &&
           strcmp(nx_receiver_kind_text(kind), format) != 0) {
        kind++;
    }
    if (kind == NX_RECEIVER_EMAIL) {
        return refuse(at, "format",
                      "none of webhook, slack, mattermost, teams, matrix, "
                      "alertmanager");
    }
    if (kind == NX_RECEIVER_MATRIX && raw->secret_file == NULL) {
        return refuse(at, "", "needs secret_file with an access token");
    }
    out->kind = (uint8_t)kind;
    int err = nx_conf_copy_text(raw->url, &out->url);
    return err == NX_OK && raw->secret_file != NULL
               ? nx_conf_copy_path(at->r, raw->secret_file, &out->secret_path)
               : err;
}

static bool is_address(const char *text) {
    const char *sign = strchr(text, '@');
    return is_plain(text) && text[0] != '-' && sign != NULL && sign != text &&
           sign[1] != '\0' && strpbrk(text, "<>,;:\"()") == NULL;
}

static int take_email(const struct place *at,
                      const struct nx_conf_raw_receiver *raw,
                      struct nx_receiver *out) {
    if (!is_address(raw->email)) {
        return refuse(at, "email", "not a mail address (name@example.com)");
    }
    if (raw->from != NULL && !is_address(raw->from)) {
        return refuse(at, "from", "not a mail address (name@example.com)");
    }
    out->kind = NX_RECEIVER_EMAIL;
    int err = nx_conf_copy_text(raw->email, &out->email);
    return err == NX_OK && raw->from != NULL
               ? nx_conf_copy_text(raw->from, &out->from)
               : err;
}

static int take_exec(const struct place *at,
                     const struct nx_conf_raw_receiver *raw, bool allowed,
                     struct nx_receiver *out) {
    int err = NX_OK;
    if (!allowed) {
        return refuse(at, "exec",
                      "programs are not started unless "
                      "alerts.allow_exec is true");
    }
    if (raw->exec[0][0] != '/') {
        return refuse(at, "exec", "not the absolute path of a program");
    }
    out->kind = NX_RECEIVER_EXEC;
    for (unsigned i = 0; err == NX_OK && i < raw->exec_count; i++) {
        err = nx_conf_copy_text(raw->exec[i], &out->argv[i]);
    }
    return err;
}

/* Exactly one way to reach it, and nothing that this way has no use for. */
static int check_way(const struct place *at,
                     const struct nx_conf_raw_receiver *raw) {
    unsigned ways = (raw->url != NULL ? 1U : 0U) +
                    (raw->email != NULL ? 1U : 0U) +
                    (raw->exec != NULL ? 1U : 0U);
    if (ways != 1) {
        return refuse(at, "", "needs one of url, email, exec");
    }
    if (raw->url == NULL && raw->format != NULL) {
        return refuse(at, "format", "only with url");
    }
    if (raw->url == NULL && raw->secret_file != NULL) {
        return refuse(at, "secret_file", "only with url");
    }
    if (raw->email == NULL && raw->from != NULL) {
        return refuse(at, "from", "only with email");
    }
    return NX_OK;
}

static int take_receiver(const struct nx_conf_reader *r, unsigned i,
                         const struct nx_conf_raw_receiver *raw,
                         bool allow_exec) {
    struct place at = {.r = r};
    struct nx_alert_conf *conf = &r->out->alerts;
    struct nx_receiver *out = &conf->receivers[conf->receivers_n];
    snprintf(at.key, sizeof(at.key), "alerts.receivers[%u]", i);
    int err = take_name(&at, raw->name, out);
    err = err == NX_OK ? check_way(&at, raw) : err;
    if (err != NX_OK) {
        return err;
    }
    conf->receivers_n++; /* what it owns is freed with the rest */
    if (raw->url != NULL) {
        return take_url(&at, raw, out);
    }
    return raw->email != NULL ? take_email(&at, raw, out)
                              : take_exec(&at, raw, allow_exec, out);
}

static int take_rules(const struct nx_conf_reader *r,
                      const struct nx_conf_raw_alerts *raw) {
    struct nx_alert_rules *rules = &r->out->alerts.rules;
    uint32_t hold_s = (uint32_t)(rules->hold_us / US_PER_S);
    uint32_t wait_s = (uint32_t)(rules->group_wait_us / US_PER_S);
    uint32_t interval_s = (uint32_t)(rules->group_interval_us / US_PER_S);
    int err =
        nx_conf_take_number(r, "alerts.hold_s", raw->hold_s, 0, 3600, &hold_s);
    if (err == NX_OK) {
        err = nx_conf_take_number(r, "alerts.group_wait_s", raw->group_wait_s,
                                  0, 3600, &wait_s);
    }
    if (err == NX_OK) {
        err = nx_conf_take_number(r, "alerts.group_interval_s",
                                  raw->group_interval_s, 1, 86400, &interval_s);
    }
    rules->hold_us = hold_s * US_PER_S;
    rules->group_wait_us = wait_s * US_PER_S;
    rules->group_interval_us = interval_s * US_PER_S;
    return err;
}

int nx_conf_take_alerts(const struct nx_conf_reader *r,
                        const struct nx_conf_raw_alerts *raw) {
    nx_alert_rules_default(&r->out->alerts.rules);
    if (raw == NULL) {
        return NX_OK;
    }
    bool allow_exec = raw->allow_exec != NULL && *raw->allow_exec;
    int err = take_rules(r, raw);
    if (err == NX_OK) {
        err = nx_conf_copy_path(
            r, raw->sendmail != NULL ? raw->sendmail : SENDMAIL,
            &r->out->alerts.sendmail);
    }
    for (unsigned i = 0; err == NX_OK && i < raw->receivers_count; i++) {
        err = take_receiver(r, i, &raw->receivers[i], allow_exec);
    }
    return err;
}

void nx_alert_conf_fini(struct nx_alert_conf *conf) {
    free(conf->sendmail);
    for (size_t i = 0; i < conf->receivers_n; i++) {
        struct nx_receiver *receiver = &conf->receivers[i];
        free(receiver->url);
        free(receiver->secret_path);
        free(receiver->email);
        free(receiver->from);
        for (size_t k = 0; receiver->argv[k] != NULL; k++) {
            free(receiver->argv[k]);
        }
    }
    memset(conf, 0, sizeof(*conf));
}
