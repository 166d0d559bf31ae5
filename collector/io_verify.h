/* nxclear-collector --check and --rebuild: the store against itself. */
#ifndef NX_COLLECTOR_IO_VERIFY_H
#define NX_COLLECTOR_IO_VERIFY_H

#include <stdio.h>

#include "collector/conf.h"

/* Looks at everything and changes nothing, also beside a running collector:
 * pages, messages of the log, ledger of the streams, states of targets against
 * what the log gives. Prints a line for each to out, and lines about what is
 * wrong. *problems_n: how many. why: "PATH: reason" when it cannot look at all:
 * the errors of nx_store_open. */
int nx_verify(const struct nx_collector_conf *conf, FILE *out,
              unsigned *problems_n, char *why, size_t why_cap) NX_MUSTUSE;

/* Makes what is derived (targets, transitions, forecasts, facts about servers)
 * from the log again, in one transaction: it is all new when its states are
 * those that the log gives, else all as it was. Incidents whose log is not all
 * there any more are left as they are. NX_ESTATE: a collector runs. */
int nx_rebuild(const struct nx_collector_conf *conf, FILE *out,
               unsigned *problems_n, char *why, size_t why_cap) NX_MUSTUSE;
/* The same from what is left: each message of the log that is damaged, and what
 * the ledger lacks, is said and left out. It stays in the store. */
int nx_rebuild_without_damaged(const struct nx_collector_conf *conf, FILE *out,
                               unsigned *problems_n, char *why,
                               size_t why_cap) NX_MUSTUSE;

#endif
