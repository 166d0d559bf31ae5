/* Knows the truth of every result: what was made, what left the agent, what the
 * store has and what was reported lost. The first rule that is broken is kept:
 *
 * - a number means one result, and none that has left is used again;
 * - an ack covers only what is in the store on the disk, or was reported lost;
 * - what was acked stays in the store, once;
 * - what an agent had safely on its disk is reported lost only when something
 *   happened that costs it (damage, no room, age), and by age only when old,
 *   or when the collector refused it for ever;
 * - when all is well again and work goes on, what was left behind is settled
 *   within twice the time that sending it takes;
 * - the two halves of the ledger fit each other and the truth. */
#ifndef NX_TESTS_LEDGER_ORACLE_H
#define NX_TESTS_LEDGER_ORACLE_H

#include "collector/ingest/stream.h"

#define LED_WHY_MAX 400U

enum led_flag {
    LED_SENT = 1,     /* has left the agent */
    LED_SAFE = 2,     /* on the agent's disk */
    LED_STORED = 4,   /* in the store, on the disk */
    LED_GAP = 8,      /* reported lost; likewise */
    LED_ACKED = 16,   /* an ack for it was sent */
    LED_REFUSED = 32, /* the collector will never take it, and said so */
    LED_FIRST = 64,   /* of its batch */
};

struct led_mark {
    int64_t made_us;
    uint32_t commit; /* that brought it into the store */
    uint16_t tag;    /* of the result; 0: none was made */
    uint8_t flags;
};

/* An epoch of an agent, with its row in the store. */
struct led_truth {
    struct led_truth *next; /* of the same agent, older */
    uint64_t epoch;
    struct led_mark *marks; /* by number */
    uint64_t cap;
    uint64_t stored_n, gaps_n;
    uint64_t acked_seq;  /* acks were looked at up to here */
    uint64_t rested_seq; /* at the end of the last chapter */
    struct nx_stream_position position;
    struct nx_stream_position backup;
};

struct led_unsynced { /* LED_ACKS_BEFORE_SYNC */
    struct led_truth *truth;
    uint64_t from_seq, to_seq;
};

struct led_oracle {
    struct led_truth *truths[8]; /* by agent, newest first */
    uint32_t commit;
    uint32_t backup_commit;
    struct led_unsynced *unsynced;
    size_t unsynced_n, unsynced_cap;
    bool broken;
    char why[LED_WHY_MAX - 80];
};

void led_oracle_fini(struct led_oracle *o);

/* Notes the first. */
void led_broken(struct led_oracle *o, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The truth of an epoch, made when it is new. */
struct led_truth *led_truth(struct led_oracle *o, unsigned agent,
                            uint64_t epoch);
struct led_mark *led_mark(struct led_truth *t, uint64_t seq);

void led_made(struct led_oracle *o, struct led_truth *t, uint64_t seq,
              uint16_t tag, int64_t now_us);
void led_sent(struct led_truth *t, uint64_t from_seq, uint64_t to_seq);
/* Batches up to this number that are not settled. */
uint64_t led_unsettled_n(struct led_truth *t, uint64_t to_seq);
/* Committed and synced. */
void led_stored(struct led_oracle *o, struct led_truth *t, uint64_t seq,
                uint16_t tag);
void led_acked(struct led_oracle *o, struct led_truth *t,
               const struct nx_ack *ack);
/* What was not synced is gone. */
void led_unsynced_lost(struct led_oracle *o);
/* The store is the copy that led_backup took. */
void led_backup(struct led_oracle *o);
void led_put_back(struct led_oracle *o);
/* The collector's half at rest, after a commit. */
void led_check_position(struct led_oracle *o, const struct led_truth *t,
                        const struct nx_stream_position *p);

#endif
