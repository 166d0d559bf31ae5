/* The collector: real streams and codec, and io_ingest.c, io_group.c and the
 * store as a model of the same rules: what comes is tentative until a commit
 * that is also a sync, acks go behind it, a commit that fails takes everything
 * back. The rows of the store are the oracle's marks. */
#include <stdlib.h>
#include <string.h>

#include "agent/uplink/spool_priv.h"
#include "tests/ledger/world.h"

#define COMMIT_US 5000 /* as NX_GROUP_WAIT_US */
#define SYNC_US 200000
#define REFUSED_ONE_IN 61U

static int64_t wall_us(const struct led_world *w) {
    return w->now_us + w->collector.clock_wrong_us;
}

void led_collector_init(struct led_world *w) {
    void *memory = malloc(NX_UNPACK_ARENA_BYTES);
    if (memory == NULL) {
        abort();
    }
    nx_arena_init(&w->collector.arena, memory, NX_UNPACK_ARENA_BYTES);
    led_collector_start(w);
}

void led_collector_fini(struct led_world *w) {
    free(w->collector.arena.base);
}

void led_collector_start(struct led_world *w) {
    struct led_collector *c = &w->collector;
    c->up = true;
    c->storing = true;
    c->commit_due = false;
    c->crash_at_commit = false;
}

/* All that is in memory goes. */
static void forget(struct led_world *w) {
    struct led_collector *c = &w->collector;
    memset(c->peers, 0, sizeof(c->peers));
    c->rows_n = 0;
    c->life++;
    c->up = false;
}

void led_collector_crash(struct led_world *w, bool power) {
    if (power) {
        led_unsynced_lost(&w->oracle);
    } else {
        w->oracle.unsynced_n = 0; /* the system writes it */
    }
    forget(w);
    for (unsigned i = 0; i < w->agents_n; i++) {
        led_agent_lose_link(&w->agents[i]);
    }
    led_at(w, w->now_us + 500000 + dice_below(&w->dice, 5000000),
           LED_EV_COLLECTOR_START, 0, 0, NULL);
}

void led_collector_put_back(struct led_world *w) {
    led_put_back(&w->oracle);
    w->put_back = true;
    for (unsigned i = 0; i < w->agents_n; i++) {
        struct led_agent *a = &w->agents[i];
        if (a->up) { /* it may have given up what was acked */
            a->safe_seq = nx_spool_next_seq(a->spool) - 1;
        }
    }
}

/* --- acks --- */

static void send_ack(struct led_world *w, unsigned agent, uint64_t epoch,
                     uint64_t echo, int64_t received_us) {
    struct led_peer *peer = &w->collector.peers[agent];
    struct nx_stream *stream = nx_streams_find(&peer->streams, epoch);
    struct led_message m = {.connection = peer->connection};
    m.ack = (struct nx_ack){.epoch = epoch,
                            .echo = echo,
                            .received_us = received_us,
                            .sent_us = wall_us(w),
                            .dropped_known = true};
    if (stream != NULL) {
        m.ack.acked_seq = stream->done.acked_seq;
        m.ack.ahead = stream->done.ahead;
        m.ack.dropped_n = stream->done.dropped_n;
        led_acked(&w->oracle, led_truth(&w->oracle, agent, epoch), &m.ack);
    }
    led_send_down(w, agent, &m);
}

static void send_acks(struct led_world *w) {
    for (unsigned i = 0; i < w->agents_n; i++) {
        struct led_peer *peer = &w->collector.peers[i];
        if (peer->owes_ack) {
            peer->owes_ack = false;
            send_ack(w, i, peer->ack_epoch, peer->ack_echo,
                     peer->ack_received_us);
        }
    }
}

/* --- the transaction --- */

static void rollback(struct led_world *w) {
    struct led_collector *c = &w->collector;
    for (size_t i = 0; i < c->rows_n; i++) {
        nx_stream_rollback(c->rows[i].stream);
    }
    for (unsigned i = 0; i < w->agents_n; i++) {
        c->peers[i].owes_ack = false;
    }
    c->rows_n = 0;
    c->storing = false;
    led_at(w, w->now_us + LED_S + dice_below(&w->dice, 8000000), LED_EV_RETRY,
           0, c->life, NULL);
}

static bool excused(const struct led_agent *a, const struct led_mark *m,
                    const struct nx_gap *gap, int64_t now_us) {
    bool old = now_us - m->made_us > a->conf.max_age_us - 5 * LED_S;
    if (a->may_lose || (m->flags & LED_REFUSED) != 0) {
        return true;
    }
    return (gap->reason == NX_GAP_SPACE && a->small) ||
           (gap->reason == NX_GAP_AGE && old);
}

static void store_gap(struct led_world *w, const struct led_row *row,
                      const struct nx_gap *gap) {
    const struct led_agent *a = &w->agents[row->agent];
    uint64_t to =
        gap->to_seq < row->first_seq ? gap->to_seq : row->first_seq - 1;
    uint64_t from = gap->from_seq > row->truth->position.acked_seq
                        ? gap->from_seq
                        : row->truth->position.acked_seq + 1;
    for (uint64_t seq = from; seq <= to; seq++) {
        struct led_mark *m = led_mark(row->truth, seq);
        if ((m->flags & (LED_STORED | LED_GAP)) != 0) {
            continue;
        }
        if ((m->flags & LED_SAFE) != 0 && !excused(a, m, gap, w->now_us)) {
            led_broken(&w->oracle,
                       "agent %u: %llu was safe and is reported lost (reason "
                       "%u)",
                       row->agent, (unsigned long long)seq, gap->reason);
        }
        m->flags |= LED_GAP;
        m->commit = w->oracle.commit;
        row->truth->gaps_n++;
    }
}

static void note_unsynced(struct led_world *w, const struct led_row *row) {
    struct led_oracle *o = &w->oracle;
    if (o->unsynced_n == o->unsynced_cap) {
        o->unsynced_cap = o->unsynced_cap * 2 + 64;
        o->unsynced =
            realloc(o->unsynced, o->unsynced_cap * sizeof(*o->unsynced));
        if (o->unsynced == NULL) {
            abort();
        }
    }
    o->unsynced[o->unsynced_n++] = (struct led_unsynced){
        row->truth, row->first_seq, row->first_seq + row->n - 1};
}

static void store_row(struct led_world *w, const struct led_row *row) {
    for (size_t i = 0; i < row->gaps_n; i++) {
        store_gap(w, row, &row->gaps[i]);
    }
    for (size_t i = 0; i < row->n; i++) {
        led_stored(&w->oracle, row->truth, row->first_seq + i, row->tags[i]);
    }
    if (w->mutant == LED_ACKS_BEFORE_SYNC) {
        note_unsynced(w, row);
    }
}

static void store_rows(struct led_world *w) {
    struct led_collector *c = &w->collector;
    w->oracle.commit++;
    for (size_t i = 0; i < c->rows_n; i++) {
        store_row(w, &c->rows[i]);
    }
    for (size_t i = 0; i < c->rows_n; i++) {
        const struct led_row *row = &c->rows[i];
        row->truth->position = row->stream->pending;
        led_check_position(&w->oracle, row->truth, &row->stream->pending);
    }
}

/* With the commit the acks may go, not before: it may die in between. */
void led_collector_commit(struct led_world *w) {
    struct led_collector *c = &w->collector;
    c->commit_due = false;
    bool dies = c->crash_at_commit;
    if (dies && dice_one_in(&w->dice, 2)) {
        led_collector_crash(w, dice_one_in(&w->dice, 2));
        return;
    }
    if (c->full && c->rows_n > 0 && w->mutant != LED_ACKS_UNSTORED) {
        rollback(w);
        return;
    }
    if (c->rows_n > 0 && !c->full) {
        store_rows(w);
    }
    if (dies) {
        led_collector_crash(w, dice_one_in(&w->dice, 2));
        return;
    }
    for (size_t i = 0; i < c->rows_n; i++) {
        nx_stream_commit(c->rows[i].stream);
    }
    c->rows_n = 0;
    send_acks(w);
    if (w->mutant == LED_ACKS_BEFORE_SYNC) {
        led_at(w, w->now_us + SYNC_US, LED_EV_SYNC, 0, c->life, NULL);
    }
}

void led_collector_retry(struct led_world *w) {
    if (w->collector.full) {
        led_at(w, w->now_us + 2 * LED_S, LED_EV_RETRY, 0, w->collector.life,
               NULL);
        return;
    }
    w->collector.storing = true;
}

/* --- messages --- */

static struct nx_stream *stream_of(struct led_world *w, unsigned agent,
                                   uint64_t epoch, bool make) {
    struct led_peer *peer = &w->collector.peers[agent];
    struct nx_stream *stream = nx_streams_find(&peer->streams, epoch);
    const struct led_truth *t = led_truth(&w->oracle, agent, epoch);
    bool known = t->position.acked_seq > 0 || t->position.ahead.n > 0;
    if (stream != NULL || (!known && !make)) {
        return stream;
    }
    return nx_streams_add(&peer->streams, epoch, known ? &t->position : NULL);
}

static void add_row(struct led_world *w, unsigned agent,
                    struct nx_stream *stream, const struct nx_batch *batch,
                    const struct nx_stream_result *result) {
    struct led_collector *c = &w->collector;
    struct led_row *row = &c->rows[c->rows_n++];
    row->agent = agent;
    row->truth = led_truth(&w->oracle, agent, batch->epoch);
    row->stream = stream;
    row->first_seq = result->first_seq;
    row->n = batch->obs_n - result->skip;
    for (size_t i = 0; i < row->n; i++) {
        row->tags[i] = batch->obs[result->skip + i].src_port;
    }
    row->gaps_n =
        batch->gaps_n < NX_PATCH_GAPS_MAX ? batch->gaps_n : NX_PATCH_GAPS_MAX;
    for (size_t i = 0; i < row->gaps_n; i++) {
        row->gaps[i] = batch->gaps[i];
    }
    if (c->rows_n == LED_GROUP_MAX) {
        led_collector_commit(w);
    }
}

static void commit_soon(struct led_world *w) {
    if (!w->collector.commit_due) {
        w->collector.commit_due = true;
        led_at(w, w->now_us + dice_below(&w->dice, COMMIT_US), LED_EV_COMMIT, 0,
               w->collector.life, NULL);
    }
}

/* As if nobody knew what a hole is. */
static void forget_gaps(struct nx_stream_position *p) {
    if (p->ahead.n > 0) {
        uint64_t top = p->ahead.runs[p->ahead.n - 1].to_seq;
        p->acked_seq = top;
        p->ahead.n = 0;
        p->dropped_n = top - p->received_n;
    }
}

static void offer(struct led_world *w, unsigned agent, struct nx_batch *batch,
                  struct nx_stream_result *result, struct nx_stream *stream) {
    struct led_peer *peer = &w->collector.peers[agent];
    if (w->mutant == LED_GAPS_UNHEARD) {
        batch->gaps_n = 0;
    }
    nx_streams_offer(&peer->streams, stream, batch, result);
    if (w->mutant == LED_TAKES_TWICE &&
        result->verdict == NX_STREAM_DUPLICATE) {
        *result = (struct nx_stream_result){.verdict = NX_STREAM_ACCEPT,
                                            .first_seq = batch->first_seq};
    }
    if (w->mutant == LED_FORGETS_GAPS) {
        forget_gaps(&stream->pending);
    }
}

static void take_batch(struct led_world *w, unsigned agent,
                       struct nx_batch *batch) {
    struct led_collector *c = &w->collector;
    struct led_peer *peer = &c->peers[agent];
    struct nx_stream_result result;
    struct nx_stream *stream =
        c->storing ? stream_of(w, agent, batch->epoch, true) : NULL;
    if (stream == NULL || batch->obs_n > LED_BATCH_MAX) {
        return;
    }
    offer(w, agent, batch, &result, stream);
    if (result.verdict == NX_STREAM_REFUSED) {
        led_broken(&w->oracle, "agent %u: a batch from %llu is refused", agent,
                   (unsigned long long)batch->first_seq);
        return;
    }
    peer->owes_ack = true;
    peer->ack_epoch = batch->epoch;
    peer->ack_echo = batch->first_seq;
    peer->ack_received_us = wall_us(w);
    commit_soon(w);
    if (result.verdict == NX_STREAM_ACCEPT) {
        add_row(w, agent, stream, batch, &result);
    }
}

/* What is in a batch decides whether it can be taken; first of all the result
 * that it begins with. */
static bool refuses(struct led_world *w, unsigned agent,
                    const struct nx_batch *batch, const struct led_message *m) {
    unsigned kind = batch->obs[0].src_port % REFUSED_ONE_IN;
    bool keep = w->newer && w->collector.old && kind == 1;
    if (!keep && !(w->poison && kind == 0)) {
        return false;
    }
    struct led_truth *t = led_truth(&w->oracle, agent, batch->epoch);
    for (size_t i = 0; !keep && i < batch->obs_n; i++) {
        led_mark(t, batch->first_seq + i)->flags |= LED_REFUSED;
    }
    struct led_message said = {.connection = m->connection};
    said.ack = (struct nx_ack){
        .echo = 1, .refused_crc = nx_codec_crc(m->bytes, m->len), .keep = keep};
    led_send_down(w, agent, &said);
    return true;
}

void led_collector_upgrade(struct led_world *w) {
    if (w->collector.old && w->collector.up) {
        led_collector_crash(w, false);
    }
    w->collector.old = false;
}

void led_collector_up(struct led_world *w, unsigned agent,
                      const struct led_message *m) {
    struct led_collector *c = &w->collector;
    struct nx_up up;
    const char *why = "";
    c->peers[agent].connection = m->connection;
    if (m->hello) {
        (void)stream_of(w, agent, m->epoch, false);
        send_ack(w, agent, m->epoch, 0, wall_us(w));
        return;
    }
    nx_arena_reset(&c->arena);
    if (nx_codec_unpack_up(m->bytes, m->len, &c->arena, &up, &why) != NX_OK) {
        led_broken(&w->oracle, "agent %u: a message is malformed: %s", agent,
                   why);
        return;
    }
    if (!refuses(w, agent, &up.u.batch, m)) {
        take_batch(w, agent, &up.u.batch);
    }
}
