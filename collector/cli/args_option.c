/* The options of nxclear. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "collector/cli/args_priv.h"
#include "common/rrtype.h"
#include "common/text.h"
#include "common/z85.h"

#define KEY_PREFIX_MIN 6U /* as the collector takes it */

int nx_args_fail(char *why, const char *format, ...) {
    char raw[NX_ARGS_WHY_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(raw, sizeof raw, format, args);
    va_end(args);
    (void)nx_escape(raw, why, NX_ARGS_WHY_MAX);
    return NX_EMALFORMED;
}

const struct nx_option_rule nx_options[NX_OPTIONS_N] = {
    {"api", 0, true, OPT_API},
    {"help", 'h', false, OPT_HELP},
    {"version", 'V', false, OPT_VERSION},
    {"json", 0, false, OPT_JSON},
    {"jsonl", 0, false, OPT_JSONL},
    {"watch", 'w', false, OPT_WATCH},
    {"all", 'a', false, OPT_ALL},
    {"timeout", 0, true, OPT_TIMEOUT},
    {"patience", 0, true, OPT_PATIENCE},
    {"expect", 0, true, OPT_EXPECT},
    {"outage", 0, true, OPT_OUTAGE},
    {"restored", 0, true, OPT_RESTORED},
    {"note", 0, true, OPT_NOTE},
    {"network", 0, true, OPT_NETWORK},
    {"name", 0, true, OPT_NAME},
    {"role", 0, true, OPT_ROLE},
    {"at", 0, true, OPT_AT},
    {"every", 0, true, OPT_EVERY},
    {"format", 0, true, OPT_FORMAT},
    {"output", 'o', true, OPT_OUTPUT},
    {"where", 0, true, OPT_WHERE},
    {"group", 0, true, OPT_GROUP},
    {"from", 0, true, OPT_FROM},
    {"to", 0, true, OPT_TO},
    {"since", 0, true, OPT_SINCE},
    {"token-file", 0, true, OPT_TOKEN_FILE},
    {"scope", 0, true, OPT_SCOPE},
    {"expires", 0, true, OPT_EXPIRES},
    {"accident", 0, true, OPT_ACCIDENT},
    {"measure", 0, false, OPT_MEASURE},
};

static int take_duration(struct nx_parse *p, const char *name,
                         const char *value, int64_t *out_us) {
    if (nx_duration_parse(value, out_us) != 0) {
        return nx_args_fail(p->why,
                            "--%s: not a duration (90s, 15m, 2h, 1h30m): %.80s",
                            name, value);
    }
    return 0;
}

static int take_expect(struct nx_parse *p, const char *value) {
    char type[NX_RRTYPE_TEXT_MAX] = "";
    uint16_t qtype = 0;
    const char *equals = strchr(value, '=');
    size_t len = equals == NULL ? 0 : (size_t)(equals - value);
    if (len > 0 && len < sizeof type) {
        memcpy(type, value, len);
        type[len] = '\0';
    }
    if (equals == NULL || equals[1] == '\0' ||
        nx_rrtype_parse(type, &qtype) != 0) {
        return nx_args_fail(
            p->why, "--expect: not TYPE=RDATA, such as A=192.0.2.10: %.80s",
            value);
    }
    if (p->out->expect_n == NX_ARGS_EXPECT_MAX) {
        return nx_args_fail(p->why, "--expect: more than %u",
                            NX_ARGS_EXPECT_MAX);
    }
    p->out->expect[p->out->expect_n++] = value;
    return 0;
}

static void note_far(struct nx_parse *p, const char *text, int64_t at_us) {
    if (p->out->far == NULL && nx_moment_is_far(text, at_us, p->now_us)) {
        p->out->far = text;
        p->out->far_us = at_us;
    }
}

static int take_outage(struct nx_parse *p, const char *value) {
    int err = nx_range_parse(value, p->now_us, &p->out->outage_from_us,
                             &p->out->outage_to_us);
    if (err == NX_ERANGE) {
        return nx_args_fail(p->why,
                            "--outage: ends before it begins, or no such "
                            "time: %.80s",
                            value);
    }
    if (err != 0) {
        return nx_args_fail(
            p->why,
            "--outage: not FROM..TO, such as 20:01..20:09 (UTC): "
            "%.80s",
            value);
    }
    note_far(p, value, p->out->outage_from_us);
    note_far(p, strstr(value, "..") + 2, p->out->outage_to_us);
    return 0;
}

static int take_restored(struct nx_parse *p, const char *value) {
    if (strcmp(value, "auto") == 0) {
        return 0;
    }
    if (nx_moment_parse(value, p->now_us, &p->out->restored_us) != 0) {
        return nx_args_fail(
            p->why,
            "--restored: neither auto nor a time (RFC 3339, HH:MM "
            "UTC, now-90s): %.80s",
            value);
    }
    note_far(p, value, p->out->restored_us);
    return 0;
}

static int take_role(struct nx_parse *p, const char *value) {
    if (strcmp(value, "network") != 0 && strcmp(value, "authority") != 0) {
        return nx_args_fail(
            p->why, "--role: neither network nor authority: %.80s", value);
    }
    p->out->role = value;
    return 0;
}

/* Kept in ascending order. */
static int take_at(struct nx_parse *p, const char *value) {
    struct nx_args *out = p->out;
    int64_t at_us = 0;
    if (nx_moment_parse(value, p->now_us, &at_us) != 0) {
        return nx_args_fail(
            p->why, "--at: not a time (RFC 3339, HH:MM UTC, now-90s): %.80s",
            value);
    }
    if (out->at_n == NX_ARGS_AT_MAX) {
        return nx_args_fail(p->why, "--at: more than %u", NX_ARGS_AT_MAX);
    }
    size_t i = out->at_n++;
    for (; i > 0 && out->at_us[i - 1] > at_us; i--) {
        out->at_us[i] = out->at_us[i - 1];
    }
    out->at_us[i] = at_us;
    return 0;
}

static int take_every(struct nx_parse *p, const char *value) {
    int err = take_duration(p, "every", value, &p->out->every_us);
    if (err == 0 && p->out->every_us <= 0) {
        return nx_args_fail(p->why, "--every: must be longer than nothing");
    }
    return err;
}

static int take_format(struct nx_parse *p, const char *value) {
    static const struct {
        const char *text;
        enum nx_format format;
    } rows[] = {{"md", NX_FORMAT_TABLE},
                {"html", NX_FORMAT_HTML},
                {"json", NX_FORMAT_JSON}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(rows[i].text, value) == 0) {
            p->out->format = rows[i].format;
            return 0;
        }
    }
    return nx_args_fail(p->why, "--format: none of md, html, json: %.80s",
                        value);
}

static int take_where(struct nx_parse *p, const char *value) {
    struct nx_where one = {.n = 0};
    const char *why = "";
    if (nx_where_add(&one, value, &why) != 0) {
        return nx_args_fail(p->why, "--where: %s: %.80s", why, value);
    }
    if (p->out->where_n == NX_WHERE_MAX) {
        return nx_args_fail(p->why, "--where: more than %u", NX_WHERE_MAX);
    }
    p->out->where[p->out->where_n++] = value;
    return 0;
}

static int take_group(struct nx_parse *p, const char *value) {
    enum nx_label_key key = nx_label_key_of(value);
    if (strcmp(value, "resolver") != 0 &&
        (key == NX_LABEL_KEYS_N_ || key == NX_LABEL_WEIGHT)) {
        return nx_args_fail(p->why,
                            "--group: not one of site, provider, asn, country, "
                            "resolver: %.80s",
                            value);
    }
    p->out->group = value;
    return 0;
}

static int take_moment(struct nx_parse *p, const char *name, const char *value,
                       int64_t *out_us) {
    if (nx_moment_parse(value, p->now_us, out_us) != 0) {
        return nx_args_fail(
            p->why, "--%s: not a time (RFC 3339, HH:MM UTC, now-90s): %.80s",
            name, value);
    }
    return 0;
}

static int take_since(struct nx_parse *p, const char *value) {
    int64_t ago_us = 0;
    int err = take_duration(p, "since", value, &ago_us);
    if (err == 0) {
        p->out->from_us = p->now_us - ago_us;
    }
    return err;
}

static int take_expires(struct nx_parse *p, const char *value) {
    int err = take_duration(p, "expires", value, &p->out->expires_us);
    if (err == 0 && p->out->expires_us < INT64_C(1000000)) {
        return nx_args_fail(p->why, "--expires: must be a second or more");
    }
    return err;
}

int nx_args_take_api(struct nx_parse *p, const char *value) {
    bool unix_path = strncmp(value, "unix:", 5) == 0 && value[5] != '\0';
    bool http = strncmp(value, "http://", 7) == 0 && value[7] != '\0';
    bool https = strncmp(value, "https://", 8) == 0 && value[8] != '\0';
    if (!unix_path && !http && !https) {
        return nx_args_fail(
            p->why, "--api: neither unix:/PATH nor http[s]://HOST:PORT: %.80s",
            value);
    }
    p->out->api = value;
    return 0;
}

static int take_scope(struct nx_parse *p, const char *value) {
    if (strcmp(value, "read") != 0 && strcmp(value, "admin") != 0) {
        return nx_args_fail(p->why, "--scope: neither read nor admin: %.80s",
                            value);
    }
    p->out->scope = value;
    return 0;
}

static int apply(struct nx_parse *p, enum nx_option option, const char *value) {
    struct nx_args *out = p->out;
    switch (option) {
    case OPT_API:
        return nx_args_take_api(p, value);
    case OPT_HELP:
    case OPT_VERSION:
        return 0; /* main flow looks at p->seen */
    case OPT_JSON:
        out->format = NX_FORMAT_JSON;
        return 0;
    case OPT_JSONL:
        out->format = NX_FORMAT_JSONL;
        return 0;
    case OPT_WATCH:
        out->watch = true;
        return 0;
    case OPT_ALL:
        out->all = true;
        return 0;
    case OPT_TIMEOUT:
        return take_duration(p, "timeout", value, &out->timeout_us);
    case OPT_PATIENCE:
        return take_duration(p, "patience", value, &out->patience_us);
    case OPT_EXPECT:
        return take_expect(p, value);
    case OPT_OUTAGE:
        return take_outage(p, value);
    case OPT_RESTORED:
        return take_restored(p, value);
    case OPT_NOTE:
        out->note = value;
        return 0;
    case OPT_NETWORK:
        out->network = value;
        return 0;
    case OPT_NAME:
        out->name = value;
        return 0;
    case OPT_ROLE:
        return take_role(p, value);
    case OPT_AT:
        return take_at(p, value);
    case OPT_EVERY:
        return take_every(p, value);
    case OPT_FORMAT:
        return take_format(p, value);
    case OPT_OUTPUT:
        out->output = value;
        return 0;
    case OPT_WHERE:
        return take_where(p, value);
    case OPT_GROUP:
        return take_group(p, value);
    case OPT_FROM:
        return take_moment(p, "from", value, &out->from_us);
    case OPT_TO:
        return take_moment(p, "to", value, &out->to_us);
    case OPT_SINCE:
        return take_since(p, value);
    case OPT_TOKEN_FILE:
        out->token_file = value;
        return 0;
    case OPT_SCOPE:
        return take_scope(p, value);
    case OPT_EXPIRES:
        return take_expires(p, value);
    case OPT_MEASURE:
        out->measure = true;
        return 0;
    case OPT_ACCIDENT:
        return take_duration(p, "accident", value, &out->accident_us);
    case OPT_N_:
        break;
    }
    return 0;
}

/* Which option is this argument? Its value after "=", if any, in *value. */
static const struct nx_option_rule *find_option(const char *arg,
                                                const char **value) {
    size_t len = strcspn(arg, "=");
    *value = arg[len] == '=' ? arg + len + 1 : NULL;
    for (size_t i = 0; i < NX_OPTIONS_N; i++) {
        const struct nx_option_rule *rule = &nx_options[i];
        bool by_letter =
            rule->letter != 0 && arg[1] == rule->letter && arg[2] == '\0';
        bool by_name = arg[1] == '-' && strlen(rule->name) == len - 2 &&
                       strncmp(arg + 2, rule->name, len - 2) == 0;
        if (by_letter || by_name) {
            return rule;
        }
    }
    return NULL;
}

/* One key in 85 begins with a dash: is this one, or the beginning of one where
 * a key is expected? Two dashes are rather an option that is mistyped. */
static bool is_key(const struct nx_parse *p, const char *arg) {
    static const char z85[] =
        "0123456789abcdefghijklmnopqrstuvwxyz"
        "ABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";
    bool expected = p->positional_n == 2 &&
                    strcmp(p->positional[0], "agents") == 0 &&
                    (strcmp(p->positional[1], "accept") == 0 ||
                     strcmp(p->positional[1], "reject") == 0 ||
                     strcmp(p->positional[1], "quarantine") == 0 ||
                     strcmp(p->positional[1], "release") == 0 ||
                     strcmp(p->positional[1], "revoke") == 0);
    return nx_z85_key_parse(arg, NULL) == 0 ||
           (expected && arg[1] != '-' && strlen(arg) >= KEY_PREFIX_MIN &&
            arg[strspn(arg, z85)] == '\0');
}

int nx_args_take_option(struct nx_parse *p, const char *arg) {
    const char *value = NULL;
    const struct nx_option_rule *rule = find_option(arg, &value);
    if (rule == NULL && is_key(p, arg)) {
        return nx_args_take_positional(p, arg);
    }
    if (rule == NULL) {
        return nx_args_fail(p->why, "%.80s: no such option", arg);
    }
    if (!rule->value && value != NULL) {
        return nx_args_fail(p->why, "--%s: takes no value", rule->name);
    }
    if (rule->value && value == NULL) {
        if (p->at == p->n) {
            return nx_args_fail(p->why, "--%s: needs a value", rule->name);
        }
        value = p->args[p->at++];
    }
    if ((p->seen & NX_BIT(rule->option)) != 0 && rule->value &&
        rule->option != OPT_EXPECT && rule->option != OPT_AT &&
        rule->option != OPT_WHERE) {
        return nx_args_fail(p->why, "--%s: given twice", rule->name);
    }
    p->seen |= NX_BIT(rule->option);
    return apply(p, rule->option, value);
}
