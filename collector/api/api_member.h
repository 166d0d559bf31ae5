/* Members of a JSON request body, with the place of what is wrong
 * ("outage.from: ..."). What the modules behind api.h share. */
#ifndef NX_COLLECTOR_API_MEMBER_H
#define NX_COLLECTOR_API_MEMBER_H

#include "collector/api/api.h"

/* What strangers wrote, short enough to be repeated. nx_api_refuse escapes. */
#define NX_SHOWN "%.80s"

/* The body as an object whose members are all among `known` (NULL-ended);
 * *out is a new reference. */
int nx_member_load(const char *body, size_t len, const char *const *known,
                   json_t **out, struct nx_api_problem *problem) NX_MUSTUSE;

/* A member that must be a string of at most max bytes; *out is borrowed. Absent
 * or null: NULL when it is optional. place: "" or "outage.". */
int nx_member_text(const json_t *object, const char *place, const char *member,
                   bool optional, size_t max, const char **out,
                   struct nx_api_problem *problem) NX_MUSTUSE;

/* A network's, agent's or token's name; out: NX_TEXT_LABEL_MAX bytes, untouched
 * when it is optional and absent. */
int nx_member_label(const json_t *root, const char *member, bool optional,
                    char *out, struct nx_api_problem *problem) NX_MUSTUSE;

/* The optional member "role": network (when absent) or authority. */
int nx_member_role(const json_t *root, bool *authority,
                   struct nx_api_problem *problem) NX_MUSTUSE;

/* An optional duration in seconds, 1..max_s; *out_us is untouched when it is
 * absent. */
int nx_member_lasts(const json_t *root, const char *member, json_int_t max_s,
                    int64_t *out_us, struct nx_api_problem *problem) NX_MUSTUSE;

/* An optional time, not in the future; NX_TIME_UNKNOWN when absent or null. */
int nx_member_time(const json_t *object, const char *place, const char *member,
                   int64_t now_us, int64_t *out_us,
                   struct nx_api_problem *problem) NX_MUSTUSE;

/* RFC 3986 section 2.1, in place; false: bad escape or a NUL. */
bool nx_percent_decode(char *text);

/* Calls take for each NAME=VALUE of a query (NULL: it has none), decoded, until
 * one is refused. */
typedef int nx_query_take(void *user, const char *name, const char *value,
                          struct nx_api_problem *problem);
int nx_query_pairs(const char *query, nx_query_take *take, void *user,
                   struct nx_api_problem *problem) NX_MUSTUSE;

/* The number of an incident: 1, 2, ... without a zero in front. */
bool nx_api_parse_id(const char *text, uint32_t *out);

#endif
