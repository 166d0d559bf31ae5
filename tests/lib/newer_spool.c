/* Puts a batch into an agent's spool that another version would have made: one
 * that the collector cannot read.
 *
 *   newer_spool FOLDER FORMAT   10 results; FORMAT 0: no version made it, it is
 *                               damaged
 *
 * Prints their first number. The agent must not run. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/uplink/io_spool.h"
#include "common/io_clock.h"
#include "tests/lib/agent_client.h"
#include "tests/lib/newer_batch.h"

#define RESULTS 10U

static int put(struct nx_spool *spool, uint8_t format) {
    uint64_t first = nx_spool_next_seq(spool);
    const struct nx_clock_sample clock = {.mono_us = nx_clock_mono_us(),
                                          .wall_us = nx_clock_wall_us()};
    uint8_t *bytes = malloc(NX_MSG_MAX_BYTES);
    if (bytes == NULL) {
        return NX_ENOMEM;
    }
    size_t len = nx_test_batch(nx_spool_epoch(spool), first, RESULTS, 0,
                               clock.wall_us, bytes);
    len = nx_test_newer(bytes, len, format);
    int err = nx_spool_put(spool, bytes, len, first, RESULTS, &clock);
    printf("%" PRIu64 "\n", first);
    return err;
}

int main(int argc, char **argv) {
    const struct nx_spool_conf conf = {.max_bytes = 64U << 20,
                                       .max_age_us = INT64_C(86400000000),
                                       .sync_always = true,
                                       .batch_max_results = RESULTS};
    struct nx_spool_folder *folder = NULL;
    struct nx_spool *spool = NULL;
    struct nx_spool_found found;
    char why[NX_SPOOL_WHY_MAX] = "wants FOLDER FORMAT";
    int err = argc == 3
                  ? nx_spool_folder_open(argv[1], &folder, why, sizeof(why))
                  : NX_ERANGE;
    if (err == NX_OK) {
        err = nx_spool_new(&conf, nx_spool_folder_disk(folder), 1,
                           nx_spool_boot(), &spool, &found);
    }
    if (err == NX_OK) {
        err = put(spool, (uint8_t)strtoul(argv[2], NULL, 10));
    }
    if (err == NX_OK) {
        err = nx_spool_close(spool);
    }
    nx_spool_free(&spool);
    nx_spool_folder_close(&folder);
    if (err != NX_OK) {
        fprintf(stderr, "newer_spool: %s: %s\n", nx_strerror(err), why);
    }
    return err == NX_OK ? 0 : 1;
}
