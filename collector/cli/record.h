/* The record of an incident (GET /v1/incidents/{id}/report) as something to
 * paste into a post-mortem: Markdown, or a page of HTML that needs nothing
 * else. Pure; what comes from outside is escaped for each of them. */
#ifndef NX_CLI_RECORD_H
#define NX_CLI_RECORD_H

#include "collector/cli/format.h"
#include "common/text.h"

void nx_record_markdown(const json_t *report, struct nx_text *out);
void nx_record_html(const json_t *report, struct nx_text *out);

/* --- shared by the two --- */

/* "2026-11-20 20:31:10" (rounded up, if up); "-" when not known. Returns out
 * (NX_CELL_MAX). */
char *nx_record_time(const json_t *object, const char *key, bool up, char *out);
/* The same of an element of a pair such as "cleared". */
char *nx_record_edge(const json_t *pair, size_t i, bool up, char *out);
/* "12 min 4 s"; "-". */
char *nx_record_seconds(const json_t *seconds, char *out);
/* "predicted 1.2 s late", "within the looks"; "-". */
char *nx_record_error(const json_t *seconds, char *out);

/* The sentences that come first, one per call of visit: plain text. */
void nx_record_sentences(const json_t *report,
                         void (*visit)(void *user, const char *sentence),
                         void *user);

#endif
