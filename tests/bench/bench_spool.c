/* The spool on a disk: appending (sync: always) and draining, beside plain
 * write and fdatasync, and plain reading, of the same bytes in the same run.
 *
 *     bench_spool FOLDER
 *
 * FOLDER: empty, on the disk in question. Prints a table. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/uplink/io_spool.h"
#include "common/io_clock.h"
#include "tests/lib/bench_batches.h"

#define BATCHES 400U
#define RESULTS 200U
#define EPOCH 1U

struct figures {
    double floor_append_us, append_us; /* of one batch */
    double floor_read_us, drain_us;
};

static void must(bool holds, const char *what) {
    if (!holds) {
        (void)fprintf(stderr, "bench_spool: %s\n", what);
        exit(1);
    }
}

static double per_batch(int64_t since_us) {
    return (double)(nx_clock_mono_us() - since_us) / BATCHES;
}

static void measure_floor(const char *folder, const uint8_t *bytes, size_t len,
                          struct figures *out) {
    char path[4096];
    static uint8_t back[NX_MSG_MAX_BYTES];
    (void)snprintf(path, sizeof(path), "%s/floor", folder);
    int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    must(fd >= 0, "cannot write into the folder");
    int64_t since_us = nx_clock_mono_us();
    for (size_t i = 0; i < BATCHES; i++) {
        must(write(fd, bytes, len) == (ssize_t)len, "write");
        must(fdatasync(fd) == 0, "fdatasync");
    }
    out->floor_append_us = per_batch(since_us);
    since_us = nx_clock_mono_us();
    for (size_t i = 0; i < BATCHES; i++) {
        must(pread(fd, back, len, (off_t)(i * len)) == (ssize_t)len, "pread");
    }
    out->floor_read_us = per_batch(since_us);
    (void)close(fd);
    (void)unlink(path);
}

static void put_all(struct nx_spool *spool, const uint8_t *bytes, size_t len) {
    const struct nx_clock_sample clock = {.mono_us = 1, .offset_known = true};
    for (size_t i = 0; i < BATCHES; i++) {
        uint8_t *copy = malloc(len);
        must(copy != NULL, "out of memory");
        memcpy(copy, bytes, len);
        must(nx_spool_put(spool, copy, len, nx_spool_next_seq(spool), RESULTS,
                          &clock) == NX_OK,
             "put");
    }
}

static void drain_all(struct nx_spool *spool) {
    static uint8_t out[NX_MSG_MAX_BYTES];
    struct nx_clock_sample now = {.mono_us = 1, .offset_known = true};
    size_t len = 0;
    uint64_t seq = 0;
    unsigned n = 0;
    nx_spool_connected(spool, 0);
    while (nx_spool_peek(spool, &now, out, &len, &seq) == NX_OK) {
        nx_spool_sent(spool, now.mono_us);
        now.mono_us += 1000000; /* the rate is not what is measured */
        const struct nx_ack ack = {.epoch = EPOCH,
                                   .acked_seq = seq + RESULTS - 1};
        int64_t sent_us = 0;
        (void)nx_spool_ack(spool, &ack, false, now.mono_us, &sent_us);
        n++;
    }
    must(n == BATCHES, "not all came back");
}

static void measure_spool(const char *folder, const uint8_t *bytes, size_t len,
                          struct figures *out) {
    const struct nx_spool_conf conf = {.max_bytes = 64U << 20,
                                       .max_age_us = INT64_MAX,
                                       .sync_always = true,
                                       .batch_max_results = RESULTS};
    char path[4096];
    char why[NX_SPOOL_WHY_MAX] = "the spool";
    struct nx_spool_folder *disk = NULL;
    struct nx_spool *spool = NULL;
    struct nx_spool_found found;
    (void)snprintf(path, sizeof(path), "%s/spool", folder);
    must(nx_spool_folder_open(path, &disk, why, sizeof(why)) == NX_OK, why);
    must(nx_spool_new(&conf, nx_spool_folder_disk(disk), EPOCH, 1, &spool,
                      &found) == NX_OK,
         "cannot open the spool");
    int64_t since_us = nx_clock_mono_us();
    put_all(spool, bytes, len);
    out->append_us = per_batch(since_us);
    since_us = nx_clock_mono_us();
    drain_all(spool);
    out->drain_us = per_batch(since_us);
    must(nx_spool_close(spool) == NX_OK, "close");
    nx_spool_free(&spool);
    nx_spool_folder_close(&disk);
}

static void row(const char *what, double ours_us, double floor_us) {
    printf("%-34s%12.1f%12.1f%8.2f\n", what, ours_us, floor_us,
           floor_us > 0 ? ours_us / floor_us : 0);
}

int main(int argc, char **argv) {
    static struct nx_bench_maker maker;
    struct figures f = {0};
    if (argc != 2) {
        (void)fprintf(stderr, "usage: bench_spool FOLDER\n");
        return 64;
    }
    nx_bench_maker_init(&maker, 1, 0);
    struct nx_bench_bytes batch = nx_bench_batch(&maker, EPOCH, 1);
    measure_floor(argv[1], batch.bytes, batch.len, &f);
    measure_spool(argv[1], batch.bytes, batch.len, &f);
    printf("%u batches of %u results, %zu bytes each; microseconds a batch\n\n",
           BATCHES, RESULTS, batch.len);
    printf("%-34s%12s%12s%8s\n", "", "spool", "floor", "ratio");
    row("kept (floor: write, fdatasync)", f.append_us, f.floor_append_us);
    row("drained (floor: pread)", f.drain_us, f.floor_read_us);
    free(batch.bytes);
    return 0;
}
