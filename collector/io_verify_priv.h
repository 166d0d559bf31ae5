/* Inside io_verify*.c only. */
#ifndef NX_COLLECTOR_IO_VERIFY_PRIV_H
#define NX_COLLECTOR_IO_VERIFY_PRIV_H

#include "collector/io_verify.h"
#include "collector/store/io_refold.h"

#define NX_VERIFY_LINES_MAX 20U /* about one kind of trouble */

struct nx_verify {
    const struct nx_collector_conf *conf;
    struct nx_store *store;
    FILE *out;
    unsigned problems_n;
    unsigned lines_n; /* said of the part that is looked at */
    bool without;     /* what is wrong is left out: said in full, no problem */
    uint64_t lost_n;  /* such things */
};

/* One thing that is wrong, or lost. */
void nx_verify_wrong(struct nx_verify *v, const char *format, ...)
    NX_PRINTF(2, 3);

/* A line for a part: what it has, when nothing is wrong with it. */
void nx_verify_part(struct nx_verify *v, const char *part, unsigned before_n,
                    const char *format, ...) NX_PRINTF(4, 5);

/* Now, by the clock that a start goes by (lead.h). An error of the store. */
int nx_verify_now(const struct nx_verify *v, int64_t *out) NX_MUSTUSE;

/* Pages; false: nothing else can be looked at. */
bool nx_verify_pages(struct nx_verify *v);

/* Messages of the log, streams of agents against it. An error of the store. */
int nx_verify_log(struct nx_verify *v) NX_MUSTUSE;
int nx_verify_ledger(struct nx_verify *v) NX_MUSTUSE;

/* Those in force, for a log that does not have every hello; nothing is measured
 * by canary names. */
struct nx_engine_settings nx_verify_settings(const struct nx_verify *v);

/* Targets of open incidents against the log. An error of the store. */
int nx_verify_targets(struct nx_verify *v) NX_MUSTUSE;

#endif
