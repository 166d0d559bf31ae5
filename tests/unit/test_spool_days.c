/* The spool against the collector's half of the ledger on bad days: messages
 * and acks lost, transactions rolled back, the agent killed, its power cut, its
 * disk full or failing. Whatever happens, a number means one result, and in the
 * end every number is delivered once or reported as lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "collector/ingest/stream.h"
#include "tests/lib/dice.h"
#include "tests/lib/spool_bench.h"

#define SEQ_LIMIT 200000U
#define STEPS 2500U

static struct dice chance;

static uint32_t below(uint32_t n) {
    return dice_below(&chance, n);
}

struct day {
    struct bench *b;
    struct nx_streams streams;
    struct nx_stream *stream;
    uint32_t *meant;   /* by number: the result that it was first seen as */
    uint32_t *pending; /* by number, in the open transaction */
    uint32_t *had;     /* by number, committed */
    uint32_t *times;   /* by result: committed so often */
    uint64_t top;      /* the highest number seen */
    int64_t now_us;
    bool whole_disk; /* neither full nor failing: always-synced is kept */
};

static void collector_end(struct day *d, bool commit) {
    for (uint64_t i = 0; i <= d->top; i++) {
        if (d->pending[i] != 0 && commit) {
            assert_int_equal(d->had[i], 0);
            d->had[i] = d->pending[i];
            d->times[d->pending[i]]++;
        }
        d->pending[i] = 0;
    }
    if (commit) {
        nx_stream_commit(d->stream);
    } else {
        nx_stream_rollback(d->stream);
    }
}

static void collector_take(struct day *d) {
    const struct nx_batch *batch = &d->b->batch;
    struct nx_stream_result result;
    uint64_t last = batch->first_seq + batch->obs_n - 1;
    assert_true(last < SEQ_LIMIT);
    d->top = last > d->top ? last : d->top;
    for (size_t i = 0; i < batch->obs_n; i++) {
        uint64_t seq = batch->first_seq + i;
        uint32_t what = (uint32_t)batch->obs[i].tx_mono_us;
        if (d->meant[seq] != 0) {
            assert_int_equal(d->meant[seq], what); /* never another one */
        }
        d->meant[seq] = what;
    }
    nx_streams_offer(&d->streams, d->stream, batch, &result);
    assert_int_not_equal(result.verdict, NX_STREAM_REFUSED);
    for (size_t i = result.skip;
         result.verdict == NX_STREAM_ACCEPT && i < batch->obs_n; i++) {
        d->pending[batch->first_seq + i] = (uint32_t)batch->obs[i].tx_mono_us;
    }
}

static void ack_agent(struct day *d, bool answers_hello) {
    int64_t sent_us = 0;
    const struct nx_ack ack = {.epoch = EPOCH,
                               .acked_seq = d->stream->done.acked_seq,
                               .ahead = d->stream->done.ahead};
    (void)nx_spool_ack(d->b->spool, &ack, answers_hello, d->now_us, &sent_us);
}

static void connect_agent(struct day *d) {
    nx_spool_connected(d->b->spool, d->now_us);
    ack_agent(d, true);
}

static void send_some(struct day *d, bool calm) {
    for (unsigned i = below(8); i < 8; i++) {
        if (bench_send(d->b, d->now_us) == 0) {
            return;
        }
        if (calm || below(10) > 0) {
            collector_take(d);
        }
    }
}

static void crash(struct day *d, bool power) {
    if (power) {
        nx_spool_free(&d->b->spool);
        fake_power_cut(d->b->disk, below);
    }
    d->b->disk->error = d->b->disk->ledger_error = NX_OK; /* it starts */
    bench_crash(d->b, !power);
    connect_agent(d);
}

static void break_disk(struct day *d) {
    struct fake_disk *disk = d->b->disk;
    if (d->whole_disk) {
        return;
    }
    switch (below(4)) {
    case 0:
        disk->max_bytes = 60000 + below(200000);
        break;
    case 1:
        disk->error = NX_EIO;
        break;
    case 2:
        disk->ledger_error = NX_EIO;
        break;
    default:
        disk->max_bytes = 0;
        disk->error = disk->ledger_error = NX_OK;
        break;
    }
}

static void step(struct day *d) {
    uint32_t dice = below(100);
    d->now_us += below(200) * 1000;
    if (dice < 25) {
        bench_put_at(d->b, 1 + below(30), d->now_us);
    } else if (dice < 30) {
        nx_spool_rewind(d->b->spool, d->now_us);
    } else if (dice < 70) {
        send_some(d, false);
    } else if (dice < 75) {
        collector_end(d, false);
    } else if (dice < 90) {
        collector_end(d, true);
        if (below(3) > 0) {
            ack_agent(d, false);
        }
    } else if (dice < 92) {
        connect_agent(d);
    } else if (dice < 93) {
        crash(d, below(2) == 0);
    } else if (dice < 95) {
        break_disk(d);
    } else {
        bench_tick(d->b, d->now_us);
    }
    (void)bench_ledger(d->b);
}

static void end_well(struct day *d) {
    d->b->disk->error = d->b->disk->ledger_error = NX_OK;
    d->b->disk->max_bytes = 0;
    d->now_us += NX_SPOOL_RETRY_US;
    bench_tick(d->b, d->now_us);
    bench_put_at(d->b, 1, d->now_us);
    connect_agent(d);
    for (unsigned i = 0; i < 20000 && bench_ledger(d->b).held > 0; i++) {
        d->now_us += 100000;
        send_some(d, true);
        collector_end(d, true);
        ack_agent(d, false);
        if (i % 100 == 99) {
            nx_spool_rewind(d->b->spool, d->now_us);
        }
    }
}

static void check(struct day *d) {
    struct nx_ledger end = bench_ledger(d->b);
    const struct nx_stream_position *p = &d->stream->done;
    assert_int_equal(end.held, 0);
    assert_int_equal(p->acked_seq, end.produced);
    /* Dropped results whose delivery the agent never learnt of are counted by
     * both; the collector knows better. */
    assert_true(p->dropped_n <= end.dropped);
    assert_int_equal(p->received_n + p->dropped_n, end.produced);
    uint64_t once = 0;
    for (uint64_t i = 1; i <= d->b->made_n; i++) {
        assert_true(d->times[i] <= 1); /* no result twice */
        once += d->times[i];
    }
    assert_int_equal(once, p->received_n);
    if (d->whole_disk && d->b->conf.sync_always) {
        /* What was put is safe, whatever happened: only numbers that were
         * reserved for the next batch are reported as lost. */
        assert_int_equal(once, d->b->made_n);
    }
}

static void run(struct day *d, uint64_t seed) {
    chance = (struct dice){seed};
    d->b->made_n = 0;
    d->top = 0;
    d->whole_disk = below(2) == 0;
    d->b->conf.sync_always = below(2) == 0;
    d->b->conf.sync_interval_us = (1 + below(20)) * S;
    d->b->conf.max_bytes = d->whole_disk ? 64U << 20 : 50000 + below(500000);
    memset(&d->streams, 0, sizeof(d->streams));
    d->stream = nx_streams_add(&d->streams, EPOCH, NULL);
    memset(d->meant, 0, SEQ_LIMIT * sizeof(*d->meant));
    memset(d->pending, 0, SEQ_LIMIT * sizeof(*d->pending));
    memset(d->had, 0, SEQ_LIMIT * sizeof(*d->had));
    memset(d->times, 0, SEQ_LIMIT * sizeof(*d->times));
    bench_open(d->b, true);
    connect_agent(d);
    for (unsigned i = 0; i < STEPS; i++) {
        step(d);
    }
    end_well(d);
    check(d);
    nx_spool_free(&d->b->spool);
    fake_free(d->b->disk);
}

static void test_bad_days(void **state) {
    struct day d = {.b = *state,
                    .meant = calloc(SEQ_LIMIT, sizeof(uint32_t)),
                    .pending = calloc(SEQ_LIMIT, sizeof(uint32_t)),
                    .had = calloc(SEQ_LIMIT, sizeof(uint32_t)),
                    .times = calloc(SEQ_LIMIT, sizeof(uint32_t))};
    const char *given = getenv("NX_SEED");
    uint64_t first = given != NULL ? strtoull(given, NULL, 10) : 1;
    uint64_t days_n = getenv("NX_NIGHTLY") != NULL ? 2000 : 5;
    for (uint64_t seed = first; seed < first + (given != NULL ? 1 : days_n);
         seed++) {
        print_message("# NX_SEED=%u\n", (unsigned)seed);
        run(&d, seed);
    }
    free(d.meant);
    free(d.pending);
    free(d.had);
    free(d.times);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_bad_days, bench_new, bench_free),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
