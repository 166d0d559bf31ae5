/* Inside the argument parser: options beside commands. */
#ifndef NX_CLI_ARGS_PRIV_H
#define NX_CLI_ARGS_PRIV_H

#include "collector/cli/args.h"

enum nx_option {
    OPT_API,
    OPT_HELP,
    OPT_VERSION,
    OPT_JSON,
    OPT_JSONL,
    OPT_WATCH,
    OPT_ALL,
    OPT_TIMEOUT,
    OPT_PATIENCE,
    OPT_EXPECT,
    OPT_OUTAGE,
    OPT_RESTORED,
    OPT_NOTE,
    OPT_NETWORK,
    OPT_NAME,
    OPT_ROLE,
    OPT_AT,
    OPT_EVERY,
    OPT_FORMAT,
    OPT_OUTPUT,
    OPT_WHERE,
    OPT_GROUP,
    OPT_FROM,
    OPT_TO,
    OPT_SINCE,
    OPT_TOKEN_FILE,
    OPT_SCOPE,
    OPT_EXPIRES,
    OPT_ACCIDENT,
    OPT_MEASURE,
    OPT_N_
};

struct nx_option_rule {
    const char *name;
    char letter; /* 0: none */
    bool value;
    enum nx_option option;
};

#define NX_BIT(option) (1U << (option))

#define NX_OPTIONS_N ((size_t)OPT_N_)
extern const struct nx_option_rule nx_options[NX_OPTIONS_N];

/* The commands, those of one word beside each other. */
struct nx_command_rule {
    const char *word;
    const char *verb; /* NULL: the word is enough */
    enum nx_command command;
    size_t min, max; /* positional arguments */
    const char *usage;
    unsigned allowed; /* NX_BIT() of options */
};
extern const struct nx_command_rule nx_commands[];
extern const size_t nx_commands_n;

/* What parsing goes through. */
struct nx_parse {
    const char *const *args;
    size_t n;
    size_t at; /* next argument */
    int64_t now_us;
    struct nx_args *out;
    char *why;
    unsigned seen;        /* NX_BIT() of options */
    bool only_positional; /* after "--" */
    const char *positional[2 + NX_ARGS_TYPES_MAX + 1];
    size_t positional_n;
};

/* Writes why, escaped; NX_EMALFORMED. */
int nx_args_fail(char *why, const char *format, ...) NX_PRINTF(2, 3);

/* The API's address: unix:/PATH, http://HOST:PORT or https://... */
int nx_args_take_api(struct nx_parse *p, const char *value) NX_MUSTUSE;

/* arg begins with "-"; may take the next argument as its value. */
int nx_args_take_option(struct nx_parse *p, const char *arg) NX_MUSTUSE;

/* Keeps a word of the command. */
int nx_args_take_positional(struct nx_parse *p, const char *arg) NX_MUSTUSE;

#endif
