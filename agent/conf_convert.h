/* Inside of conf.c and conf_policy.c: one conversion under way. */
#ifndef NX_AGENT_CONF_CONVERT_H
#define NX_AGENT_CONF_CONVERT_H

#include "agent/conf.h"
#include "agent/conf_raw.h"

#define NX_CONVERT_PATH_MAX 64U /* bytes of "policy.zones[2]" */

struct nx_convert {
    const struct nx_raw_conf *raw;
    const struct nx_yaml *doc;
    struct nx_agent_conf *out;
    char *why;
    size_t why_cap;
};

/* Ends the conversion with "FILE:LINE: PATH: ..." */
#define NX_CONVERT_FAIL(c, path, ...)                                          \
    nx_yaml_error((c)->doc, (c)->why, (c)->why_cap, path, __VA_ARGS__)

/* text NULL gives NULL. NX_ENOMEM. */
int nx_convert_text(const char *text, char **out) NX_MUSTUSE;

/* The policy, with root_hints. */
int nx_convert_policy(struct nx_convert *c) NX_MUSTUSE;

/* probe and batch; the spool. */
int nx_convert_sizes(struct nx_convert *c) NX_MUSTUSE;
int nx_convert_spool(struct nx_convert *c) NX_MUSTUSE;

#endif
