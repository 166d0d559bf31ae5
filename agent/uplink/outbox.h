/* Packed batches on their way to the collector: numbered, in order, bounded by
 * bytes; kept until acknowledged.
 *
 * Go-back-N: acks are cumulative, a cursor runs over what is held, and it goes
 * back to the first after a reconnection or when acks stay away. When there is
 * no room the oldest are dropped; the next batch to be sent then carries a gap
 * record, made when it is sent, so it can never be lost with a batch.
 *
 * Ledger of an epoch: produced = acked + held + dropped, always.
 *
 * Pure; a disk spool (io_spool) can stand behind the same calls. */
#ifndef NX_AGENT_OUTBOX_H
#define NX_AGENT_OUTBOX_H

#include "common/codec_gap.h"

#define NX_OUTBOX_BATCH_MAX (NX_MSG_MAX_BYTES - NX_GAP_PACKED_MAX)

struct nx_outbox;

struct nx_ledger {
    uint64_t produced;
    uint64_t acked;
    uint64_t held;
    uint64_t dropped;
};

/* max_bytes: of batches with their bookkeeping. NX_ENOMEM. */
int nx_outbox_new(uint64_t epoch, uint64_t next_seq, size_t max_bytes,
                  struct nx_outbox **out) NX_MUSTUSE;
void nx_outbox_free(struct nx_outbox **outbox);

/* A smaller or larger bound (configuration reload); drops what does not fit.
 */
void nx_outbox_resize(struct nx_outbox *outbox, size_t max_bytes);

/* Takes ownership of bytes in every case. first_seq must be the next number.
 * Drops the oldest until it fits; the newest batch is always held.
 * NX_ENOMEM: its results count as dropped. NX_ESTATE: not the next number. */
int nx_outbox_put(struct nx_outbox *outbox, uint8_t *bytes, size_t len,
                  uint64_t first_seq, size_t results_n) NX_MUSTUSE;

/* Results that were numbered but could not be packed: they count as dropped,
 * and so does what is held before them. */
void nx_outbox_lost(struct nx_outbox *outbox, uint64_t first_seq,
                    size_t results_n);

/* Writes the next message to send into out (NX_MSG_MAX_BYTES): the batch at
 * the cursor, with a gap record when something before it was dropped.
 * NX_ENOTFOUND: all is sent. The cursor moves with nx_outbox_sent. */
int nx_outbox_peek(const struct nx_outbox *outbox, uint8_t *out, size_t *len,
                   uint64_t *first_seq) NX_MUSTUSE;

/* What nx_outbox_peek gave has been handed to the network. */
void nx_outbox_sent(struct nx_outbox *outbox, int64_t now_mono_us);

/* An ack of this epoch (others are ignored). answers_hello: the collector said
 * where it stands, which may be before what it acknowledged once (restored from
 * a backup): then what is not held any more becomes a gap, and the cursor goes
 * back to the first.
 * True when the batch numbered ack->echo had been sent exactly once: *sent_us
 * is when, and the pair is a clock sample. */
bool nx_outbox_ack(struct nx_outbox *outbox, const struct nx_ack *ack,
                   bool answers_hello, int64_t now_mono_us, int64_t *sent_us);

/* Back to the first batch held: after a reconnection or a timeout. */
void nx_outbox_rewind(struct nx_outbox *outbox, int64_t now_mono_us);

/* When acks have stayed away for too long if none comes: timeout_us after the
 * last progress or the first sending; INT64_MAX when nothing is unanswered. */
int64_t nx_outbox_timeout_at(const struct nx_outbox *outbox,
                             int64_t timeout_us);

void nx_outbox_ledger(const struct nx_outbox *outbox, struct nx_ledger *out);
uint64_t nx_outbox_next_seq(const struct nx_outbox *outbox);
size_t nx_outbox_bytes(const struct nx_outbox *outbox);

#endif
