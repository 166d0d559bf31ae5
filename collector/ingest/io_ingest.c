#include "collector/ingest/io_ingest_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/io_log.h"

#define LOG_EVERY_US 1000000
#define HELLO_MAX_BYTES 32768U /* an agent's are of 16 KiB at most */

/* One message, while it is looked at. */
struct incoming {
    struct nx_peer *peer;
    const uint8_t *bytes;
    size_t len;
    int64_t received_us;
};

int nx_ingest_send(struct nx_ingest *ingest, struct nx_peer *peer,
                   const uint8_t *bytes, size_t len) {
    zmq_msg_t frames[2];
    if (peer->routing_n == 0) {
        return NX_ENOTFOUND;
    }
    if (zmq_msg_init_size(&frames[0], peer->routing_n) != 0) {
        return NX_ENOMEM;
    }
    if (zmq_msg_init_size(&frames[1], len) != 0) {
        (void)zmq_msg_close(&frames[0]);
        return NX_ENOMEM;
    }
    memcpy(zmq_msg_data(&frames[0]), peer->routing, peer->routing_n);
    memcpy(zmq_msg_data(&frames[1]), bytes, len);
    int err = nx_zloop_send(ingest->zloop, frames, 2);
    if (err == NX_ENOTFOUND) {
        peer->routing_n = 0;
    }
    return err;
}

/* Acks that cannot be sent now are not kept: they are cumulative, and the
 * agent asks again. */
static void send_ack(struct nx_ingest *ingest, struct nx_peer *peer,
                     uint64_t epoch, uint64_t echo, int64_t received_us) {
    uint8_t out[256];
    size_t len = 0;
    const struct nx_stream *stream = nx_streams_find(&peer->streams, epoch);
    struct nx_ack ack = {
        .epoch = epoch,
        .echo = echo,
        .received_us = received_us,
        .sent_us = nx_steady_wall_us(ingest->parts.clock),
        .dropped_known = true,
    };
    if (stream != NULL) {
        ack.acked_seq = stream->done.acked_seq;
        ack.ahead = stream->done.ahead;
        ack.dropped_n = stream->done.dropped_n;
    }
    if (nx_codec_pack_ack(&ack, out, sizeof(out), &len) != NX_OK ||
        nx_ingest_send(ingest, peer, out, len) != NX_OK) {
        ingest->counters.acks_unsent_n++;
    }
}

static void send_acks(struct nx_ingest *ingest) {
    struct nx_peer *peer = NULL;
    while ((peer = nx_peers_next_ack(&ingest->peers)) != NULL) {
        send_ack(ingest, peer, peer->ack_epoch, peer->ack_echo,
                 peer->ack_received_us);
    }
}

static void on_committed(void *arg, const struct nx_group_batch *batch) {
    struct nx_ingest *ingest = arg;
    int err = nx_engine_batch(ingest->parts.engine, batch->peer->agent_id,
                              &batch->batch, batch->skip, batch->received_us);
    if (err != NX_OK) {
        /* It is in the log: the next start folds it. */
        nx_log(NX_LOG_ERROR, "agent %" PRIu32 ": batch stored, not folded: %s",
               batch->peer->agent_id, nx_strerror(err));
    }
}

static void on_committing(void *arg) {
    struct nx_ingest *ingest = arg;
    nx_zloop_pause(ingest->zloop);
}

static void on_done(void *arg, bool committed) {
    struct nx_ingest *ingest = arg;
    nx_zloop_resume(ingest->zloop);
    nx_ingest_hellos_done(ingest, committed);
    if (committed) {
        nx_ingest_withdraw(ingest);
        send_acks(ingest);
        return;
    }
    /* An ack that says "go back" would only make the agents send again what
     * cannot be stored now. */
    while (nx_peers_next_ack(&ingest->peers) != NULL) {
        ingest->counters.not_stored_n++;
    }
}

static void log_bad(struct nx_ingest *ingest, const struct incoming *in,
                    const char *why, bool ignored) {
    uint64_t held_n = 0;
    if (ignored || nx_quiet_pass(&ingest->bad_quiet, in->received_us,
                                 LOG_EVERY_US, &held_n)) {
        nx_log(NX_LOG_WARN,
               "agent %" PRIu32
               " (%s): bad message of %zu bytes: %s%s (%" PRIu64
               " more bad messages since)",
               in->peer->agent_id, in->peer->address, in->len, why,
               ignored ? "; not listened to for a minute" : "", held_n);
    }
}

static void bad(struct nx_ingest *ingest, const struct incoming *in,
                const char *why) {
    ingest->counters.rejected_n++;
    log_bad(ingest, in, why, nx_peer_misbehaved(in->peer, in->received_us));
}

/* It would come again for ever, and keep others from being taken. keep: but it
 * may be taken by a newer collector. */
static void refuse(struct nx_ingest *ingest, const struct incoming *in,
                   const char *why, bool keep) {
    uint8_t out[64];
    size_t len = 0;
    const struct nx_ack ack = {
        .echo = 1, /* not of a hello */
        .received_us = in->received_us,
        .sent_us = nx_steady_wall_us(ingest->parts.clock),
        .refused_crc = nx_codec_crc(in->bytes, in->len),
        .keep = keep,
    };
    char text[160];
    snprintf(text, sizeof(text), "%s%s", why,
             keep ? "; of a newer version: the agent keeps it until this "
                    "collector is upgraded"
                  : "");
    ingest->counters.rejected_n += keep ? 0 : 1;
    ingest->counters.too_new_n += keep ? 1 : 0;
    log_bad(ingest, in, text,
            nx_peer_refused(in->peer, ack.refused_crc, in->received_us));
    if (nx_codec_pack_ack(&ack, out, sizeof(out), &len) != NX_OK ||
        nx_ingest_send(ingest, in->peer, out, len) != NX_OK) {
        ingest->counters.acks_unsent_n++;
    }
}

static void take_batch(struct nx_ingest *ingest, const struct incoming *in,
                       const struct nx_batch *batch) {
    struct nx_stream_result result;
    struct nx_stream *stream = NULL;
    int err = NX_OK;
    if (nx_group_storing(ingest->group)) {
        stream = nx_ingest_stream(ingest, in->peer, batch->epoch, batch,
                                  in->received_us, &err);
    }
    if (err == NX_EEXISTS) {
        refuse(ingest, in,
               "results so old that they may have come before, in a spool that "
               "is forgotten (retention: history_days)",
               false);
        nx_group_undo(ingest->group);
        return;
    }
    if (err != NX_OK && err != NX_ELIMIT) {
        nx_group_abort(ingest->group);
    }
    if (stream == NULL) {
        /* Not stored, damaged, or this agent has or begins more epochs than it
         * may: it sends the batch again. */
        ingest->counters.not_stored_n++;
        nx_group_undo(ingest->group);
        return;
    }
    if (!nx_ingest_within_quota(ingest, in->peer, in->len, in->received_us)) {
        nx_group_undo(ingest->group);
        return;
    }
    nx_streams_offer(&in->peer->streams, stream, batch, &result);
    if (result.verdict == NX_STREAM_REFUSED) {
        refuse(ingest, in, "impossible sequence numbers", false);
        nx_group_undo(ingest->group);
        return;
    }
    nx_peer_behaved(in->peer);
    nx_peers_owe_ack(&ingest->peers, in->peer, batch->epoch, batch->first_seq,
                     in->received_us);
    if (result.verdict != NX_STREAM_ACCEPT) {
        nx_group_undo(ingest->group);
        return;
    }
    nx_quota_add(&in->peer->quota, in->len);
    const struct nx_group_batch item = {.peer = in->peer,
                                        .stream = stream,
                                        .batch = *batch,
                                        .received_us = in->received_us};
    nx_group_add(ingest->group, &item, &result, in->bytes, in->len);
}

static void take_hello(struct nx_ingest *ingest, const struct incoming *in,
                       const struct nx_hello *hello) {
    int err = NX_OK;
    if (hello->protocol != NX_PROTOCOL) {
        bad(ingest, in,
            "speaks another protocol version: update whichever is older");
        return;
    }
    if (in->len > HELLO_MAX_BYTES) { /* it would be kept as it came */
        bad(ingest, in, "a hello of more than 32 KiB");
        return;
    }
    (void)nx_ingest_stream(ingest, in->peer, hello->epoch, NULL,
                           in->received_us, &err);
    if (err == NX_OK) {
        err = nx_engine_hello(ingest->parts.engine, in->peer->agent_id, hello,
                              in->received_us);
    }
    if (err != NX_OK) {
        nx_log(NX_LOG_ERROR, "agent %" PRIu32 ": hello not taken: %s",
               in->peer->agent_id, nx_strerror(err));
        return;
    }
    uint64_t digest = nx_hello_digest(hello);
    bool changed = !in->peer->hello_stored || in->peer->hello_digest != digest;
    bool greets = changed || !in->peer->greeted;
    if (changed) {
        nx_ingest_store_hello(ingest, in->peer, in->bytes, in->len, digest,
                              in->received_us);
    }
    if (greets) {
        nx_ingest_log_here(in->peer, hello, in->received_us);
    }
    nx_ingest_note_ledger(in->peer, hello, in->received_us);
    in->peer->told = true;
    in->peer->kept = hello->keys;
    in->peer->told_authority = hello->authority_role;
    nx_ingest_check_role(in->peer);
    nx_peer_behaved(in->peer);
    /* At once, not after the next commit: an ack for a batch behind it must not
     * take its place, the agent waits for this one. */
    send_ack(ingest, in->peer, hello->epoch, 0, in->received_us);
    in->peer->greeted = true;
    if (greets) { /* else the engine says when its plan is another one */
        in->peer->plan_sent = false;
        nx_ingest_plan_due(ingest, in->peer);
    }
}

static void take(struct nx_ingest *ingest, const struct incoming *in) {
    struct nx_arena *arena = nx_group_arena(ingest->group);
    struct nx_up up;
    const char *why = "";
    int err = nx_codec_unpack_up(in->bytes, in->len, arena, &up, &why);
    if (err != NX_OK) {
        nx_group_undo(ingest->group);
        if (err == NX_ENOMEM) {
            bad(ingest, in, why);
        } else {
            refuse(ingest, in, why, err == NX_EVERSION);
        }
        return;
    }
    const struct nx_clock_sample *clock =
        up.kind == NX_UP_HELLO ? &up.u.hello.clock : &up.u.batch.clock;
    if (nx_ingest_is_clone(ingest, in->peer, clock, in->received_us) ||
        (up.kind == NX_UP_HELLO &&
         nx_ingest_in_turn(ingest, in->peer, &up.u.hello, in->received_us))) {
        nx_group_undo(ingest->group);
        return;
    }
    switch (up.kind) {
    case NX_UP_HELLO:
        take_hello(ingest, in, &up.u.hello);
        nx_group_undo(ingest->group);
        break;
    case NX_UP_BATCH:
        take_batch(ingest, in, &up.u.batch);
        break;
    }
}

/* Remembers the way back when it is a new one. */
static void note_connection(struct nx_ingest *ingest, struct nx_peer *peer,
                            zmq_msg_t *routing, zmq_msg_t *body,
                            int64_t now_us) {
    size_t n = zmq_msg_size(routing);
    nx_peers_spoke(&ingest->peers, zmq_msg_get(body, ZMQ_SRCFD));
    if (n == peer->routing_n &&
        memcmp(peer->routing, zmq_msg_data(routing), n) == 0) {
        return;
    }
    memcpy(peer->routing, zmq_msg_data(routing), n);
    peer->routing_n = (uint8_t)n;
    peer->greeted = false;
    int surplus_fd =
        nx_peers_connected(&ingest->peers, peer, zmq_msg_get(body, ZMQ_SRCFD));
    const char *address = zmq_msg_gets(body, "Peer-Address");
    memcpy(peer->other_address, peer->address, sizeof(peer->address));
    snprintf(peer->address, sizeof(peer->address), "%s",
             address != NULL ? nx_address_unmapped(address) : "");
    if (surplus_fd >= 0) {
        nx_ingest_surplus(ingest, peer, surplus_fd, now_us);
    }
}

static void on_message(void *arg, zmq_msg_t *frames, size_t frames_n) {
    struct nx_ingest *ingest = arg;
    zmq_msg_t *body = &frames[frames_n - 1];
    struct incoming in = {
        .peer = nx_peers_of_user(&ingest->peers, zmq_msg_gets(body, "User-Id")),
        .bytes = zmq_msg_data(body),
        .len = zmq_msg_size(body),
        .received_us = nx_steady_wall_us(ingest->parts.clock),
    };
    /* No ZeroMQ gives itself a longer name: what is said under one would pass
     * for said over the agent's own connection. */
    if (in.peer == NULL || zmq_msg_size(&frames[0]) > NX_PEER_ROUTING_MAX) {
        ingest->counters.unidentified_n++;
        return;
    }
    note_connection(ingest, in.peer, &frames[0], body, in.received_us);
    if (in.peer->cloned || nx_peer_ignored(in.peer, in.received_us)) {
        ingest->counters.ignored_n++;
    } else if (!nx_ingest_within_rate(ingest, in.peer, in.len,
                                      in.received_us)) {
        ; /* comes again */
    } else if (frames_n != 2) {
        bad(ingest, &in, "more than one frame");
    } else {
        take(ingest, &in);
    }
}

static void on_drained(void *arg) {
    struct nx_ingest *ingest = arg;
    ingest->drained_us = nx_steady_wall_us(ingest->parts.clock);
    if (!nx_group_commit_begin(ingest->group)) {
        send_acks(ingest); /* of duplicates */
    }
}

int nx_ingest_new(const struct nx_ingest_parts *parts,
                  const struct nx_keypair *keys, struct nx_ingest **out) {
    struct nx_ingest *ingest = calloc(1, sizeof(*ingest));
    if (ingest == NULL) {
        return NX_ENOMEM;
    }
    ingest->parts = *parts;
    ingest->transaction = 1;
    nx_peers_init(&ingest->peers);
    const struct nx_group_handler group = {on_committing, on_committed, on_done,
                                           ingest};
    const struct nx_zloop_handler handler = {
        .message = on_message, .drained = on_drained, .arg = ingest};
    int err = nx_group_new(parts->base, parts->store, parts->clock, &group,
                           &ingest->group);
    if (err == NX_OK) {
        err = nx_ingest_plans_init(ingest);
    }
    if (err == NX_OK) {
        err = nx_ingest_socket_init(ingest, keys);
    }
    if (err == NX_OK) {
        err =
            nx_zloop_new(parts->base, ingest->socket, &handler, &ingest->zloop);
    }
    if (err != NX_OK) {
        nx_ingest_free(&ingest);
        return err;
    }
    *out = ingest;
    return NX_OK;
}

void nx_ingest_free(struct nx_ingest **ingest_p) {
    struct nx_ingest *ingest = *ingest_p;
    if (ingest == NULL) {
        return;
    }
    if (ingest->zloop != NULL && nx_group_commit(ingest->group) == NX_OK) {
        send_acks(ingest);
    }
    nx_zloop_free(&ingest->zloop);
    nx_ingest_socket_fini(ingest);
    nx_ingest_plans_fini(ingest);
    if (ingest->group != NULL) {
        nx_group_free(&ingest->group);
    }
    nx_peers_fini(&ingest->peers);
    free(ingest);
    *ingest_p = NULL;
}

struct nx_group *nx_ingest_group(struct nx_ingest *ingest) {
    return ingest->group;
}

void nx_ingest_counters(const struct nx_ingest *ingest,
                        struct nx_ingest_counters *out) {
    *out = ingest->counters;
    for (size_t i = 0; i < ingest->peers.cap; i++) {
        const struct nx_peer *peer = ingest->peers.by_id[i];
        if (peer != NULL) {
            out->duplicates_n += peer->streams.duplicates_n;
            out->out_of_order_n += peer->streams.out_of_order_n;
        }
    }
}
