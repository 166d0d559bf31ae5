/* Requests from the command line. Pure. */
#ifndef NX_CLI_REQUEST_H
#define NX_CLI_REQUEST_H

#include <jansson.h>

#include "collector/cli/args.h"
#include "common/text.h"

/* POST /v1/incidents, /v1/agents/accept, /v1/tokens. New references; NULL when
 * out of memory, or when a text of the command line is not UTF-8. */
json_t *nx_request_incident(const struct nx_args *args);
/* POST /v1/incidents for an audit. */
json_t *nx_request_audit(const struct nx_args *args);
json_t *nx_request_accept(const struct nx_args *args);
/* POST /v1/networks/label, /v1/agents/label; owner: "network" or "agent". */
json_t *nx_request_label(const struct nx_args *args, const char *owner);

/* GET /v1/incidents/{id}/status with --where and --group, appended to out. */
void nx_request_status_path(const struct nx_args *args, uint32_t id,
                            struct nx_text *out);

json_t *nx_request_token(const struct nx_args *args);
/* POST /v1/enrolments; {"who": subject}; {"id": id}. */
json_t *nx_request_enrol(const struct nx_args *args);
json_t *nx_request_who(const struct nx_args *args);
/* POST /v1/resolvers/measure. */
json_t *nx_request_measure(const struct nx_args *args);
json_t *nx_request_id(const struct nx_args *args);

/* The path of a network's document; what is no letter or digit of it is
 * percent-encoded (RFC 3986 section 2.1). Appends to out. */
void nx_request_network(uint32_t id, const char *network, struct nx_text *out);

/* GET /v1/score with its period and incident. */
void nx_request_score_path(const struct nx_args *args, struct nx_text *out);

#endif
