/* Inside the HTML of a report. */
#ifndef NX_CLI_RECORD_CHART_H
#define NX_CLI_RECORD_CHART_H

#include "collector/cli/record.h"

/* Text of strangers as HTML text or attribute value. */
void nx_html_text(const char *text, struct nx_text *out);

/* A lane for each affected network as SVG: from the time it was seen affected
 * until it was clear; the outage behind, marks where every server was good
 * again and where all was clear. Nothing when there is nothing to draw. */
void nx_record_chart(const json_t *report, struct nx_text *out);

#endif
