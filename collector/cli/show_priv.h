/* Inside the rendering of a status: its header lines. */
#ifndef NX_CLI_SHOW_PRIV_H
#define NX_CLI_SHOW_PRIV_H

#include "collector/cli/show.h"

void nx_show_incident_line(const json_t *status, struct nx_text *out);
void nx_show_authority_line(const json_t *status, struct nx_text *out);
void nx_show_negative_line(const json_t *status, struct nx_text *out);
void nx_show_networks_line(const json_t *status, struct nx_text *out);

/* "groups" of a status: a table under an empty line. */
void nx_show_groups(const json_t *groups, int64_t now_us,
                    const struct nx_show *show, struct nx_text *out);

#endif
