/* What an agent makes of the answer to its join string. Pure. */
#ifndef NX_AGENT_JOINED_H
#define NX_AGENT_JOINED_H

#include "agent/conf.h"
#include "common/join.h"
#include "common/text.h"

/* Is there enough in the answer to be configured from, and nothing odd in it?
 * NX_EMALFORMED. */
int nx_joined_check(const struct nx_join_reply *reply) NX_MUSTUSE;

/* The lines of `collectors:` for the answer, indented by two. */
void nx_joined_collectors(const struct nx_join_reply *reply,
                          struct nx_text *out);

/* A whole configuration. key_path: as it is to stand in the file. */
void nx_joined_conf(const struct nx_join_reply *reply, const char *key_path,
                    struct nx_text *out);

/* Does the configuration name one of these collectors with the right key? */
bool nx_joined_known(const struct nx_join_reply *reply,
                     const struct nx_agent_conf *conf);

#endif
