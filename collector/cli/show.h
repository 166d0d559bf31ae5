/* Documents of the API as text for people. Pure; what comes from outside is
 * escaped, so no document can reach the terminal's controls. */
#ifndef NX_CLI_SHOW_H
#define NX_CLI_SHOW_H

#include "collector/cli/format.h"
#include "common/text.h"

/* With more networks than this, clear ones are left out unless show->all. */
#define NX_SHOW_ROWS_MAX 20U

/* Exit codes (nxclear(1)). */
enum nx_exit {
    NX_EXIT_CLEAR = 0,
    NX_EXIT_WAITING = 1,
    NX_EXIT_STUCK = 2,
    NX_EXIT_UNKNOWN = 3,
    NX_EXIT_USAGE = 64,
    NX_EXIT_DATA = 65,
    NX_EXIT_NO_INPUT = 66,
    NX_EXIT_UNAVAILABLE = 69,
    NX_EXIT_INTERNAL = 70,
    NX_EXIT_NOPERM = 77,
};

/* The exit code that a status document says. */
int nx_show_exit(const json_t *status);

/* GET /v1/incidents/{id}/status: four lines, an empty one, the table. */
void nx_show_status(const json_t *status, const struct nx_show *show,
                    struct nx_text *out);

/* Sorts networks of a status as they are shown. */
void nx_show_order(json_t **networks, size_t n, enum nx_sort sort);

/* GET /v1/incidents/{id}/networks/{network}: the evidence. show->all: every
 * look. */
void nx_show_explain(const json_t *network, const struct nx_show *show,
                     struct nx_text *out);

/* A status document whose name servers were audited: servers and findings. */
void nx_show_audit(const json_t *status, const struct nx_show *show,
                   struct nx_text *out);
/* The document of preflight.h. */
void nx_show_preflight(const json_t *document, const struct nx_show *show,
                       struct nx_text *out);
/* 0 no error or warning, 1 a warning, 2 an error, 3 nothing is known. */
int nx_show_audit_exit(const json_t *status);
/* Was every server asked everything, and judged? */
bool nx_show_audited(const json_t *status);

/* The same of a replay: a line, and a table of targets. */
void nx_show_moment(const json_t *status, const struct nx_show *show,
                    struct nx_text *out);

/* GET /v1/incidents/{id}: a line for each thing that is known. */
void nx_show_incident(const json_t *incident, int64_t now_us,
                      struct nx_text *out);

/* Is `a` another incident than `b`, open, with the same name and a type of it?
 */
bool nx_show_same_subject(const json_t *a, const json_t *b);

/* Why waiting ended with what `status` says: one line, without a newline. */
void nx_show_ended(const json_t *status, bool time_is_up, struct nx_text *out);

/* "incident 7 opened: www.example.com A AAAA, 41 networks, 112 resolvers", and
 * the times that were declared, a line each; status: NULL when it could not be
 * had. */
void nx_show_opened(const json_t *incident, const json_t *status,
                    struct nx_text *out);

/* Lists, as tables. */
void nx_show_incidents(const json_t *list, int64_t now_us,
                       const struct nx_show *show, struct nx_text *out);
/* Of each agent: produced = received + in its spool + reported lost. */
void nx_show_ledgers(const json_t *list, int64_t now_us,
                     const struct nx_show *show, struct nx_text *out);
void nx_show_agents(const json_t *list, int64_t now_us,
                    const struct nx_show *show, struct nx_text *out);
void nx_show_networks(const json_t *list, int64_t now_us,
                      const struct nx_show *show, struct nx_text *out);
void nx_show_resolvers(const json_t *list, int64_t now_us,
                       const struct nx_show *show, struct nx_text *out);
void nx_show_alerts(const json_t *list, int64_t now_us,
                    const struct nx_show *show, struct nx_text *out);

void nx_show_door_log(const json_t *list, int64_t now_us,
                      const struct nx_show *show, struct nx_text *out);
void nx_show_enrolments(const json_t *list, int64_t now_us,
                        const struct nx_show *show, struct nx_text *out);
void nx_show_tokens(const json_t *list, int64_t now_us,
                    const struct nx_show *show, struct nx_text *out);

/* The list inside a document: itself, or its member `key`; NULL if neither. */
const json_t *nx_doc_list(const json_t *document, const char *key);

/* Appends a row per element, compact JSON, without the member `without`. */
void nx_show_jsonl(const json_t *list, const char *without,
                   struct nx_text *out);
/* The rows of `status --jsonl`: each network with incident id and time. */
void nx_show_status_jsonl(const json_t *status, struct nx_text *out);
/* A document; on one line or indented. ASCII only. */
void nx_show_json(const json_t *document, bool one_line, struct nx_text *out);

/* Of a list of resolvers, how many attempts ended at since_us or later, and
 * how many of them gave nothing; network NULL: of all. */
struct nx_show_measured {
    size_t done_n, failed_n;
};
struct nx_show_measured nx_show_measured(const json_t *list,
                                         const char *network, int64_t since_us);
/* The rows of these, a new reference; NULL: no memory. */
json_t *nx_show_measured_rows(const json_t *list, const char *network);

/* GET /v1/score: a table of groups, and what was learnt. */
void nx_show_score(const json_t *score, const struct nx_show *show,
                   struct nx_text *out);

/* A problem document of the API: "title: detail". */
void nx_show_problem(const json_t *problem, struct nx_text *out);

#endif
