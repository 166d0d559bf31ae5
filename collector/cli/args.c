#include "collector/cli/args.h"

#include <stdio.h>
#include <string.h>

#include "collector/cli/args_priv.h"
#include "common/rrtype.h"

#define PATIENCE_US (300 * INT64_C(1000000))
#define MANY SIZE_MAX

#define ALWAYS                                                                 \
    (NX_BIT(OPT_API) | NX_BIT(OPT_TOKEN_FILE) | NX_BIT(OPT_HELP) |             \
     NX_BIT(OPT_VERSION))
#define LISTS (NX_BIT(OPT_JSON) | NX_BIT(OPT_JSONL))

const struct nx_command_rule nx_commands[] = {
    {"incident", "open", NX_CMD_INCIDENT_OPEN, 2, MANY, "NAME TYPE...",
     NX_BIT(OPT_EXPECT) | NX_BIT(OPT_OUTAGE) | NX_BIT(OPT_RESTORED) |
         NX_BIT(OPT_NOTE) | NX_BIT(OPT_JSON)},
    {"incident", "list", NX_CMD_INCIDENT_LIST, 0, 0, "", LISTS},
    {"incident", "show", NX_CMD_INCIDENT_SHOW, 0, 1, "[ID]", NX_BIT(OPT_JSON)},
    {"incident", "close", NX_CMD_INCIDENT_CLOSE, 1, 1, "ID", NX_BIT(OPT_JSON)},
    {"incident", "export", NX_CMD_INCIDENT_EXPORT, 0, 1, "[ID]", 0},
    {"status", NULL, NX_CMD_STATUS, 0, 1, "[ID]",
     LISTS | NX_BIT(OPT_WATCH) | NX_BIT(OPT_ALL) | NX_BIT(OPT_WHERE) |
         NX_BIT(OPT_GROUP)},
    {"explain", NULL, NX_CMD_EXPLAIN, 1, 2, "[ID] NETWORK",
     NX_BIT(OPT_JSON) | NX_BIT(OPT_ALL)},
    {"report", NULL, NX_CMD_REPORT, 0, 1, "[ID]", NX_BIT(OPT_FORMAT)},
    {"evidence", NULL, NX_CMD_EVIDENCE, 1, 2, "[ID] NETWORK",
     NX_BIT(OPT_OUTPUT)},
    /* For the shells' completion; not in the help. */
    {"complete", NULL, NX_CMD_COMPLETE, 0, MANY, "-- WORD...", 0},
    {"audit", NULL, NX_CMD_AUDIT, 1, MANY, "NAME [TYPE]...",
     NX_BIT(OPT_EXPECT) | NX_BIT(OPT_TIMEOUT) | NX_BIT(OPT_JSON)},
    {"preflight", NULL, NX_CMD_PREFLIGHT, 1, MANY, "NAME [TYPE]...",
     NX_BIT(OPT_ACCIDENT) | NX_BIT(OPT_EXPECT) | NX_BIT(OPT_TIMEOUT) |
         NX_BIT(OPT_ALL) | NX_BIT(OPT_JSON)},
    {"wait", NULL, NX_CMD_WAIT, 0, 1, "[ID]",
     NX_BIT(OPT_TIMEOUT) | NX_BIT(OPT_PATIENCE)},
    {"agents", "list", NX_CMD_AGENTS_LIST, 0, 0, "", LISTS},
    {"agents", "ledger", NX_CMD_AGENTS_LEDGER, 0, 0, "", LISTS},
    {"agents", "accept", NX_CMD_AGENTS_ACCEPT, 1, 1, "KEY --network NETWORK",
     NX_BIT(OPT_NETWORK) | NX_BIT(OPT_NAME) | NX_BIT(OPT_ROLE) |
         NX_BIT(OPT_JSON)},
    {"agents", "revoke", NX_CMD_AGENTS_REVOKE, 1, 1, "WHO", NX_BIT(OPT_JSON)},
    {"alerts", "list", NX_CMD_ALERTS_LIST, 0, 0, "", LISTS},
    {"alerts", "test", NX_CMD_ALERTS_TEST, 0, 1, "[RECEIVER]",
     NX_BIT(OPT_JSON)},
    {"agents", "label", NX_CMD_AGENTS_LABEL, 2, MANY, "NAME KEY=VALUE...",
     NX_BIT(OPT_JSON)},
    {"networks", "label", NX_CMD_NETWORKS_LABEL, 2, MANY,
     "NETWORK KEY=VALUE...", NX_BIT(OPT_JSON)},
    {"agents", "reject", NX_CMD_AGENTS_REJECT, 1, 1, "KEY", NX_BIT(OPT_JSON)},
    {"agents", "quarantine", NX_CMD_AGENTS_QUARANTINE, 1, 1, "WHO",
     NX_BIT(OPT_JSON)},
    {"agents", "release", NX_CMD_AGENTS_RELEASE, 1, 1, "WHO", NX_BIT(OPT_JSON)},
    {"agents", "log", NX_CMD_AGENTS_LOG, 0, 0, "", LISTS},
    {"enrol", "create", NX_CMD_ENROL_CREATE, 0, 0, "--network NETWORK",
     NX_BIT(OPT_NETWORK) | NX_BIT(OPT_NAME) | NX_BIT(OPT_ROLE) |
         NX_BIT(OPT_EXPIRES) | NX_BIT(OPT_JSON)},
    {"enrol", "list", NX_CMD_ENROL_LIST, 0, 0, "", LISTS},
    {"enrol", "revoke", NX_CMD_ENROL_REVOKE, 1, 1, "ID", NX_BIT(OPT_JSON)},
    {"networks", NULL, NX_CMD_NETWORKS, 0, 0, "", LISTS},
    {"resolvers", NULL, NX_CMD_RESOLVERS, 0, 1, "[--measure [NETWORK]]",
     LISTS | NX_BIT(OPT_MEASURE) | NX_BIT(OPT_TIMEOUT)},
    {"score", NULL, NX_CMD_SCORE, 0, 1, "[ID]",
     NX_BIT(OPT_FROM) | NX_BIT(OPT_TO) | NX_BIT(OPT_SINCE) | NX_BIT(OPT_JSON)},
    {"tokens", "create", NX_CMD_TOKENS_CREATE, 1, 1,
     "NAME [--scope read|admin]",
     NX_BIT(OPT_SCOPE) | NX_BIT(OPT_NETWORK) | NX_BIT(OPT_EXPIRES) |
         NX_BIT(OPT_JSON)},
    {"tokens", "list", NX_CMD_TOKENS_LIST, 0, 0, "", LISTS},
    {"tokens", "revoke", NX_CMD_TOKENS_REVOKE, 1, 1, "NAME", NX_BIT(OPT_JSON)},
    {"estimate", NULL, NX_CMD_ESTIMATE, 0, 1, "[FILE]", 0},
    {"replay", NULL, NX_CMD_REPLAY, 0, 1, "[RECORDING]",
     LISTS | NX_BIT(OPT_AT) | NX_BIT(OPT_EVERY) | NX_BIT(OPT_ALL)},
};

const size_t nx_commands_n = sizeof nx_commands / sizeof nx_commands[0];

int nx_args_take_positional(struct nx_parse *p, const char *arg) {
    if (p->positional_n == sizeof p->positional / sizeof p->positional[0]) {
        return nx_args_fail(p->why, "%.80s: too many arguments", arg);
    }
    p->positional[p->positional_n++] = arg;
    return 0;
}

static int take_argument(struct nx_parse *p, const char *arg) {
    if (!p->only_positional && strcmp(arg, "--") == 0) {
        p->only_positional = true;
        return 0;
    }
    if (!p->only_positional && arg[0] == '-' && arg[1] != '\0') {
        return nx_args_take_option(p, arg);
    }
    return nx_args_take_positional(p, arg);
}

/* "list, accept, revoke": what may follow the word; out: NX_ARGS_WHY_MAX. */
static const char *verbs_of(const char *word, char *out) {
    size_t len = 0;
    out[0] = '\0';
    for (size_t i = 0; i < nx_commands_n; i++) {
        if (strcmp(nx_commands[i].word, word) == 0 &&
            nx_commands[i].verb != NULL && len < NX_ARGS_WHY_MAX) {
            len += (size_t)snprintf(out + len, NX_ARGS_WHY_MAX - len, "%s%s",
                                    len > 0 ? ", " : "", nx_commands[i].verb);
        }
    }
    return out;
}

/* Finds the command and how many words name it. */
static const struct nx_command_rule *find_command(struct nx_parse *p,
                                                  size_t *words) {
    const char *word = p->positional[0];
    const char *verb = p->positional_n > 1 ? p->positional[1] : NULL;
    bool word_known = false;
    for (size_t i = 0; i < nx_commands_n; i++) {
        const struct nx_command_rule *rule = &nx_commands[i];
        if (strcmp(rule->word, word) != 0) {
            continue;
        }
        word_known = true;
        if (rule->verb == NULL ||
            (verb != NULL && strcmp(rule->verb, verb) == 0)) {
            *words = rule->verb == NULL ? 1 : 2;
            return rule;
        }
    }
    if (!word_known) {
        (void)nx_args_fail(p->why, "%.80s: no such command", word);
    } else {
        char verbs[NX_ARGS_WHY_MAX];
        (void)nx_args_fail(p->why, "%s%s%.80s: %s one of %s", word,
                           verb != NULL ? " " : "", verb != NULL ? verb : "",
                           verb != NULL ? "not" : "needs",
                           verbs_of(word, verbs));
    }
    return NULL;
}

static int take_id(struct nx_parse *p, const char *text) {
    uint64_t id = 0;
    size_t digits = strspn(text, "0123456789");
    for (size_t i = 0; i < digits && digits <= 10; i++) {
        id = id * 10 + (uint64_t)(text[i] - '0');
    }
    if (text[digits] != '\0' || digits > 10 || id == 0 || id > UINT32_MAX) {
        return nx_args_fail(p->why, "%.80s: not a number (1, 2, ...)", text);
    }
    p->out->id = (uint32_t)id;
    return 0;
}

static int take_types(struct nx_parse *p, const char *const *types, size_t n) {
    uint16_t qtype = 0;
    for (size_t i = 0; i < n; i++) {
        if (nx_rrtype_parse(types[i], &qtype) != 0) {
            return nx_args_fail(p->why, "%.80s: not a record type", types[i]);
        }
        if (p->out->types_n == NX_ARGS_TYPES_MAX) {
            return nx_args_fail(p->why, "more than %u types",
                                NX_ARGS_TYPES_MAX);
        }
        p->out->types[p->out->types_n++] = types[i];
    }
    return 0;
}

/* Checked as the collector will check them. */
static int take_labels(struct nx_parse *p, const char *const *pairs, size_t n) {
    struct nx_labels labels;
    nx_labels_init(&labels);
    for (size_t i = 0; i < n; i++) {
        char key[16] = "";
        const char *why = "must be KEY=VALUE, such as site=lyon";
        const char *equals = strchr(pairs[i], '=');
        size_t len = equals == NULL ? 0 : (size_t)(equals - pairs[i]);
        if (len > 0 && len < sizeof key) {
            memcpy(key, pairs[i], len);
        }
        if (len == 0 || nx_labels_set(&labels, nx_label_key_of(key), equals + 1,
                                      &why) != 0) {
            return nx_args_fail(p->why, "%.80s: %s", pairs[i], why);
        }
        for (size_t k = 0; k < i; k++) {
            if (strncmp(pairs[k], pairs[i], len + 1) == 0) {
                return nx_args_fail(p->why, "%.80s: %s is given twice",
                                    pairs[i], key);
            }
        }
        p->out->labels[p->out->labels_n++] = pairs[i];
    }
    return 0;
}

static int take_positional(struct nx_parse *p,
                           const struct nx_command_rule *rule,
                           const char *const *rest, size_t n) {
    const char *space = rule->verb != NULL ? " " : "";
    const char *verb = rule->verb != NULL ? rule->verb : "";
    if (n < rule->min || n > rule->max) {
        return nx_args_fail(p->why, "usage: nxclear %s%s%s%s%s", rule->word,
                            space, verb, rule->usage[0] != '\0' ? " " : "",
                            rule->usage);
    }
    static const char *const address = "A";
    switch (rule->command) {
    case NX_CMD_AUDIT:
    case NX_CMD_PREFLIGHT:
        p->out->subject = rest[0];
        return n > 1 ? take_types(p, rest + 1, n - 1)
                     : take_types(p, &address, 1);
    case NX_CMD_INCIDENT_OPEN:
        p->out->subject = rest[0];
        return take_types(p, rest + 1, n - 1);
    case NX_CMD_INCIDENT_SHOW:
    case NX_CMD_INCIDENT_CLOSE:
    case NX_CMD_INCIDENT_EXPORT:
    case NX_CMD_STATUS:
    case NX_CMD_REPORT:
    case NX_CMD_WAIT:
    case NX_CMD_SCORE:
        return n > 0 ? take_id(p, rest[0]) : 0;
    case NX_CMD_COMPLETE:
        return 0;
    case NX_CMD_EVIDENCE:
    case NX_CMD_EXPLAIN:
        p->out->network = rest[n - 1];
        return n > 1 ? take_id(p, rest[0]) : 0;
    case NX_CMD_AGENTS_ACCEPT:
    case NX_CMD_AGENTS_REVOKE:
    case NX_CMD_AGENTS_REJECT:
    case NX_CMD_AGENTS_QUARANTINE:
    case NX_CMD_AGENTS_RELEASE:
    case NX_CMD_TOKENS_CREATE:
    case NX_CMD_TOKENS_REVOKE:
        p->out->subject = rest[0];
        return 0;
    case NX_CMD_AGENTS_LABEL:
    case NX_CMD_NETWORKS_LABEL:
        p->out->subject = rest[0];
        return take_labels(p, rest + 1, n - 1);
    case NX_CMD_ESTIMATE:
    case NX_CMD_REPLAY:
        p->out->subject = n > 0 && strcmp(rest[0], "-") != 0 ? rest[0] : NULL;
        return 0;
    case NX_CMD_RESOLVERS:
        p->out->network = n > 0 ? rest[0] : NULL;
        return 0;
    case NX_CMD_ALERTS_TEST:
        p->out->subject = n > 0 ? rest[0] : NULL;
        return 0;
    case NX_CMD_HELP:
    case NX_CMD_VERSION:
    case NX_CMD_INCIDENT_LIST:
    case NX_CMD_AGENTS_LIST:
    case NX_CMD_AGENTS_LEDGER:
    case NX_CMD_ALERTS_LIST:
    case NX_CMD_NETWORKS:
    case NX_CMD_TOKENS_LIST:
    case NX_CMD_AGENTS_LOG:
    case NX_CMD_ENROL_CREATE:
    case NX_CMD_ENROL_LIST:
        break;
    case NX_CMD_ENROL_REVOKE:
        return take_id(p, rest[0]);
    }
    return 0;
}

static int check_options(struct nx_parse *p,
                         const struct nx_command_rule *rule) {
    for (size_t i = 0; i < NX_OPTIONS_N; i++) {
        unsigned bit = NX_BIT(nx_options[i].option);
        if ((p->seen & bit) != 0 && ((rule->allowed | ALWAYS) & bit) == 0) {
            return nx_args_fail(p->why, "--%s: not an option of %s%s%s",
                                nx_options[i].name, rule->word,
                                rule->verb != NULL ? " " : "",
                                rule->verb != NULL ? rule->verb : "");
        }
    }
    if ((p->seen & NX_BIT(OPT_SINCE)) != 0 &&
        (p->seen & NX_BIT(OPT_FROM)) != 0) {
        return nx_args_fail(p->why, "--since and --from exclude each other");
    }
    if ((p->seen & LISTS) == LISTS) {
        return nx_args_fail(p->why, "--json and --jsonl exclude each other");
    }
    if (rule->command == NX_CMD_RESOLVERS && !p->out->measure &&
        (p->out->network != NULL || (p->seen & NX_BIT(OPT_TIMEOUT)) != 0)) {
        return nx_args_fail(p->why, "resolvers: NETWORK and --timeout need "
                                    "--measure");
    }
    if (rule->command == NX_CMD_AGENTS_ACCEPT && p->out->network == NULL) {
        return nx_args_fail(p->why, "agents accept: needs --network NETWORK");
    }
    if (rule->command == NX_CMD_ENROL_CREATE && p->out->network == NULL) {
        return nx_args_fail(p->why, "enrol create: needs --network NETWORK");
    }
    return 0;
}

/* "help", "help status", "status --help". */
static bool is_command(const char *word) {
    for (size_t i = 0; i < nx_commands_n; i++) {
        if (strcmp(nx_commands[i].word, word) == 0) {
            return true;
        }
    }
    return false;
}

const char *nx_args_word(const char *const *args, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (is_command(args[i])) {
            return args[i];
        }
    }
    return NULL;
}

static bool take_help(struct nx_parse *p) {
    bool word = p->positional_n > 0 && strcmp(p->positional[0], "help") == 0;
    size_t of = word ? 1 : 0;
    if (!word && (p->seen & NX_BIT(OPT_HELP)) == 0) {
        return false;
    }
    p->out->command = NX_CMD_HELP;
    p->out->subject = p->positional_n > of ? p->positional[of] : NULL;
    return true;
}

static int parse_command(struct nx_parse *p) {
    size_t words = 0;
    if ((p->seen & NX_BIT(OPT_VERSION)) != 0) {
        p->out->command = NX_CMD_VERSION;
        return 0;
    }
    if (take_help(p)) {
        const char *of = p->out->subject;
        return of == NULL || is_command(of)
                   ? 0
                   : nx_args_fail(p->why, "%.80s: no such command", of);
    }
    if (p->positional_n == 0) {
        return nx_args_fail(p->why, "no command given");
    }
    const struct nx_command_rule *rule = find_command(p, &words);
    if (rule == NULL) {
        return NX_EMALFORMED;
    }
    p->out->command = rule->command;
    int err = take_positional(p, rule, p->positional + words,
                              p->positional_n - words);
    return err != 0 ? err : check_options(p, rule);
}

/* Of a line that is being written nothing is checked; but the collector that
 * it names is the one to ask. */
static void take_words(struct nx_parse *p) {
    size_t first = strcmp(p->args[1], "--") == 0 ? 2 : 1;
    p->out->words = p->args + first;
    p->out->words_n = p->n - first;
    for (size_t i = first; i + 1 < p->n; i++) { /* the last is unfinished */
        const char *api = NULL;
        if (strncmp(p->args[i], "--api=", 6) == 0) {
            api = p->args[i] + 6;
        } else if (strcmp(p->args[i], "--api") == 0 && i + 2 < p->n) {
            api = p->args[i + 1];
        }
        if (api != NULL && nx_args_take_api(p, api) != 0) {
            p->out->words_n = 0; /* nobody to ask */
        }
    }
    p->positional[p->positional_n++] = p->args[0];
    p->at = p->n;
}

int nx_args_parse(const char *const *args, size_t n, const char *api_env,
                  int64_t now_us, struct nx_args *out, char *why) {
    struct nx_args parsed = {
        .api = NX_API_DEFAULT,
        .timeout_us = NX_TIME_NONE,
        .accident_us = NX_TIME_NONE,
        .patience_us = NX_TIME_NONE,
        .outage_from_us = NX_TIME_NONE,
        .outage_to_us = NX_TIME_NONE,
        .restored_us = NX_TIME_NONE,
        .from_us = NX_TIME_NONE,
        .to_us = NX_TIME_NONE,
        .expires_us = NX_TIME_NONE,
    };
    struct nx_parse p = {
        .args = args, .n = n, .now_us = now_us, .out = &parsed, .why = why};
    int err = 0;
    if (api_env != NULL && api_env[0] != '\0' &&
        nx_args_take_api(&p, api_env) != 0) {
        return nx_args_fail(why,
                            "NXCLEAR_API: neither unix:/PATH nor "
                            "http[s]://HOST:PORT: %.80s",
                            api_env);
    }
    if (n > 1 && strcmp(args[0], "complete") == 0) {
        take_words(&p);
    }
    while (err == 0 && p.at < n) {
        const char *arg = args[p.at++];
        err = take_argument(&p, arg);
    }
    err = err != 0 ? err : parse_command(&p);
    if (parsed.patience_us == NX_TIME_NONE) {
        parsed.patience_us =
            parsed.timeout_us != NX_TIME_NONE ? parsed.timeout_us : PATIENCE_US;
    }
    if (err == 0) {
        *out = parsed;
    }
    return err;
}
