/* Inside the rendering of a status: its header lines. */
#ifndef NX_CLI_SHOW_PRIV_H
#define NX_CLI_SHOW_PRIV_H

#include "collector/cli/show.h"
#include "collector/cli/table.h"

/* Beside the internationalised `name` of an object, which is shown already,
 * what people read, in parentheses: worked out here, so that nothing but
 * letters comes to the terminal. Other names: nothing. */
void nx_show_unicode(const json_t *object, struct nx_text *out);

void nx_show_incident_line(const json_t *status, struct nx_text *out);
void nx_show_authority_line(const json_t *status, struct nx_text *out);
void nx_show_negative_line(const json_t *status, struct nx_text *out);
/* What an audit found, a paragraph each. */
void nx_show_findings(const json_t *authority, const struct nx_show *show,
                      struct nx_text *out);
void nx_show_networks_line(const json_t *status, const struct nx_show *show,
                           struct nx_text *out);

/* "groups" of a status: a table under an empty line. */
void nx_show_groups(const json_t *groups, int64_t now_us,
                    const struct nx_show *show, struct nx_text *out);

/* show_list.c: cells from members of an object, and the end of a table. */
void nx_cell_text(struct nx_table *table, const json_t *object, const char *key,
                  enum nx_colour colour);
void nx_cell_number(struct nx_table *table, const json_t *value);
void nx_cell_clock(struct nx_table *table, const json_t *object,
                   const char *key, int64_t now_us);
/* The strings of a list with commas; out: NX_CELL_MAX; returns out. */
char *nx_cell_join(const json_t *list, char *out);
/* none: what is said instead of an empty table. Frees the table. */
void nx_cell_finish(struct nx_table *table, const json_t *list,
                    const char *none, const struct nx_show *show,
                    struct nx_text *out);

#endif
