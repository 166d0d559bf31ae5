/* What the spool's files hold, byte for byte. Integers are little endian.
 *
 * A segment is a header and records, one for each batch, only ever appended to.
 * A record is a header with a checksum of its own, so that damage to a batch
 * costs that batch alone, and damage to a header what follows in that segment.
 * Checksums begin with epoch and number of the segment: what another file left
 * on the disk never passes.
 *
 * The ledger is one block, written to two places in turn: one of them is whole
 * whenever the power goes. It has two pages, each with a checksum: holes that
 * the first has no room for are on the second, which versions that keep only
 * the first leave alone. Pure. */
#ifndef NX_AGENT_SEGMENT_H
#define NX_AGENT_SEGMENT_H

#include "common/codec.h"

#define NX_SEGMENT_HEAD_BYTES 32U
#define NX_RECORD_HEAD_BYTES 72U
#define NX_LEDGER_PAGE_BYTES 1024U
#define NX_LEDGER_BLOCK_BYTES (2U * NX_LEDGER_PAGE_BYTES)
#define NX_LEDGER_HOLES_MAX 64U
#define NX_RECORD_PAYLOAD_MAX NX_MSG_MAX_BYTES
/* What any version may have written: one with other limits than this one. */
#define NX_RECORD_LEN_MAX (64U * 1024U * 1024U)

struct nx_segment_head {
    uint64_t epoch;
    uint64_t id; /* ascending, never used twice in a spool */
};

struct nx_record_head {
    uint32_t len; /* of the packed batch, 1..NX_RECORD_LEN_MAX */
    uint32_t results_n;
    uint64_t first_seq;
    uint64_t boot; /* of the host: whose monotonic clock this is */
    struct nx_clock_sample clock; /* as in the batch */
    uint32_t payload_crc;
};

/* A run of numbers that will never come. */
struct nx_hole {
    uint64_t from_seq;
    uint64_t to_seq;      /* inclusive */
    uint64_t told_to_seq; /* the collector was told up to here; 0: nothing */
    uint8_t reason;       /* enum nx_gap_reason */
};

struct nx_ledger_block {
    uint64_t generation; /* the higher one counts */
    uint64_t epoch;
    uint64_t reserved_seq; /* numbers up to here may have been given out */
    uint64_t acked_seq;
    uint64_t dropped_n; /* settled as lost, beside those of the holes */
    uint64_t same_seq;  /* see struct nx_spool */
    bool unsent;        /* this run has sent nothing */
    bool clean;         /* ended well: reserved_seq is the last number */
    struct nx_hole holes[NX_LEDGER_HOLES_MAX];
    uint32_t holes_n;
};

void nx_segment_head_pack(const struct nx_segment_head *head,
                          uint8_t out[NX_SEGMENT_HEAD_BYTES]);
/* NX_EMALFORMED; NX_EVERSION: of a newer version. */
int nx_segment_head_parse(const uint8_t bytes[NX_SEGMENT_HEAD_BYTES],
                          struct nx_segment_head *out) NX_MUSTUSE;

/* Fills in payload_crc and packs. */
void nx_record_head_pack(const struct nx_segment_head *segment,
                         struct nx_record_head *head, const uint8_t *payload,
                         uint8_t out[NX_RECORD_HEAD_BYTES]);
/* NX_EMALFORMED: damaged, or numbers that cannot be. */
int nx_record_head_parse(const struct nx_segment_head *segment,
                         const uint8_t bytes[NX_RECORD_HEAD_BYTES],
                         struct nx_record_head *out) NX_MUSTUSE;
/* Can it be a message, with this version's limits? */
bool nx_record_sendable(const struct nx_record_head *head);
/* Is this the payload that the header was written for? */
bool nx_record_payload_ok(const struct nx_record_head *head,
                          const uint8_t *payload);

void nx_ledger_pack(const struct nx_ledger_block *ledger,
                    uint8_t out[NX_LEDGER_BLOCK_BYTES]);
/* NX_EMALFORMED; NX_EVERSION: of a newer version. */
int nx_ledger_parse(const uint8_t bytes[NX_LEDGER_BLOCK_BYTES],
                    struct nx_ledger_block *out) NX_MUSTUSE;

#endif
