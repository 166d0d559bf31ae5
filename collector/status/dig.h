/* dig(1) command lines that repeat by hand what an agent asked, safe to be
 * pasted into a shell whatever the name is. Pure. */
#ifndef NX_COLLECTOR_DIG_H
#define NX_COLLECTOR_DIG_H

#include "common/obs.h"
#include "common/text.h"

/* "dig @192.0.2.53 www.example.com A +nsid": with the port, transport and
 * header bits of the question; nothing that is dig's default. */
void nx_dig_command(const struct nx_question *question, struct nx_text *out);

/* The same as a record of what was asked, which nobody runs by pasting it:
 * "@192.0.2.53 www.example.com A +nsid". */
void nx_dig_question(const struct nx_question *question, struct nx_text *out);

#endif
