/* The spool's files as a disk may give them back: the first page of the two
 * places of the ledger, segments, each with two octets of length before it, and
 * the ledger's second pages. */
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/replay.h"
#include "tests/lib/fake_disk.h"

#define SEGMENTS_MAX 4U

/* Octets that were used. */
static size_t load_pages(struct fake_disk *disk, size_t offset,
                         const uint8_t *data, size_t size) {
    size_t used = 0;
    for (unsigned slot = 0; slot < 2; slot++) {
        if (size - used >= NX_LEDGER_PAGE_BYTES) {
            memcpy(disk->ledger[slot] + offset, data + used,
                   NX_LEDGER_PAGE_BYTES);
            disk->ledger_there[slot] = true;
            used += NX_LEDGER_PAGE_BYTES;
        }
    }
    return used;
}

static void load(struct fake_disk *disk, const uint8_t *data, size_t size) {
    size_t used = load_pages(disk, 0, data, size);
    data += used;
    size -= used;
    for (uint64_t id = 1; id <= SEGMENTS_MAX && size >= 2; id++) {
        size_t len = (size_t)data[0] << 8 | data[1];
        len = len < size - 2 ? len : size - 2;
        if (fake_append(disk, id, data + 2, len) != NX_OK) {
            abort();
        }
        data += 2 + len;
        size -= 2 + len;
    }
    (void)load_pages(disk, NX_LEDGER_PAGE_BYTES, data, size);
}

static void check(const struct nx_spool *spool) {
    struct nx_ledger l;
    nx_spool_ledger(spool, &l);
    if (l.produced != l.acked + l.held + l.dropped) {
        abort();
    }
}

/* Whatever it holds goes out in batches and gaps, and comes to an end. */
static void drain(struct nx_spool *spool) {
    static uint8_t out[NX_MSG_MAX_BYTES];
    struct nx_clock_sample now = {.offset_known = true};
    size_t len = 0;
    uint64_t seq = 0;
    nx_spool_connected(spool, 0);
    while (nx_spool_peek(spool, &now, out, &len, &seq) == NX_OK) {
        now.mono_us += 1000000;
        nx_spool_sent(spool, now.mono_us);
        const struct nx_ack ack = {.epoch = nx_spool_epoch(spool),
                                   .acked_seq = seq};
        int64_t sent_us = 0;
        (void)nx_spool_ack(spool, &ack, false, now.mono_us, &sent_us);
        check(spool);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct fake_disk disk;
    const struct nx_spool_disk functions = fake_functions(&disk);
    const struct nx_spool_conf conf = {.max_bytes = 1U << 20,
                                       .max_age_us = 3600000000,
                                       .sync_always = true,
                                       .batch_max_results = 200};
    struct nx_spool *spool = NULL;
    struct nx_spool_found found;
    load(&disk, data, size);
    if (nx_spool_new(&conf, &functions, 1, 1, &spool, &found) == NX_OK) {
        check(spool);
        drain(spool);
        int err = nx_spool_close(spool); /* the disk may be full */
        (void)err;
        nx_spool_free(&spool);
    }
    fake_free(&disk);
    return 0;
}
