#include "collector/cli/complete.h"

#include <string.h>

#include "collector/cli/args_priv.h"

struct line {
    const char *before[4]; /* positional words */
    size_t before_n;
    const struct nx_option_rule *open; /* wants its value at the cursor */
};

static const struct nx_option_rule *option_of(const char *word) {
    for (size_t i = 0; i < NX_OPTIONS_N; i++) {
        const struct nx_option_rule *rule = &nx_options[i];
        bool by_name =
            strncmp(word, "--", 2) == 0 && strcmp(word + 2, rule->name) == 0;
        if (by_name || (rule->letter != 0 && word[0] == '-' &&
                        word[1] == rule->letter && word[2] == '\0')) {
            return rule;
        }
    }
    return NULL;
}

static struct line read_line(const char *const *words, size_t n) {
    struct line line = {.before_n = 0};
    for (size_t i = 0; i + 1 < n; i++) {
        const struct nx_option_rule *rule = option_of(words[i]);
        if (rule != NULL && rule->value && i + 2 == n) {
            line.open = rule;
        } else if (rule != NULL && rule->value) {
            i++;
        } else if (words[i][0] != '-' || words[i][1] == '\0') {
            size_t max = sizeof line.before / sizeof line.before[0];
            line.before[line.before_n < max ? line.before_n : max - 1] =
                words[i];
            line.before_n++;
        }
    }
    return line;
}

static void add(struct nx_text *out, const char *word) {
    nx_text_addf(out, "%s\n", word);
}

static void add_all(struct nx_text *out, const char *words) {
    for (const char *p = words; *p != '\0'; p++) {
        nx_text_bytes(out, *p == ' ' ? "\n" : p, 1);
    }
    nx_text_add(out, "\n");
}

/* --- values of options --- */

static unsigned value_of(enum nx_option option, struct nx_text *out) {
    static const struct {
        enum nx_option option;
        const char *words;
    } rows[] = {{OPT_API, "unix:/ http:// https://"},
                {OPT_FORMAT, "md html json"},
                {OPT_SCOPE, "read admin"},
                {OPT_ROLE, "network authority"},
                {OPT_RESTORED, "auto now"},
                {OPT_GROUP, "site provider asn country resolver"},
                {OPT_WHERE, "site= provider= asn= country= resolver="}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].option == option) {
            add_all(out, rows[i].words);
        }
    }
    return option == OPT_NETWORK ? NX_COMPLETE_NETWORKS : 0;
}

/* --- commands --- */

/* Commands of one word need not stand side by side in the table. */
static bool said_before(size_t at) {
    for (size_t i = 0; i < at; i++) {
        if (strcmp(nx_commands[i].word, nx_commands[at].word) == 0) {
            return true;
        }
    }
    return false;
}

static void add_words(struct nx_text *out) {
    for (size_t i = 0; i < nx_commands_n; i++) {
        if (nx_commands[i].command != NX_CMD_COMPLETE && !said_before(i)) {
            add(out, nx_commands[i].word);
        }
    }
    add(out, "help");
}

static void add_verbs(const char *word, struct nx_text *out) {
    for (size_t i = 0; i < nx_commands_n; i++) {
        if (nx_commands[i].verb != NULL &&
            strcmp(nx_commands[i].word, word) == 0) {
            add(out, nx_commands[i].verb);
        }
    }
}

/* The command, and how many of the words before are its arguments. */
static const struct nx_command_rule *command_of(const struct line *line,
                                                size_t *arguments) {
    for (size_t i = 0; line->before_n > 0 && i < nx_commands_n; i++) {
        const struct nx_command_rule *rule = &nx_commands[i];
        bool verb = rule->verb != NULL && line->before_n > 1 &&
                    strcmp(rule->verb, line->before[1]) == 0;
        if (strcmp(rule->word, line->before[0]) == 0 &&
            (rule->verb == NULL || verb)) {
            *arguments = line->before_n - (rule->verb == NULL ? 1 : 2);
            return rule;
        }
    }
    return NULL;
}

static void add_options(const struct nx_command_rule *rule,
                        struct nx_text *out) {
    unsigned allowed = NX_BIT(OPT_API) | NX_BIT(OPT_TOKEN_FILE) |
                       NX_BIT(OPT_HELP) | NX_BIT(OPT_VERSION) |
                       (rule != NULL ? rule->allowed : 0);
    for (size_t i = 0; i < NX_OPTIONS_N; i++) {
        if ((allowed & NX_BIT(nx_options[i].option)) != 0) {
            nx_text_addf(out, "--%s\n", nx_options[i].name);
        }
    }
}

static unsigned argument(const struct nx_command_rule *rule, size_t at,
                         struct nx_text *out) {
    const char *usage = rule->usage;
    if (strncmp(usage, "[ID] NETWORK", 12) == 0) {
        return at == 0   ? NX_COMPLETE_INCIDENTS | NX_COMPLETE_NETWORKS
               : at == 1 ? NX_COMPLETE_NETWORKS
                         : 0U;
    }
    if (strncmp(usage, "[ID]", 4) == 0 || strcmp(usage, "ID") == 0) {
        return at == 0 ? NX_COMPLETE_INCIDENTS : 0;
    }
    if (strcmp(usage, "[RECEIVER]") == 0) {
        return at == 0 ? NX_COMPLETE_RECEIVERS : 0;
    }
    if (strstr(usage, "KEY=VALUE") != NULL && at > 0) {
        add_all(out, "site= provider= asn= country= weight=");
        return 0;
    }
    if (strncmp(usage, "NETWORK", 7) == 0) {
        return NX_COMPLETE_NETWORKS;
    }
    if (strcmp(usage, "WHO") == 0 || strncmp(usage, "NAME KEY", 8) == 0) {
        return at == 0 ? NX_COMPLETE_AGENTS : 0;
    }
    if (strstr(usage, "TYPE") != NULL && at > 0) {
        add_all(out, "A AAAA CNAME MX NS PTR SRV TXT CAA HTTPS SVCB");
    }
    return 0;
}

unsigned nx_complete(const char *const *words, size_t n, struct nx_text *out) {
    if (n == 0) {
        return 0;
    }
    struct line line = read_line(words, n);
    size_t at = 0;
    const struct nx_command_rule *rule = command_of(&line, &at);
    if (line.open != NULL) {
        return value_of(line.open->option, out);
    }
    if (words[n - 1][0] == '-') {
        add_options(rule, out);
        return 0;
    }
    if (line.before_n == 0) {
        add_words(out);
        return 0;
    }
    if (line.before_n == 1) {
        add_verbs(line.before[0], out);
    }
    return rule != NULL ? argument(rule, at, out) : 0;
}
