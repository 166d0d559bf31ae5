/* Packed batches on their way to the collector: numbered, bounded by bytes and
 * age, kept until acknowledged; on a disk, or without one in memory only.
 *
 * A batch comes into memory first. With a disk it is appended to a segment
 * (segment.h): at once and synced before it may be sent (sync: always), or,
 * where flash must be spared, when sync_interval_us has passed and it is still
 * not acknowledged (sync: interval). Only the newest NX_SPOOL_MEMORY_BYTES stay
 * in memory as well. Segments are never rewritten; one goes when all of it is
 * acknowledged or when its room is needed: then the oldest results are dropped.
 *
 * No number is given twice, whatever happens: a batch may be sent only when its
 * numbers are reserved in the ledger. After a stop that was not clean numbering
 * goes on above what was reserved, and the numbers in between are a hole.
 *
 * Holes (dropped, damaged, lost in a crash) become gap records of every batch
 * behind them until they are settled, so none is lost with a batch.
 *
 * Sending has two lanes: what came since the connection began goes at once;
 * what was kept goes oldest first, at most NX_SPOOL_DRAIN_PER_S batches a
 * second and NX_SPOOL_DRAIN_WINDOW unanswered. Acks are cumulative with a few
 * runs beyond (common/settled.h); a batch that would be a run too many for the
 * collector is passed over for one that is not. While it takes no further run,
 * what is new waits for what was kept behind the newest, which takes turns with
 * the oldest. Both lanes go back to the first
 * number that is not settled after a reconnection. When acks stay away, the
 * first that was sent goes again, alone: a collector that is slow has the
 * others already, and the answers to what is sent first from then on say of all
 * before it whether they were taken.
 *
 * Ledger of an epoch: produced = acked + held + dropped, always. What is
 * dropped while its ack is on the way counts as lost until an ack says that it
 * arrived.
 *
 * Pure: the disk is a table of functions, io_spool.h has the real one. A call
 * that touches it may take as long as the disk does. */
#ifndef NX_AGENT_SPOOL_H
#define NX_AGENT_SPOOL_H

#include "agent/uplink/segment.h"
#include "common/codec_patch.h"

#define NX_SPOOL_BATCH_MAX (NX_MSG_MAX_BYTES - NX_PATCH_MAX)
#define NX_SPOOL_MEMORY_BYTES (256U * 1024U) /* with a disk */
#define NX_SPOOL_SEGMENTS_MAX 4096U
#define NX_SPOOL_HOLES_MAX 64U
#define NX_SPOOL_FLIGHT_MAX 64U
#define NX_SPOOL_PACE 2 /* batches of what is new, in what an ack takes */
#define NX_SPOOL_WAITING_MAX NX_SPOOL_FLIGHT_MAX
#define NX_SPOOL_RESERVE_BATCHES 4U /* full ones, numbers reserved ahead */
#define NX_SPOOL_DRAIN_WINDOW 16U
#define NX_SPOOL_DRAIN_PER_S 50
#define NX_SPOOL_RETRY_US INT64_C(5000000) /* a disk that failed */

struct nx_spool;

struct nx_spool_conf {
    uint64_t max_bytes;         /* of segments; without a disk: of memory */
    int64_t max_age_us;         /* older results are dropped */
    bool sync_always;           /* with a disk: before sending */
    int64_t sync_interval_us;   /* otherwise */
    uint32_t batch_max_results; /* numbers that may be given before the next
                                   nx_spool_put */
};

/* Where segments and ledger are. Every function returns 0 or NX_EFULL (no
 * space), NX_EIO, NX_ENOTFOUND, NX_EDENIED, NX_ENOMEM (no memory, or no file
 * left). What was not synced may be there after a crash,
 * in part, or not. */
struct nx_spool_disk {
    void *user;
    /* Calls visit for the number of every segment, in any order. */
    int (*list)(void *user, void (*visit)(void *arg, uint64_t id), void *arg);
    /* Appends to a segment, makes it when it is new. On failure some of it may
     * have been written. */
    int (*append)(void *user, uint64_t id, const void *bytes, size_t len);
    /* All that was appended to it, and its name, are on the disk. */
    int (*sync)(void *user, uint64_t id);
    /* Up to len bytes at offset; *got less at the end. */
    int (*read)(void *user, uint64_t id, uint64_t offset, void *out, size_t len,
                size_t *got);
    int (*remove)(void *user, uint64_t id);
    /* The two places of the ledger, slot 0 and 1. Written and synced. */
    int (*ledger_read)(void *user, unsigned slot,
                       uint8_t out[NX_LEDGER_BLOCK_BYTES]);
    int (*ledger_write)(void *user, unsigned slot,
                        const uint8_t block[NX_LEDGER_BLOCK_BYTES]);
};

struct nx_ledger {
    uint64_t produced;
    uint64_t acked;
    uint64_t held;
    uint64_t dropped;
};

/* What nx_spool_new found, for the log. */
struct nx_spool_found {
    bool old;           /* a spool of an earlier run */
    bool clean;         /* that ended well */
    uint64_t held;      /* results */
    uint64_t unsure;    /* numbers lost in the crash, or sent by then */
    uint64_t damaged;   /* segments with damage before their end */
    uint64_t unread;    /* segments that the disk failed to read, all or some */
    uint64_t given_up;  /* results of a spool whose ledger was damaged */
    uint64_t too_large; /* results in batches over this version's limits */
};

/* Opens the spool on the disk, or makes it; disk NULL: memory only. epoch is
 * random, for a new one, and not to be used again after a failure: it may be
 * in the ledger. boot names the running system's monotonic clock. The
 * disk's functions are copied, their user borrowed.
 * What the disk fails to read (NX_EIO) of a segment or of a copy of the ledger
 * does not keep it from opening: results are held until sending has tried
 * their segment for a minute. Errors: NX_ENOMEM; those of the disk (see
 * nx_spool_disk), NX_EIO where it cannot be listed, or neither copy of its
 * ledger be read, or none be written; NX_EVERSION: what is there is of a newer
 * version. What is there stays as it is then. */
int nx_spool_new(const struct nx_spool_conf *conf,
                 const struct nx_spool_disk *disk, uint64_t epoch,
                 uint64_t boot, struct nx_spool **out,
                 struct nx_spool_found *found) NX_MUSTUSE;

/* Writes down what is not yet, and that the end was clean. Any error: the next
 * start finds a spool that ended in a crash. */
int nx_spool_close(struct nx_spool *spool) NX_MUSTUSE;
void nx_spool_free(struct nx_spool **spool);

/* Other bounds (configuration reload); drops what does not fit. A disk that
 * failed is tried with the next tick, which is due. */
void nx_spool_configure(struct nx_spool *spool,
                        const struct nx_spool_conf *conf);

/* Takes ownership of bytes in every case. first_seq must be the next number;
 * clock is the one in the batch. Drops the oldest until it fits. NX_ENOMEM,
 * NX_ELIMIT: its results count as dropped. NX_ESTATE: not the next number. A
 * disk that fails is no error here: see nx_spool_problem. */
int nx_spool_put(struct nx_spool *spool, uint8_t *bytes, size_t len,
                 uint64_t first_seq, size_t results_n,
                 const struct nx_clock_sample *clock) NX_MUSTUSE;

/* Results that were numbered but could not be packed count as dropped. */
void nx_spool_lost(struct nx_spool *spool, uint64_t first_seq,
                   size_t results_n);

/* What time brings: syncs, drops what is too old, tries a failed disk again.
 * now: the agent's clocks. Calls of it may be late. */
void nx_spool_tick(struct nx_spool *spool, const struct nx_clock_sample *now);
/* When it has something to do; INT64_MAX: nothing. */
int64_t nx_spool_tick_at(const struct nx_spool *spool);

/* Writes the next message to send into out (NX_MSG_MAX_BYTES). A batch that was
 * packed before the offset of its clock was known gets it now, from what this
 * boot has learned since or an earlier one knew; without either, from its wall
 * clock as far as that is trusted today.
 * A disk that failed to read is left alone for a second; what is in memory goes
 * on. NX_ENOTFOUND: nothing may be sent now, see nx_spool_send_at. */
int nx_spool_peek(struct nx_spool *spool, const struct nx_clock_sample *now,
                  uint8_t *out, size_t *len, uint64_t *first_seq) NX_MUSTUSE;

/* What nx_spool_peek gave has been handed to the network. */
void nx_spool_sent(struct nx_spool *spool, int64_t now_mono_us);

/* When nx_spool_peek is worth calling again: the rate allows the next batch
 * then, or, a second after a ledger that could not be written or a batch that
 * could not be read, it is tried again. INT64_MAX: nothing waits for that. */
int64_t nx_spool_send_at(const struct nx_spool *spool);

/* An ack of this epoch (others are ignored). answers_hello: the collector said
 * where it stands, which may be before what it acknowledged once (restored from
 * a backup): then what is not held any more becomes a hole, and sending goes
 * back. True when the batch numbered ack->echo had been sent exactly once:
 * *sent_us is when, and the pair is a clock sample. */
bool nx_spool_ack(struct nx_spool *spool, const struct nx_ack *ack,
                  bool answers_hello, int64_t now_mono_us, int64_t *sent_us);

/* The answer to a hello: has this collector numbers of this epoch that were not
 * given yet? Then another run gave them: the spool, or the memory of the
 * machine, was put back to an older copy. (A collector that was put back has
 * fewer, not more.) */
bool nx_spool_behind(const struct nx_spool *spool, const struct nx_ack *ack);

struct nx_spool_moved {
    uint64_t held; /* results */
    uint64_t lost; /* could not be read, or were lost before */
};

/* A spool that is behind goes on in a new epoch (random): what it holds is
 * numbered anew, less what the collector has as far as that is known: what was
 * numbered before the first run that has sent nothing since; the rest may
 * arrive twice. On failure it stays in the old epoch, with all
 * that it holds; NX_EFULL and there is less and less on the disk: the oldest
 * goes, as ever. NX_ENOMEM, and errors of the disk. Takes as long as reading
 * and writing all of it does. */
int nx_spool_anew(struct nx_spool *spool, const struct nx_ack *ack,
                  uint64_t epoch, struct nx_spool_moved *moved) NX_MUSTUSE;

/* The collector will never take the message of this nx_codec_crc: its results
 * become a hole. How many; 0: no such message is unanswered, or there are so
 * many holes that others would be lost for it: it stays unanswered. */
uint64_t nx_spool_refused(struct nx_spool *spool, uint32_t crc);

/* The same when this collector cannot take it, but a newer one may: its results
 * wait until a connection has begun. What it has room for goes on: NX_AHEAD_MAX
 * runs of numbers may lie beyond an ack. With NX_SPOOL_WAITING_MAX runs that
 * wait nothing more is sent before that. */
uint64_t nx_spool_keep(struct nx_spool *spool, uint32_t crc);

/* A connection has begun: from here on what comes is fresh. */
void nx_spool_connected(struct nx_spool *spool, int64_t now_mono_us);
/* It has ended: no ack is waited for. */
void nx_spool_ended(struct nx_spool *spool);

/* nx_spool_timeout_at has come: what was passed over goes again, or, when
 * nothing was, the first that was sent. */
void nx_spool_rewind(struct nx_spool *spool, int64_t now_mono_us);

/* When a batch is to go again if no ack comes: timeout_us after the last
 * progress or the first sending; after it was sent, when something that was
 * sent later is settled; a tenth of that, when it was answered and not taken.
 * INT64_MAX when nothing is unanswered. */
int64_t nx_spool_timeout_at(const struct nx_spool *spool, int64_t timeout_us);

/* What is new should not be sent before, so that acks that are slow get fewer
 * batches: NX_SPOOL_PACE of them are unanswered at a time (INT64_MAX: they
 * are), each a while after the one before. */
int64_t nx_spool_pace_us(const struct nx_spool *spool);

/* In memory only: nothing waits that came before this connection. What came
 * since goes at once. */
bool nx_spool_caught_up(const struct nx_spool *spool);

void nx_spool_ledger(const struct nx_spool *spool, struct nx_ledger *out);
uint64_t nx_spool_epoch(const struct nx_spool *spool);
uint64_t nx_spool_next_seq(const struct nx_spool *spool);
/* In memory, with bookkeeping; on the disk. */
size_t nx_spool_memory_bytes(const struct nx_spool *spool);
uint64_t nx_spool_disk_bytes(const struct nx_spool *spool);
/* Dropped since the start for what the disk should have held and did not, or
 * failed to read for a minute. */
uint64_t nx_spool_damaged(const struct nx_spool *spool);
/* 0, or the error of the disk since it could last be written. */
int nx_spool_problem(const struct nx_spool *spool);
/* Segments that cannot be read, and are tried again; err: why, of one of them.
 */
size_t nx_spool_unread(const struct nx_spool *spool, int *err);

#endif
