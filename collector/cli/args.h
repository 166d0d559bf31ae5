/* The command line of nxclear as a value. Pure: the clock and the environment
 * are arguments. */
#ifndef NX_CLI_ARGS_H
#define NX_CLI_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/engine/labels.h"
#include "common/err.h"
#include "common/text.h"

#define NX_ARGS_TYPES_MAX 16U
#define NX_ARGS_EXPECT_MAX 64U
#define NX_ARGS_AT_MAX 256U
#define NX_ARGS_WHY_MAX 256U
#define NX_TIME_NONE INT64_MIN

#define NX_API_DEFAULT "unix:/run/nxclear/nxclear.sock"

enum nx_command {
    NX_CMD_HELP,
    NX_CMD_VERSION,
    NX_CMD_INCIDENT_OPEN,
    NX_CMD_INCIDENT_LIST,
    NX_CMD_INCIDENT_SHOW,
    NX_CMD_INCIDENT_CLOSE,
    NX_CMD_INCIDENT_EXPORT,
    NX_CMD_STATUS,
    NX_CMD_AUDIT,
    NX_CMD_PREFLIGHT,
    NX_CMD_EXPLAIN,
    NX_CMD_REPORT,
    NX_CMD_EVIDENCE,
    NX_CMD_COMPLETE,
    NX_CMD_WAIT,
    NX_CMD_AGENTS_LIST,
    NX_CMD_AGENTS_LEDGER,
    NX_CMD_AGENTS_ACCEPT,
    NX_CMD_AGENTS_REVOKE,
    NX_CMD_ALERTS_LIST,
    NX_CMD_ALERTS_TEST,
    NX_CMD_AGENTS_LABEL,
    NX_CMD_NETWORKS,
    NX_CMD_RESOLVERS,
    NX_CMD_NETWORKS_LABEL,
    NX_CMD_SCORE,
    NX_CMD_AGENTS_REJECT,
    NX_CMD_AGENTS_QUARANTINE,
    NX_CMD_AGENTS_RELEASE,
    NX_CMD_AGENTS_LOG,
    NX_CMD_ENROL_CREATE,
    NX_CMD_ENROL_LIST,
    NX_CMD_ENROL_REVOKE,
    NX_CMD_TOKENS_CREATE,
    NX_CMD_TOKENS_LIST,
    NX_CMD_TOKENS_REVOKE,
    NX_CMD_ESTIMATE,
    NX_CMD_REPLAY,
};

enum nx_format {
    NX_FORMAT_TABLE, /* for people; of a report: Markdown */
    NX_FORMAT_JSON,
    NX_FORMAT_JSONL,
    NX_FORMAT_HTML,
};

/* Strings are borrowed from argv and the environment. */
struct nx_args {
    enum nx_command command;
    const char *api;        /* "unix:/path", "http://..." or "https://..." */
    const char *token_file; /* NULL: $NXCLEAR_TOKEN, if that is set */
    enum nx_format format;
    bool watch;
    bool all;            /* clear networks too */
    bool measure;        /* resolvers: now */
    uint32_t id;         /* incident; 0: the only open one */
    int64_t timeout_us;  /* wait; NX_TIME_NONE: for ever */
    int64_t patience_us; /* wait: without any prospect */
    int64_t accident_us; /* preflight; NX_TIME_NONE: several lengths */
    const char *subject; /* name, key, who, or file; NULL: standard input;
                            help: the command, NULL: all */
    const char *types[NX_ARGS_TYPES_MAX];
    size_t types_n;
    const char *expect[NX_ARGS_EXPECT_MAX]; /* "A=192.0.2.10" */
    size_t expect_n;
    int64_t outage_from_us, outage_to_us; /* NX_TIME_NONE */
    int64_t restored_us;                  /* NX_TIME_NONE: auto */
    const char *far; /* one of these, nx_moment_is_far; NULL: none */
    int64_t far_us;
    const char *note;    /* NULL */
    const char *network; /* NULL; explain: the subject; of a token: "a,b" */
    const char *output;  /* evidence; NULL: a tar here */
    const char *name;    /* NULL */
    const char *role;    /* NULL */
    const char *scope;   /* of a token; NULL: read */
    int64_t expires_us;  /* from now; NX_TIME_NONE */
    int64_t at_us[NX_ARGS_AT_MAX]; /* replay: show then, ascending */
    size_t at_n;
    const char *const *words; /* complete: the line up to the cursor */
    size_t words_n;
    int64_t every_us;                /* replay: and so often; 0: no */
    const char *where[NX_WHERE_MAX]; /* "site=lyon" */
    size_t where_n;
    const char *group;      /* key of a label; NULL */
    int64_t from_us, to_us; /* score: of the clearing; NX_TIME_NONE */
    const char *labels[NX_LABEL_KEYS_N_]; /* "site=lyon", "asn=" */
    size_t labels_n;
};

/* args[0..n): without the program's name. api_env: $NXCLEAR_API or NULL.
 * NX_EMALFORMED with why (NX_ARGS_WHY_MAX, escaped, says which argument). */
int nx_args_parse(const char *const *args, size_t n, const char *api_env,
                  int64_t now_us, struct nx_args *out, char *why) NX_MUSTUSE;

/* The command that is meant, for whom the rest could not be read; NULL: none.
 */
const char *nx_args_word(const char *const *args, size_t n);

/* The text of --help. */
const char *nx_args_help(void);
/* Of the commands only those that begin with the word, if there are any. out:
 * initialised here, owned by the caller. */
void nx_args_help_of(const char *word, struct nx_text *out);

/* A moment: RFC 3339; HH:MM or HH:MM:SS, the last such moment in UTC; "now",
 * "now-90s". NX_EMALFORMED, NX_ERANGE. */
int nx_moment_parse(const char *text, int64_t now_us,
                    int64_t *out_us) NX_MUSTUSE;

/* Is it a time of day, or a range that begins with one, and at_us on another
 * day than today or hours ago? It may be meant of another clock than UTC's. */
bool nx_moment_is_far(const char *text, int64_t at_us, int64_t now_us);

/* "90s", "15m", "2h", "1d", "1h30m", or seconds without a unit; at most ten
 * years. NX_EMALFORMED, NX_ERANGE. */
int nx_duration_parse(const char *text, int64_t *out_us) NX_MUSTUSE;

/* "FROM..TO", "FROM..": both moments; a missing TO is NX_TIME_NONE. A FROM
 * given as time of day is the last one before TO, so that 23:50..00:10 is what
 * it looks like. NX_EMALFORMED, NX_ERANGE (TO before FROM). */
int nx_range_parse(const char *text, int64_t now_us, int64_t *from_us,
                   int64_t *to_us) NX_MUSTUSE;

#endif
